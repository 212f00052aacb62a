"""A simulated drive, and a station that can be killed at any checkpoint or answer, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.certificates.outcome import Outcome
from agent.erase import Checkpoint, EraseSpec, Limits, Progress, Renewed, ResumePoint, VerifySpec
from agent.erase.signals import Stop
from agent.erase.techniques import TECHNIQUES
from agent.erase.worker import run_job
from agent.jobs.registrar import security_password
from drivers.drives.simulated import Driver, Settings, make_drive, plug, plugged, pull

SIZE = 64 << 10  # 128 blocks, each of them a sentinel
KEY = "5a" * 32
SECRET = b"secret! " * (SIZE // 8)
COMMANDS: dict[str, dict[str, Any]] = {
    "ata": {"speaks": "ata", "sanitize": ["block", "crypto", "overwrite"], "security": True, "enhanced": True},
    "scsi": {"speaks": "scsi", "sanitize": ["block", "crypto", "overwrite"]},
    "nvme": {
        "speaks": "nvme", "sanitize": ["block", "crypto", "overwrite"], "format": True, "format_crypto": True
    },
}  # fmt: skip
PASSWORD = security_password(bytes.fromhex(KEY))


@dataclass
class Bench:
    """One drive in port p1 of a folder, full of secrets. `point` is what the ledger would have."""

    folder: Path
    technique: str
    point: ResumePoint | None = None
    reports: list[Progress | Checkpoint | Renewed] = field(default_factory=list)
    keeps: Callable[[Checkpoint], bool] = lambda _: True
    stop: Stop = field(default_factory=Stop)

    @classmethod
    def made(cls, folder: Path, technique: str, **commands: Any) -> Bench:  # noqa: ANN401 - fields of Commands
        """A drive that speaks what the technique needs; `commands` are added."""
        given = {**COMMANDS[TECHNIQUES[technique].speaks], **commands}
        medium = {"media": "ssd", "commands": given}
        place = make_drive(folder, "one", SIZE, port="p1", **medium)
        (place / "image").write_bytes(SECRET)
        return cls(folder, technique)

    @property
    def source(self) -> Driver:
        """Where the drive stands."""
        return Driver("simulated", Settings(folder=str(self.folder)))

    def spec(self, **facts: Any) -> EraseSpec:  # noqa: ANN401 - fields of EraseSpec
        """The job, or its going on where there is a point."""
        given: dict[str, Any] = {
            "job": "job-1",
            "method": self.technique,
            "technique": self.technique,
            "key_hex": KEY,
            "passwords": (PASSWORD.hex(),),
            "resume": self.point,
            "verify": VerifySpec(),
            "limits": Limits(),
        }
        return EraseSpec(**{**given, **facts})

    def emit(self, report: Progress | Checkpoint | Renewed) -> None:
        """As the ledger does: kept, and the receipt told."""
        self.reports.append(report)
        if isinstance(report, Checkpoint):
            kept = self.keeps(report)
            if kept:
                self.point = report.point
            self.stop.receipts.tell(report.receipt, kept)

    def run(self, stop: Stop | None = None, emit: Any = None, **facts: Any) -> Outcome:  # noqa: ANN401
        """To the end."""
        source = self.source
        planned = source.look("p1")
        self.stop = stop or Stop()
        return run_job(planned, self.spec(**facts), lambda: source.open("p1"), emit or self.emit, self.stop)

    def replug(self) -> None:
        """Out (if it is in), and in again: its power was off meanwhile."""
        if plugged(self.folder / "ports/p1"):
            pull(self.folder, "p1")
        plug(self.folder, "p1", "one")

    @property
    def content(self) -> bytes:
        """What the medium holds."""
        return (self.folder / "drives/one/image").read_bytes()

    @property
    def phases(self) -> set[str]:
        """Of the progress that was told."""
        return {report.phase for report in self.reports if isinstance(report, Progress)}
