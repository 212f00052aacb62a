"""Each role's day in a real Chromium, in Danish: from the first page through everything that waits there.

`make prove-roles` walks every role of the year; here three of them are walked.
"""

from __future__ import annotations

import base64
import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import make_server

import pytest
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.db import connections
from PIL import Image

from collector.parties import links
from collector.parties.models import Person
from tests.collector.audit.world import Small, settled
from tests.collector.browser import Quiet, Server, Tab, needs_browser, tab
from tests.collector.conftest import wait_for
from tests.patience import PROGRAM_S

__all__ = ["tab"]
PROVE = os.environ.get("BENCHWIPE_PROVE") == "1"
LOGINS = ("technician", "ode-team-lead", "validator", "ode-finance", "ode-customer-data", "ode-customer-finance",
          "buyer", "ode-auditor", "administrator")  # fmt: skip
WALKED = LOGINS if PROVE else ("ode-team-lead", "ode-customer-finance", "buyer")
PICTURES = os.environ.get("BENCHWIPE_PICTURES", "")
"""A folder that pictures of these pages go to; `make prove-roles WRITE=docs/pictures`."""
LINKS = "JSON.stringify([...document.querySelectorAll('a[data-task]')].map(a => a.getAttribute('href')))"
SHOWN = "document.querySelector('main') && document.querySelector('h1') ? document.documentElement.lang : ''"
pytestmark = needs_browser


@pytest.fixture
def year(tmp_path: Path) -> Iterator[tuple[Small, str]]:
    folder = tmp_path / "year"
    folder.mkdir()
    made = settled().copy(folder)
    made.open()
    cache.clear()
    server = make_server("127.0.0.1", 0, get_wsgi_application(), server_class=Server, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made, f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    connections.close_all()


def sign_in(tab: Tab, site: str, login: str) -> None:
    """Come in by a one-time link, as somebody without a password does."""
    link = f"/welcome/{links.make('sign-in', Person.objects.get(login=login))}"
    tab.open(site + link)
    tab.run("document.querySelector('main form').submit()")
    tab.at("/today")


def follow(tab: Tab, address: str) -> None:
    """Click a task's link, and wait for its page."""
    tab.run("window.left = true")
    tab.run(f"document.querySelector('a[data-task][href={json.dumps(address)}]').click()")
    ready = "!window.left && document.readyState === 'complete'"
    wait_for(lambda: tab.run(ready), PROGRAM_S, f"{address} is open, not {tab.run('location.href')}")


def picture(tab: Tab, name: str) -> None:
    """Keep a picture for the docs, where somebody asked for them: in 64 colours it is a third as large."""
    if PICTURES:
        seen = Image.open(io.BytesIO(base64.b64decode(tab.do("Page.captureScreenshot")["data"])))
        seen.convert("RGB").quantize(64).save(Path(PICTURES) / name, optimize=True)


def as_wide_as_a_desk(tab: Tab) -> None:
    """Show pages in Danish, as wide as the pictures are."""
    tab.do("Page.enable")
    tab.do("Network.enable")
    tab.do("Network.setExtraHTTPHeaders", headers={"Accept-Language": "da"})
    tab.do("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)


@pytest.mark.parametrize("login", WALKED)
def test_somebodys_day_begins_with_what_waits_and_every_page_of_it_is_danish(
    login: str, tab: Tab, year: tuple[Small, str]
) -> None:
    _small, site = year
    as_wide_as_a_desk(tab)
    sign_in(tab, site, login)
    assert tab.run("document.querySelector('h1').textContent") == "I dag"
    picture(tab, f"day-{login.removeprefix('ode-')}.png")
    addresses = json.loads(tab.run(LINKS))
    assert addresses
    for address in dict.fromkeys(addresses):
        follow(tab, address)
        assert tab.run("location.pathname + location.search") == address
        assert tab.run(SHOWN) == "da", address
        assert tab.run("performance.getEntriesByType('navigation')[0].responseStatus") == 200, address
        tab.open(f"{site}/today")


def test_a_customers_day_ends_with_the_settlement_and_the_effect_of_the_year(tab: Tab, year: tuple[Small, str]) -> None:
    small, site = year
    as_wide_as_a_desk(tab)
    sign_in(tab, site, "ode-customer-finance")
    follow(tab, "/settlements")
    assert "2026" in tab.run("document.querySelector('main').textContent") or small.year.quarters[0].first.year != 2026
    tab.open(f"{site}/effect")
    assert small.year.town.name in tab.run("document.querySelector('h1').textContent")
    assert tab.run("document.querySelectorAll('svg.chart title').length") >= 1
    assert tab.run("document.querySelector('svg.chart .bar').getBoundingClientRect().width") > 0
    picture(tab, "trade-effect.png")
