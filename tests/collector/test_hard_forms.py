"""Every form and every field of every page, filled in by an enemy as each role: refused in words, never broken by it.

Pages are opened as the walk opens them; what their forms ask for is read from the pages, so that a new one is tried by
itself. `make prove-api` puts in everything, as every role, on both databases; `make test` some of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client

from collector.parties.roles import ROLES
from collector.today import views as today
from tests.collector.house import House
from tests.collector.test_walk import SKIPPED, World, addresses, client_of, made_world, routes, world
from tests.slices import some

__all__ = ["world"]
PROVE = os.environ.get("BENCHWIPE_PROVE") == "1"
DATABASES = ["sqlite", "postgresql"] if PROVE else ["sqlite"]
ENDING = re.compile(r"/(disable|end|remove|revoke|logout)")
"""What takes away from whoever fills the forms in comes last."""
MOST_ADDRESSES = 14 if PROVE else 3
"""Of one route; its forms are the same ones."""
UNREADABLE = ["\x00", "a\x00b", "\r\n", "\t", "\u202eabc\u2066", "\U0001f600" * 400, "x" * 5000, "{}", "[]"]
NUMBERS = [
    "-1", "0", "-99999999999999999999", "999999999999999999999999", "9223372036854775807", "2147483648", "1e400", "NaN",
    "Infinity", "١٢٣", "٣", "²", "1,5", "1;-5", "T1;9999999999999999999999999", "T1;-5",
]  # fmt: skip
DAYS = ["0001-01-01", "9999-12-31", "2026-02-30", "2026-13", "2026-Q9", "9999-12", "0000-01", "9999-Q4"]
WORDS = ["=1+1", "'\"><script>", "%", "_", "\\", "*", "OR AND NOT NEAR(", "../../etc/passwd", "//evil.example"]
NASTY = [*UNREADABLE, *NUMBERS, *DAYS, *WORDS]
QUESTIONS = ("q", "after", "outcome", "station", "chain", "customer", "lot", "status", "kind", "year", "period", "page",
             "before", "from", "to", "seller", "until", "next", "for")  # fmt: skip
SALES = (
    "event,channel,reference,line,external_id,sold_on,paid_on,buyer,country,identifier,kind,grade,quantity,price_ore,"
    "currency,vat_mode,costs_ore\n"
    "sale,c\x00,r,1,e,9999-12-31,0001-01-01,b,DK,T1,laptop,A,-1,99999999999999999999,DKK,margin,-1\n"
)
RECEIVED = "serial,asset_tag,imei,kind,drives\n\u202eX,=1+1,1,laptop,-5\nY,,,,99999999999999999999999\n"
FILES = [
    RECEIVED.encode(), b"", b"\x00" * 50, b"\xff\xfe\x00", b"PK\x03\x04" + bytes(30), b'"' * 200, SALES.encode(),
    b"serial,asset_tag\nA\x00B,x\n", b"serial\n" + b"A" * 100_000, b"serial\n" + b"x\n" * 5, b"{" * 5000,
    b"a.b.c", b"eyJhbGciOiJub25lIn0..",
]  # fmt: skip
FILE_NAMES = ["f.csv", "f.xlsx", "\u202egpj.csv", "a\x00.csv", "x" * 300 + ".csv", "../../f.jws"]


@dataclass
class Form:
    """A form as its page wrote it: what a browser would send if nobody typed anything."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The same for every unit, lot or person that such a form is about."""
        return re.sub(r"\d+", "N", self.action.split("?")[0]), self.method, tuple(sorted({*self.fields, *self.files}))


class Forms(HTMLParser):
    """Reads the forms of a page."""

    TYPICAL: Mapping[str, str] = {"date": "2026-11-02", "number": "2", "email": "a@example.dk"}

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.found = address, list[Form]()
        self.inside, self.choice = False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(told.get("action") or self.address, told.get("method", "get").lower()))
            self.inside = True
        elif self.inside and tag == "select":
            self.choice = told.get("name", "")
        elif self.inside and tag == "option" and self.choice:
            fields = self.found[-1].fields
            fields[self.choice] = fields.get(self.choice) or told.get("value", "")
        elif self.inside and tag in ("input", "textarea", "button") and told.get("name"):
            self._field(told)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.choice = ""

    def _field(self, told: dict[str, str]) -> None:
        form, kind = self.found[-1], told.get("type", "")
        if kind == "file":
            form.files.add(told["name"])
        elif kind in ("checkbox", "radio"):
            form.fields.setdefault(told["name"], told.get("value") or "on")
        else:
            form.fields[told["name"]] = told.get("value") or self.TYPICAL.get(kind, "x1")


