"""`benchwipe run` in the guest: bays on its USB ports and PCIe slots, a broker and a collector on the host."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.certificates.record import Record
from tests.agent.mosquitto import Mosquitto, wait_until
from tests.agent.uplink.fake_collector import FakeCollector
from tests.laboratory.machine.control import JOB_TIMEOUT_S, Job
from tests.laboratory.machine.qemu import Disks, Image
from tests.laboratory.models.target import ScsiTarget
from tests.laboratory.rig import STATE, Rig
from tests.laboratory.usb.serial import Rly16
from tests.laboratory.usb.storage import Dock

CONFIG = "/tmp/station.toml"
HEAD = """
[station]
id = "bench-vm"
language = "en"
mode = "{mode}"
countdown_s = 0
policy = "quick"

[mqtt]
host = "10.0.2.2"
port = {port}
keepalive_s = 5

[[policy]]
name = "quick"
method = "{method}"
hidden_area = "remove"
limits = {{ checkpoint_bytes = 1048576, checkpoint_s = 0.2, stall_after_s = {stall_s} }}
"""
CHECKPOINT = f"""
import json, sqlite3, time
while True:
    time.sleep(0.1)
    ledger = sqlite3.connect("file:{STATE}/ledger.sqlite3?mode=ro", uri=True)
    row = ledger.execute("SELECT body FROM checkpoint").fetchone()
    if row and json.loads(row[0])["offset"]:
        break
    ledger.close()
"""
BAY = '\n[[bay]]\nname = "{name}"\nport = "{port}"\n'
RELAYS = """
[[dock]]
name = "relays"
driver = "devantech_rly16"
settings = {{ port = "{port}" }}
spin_up_s = 0
off_s = 0.2
"""
RELAY_PORT = 8
STALL_S = 5
NEWS_S = 1.0


class PoweredBays(Rly16):
    """A relay for each of the USB ports 1 to 4: a drive that stands there is seen while its relay is on."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._rig, self._drives = rig, dict[int, ScsiTarget]()
        self.cuts = Counter[int]()

    def stand(self, port: int, target: ScsiTarget) -> None:
        """Put a drive into a bay."""
        self._drives[port] = target
        if self.states >> (port - 1) & 1:
            self._rig.machine.ports[port].plug(Dock(target))

    def heard(self, data: bytes) -> bytes:
        """What the relays do to the bays."""
        before = self.states
        answer = super().heard(data)
        for port, target in self._drives.items():
            was, now = before >> (port - 1) & 1, self.states >> (port - 1) & 1
            if now and not was:
                self._rig.machine.ports[port].plug(Dock(target))
            elif was and not now:
                self.cuts[port] += 1
                self._rig.machine.ports[port].unplug()
        return answer


