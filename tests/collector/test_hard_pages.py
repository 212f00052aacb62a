"""Every page, as people meet it in a real Chromium: axe-core finds nothing; a keyboard alone does the main things.

`make prove-pages` opens every page as everybody who may, in both widths, both languages and in the dark; here each page
is opened once in each width.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from tests.collector.browser import Tab, needs_browser, site, tab
from tests.collector.conftest import wait_for
from tests.collector.house import PASSWORD
from tests.collector.test_walk import World, addresses, routes, world
from tests.patience import PROGRAM_S

__all__ = ["site", "tab", "world"]
AXE = Path(__file__).parent / "axe/node_modules/axe-core/axe.min.js"
PROVE = os.environ.get("BENCHWIPE_PROVE") == "1"
WIDTHS = {"a desk": (1280, 900), "a telephone": (390, 844)}
RUN = """axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',
 'wcag22aa', 'best-practice']}).then(found => JSON.stringify(found.violations.flatMap(
 one => one.nodes.map(node => one.id + ': ' + node.html.slice(0, 160)))))"""
WIDER = """JSON.stringify([...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right >
 document.documentElement.clientWidth + 1 && !e.closest('.wide, pre') && getComputedStyle(e).position !== 'absolute')
 .map(e => 'wider than the page: ' + e.outerHTML.slice(0, 160)).slice(0, 3))"""
SKIPPED = re.compile(r"^api/|^static/|export|logout|download|\.jw|keys|metrics|healthz|<path")
pytestmark = [
    needs_browser,
    pytest.mark.skipif(not AXE.exists(), reason=f"axe-core is not installed: npm ci --prefix {AXE.parents[2]}"),
]


class Reader:
    """Somebody at the browser."""

    def __init__(self, tab: Tab, base: str) -> None:
        self.tab, self.base = tab, base
        tab.do("Page.enable")
        tab.do("Network.enable")

    def become(self, client: Client, language: str = "en") -> None:
        """Take over a test client's session."""
        self.tab.do("Network.clearBrowserCookies")
        for name in (settings.SESSION_COOKIE_NAME,):
            if name in client.cookies:
                self.cookie(name, client.cookies[name].value)
        self.tab.do("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})

    def cookie(self, name: str, value: str) -> None:
        self.tab.do("Network.setCookie", name=name, value=value, url=self.base)

    def look(self, width: str, *, dark: bool = False) -> None:
        """Sit down at a screen."""
        wide, high = WIDTHS[width]
        self.tab.do(
            "Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=1, mobile=wide < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tab.do("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        self.tab.do("Page.navigate", url="about:blank")
        self.tab.do("Page.navigate", url=self.base + address)
        ready = "location.href !== 'about:blank' && document.readyState === 'complete'"
        wait_for(lambda: self.tab.run(ready), PROGRAM_S, f"the browser is at {address}")

    def found(self) -> list[str]:
        """What axe-core, and the width of the page, say of what is open now."""
        if not self.tab.run("'axe' in window"):
            self.tab.do("Runtime.evaluate", expression=AXE.read_text("utf-8"))
        told = self.tab.do("Runtime.evaluate", expression=RUN, awaitPromise=True, returnByValue=True)
        faults: list[str] = json.loads(told["result"]["value"])
        return faults + list(json.loads(str(self.tab.run(WIDER))))

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key, as hardware does."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        told: dict[str, Any] = {"key": key, "code": {" ": "Space"}.get(key, key), "modifiers": 8 if shift else 0}
        told["windowsVirtualKeyCode"] = codes[key]
        text = {"Enter": "\r", " ": " "}.get(key)
        self.tab.do("Input.dispatchKeyEvent", type="keyDown", **told, **({"text": text} if text else {}))
        self.tab.do("Input.dispatchKeyEvent", type="keyUp", **told)

    def write(self, text: str) -> None:
        self.tab.do("Input.insertText", text=text)

    def tab_to(self, selector: str, most: int = 60) -> None:
        """Go on with the Tab key until the element has the focus, and see it: nothing else is used."""
        for _ in range(most):
            self.press("Tab")
            if self.tab.run(f"document.activeElement.matches({selector!r})"):
                assert self.tab.run(SEEN), f"{selector} has the focus, and nobody sees that"
                return
        raise AssertionError(f"the Tab key does not lead to {selector}")


SEEN = """(() => { const style = getComputedStyle(document.activeElement), box = document.activeElement
 .getBoundingClientRect(); return box.width > 0 && box.top < innerHeight && box.bottom > 0 &&
 (style.outlineStyle !== 'none' || style.boxShadow !== 'none'); })()"""


@pytest.fixture
def reader(tab: Tab, site: str) -> Reader:
    cache.clear()
    return Reader(tab, site)


def html_pages(world: World, client: Client) -> Iterator[str]:
    """Addresses of pages that this client is shown; of each route one, with `make prove-pages` all."""
    for pattern, _view in routes():
        if SKIPPED.search(pattern):
            continue
        for address in addresses(world, pattern):
            answer = client.get(address)
            if answer.status_code == 200 and "text/html" in answer.headers["Content-Type"]:
                yield address
                if not PROVE:
                    break


def opened(world: World, who: str) -> Client:
    client = world.house.stranger() if who == "a stranger" else world.house.client(who, None, "reader")
    if who != "a stranger":
        person = world.house.person(who, None, "reader")
        person.set_password(PASSWORD)
        person.save()
        client.force_login(person)
        client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def looked_at(reader: Reader, pages: list[str], width: str) -> dict[str, list[str]]:
    reader.look(width)
    found = {}
    for address in pages:
        reader.open(address)
        if faults := reader.found():
            found[address] = faults
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_keeps_anybody_out(world: World, reader: Reader, width: str) -> None:
    client = opened(world, "administrator")
    reader.become(client, "da" if width == "a telephone" else "en")
    pages = [*html_pages(world, client), "/certificates?q=nothing+is+found", "/nowhere"]
    assert len(pages) > 15
    mine = pages if PROVE else pages[list(WIDTHS).index(width) :: len(WIDTHS)]  # each at one of the widths
    assert looked_at(reader, mine, width=width) == {}
    reader.become(client, "en" if width == "a telephone" else "da")
    assert looked_at(reader, ["/", "/me"], width=width) == {}, "the same in the other language"
    stranger = opened(world, "a stranger")
    reader.become(stranger)
    assert looked_at(reader, list(html_pages(world, stranger)), width=width) == {}


@pytest.mark.skipif(not PROVE, reason="all of them, as everybody: make prove-pages")
@pytest.mark.parametrize("who", ["administrator", "team_lead", "technician", "finance", "auditor", "a stranger"])
@pytest.mark.parametrize("language", ["da", "en"])
def test_no_page_keeps_anybody_out_as_whoever_it_is_opened(
    world: World, reader: Reader, language: str, who: str
) -> None:
    client = opened(world, who)
    reader.become(client, language)
    found = {}
    for address in html_pages(world, client):
        for width in WIDTHS:
            reader.look(width)
            reader.open(address)
            for dark in (False, True):  # as a system that turns dark at sunset does, with the page open
                reader.look(width, dark=dark)
                if faults := reader.found():
                    found[f"{address}, {width}, {'dark' if dark else 'light'}"] = faults
    assert found == {}


def test_the_look_itself_finds_faults(world: World, reader: Reader) -> None:
    reader.look("a telephone")
    reader.open("/account/login/")
    reader.tab.run("document.querySelector('main').insertAdjacentHTML('beforeend', "
                   "'<img src=\"/static/icon.svg\"><input><p style=\"width:900px\">x</p>')")  # fmt: skip
    reader.tab.run("document.querySelector('main p:last-child').style.width = '900px'")
    told = " ".join(reader.found())
    assert all(name in told for name in ("image-alt", "label", "wider than the page")), told


def test_with_the_keyboard_alone_one_signs_in_searches_and_opens_a_certificate(world: World, reader: Reader) -> None:
    opened(world, "team_lead")
    reader.look("a desk")
    reader.open("/account/login/")
    reader.press("Tab")
    assert reader.tab.run("document.activeElement.matches('.skip')"), "the first stop leads past what every page has"
    reader.tab_to("[name=login]")
    reader.write("reader")
    reader.tab_to("[name=password]")
    reader.write(PASSWORD)
    reader.press("Enter")
    reader.tab.at("/today")
    reader.tab_to("nav a[href='/certificates']")
    reader.press("Enter")
    reader.tab.at("/certificates")
    reader.tab_to("[name=q]")
    reader.write("OWNSERIAL")
    reader.press("Enter")
    wait_for(lambda: reader.tab.run("location.search.includes('OWNSERIAL')"), PROGRAM_S)
    reader.tab_to(f"a[href*='{world.mine.id}']")
    reader.press("Enter")
    reader.tab.at(f"/certificates/{world.mine.id}")
    assert "OWNSERIAL" in str(reader.tab.run("document.querySelector('main').textContent"))
    reader.tab_to("header .out button")
    reader.press("Enter")
    reader.tab.at("/account/login/")


def test_with_the_keyboard_alone_a_stranger_checks_an_id(world: World, reader: Reader) -> None:
    reader.look("a desk")
    reader.open("/check")
    reader.tab_to("input[type=file]")
    reader.tab_to("[name=id]")
    reader.write(world.mine.id)
    reader.press("Enter")
    reader.tab.at(f"/check/{world.mine.id}")
    assert "OWNSERIAL" in str(reader.tab.run("document.querySelector('main').textContent"))


def test_with_the_keyboard_alone_a_stranger_checks_a_file(world: World, reader: Reader, tmp_path: Path) -> None:
    file = tmp_path / "mine.jws"
    file.write_bytes(world.mine.compact)
    reader.look("a telephone")
    reader.tab.do("Page.setInterceptFileChooserDialog", enabled=True)
    reader.open("/check")
    reader.tab_to("input[type=file]")
    chooser = reader.tab.do("Runtime.evaluate", expression="document.activeElement")["result"]["objectId"]
    reader.tab.do("DOM.setFileInputFiles", files=[str(file)], objectId=chooser)  # what the system's own dialog does
    reader.tab_to("form:has(input[type=file]) button")
    reader.press("Enter")
    told = "document.querySelector('main').textContent.includes('OWNSERIAL')"
    wait_for(lambda: reader.tab.run(told), PROGRAM_S, "the answer stands on the page")
    assert reader.found() == []
