"""Receiving in a real Chromium as wide as a phone, its scripts switched off: one scan a unit, and nothing else."""

from __future__ import annotations

import os
from functools import partial

from collector.units.models import UnitEvent
from tests.collector.browser import Tab, needs_browser, site, tab
from tests.collector.conftest import wait_for
from tests.collector.units.yard import Yard
from tests.patience import PROGRAM_S

__all__ = ["site", "tab"]
pytestmark = needs_browser
UNITS = 100 if os.environ.get("BENCHWIPE_PROVE") else 8
WIDTH = 390


def scan(tab: Tab, text: str) -> None:
    """What a scanner does: its characters, then Enter, into whatever has the focus."""
    tab.do("Input.insertText", text=text)
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
    for kind in ("keyDown", "keyUp"):
        tab.do("Input.dispatchKeyEvent", type=kind, **key)


def test_a_hundred_units_take_a_hundred_scans(yard: Yard, site: str, tab: Tab) -> None:
    lot = yard.lot()
    rows = [f"PF{n:06d},K-{n:04d},laptop" for n in range(UNITS)]
    yard.register("serial,asset_tag,kind\n" + "\n".join(rows) + "\n", lot="L1")
    session = yard.house.client("team_lead").cookies["benchwipe_session"].value
    tab.do("Page.enable")
    tab.do("Network.enable")
    tab.do("Network.setCookie", name="benchwipe_session", value=session, url=site)
    tab.do("Emulation.setDeviceMetricsOverride", width=WIDTH, height=844, deviceScaleFactor=1, mobile=True)
    tab.do("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(f"{site}/lots/{lot.pk}/receive")
    for n in range(UNITS):
        focused = partial(tab.run, "document.activeElement.name === 'scan'")
        wait_for(focused, PROGRAM_S, "the next scan goes where it belongs by itself")
        scan(tab, f"K-{n:04d}" if n % 2 else f"PF{n:06d}")
        shown = f"document.body && document.body.innerText.includes('{n + 1} received')"
        wait_for(partial(tab.run, shown), PROGRAM_S, f"unit {n + 1} is received")
    assert UnitEvent.objects.filter(kind="received").count() == UNITS
    assert yard.report()["counts"]["received"] == UNITS
    for path in (f"/lots/{lot.pk}/receive", f"/lots/{lot.pk}", "/lots", "/units", f"/units/{yard.unit('K-0001').pk}"):
        tab.open(f"{site}{path}")
        assert tab.run("document.documentElement.scrollWidth") <= WIDTH, path