class Station:
    """A rig whose daemon can be started again after the power was cut. Bays U1 to U4 are USB ports, N1 a PCIe slot.

    `method`: of its one policy. `powered`: a relay module switches the power of U1 to U4. `more`: tables of its
    configuration beside those of the bays.
    """

    def __init__(
        self,
        image: Image,
        folder: Path,
        *,
        stall_s: int = STALL_S,
        mode: str = "automatic",
        method: str = "nist-clear",
        powered: bool = False,
        more: str = "",
    ) -> None:
        self.rig = Rig(image, Disks())
        self.relays = PoweredBays(self.rig) if powered else None
        self.broker = Mosquitto(folder / "broker")
        self._stall_s, self._mode, self._method, self._more = stall_s, mode, method, more
        self._job: Job | None = None

    def __enter__(self) -> Self:
        self.broker.start()
        self.collector = FakeCollector(self.broker.port)
        self.collector.ready()
        self.collector.presence("bench", online=True)
        self.rig.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rig.__exit__(kind, error, trace)
        self.collector.close()
        self.broker.kill()

    def start(self) -> None:
        """The daemon, until it answers."""
        text = HEAD.format(port=self.broker.port, stall_s=self._stall_s, mode=self._mode, method=self._method)
        text += self._more + self._docks()
        switched = 'dock = "relays"\nslot = {n}\n' if self.relays else ""
        text += "".join(BAY.format(name=f"U{n}", port=self.rig.usb_path(n)) + switched.format(n=n) for n in range(1, 5))
        text += BAY.format(name="N1", port="/dev/nvme0n1")
        machine = self.rig.machine
        machine.control.start(argv=["sh", "-c", f"cat >{CONFIG}"], stdin=text.encode()).wait().checked()
        self._job = machine.start("run", "--config", CONFIG, "--state-dir", STATE)
        self._job.wait_for("station bench-vm runs")
        self.status()

    def _docks(self) -> str:
        if self.relays is None:
            return ""
        self.rig.machine.ports[RELAY_PORT].plug(self.relays)
        port = self.rig.machine.wait_until(f"ls /dev/serial/by-id/*{self.relays.strings[3]}*").strip()
        return RELAYS.format(port=port)

    def stop(self) -> int:
        """SIGTERM, as systemd sends it; its exit status."""
        assert self._job is not None
        self._job.kill(15)
        return self._job.wait().rc

    def said(self) -> str:
        """Its log so far."""
        if self._job is None:
            return ""
        self._job.hear()
        return self._job.text("err")

    def status(self) -> dict[str, Any]:
        """What the daemon says of itself."""
        status = self._ask()
        assert status is not None, self.said()
        return status

    def wait_alarm(self, name: str, *words: str, timeout: float = JOB_TIMEOUT_S) -> None:
        """Until there is this alarm, with these words in it; without any: until there is none such."""
        end, heard = time.monotonic() + timeout, self._heard()
        while not _said(alarms := self.status()["alarms"], name, words):
            assert time.monotonic() < end, f"no alarm {name} with {words}: {alarms}\n{self.said()}"
            heard = self._wait_for_news(heard)

    def bay(self, name: str) -> dict[str, Any]:
        """What the daemon says of a bay."""
        status = self.status()
        row: dict[str, Any] = next(row for row in status["bays"] if row["bay"] == name)
        return row

    def wait_bay(self, name: str, *states: str, timeout: float = JOB_TIMEOUT_S) -> dict[str, Any]:
        """Until a bay is in one of these states."""
        topic = f"er/1/bench-vm/bay/{name}/state"
        end, heard = time.monotonic() + timeout, self._heard(topic)
        while (row := self.bay(name))["state"] not in states:
            assert time.monotonic() < end, f"bay {name} is not {states}: {row}\n{self.said()}"
            heard = self._wait_for_news(heard, topic)
        return row

    def _heard(self, topic: str = "") -> int:
        """Messages of one topic, or of all, that came to the broker so far."""
        seen = dict(self.collector.seen)
        return len(seen.get(topic, ())) if topic else sum(map(len, seen.values()))

    def _wait_for_news(self, heard: int, topic: str = "") -> int:
        """Until there are more than those, or a second is over: to ask the daemon costs the one processor more."""
        end = time.monotonic() + NEWS_S
        while self._heard(topic) == heard and time.monotonic() < end:
            time.sleep(0.01)
        return self._heard(topic)

    def arrived(self, count: int) -> list[Record]:
        """The collector's certificates, once there are so many; held against the files in the guest."""
        wait_until(lambda: len(self.collector.certificates) >= count, f"{count} certificates arrived", 60)
        names = self.rig.machine.sh(f"ls {STATE}/certificates").checked().out.split()
        assert {Path(name).stem for name in names} == set(self.collector.certificates)
        return sorted(self.rig.certificates(), key=lambda record: record.sequence)

    def wait_checkpoint(self) -> None:
        """Until the ledger holds a point from which the one job under way would go on."""
        self.rig.machine.python(CHECKPOINT).checked()

    def _ask(self) -> dict[str, Any] | None:
        done = self.rig.machine.benchwipe("status", "--json", "--config", CONFIG, "--state-dir", STATE)
        answer: dict[str, Any] | None = json.loads(done.out) if done.rc == 0 else None
        return answer


def _said(alarms: dict[str, str], name: str, words: tuple[str, ...]) -> bool:
    if not words:
        return name not in alarms
    return all(word in alarms.get(name, "") for word in words)
