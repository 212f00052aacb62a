"""A station reduced to what the uplink needs: key, ledger, uplink."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import jws, keys
from agent.certificates.certificate import Certificate
from agent.jobs.ledger import Ledger
from agent.jobs.outbox_rows import StatedEvent
from agent.jobs.statements import DISPOSITION
from agent.messages import Alarm, BayProgressMessage, BayStateMessage, Birth, Request
from agent.settings import Mqtt
from agent.uplink.uplink import Pace, Uplink
from tests.agent import samples
from tests.agent.mosquitto import wait_until
from tests.agent.uplink.fake_collector import FakeCollector
from tests.patience import SOON_S

NOW = "2026-11-22T20:00:00Z"
QUICK = Pace(
    receipt_s=0.5,
    receipt_longest_s=2.0,
    reconnect_s=0.05,
    reconnect_longest_s=0.2,
    connect_s=3.0,
    progress_s=0.3,
    look_s=0.5,
    repost_s=0.3,
    mend_s=0.1,
)
STATION = "bench-01"


class Bench:
    """`rejected` gathers what the uplink reported; `collectors` are closed with the bench.

    `alarms` are those that stand (code -> text), `raised` every code that ever was.
    """

    def __init__(self, state_dir: Path, port: int) -> None:
        self.state_dir, self.port = state_dir, port
        self.ledger = Ledger(state_dir)
        self.key = keys.load_or_make(state_dir)
        self.trusted: dict[str, Ed25519PublicKey] = {}
        self.rejected: list[tuple[str, str]] = []
        self.commands: list[Request] = []
        self.alarms: dict[str, str] = {}
        self.raised: list[str] = []
        self.report: Callable[[str, str], None] = lambda row, reason: self.rejected.append((row, reason))
        self.uplinks: list[Uplink] = []
        self.collectors: list[FakeCollector] = []

    def uplink(self, *, pace: Pace = QUICK, start: bool = True, **mqtt: Any) -> Uplink:  # noqa: ANN401 - fields of Mqtt
        """An uplink to the broker, started."""
        settings = Mqtt(**{"host": "127.0.0.1", "port": self.port, "keepalive_s": 5, **mqtt})
        made = Uplink(
            settings,
            station_id=STATION,
            base_dir=self.state_dir,
            open_ledger=lambda: Ledger(self.state_dir),
            birth=birth,
            boot_id="boot-1",
            on_rejected=self._rejected,
            on_command=self.commands.append,
            now=lambda: NOW,
            collectors=self.trusted,
            pace=pace,
            on_trouble=self._trouble,
        )
        self.uplinks.append(made)
        if start:
            made.start()
        return made

    def collector(self, **options: Any) -> FakeCollector:  # noqa: ANN401 - of FakeCollector
        """A collector that has subscribed."""
        made = FakeCollector(self.port, **options)
        self.collectors.append(made)
        made.ready()
        return made

    def issue(self, count: int) -> list[Certificate]:
        """So many new certificates in the outbox."""
        return [samples.issue(self.ledger, self.key) for _ in range(count)]

    def state(self, count: int) -> dict[str, bytes]:
        """So many new statements in the outbox, as a grade makes them: SHA-256 -> bytes."""
        made: dict[str, bytes] = {}

        def tell(seq: int) -> StatedEvent:
            told = {"station": STATION, "certificate_id": "c" * 64, "boot_id": "boot-1", "seq": seq, "at": NOW}
            said = {**told, "disposition": {"grade": "ABCD"[seq % 4], "destination": ""}}
            compact = jws.sign(json.dumps(said).encode(), self.key, typ=DISPOSITION)
            made[hashlib.sha256(compact).hexdigest()] = compact
            return StatedEvent(b'{"seq":%d}' % seq, compact)

        for _ in range(count):
            self.ledger.add_event("boot-1", tell)
        return made

    def wait_empty(self, within: float = SOON_S) -> None:
        """Until the outbox is empty."""
        wait_until(lambda: self.ledger.outbox.depth() == 0, "the outbox is empty", within)

    def _rejected(self, row: str, reason: str) -> None:
        self.report(row, reason)

    def _trouble(self, _name: str, code: str, text: str | None) -> None:
        if text is None:
            del self.alarms[code]
            return
        self.alarms[code] = text
        self.raised.append(code)

    def close(self) -> None:
        """Stop whatever runs."""
        for uplink in self.uplinks:
            uplink.stop(2.0)
        for collector in self.collectors:
            collector.close()
        self.ledger.close()


def birth(depth: int) -> Birth:
    """What the station is."""
    return Birth(
        software={"name": "benchwipe", "version": "0.1.0"},
        bays=("A1",),
        capabilities=("overwrite",),
        policy_hash="0" * 64,
        clock={"source": "ntp", "synchronised": True},
        outbox_depth=depth,
        key={},
        boot_id="boot-1",
        ts=NOW,
    )


def bay_state(rev: int, state: str = "erasing", bay: str = "A1") -> BayStateMessage:
    """A bay's state."""
    return BayStateMessage(bay=bay, state=state, drive=None, job="job-1", rev=rev, ts=NOW)


def progress(done: int, bay: str = "A1") -> BayProgressMessage:
    """A bay's progress."""
    return BayProgressMessage(bay=bay, job="job-1", phase="pass", bytes_done=done, bytes_total=100, mb_per_s=1.5)


ALARM = Alarm(severity="warning", code="BW-T01", text="a test's alarm", since=NOW)
