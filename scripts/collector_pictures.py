"""Make the collector's pictures in docs/pictures anew: `.venv/bin/python scripts/collector_pictures.py`.

The pages are the collector's own, as Chromium shows them (Debian: chromium); what stands on them is made up.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import msgspec  # noqa: E402 - the repository has to be on the path first
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402

from agent.certificates import jws  # noqa: E402
from agent.certificates.certificate import Certificate, certificate_id, sign  # noqa: E402
from agent.certificates.record import Asset, Customer, Operator, Record  # noqa: E402
from benchmarks.collector_receipts import RECORD, enrol  # noqa: E402

PICTURES = REPOSITORY / "docs" / "pictures"
WIDTH = 1120
HEIGHTS = {"": 900, "-sign-in": 620, "-search": 760, "-certificate": 1500, "-check": 900}
DRIVES = (
    ("Samsung", "SSD 870 EVO", "S6PUNX0T70"), ("WDC", "WD5000AAKX", "WCC2E4NK1J"),
    ("Kingston", "SA400S37", "50026B7782"), ("Seagate", "ST1000DM010", "ZN1A9K3T"),
    ("Intel", "SSDSC2KW256G8", "PHLA8130"),
)  # fmt: skip
STATIONS = ("kolding-01", "odense-01")
START_S = 60


class Quiet(WSGIRequestHandler):
    """A handler that says nothing."""

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Tab:
    """One tab of the browser, spoken to by the DevTools protocol."""

    def __init__(self, url: str) -> None:
        self._wire: ClientConnection = connect(url, max_size=None)
        self._number = 0

    def do(self, method: str, **told: Any) -> dict[str, Any]:  # noqa: ANN401 - the protocol's JSON
        """Ask the browser for one thing, and return its answer."""
        self._number += 1
        self._wire.send(json.dumps({"id": self._number, "method": method, "params": told}))
        while True:
            answer: dict[str, Any] = json.loads(self._wire.recv(timeout=START_S))
            if answer.get("id") == self._number:
                return dict(answer.get("result", {}))

    def picture(self, address: str, height: int) -> bytes:
        """Open an address, and draw what it shows."""
        size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.do("Emulation.setDeviceMetricsOverride", **size)
        self.do("Page.navigate", url=address)
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            told = self.do("Runtime.evaluate", expression="document.readyState + location.href", returnByValue=True)
            if told["result"].get("value") == f"complete{address}":
                break
            time.sleep(0.1)
        return base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"])


def main() -> None:
    """Draw each page."""
    with tempfile.TemporaryDirectory(prefix="benchwipe-pictures-") as folder:
        keys = {name: Ed25519PrivateKey.generate() for name in STATIONS}
        enrol(Path(folder), "sqlite:///collector.db", keys)
        shown = fill(keys)
        cookie = sign_in()
        talk()
        with served() as site, browser(Path(folder)) as tab:
            pages = {"-sign-in": "/account/login/", "-check": f"/check/{shown.id}"}
            draw(tab, site, pages)
            tab.do("Network.setCookie", url=site, name="benchwipe_session", value=cookie)
            draw(
                tab,
                site,
                {"": "/", "-search": "/certificates?q=kolding+ssd", "-certificate": f"/certificates/{shown.id}"},
            )


def draw(tab: Tab, site: str, pages: dict[str, str]) -> None:
    """Write the pictures of some pages."""
    for name, path in pages.items():
        (PICTURES / f"collector{name}.png").write_bytes(tab.picture(site + path, HEIGHTS[name]))


def fill(keys: dict[str, Ed25519PrivateKey]) -> Certificate:
    """Store some certificates, and a grade that was given afterwards; the one that is shown."""
    from collector.certificates.search_follow import catch_up
    from collector.intake.book import enrolled
    from collector.intake.judge import Delivery, judge
    from collector.intake.keeping import keep

    public = {name: {jws.thumbprint(key.public_key()): key.public_key()} for name, key in keys.items()}
    chain = [one for name, key in keys.items() for one in made(name, key)]
    shown = chain[3]
    told = {"station": STATIONS[0], "certificate_id": shown.id, "boot_id": "b", "seq": 1, "at": "2026-11-22T14:20:00Z",
            "asset": "KOL-004704", "operator": {"id": "op-7", "name": "Åse Berg"},
            "disposition": {"grade": "B", "destination": "Resale", "notes": ""}}  # fmt: skip
    said = jws.sign(json.dumps(told).encode(), keys[STATIONS[0]], typ="benchwipe-disposition+jws")
    name = certificate_id(said)
    messages = [Delivery("t", one.record.station.id, one.id, one.compact) for one in chain]
    messages.append(Delivery("t", STATIONS[0], name, said, "statement"))
    keep([judge(one, lambda station: public[station]) for one in messages], enrolled(set(STATIONS)))
    catch_up()
    return shown


def made(station: str, key: Ed25519PrivateKey) -> Iterator[Certificate]:
    """Sign a station's chain."""
    base, previous = msgspec.convert(RECORD, Record), None
    town = station.partition("-")[0].capitalize()
    for number in range(1, 10):
        vendor, model, serial = DRIVES[number % len(DRIVES)]
        drive = msgspec.structs.replace(base.drive, vendor=vendor, model=model, serial=f"{serial}{number:04d}",
                                        wwn=f"0x5002538e40a1b2{number:02d}")  # fmt: skip
        one = sign(
            msgspec.structs.replace(
                base, number=f"{station}-{number:06d}", sequence=number, previous=previous, drive=drive,
                station=msgspec.structs.replace(base.station, id=station, name=f"Bench in {town}", location=town),
                customer=Customer(name=f"{town} Kommune", lot="2026-47"), operator=Operator(id="op-7", name="Åse Berg"),
                asset=Asset(tag=f"{town[:3].upper()}-{4700 + number:06d}"),
                finished_at=f"2026-11-22T1{number % 5}:{number:02d}:00Z",
            ),
            key,
        )  # fmt: skip
        previous = one.id
        yield one


