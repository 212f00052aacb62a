"""The shift's bench as the shipped simulated devices make it: the real daemon, a real broker, the real collector."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.certificates.certificate import verify
from agent.certificates.jws import thumbprint
from agent.certificates.keys import load_or_make
from drivers.drives.simulated import make_drive, plug, pull
from tests.agent.daemon_bench import Daemon
from tests.agent.mosquitto import Mosquitto, wait_until
from tests.collector.conftest import Collector
from tests.shift.account import Found, medium_is, secret
from tests.shift.settings import PEOPLE
from tests.shift.table import Row
from tests.shift.technician import Shown, serial_of

MIB = 1 << 20
SIZE, HELD_SIZE, HELD_AT = MIB, 6 * MIB, 2 * MIB  # one request of the engine goes through, and the next waits
HEAD = """
[station]
id = "shift"
language = "en"
mode = "scan"
countdown_s = 0

[[source]]
name = "simulated"
driver = "simulated"
settings = {{ folder = "bench" }}

[[dock]]
name = "dock"
driver = "simulated"
settings = {{ slots = {bays}, control_file = "dock.control" }}

[[input]]
name = "scanner"
driver = "simulated"
settings = {{ path = "scans" }}

[[printer]]
name = "labels"
driver = "simulated"
settings = {{ folder = "labels", control_file = "printer.control" }}
"""
BAY = '\n[[bay]]\nname = "A{n}"\nsource = "simulated"\nport = "p{n}"\ndock = "dock"\nslot = {n}\n'


class SimulatedBench:
    """Ten bays. What a drive holds at first is its own, so that media that were swapped are seen too."""

    def __init__(self, folder: Path, *, bays: int = 10) -> None:
        self.daemon = Daemon(folder)
        self.daemon.config.write_text(
            HEAD.format(bays=bays) + "".join(BAY.format(n=n) for n in range(1, bays + 1)) + PEOPLE
        )
        self.broker = Mosquitto(folder / "broker")
        self.collector = Collector(folder, self.broker.port)
        self._key = load_or_make(self.daemon.state).public_key()
        self._log = b""
        self._rows: tuple[float, Mapping[str, Shown]] = (0.0, {})

    def __enter__(self) -> Self:
        self.broker.start()
        self.daemon.mqtt(self.broker.port)
        self.collector.enrol("shift", load_or_make(self.daemon.state))
        self.collector.start()
        self.daemon.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.daemon.close()
        self.collector.kill()
        self.broker.kill()

    # --- hands -------------------------------------------------------------------------------------------------

    def make(self, rows: tuple[Row, ...]) -> None:
        """All drives of the shift, each full of what nobody else has."""
        for row in rows:
            size = HELD_SIZE if "begun" in row.story else SIZE
            place = make_drive(self.daemon.bench, serial_of(row.number), size)
            (place / "image").write_bytes(secret(row.number) * (size // len(secret(row.number))))

    def put_in(self, number: int, bay: str, *, held: bool) -> None:
        """A link to it."""
        if held:
            self._hold(number).write_text(str(HELD_AT))
        plug(self.daemon.bench, f"p{bay[1:]}", serial_of(number))

    def pull(self, bay: str) -> None:
        """No link any more."""
        pull(self.daemon.bench, f"p{bay[1:]}")

    def let_go(self, number: int) -> None:
        """It answers again."""
        self._hold(number).unlink(missing_ok=True)

    def spoil(self, number: int) -> None:
        """Three sectors in the middle."""
        with (self._place(number) / "drive.toml").open("a") as file:
            file.write(f"bad = [[{SIZE // 2}, 1536]]\n")

    def at_work(self, number: int) -> bool:
        """Some of it is overwritten."""
        with (self._place(number) / "image").open("rb") as image:
            begun = image.read(HELD_AT)
        return begun != (secret(number) * (len(begun) // len(secret(number)) + 1))[: len(begun)]

    def scan(self, code: str) -> None:
        """A line in the scanner's file."""
        self.daemon.scan(code)

    def paper(self, *, there: bool) -> None:
        """A word in the printer's control file."""
        (self.daemon.folder / "printer.control").write_text("" if there else "paper-out")

    def cable(self, *, plugged: bool) -> None:
        """A word in the dock's."""
        (self.daemon.folder / "dock.control").write_text("" if plugged else "gone")

    def cut_power(self) -> None:
        """SIGKILL: nothing ends in order."""
        self.daemon.kill()
        self.daemon.start()

    # --- eyes --------------------------------------------------------------------------------------------------

    def said(self) -> str:
        """The daemon's log has every sentence."""
        with self.daemon.log.open("rb") as log:
            log.seek(len(self._log))
            self._log += log.read()
        return self._log.decode()

    def shown(self) -> Mapping[str, Shown]:
        """Asked at most a hundred times a second."""
        if time.monotonic() - self._rows[0] > 0.01:
            rows = self.daemon.status()["bays"]
            self._rows = time.monotonic(), {row["bay"]: Shown(row["state"], row["outcome"]) for row in rows}
        return self._rows[1]

    def alarms(self) -> list[str]:
        """Their texts."""
        return list(self.daemon.status()["alarms"].values())

    def open_labels(self) -> list[str]:
        """Their numbers."""
        return [label["number"] for label in self.daemon.status()["labels"]]

    def came_out(self, *words: str) -> bool:
        """Files are as good as paper."""
        return any(all(word.encode() in label for word in words) for label in self._labels())

    # --- afterwards --------------------------------------------------------------------------------------------

    def found(self, rows: tuple[Row, ...]) -> Found:
        """What is there when the outbox is empty and the daemon has stopped."""
        wait_until(lambda: self.daemon.status()["uplink"]["outbox_depth"] == 0, "the collector has everything")
        self.daemon.terminate()
        keys = {thumbprint(self._key): self._key}
        files = (self.daemon.state / "certificates").glob("*.jws")
        answer = self.collector.page("/api/v1/certificates?per_page=200").json()
        return Found(
            certificates=[verify(path.read_bytes(), keys) for path in files],
            media={row.number: medium_is(row.number, (self._place(row.number) / "image").read_bytes()) for row in rows},
            labels=self._labels(),
            collected=[row["id"] for row in answer["certificates"]],
        )

    def _labels(self) -> list[bytes]:
        return [path.read_bytes() for path in (self.daemon.folder / "labels").glob("*.zpl")]

    def _place(self, number: int) -> Path:
        return self.daemon.bench / "drives" / serial_of(number)

    def _hold(self, number: int) -> Path:
        return self._place(number) / "hold"