class Enemy:
    """Asks and fills in as one client. `broken`: what was answered with a defect of ours."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.broken: set[str] = set()
        self.asked = 0

    def note(self, what: str, answer: Any) -> Any:  # noqa: ANN401 - a test client's answer
        self.asked += 1
        if answer.status_code >= 500 and "Retry-After" not in answer.headers:
            self.broken.add(f"{answer.status_code} {what}")
        answer.close()  # as a server does: a file that is sent keeps its place until then
        return answer

    def get(self, address: str, **values: str) -> Any:  # noqa: ANN401
        return self.note(f"GET {address} {cut(values)}", self.client.get(address, values))

    def forms(self, world: World) -> list[Form]:
        """Open every page, and read every form on it once."""
        found: dict[tuple[Any, ...], Form] = {}
        for pattern in patterns():
            for address in addresses(world, pattern)[:MOST_ADDRESSES]:
                answer = self.get(address)
                if answer.status_code == 200 and "html" in answer.headers.get("Content-Type", ""):
                    page = Forms(address)
                    page.feed(answer.getvalue().decode())
                    for form in page.found:
                        found.setdefault(form.shape, form)
        return sorted(found.values(), key=lambda form: bool(ENDING.search(form.action)))

    def fill_in(self, form: Form) -> None:
        """Put everything into each field, the others as they were; then nothing, and something that is no form."""
        for name, value in fillings(form):
            told = {**form.fields, **{one: upload(FILES[0]) for one in form.files}, name: value}
            if form.method == "post":
                answer = self.client.post(form.action, told)
            else:
                answer = self.client.get(form.action.split("?")[0], told)
            self.note(f"{form.method} {form.action} {cut({name: value})}", answer)
        if form.method == "post":
            self.note(f"POST {form.action} nothing", self.client.post(form.action))
            json = self.client.post(form.action, b'{"a":' * 200, content_type="application/json")
            self.note(f"POST {form.action} JSON", json)


def patterns() -> Iterator[str]:
    for pattern, _view in routes():
        if pattern not in SKIPPED and not pattern.startswith("account/"):
            yield pattern


def fillings(form: Form) -> Iterator[tuple[str, Any]]:
    for name in form.fields:
        for value in some(NASTY, each=20):
            yield name, value
    for name in form.files:
        for content in some(FILES, each=7):
            for file_name in FILE_NAMES[:2]:
                yield name, upload(content, file_name)
        for file_name in FILE_NAMES[2:]:
            yield name, upload(FILES[0], file_name)


def upload(content: bytes, name: str = "f.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def cut(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={str(value)[:30]!r}" for name, value in values.items())


@pytest.fixture
def either_world(each_house: House, monkeypatch: pytest.MonkeyPatch) -> World:
    """The walk's two customers, on a database of the kind that the test was given."""
    return made_world(each_house, monkeypatch)


@pytest.mark.parametrize("each_house", DATABASES, indirect=True)
@pytest.mark.parametrize("role", some(["team_lead", *sorted({*ROLES} - {"team_lead"})], each=9))
def test_whatever_is_filled_in_is_answered(either_world: World, role: str) -> None:
    enemy = Enemy(client_of(either_world, role))
    forms = enemy.forms(either_world)
    for pattern in some(patterns(), each=6):
        if "<" not in pattern:
            for name in some(QUESTIONS, each=6):
                for value in some(NASTY, each=20):
                    enemy.get(f"/{pattern}", **{name: value})
    for form in some(forms, each=5):
        enemy.fill_in(form)
    assert enemy.broken == set()
    assert enemy.asked > 200
    assert len(forms) > 2


def test_the_enemy_finds_a_page_that_breaks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_request: HttpRequest) -> HttpResponseBase:
        raise ValueError("one of ours")

    monkeypatch.setattr(today, "render", lambda request, *_rest: breaks(request))
    enemy = Enemy(client_of(world, "team_lead"))
    enemy.get("/today")
    assert enemy.broken == {"500 GET /today "}