def sign_in() -> str:
    """Make a team lead who is signed in; the session's cookie."""
    from django.test import Client

    from collector.parties import services
    from collector.parties.services import Actor

    own = services.own_organisation("Workshop")
    lead = services.add_or_join(
        Actor("pictures"), "lise", name="Lise", role="team_lead", organisation=own, password=None
    )
    client = Client()
    client.force_login(lead)
    return str(client.cookies["benchwipe_session"].value)


def talk() -> None:
    """Say what the benches say of themselves."""
    from collector.fleet.sources import SOURCES, Health

    SOURCES.intake = SOURCES.listening = lambda: Health(True, "connected")
    states = ("erasing", "verifying", "waiting", "finished", "empty", "empty")
    for station in STATIONS:
        say(f"{station}/state", {"state": "online", "boot_id": "b", "conn_no": 1})
        for bay, state in enumerate(states, 1):
            vendor, model, serial = DRIVES[bay % len(DRIVES)]
            drive = None if state == "empty" else {"vendor": vendor, "model": model, "serial": f"{serial}{bay:04d}"}
            told = {"bay": f"A{bay}", "state": state, "drive": drive, "job": "j", "rev": 1, "ts": ""}
            say(f"{station}/bay/A{bay}/state", told)
            if state in ("erasing", "verifying"):
                done = {"bytes_done": 61 * bay * 10**9, "bytes_total": 500_107_862_016}
                moving = {"bay": f"A{bay}", "job": "j", "phase": state, "mb_per_s": 498.0, "celsius": 34.0, **done}
                say(f"{station}/bay/A{bay}/progress", moving)


def say(suffix: str, message: dict[str, Any]) -> None:
    """Let the live page hear a message."""
    from collector.fleet.sources import SOURCES

    SOURCES.live.read(f"er/1/{suffix}", json.dumps(message).encode(), retained=False)


@contextmanager
def served() -> Iterator[str]:
    """Serve the pages, one request after the other."""
    from django.core.wsgi import get_wsgi_application

    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def browser(folder: Path) -> Iterator[Tab]:
    """Start Chromium without a window."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    words = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en",
             "--remote-debugging-port=0", f"--user-data-dir={folder}/profile", "about:blank"]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = folder / "profile" / "DevToolsActivePort"
    try:
        end = time.monotonic() + START_S
        while not (told.exists() and "\n" in told.read_text()) and time.monotonic() < end:
            time.sleep(0.1)
        with urllib.request.urlopen(f"http://127.0.0.1:{told.read_text().splitlines()[0]}/json", timeout=10) as answer:
            pages = [one for one in json.load(answer) if one["type"] == "page"]
        yield Tab(pages[0]["webSocketDebuggerUrl"])
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
