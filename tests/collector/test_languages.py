"""Danish and English: every text has its Danish, and no page shows a word that went past the catalogues."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from agent.phrases import po
from collector import catalogues
from collector.effect.services import shipped
from tests.collector import catalogue
from tests.collector.house import PASSWORD, House
from tests.collector.test_walk import routes

BEGIN, END = "\ue000", "\ue001"
"""Private characters round whatever gettext gave."""
SAME = {
    "Station", "Model", "Administrator", "Validator", "Organisation", "E-mail", "Browser", "Status", "IMEI", "MEID",
    "EID", "UUID", "Server", "Tablet", "Printer", "CSV or XLSX: serial, asset_tag, imei, kind, drives",
}  # fmt: skip
"""Words that are the same in Danish."""
NAMES = {"benchwipe", "Dansk", "English", "CVR", "GLN", "TOTP", "UTC", "API", "CSV", "XLSX", "PDF"}
NOT_DANISH_YET = ("/static",)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let gettext mark what it translated; what has no Danish stays bare."""
    from django.utils import translation as front
    from django.utils.translation import trans_real

    def mark(told: str, *asked: str) -> str:
        return told if told in asked and told not in SAME else f"{BEGIN}{told}{END}"

    def single(real: Callable[..., str]) -> Callable[[str], str]:
        return lambda message: mark(str(real(message)), message)

    def plural(real: Callable[..., str]) -> Callable[[str, str, Any], str]:
        return lambda one, many, number: mark(str(real(one, many, number)), one, many)

    def context(real: Callable[..., str]) -> Callable[[str, str], str]:
        return lambda where, message: mark(str(real(where, message)), message)

    for name, wrap in (("gettext", single), ("ngettext", plural), ("pgettext", context)):
        monkeypatch.setattr(vars(front)["_trans"], name, wrap(getattr(trans_real, name)), raising=False)
    yield
    translation.deactivate()


def unmarked(page: str, known: set[str]) -> list[str]:
    """Words that a reader sees and no catalogue gave."""
    found = []
    data = re.compile("|".join(re.escape(name) for name in sorted(known | NAMES, key=len, reverse=True)))
    for text in catalogue.read(page):
        bare, before = text, ""
        while bare != before:  # a text within a text: its inner one first
            bare, before = re.sub(f"{BEGIN}[^{BEGIN}{END}]*{END}", " ", bare), bare
        if re.search(r"[A-Za-zÆØÅæøå]{2,}", re.sub(r"\b[0-9a-f]{64}\b", " ", data.sub(" ", bare))):
            found.append(text)
    return found


def danish(house: House, role: str = "administrator") -> Client:
    client = house.client(role)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "da"
    return client


def test_every_text_has_its_danish() -> None:
    found: set[str] = set()
    for file in catalogues.texts():
        found |= {key.partition("\0")[0] for (_, key), told in po.read_po(file.read_text("utf-8")).items() if told}
    missing = {text: where for text, where in catalogue.texts().items() if text not in found and text not in SAME}
    assert missing == {}


def test_a_sentence_keeps_its_values_in_danish() -> None:
    wrong = []
    for file in catalogues.texts():
        for (_, key), told in po.read_po(file.read_text("utf-8")).items():
            asked = [set(re.findall(r"%\(\w+\)[sd]", form)) for form in (key.split("\0")[-1], *told.split("\0"))]
            wrong += [] if all(one == asked[0] for one in asked) else [key]
    assert wrong == []


def test_the_catalogues_are_compiled_where_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "room/locale/da/LC_MESSAGES/django.po"
    text.parent.mkdir(parents=True)
    text.write_text('msgid "one"\nmsgstr "en"\n\nmsgid "%d day"\nmsgid_plural "%d days"\nmsgstr[0] "%d dag"\n'
                    'msgstr[1] "%d dage"\n', "utf-8")  # fmt: skip
    monkeypatch.setattr(catalogues, "HOUSE", tmp_path)
    catalogues.compile_old()
    import gettext

    with text.with_suffix(".mo").open("rb") as file:
        read = gettext.GNUTranslations(file)
    assert read.gettext("one") == "en"
    assert [read.ngettext("%d day", "%d days", n) for n in (1, 2)] == ["%d dag", "%d dage"]
    assert sorted(path.name for path in text.parent.iterdir()) == ["django.mo", "django.po"]


def test_a_persons_choice_counts_for_more_than_the_browsers(house: House) -> None:
    client = danish(house)
    assert '<html lang="da">' in client.get("/").text
    client.post("/language", {"language": "en", "back": "/"})
    assert '<html lang="en">' in client.get("/").text
    assert house.person("administrator").language == "en"
    for back in ("//elsewhere.example", "https://elsewhere.example/", "2147483648", "people", "x" * 5000, "\\x", ""):
        answer = client.post("/language", {"language": "xx", "back": back})
        assert answer.headers["Location"] == "/", back
    assert client.post("/language", {"back": "/certificates?q=a%20b"}).headers["Location"] == "/certificates?q=a%20b"


def test_a_strangers_choice_is_kept_in_a_cookie(house: House) -> None:
    stranger = house.stranger()
    assert '<html lang="en">' in stranger.get("/account/login/").text
    stranger.post("/language", {"language": "da", "back": "/account/login/"})
    assert '<html lang="da">' in stranger.get("/account/login/").text


def test_the_test_itself_finds_english(house: House, marked: None) -> None:
    assert unmarked("<p>Left over</p>", set()) == ["Left over"]
    assert unmarked('<input placeholder="Left over"><code>not this</code>', set()) == ["Left over"]
    assert unmarked(f"<p>{BEGIN}Fundet{END} Kolding</p>", {"Kolding"}) == []


def pages(house: House) -> list[str]:
    """Every page that needs no more than a number, by itself; and some that say that something is wrong."""
    found = ["/nowhere", "/welcome/nonsense"]
    for pattern, _view in routes():
        if re.search(r"<|\(|openapi|^api/|logout|language|download", pattern):
            continue
        found.append(f"/{pattern}")
    person, place = house.person("administrator"), house.organisation("Kolding Kommune", "customer")
    return [*found, f"/people/{person.pk}", f"/organisations/{place.pk}"]


def test_no_english_is_left_on_a_danish_page(house: House, marked: None) -> None:
    """Signed in, a stranger, and on each form that is sent empty."""
    person = house.person("administrator")
    person.set_password(PASSWORD)
    person.save()
    client, stranger, left = danish(house), danish_stranger(house), []
    assert client.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    known = {"Administrator", "administrator", "Kolding Kommune", "Workshop", "testserver", "127.0.0.1", "localhost"}
    known |= works()
    asked = 0
    for address in pages(house):
        if address.startswith(NOT_DANISH_YET):
            continue
        for answer in (client.get(address), stranger.get(address), client.post(address, {})):
            if answer.status_code >= 300 and answer.status_code not in (403, 404, 410):
                continue
            if "text/html" in answer.headers["Content-Type"]:
                asked += 1
                assert '<html lang="da">' in answer.text, address
                left += [(address, text) for text in unmarked(answer.text, known)]
    assert "\n".join(f"{address}: {text}" for address, text in left) == ""
    assert asked > 15


def works() -> set[str]:
    """What the shipped factors say in Danish, and the titles of the works that they come from."""
    sources = shipped().source.values()
    told = {text for one in sources for text in (one.title_da or one.title, one.note_da, one.licence, one.url)}
    return told - {""}


def danish_stranger(house: House) -> Client:
    client = house.stranger()
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "da"
    return client
