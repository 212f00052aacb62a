"""The demo's files: four simulated drives, and the configuration of station and collector."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agent.demo import media
from agent.demo.programs import Broker, DemoFailed
from drivers.drives.simulated import make_drive, plug, pull

ROOT = Path(__file__).resolve().parents[2]
MARK = ".benchwipe-demo"
MIB = 1 << 20
SIZE = 48 * MIB
BAD = (20 * MIB + 4096, 1536)
BAD_RANGES = ({"offset": BAD[0], "bytes": BAD[1]},)


Graded = Literal["with the tag", "during the work", "afterwards", "never"]


@dataclass(frozen=True)
class DemoDrive:
    """One drive of the story, and what must come of it, one outcome for each certificate.

    `graded`: when its device gets its `grade`. With the tag or during the work, the grade stands on the certificate.
    """

    bay: str
    port: str
    serial: str
    model: str
    asset: str
    file_system: str
    outcomes: tuple[str, ...]
    bad: tuple[int, int] | None = None
    level: str = "clear"
    grade: str = ""
    graded: Graded = "never"


SANITIZES = {"speaks": "nvme", "sanitize": ["block", "crypto"], "steps": 4}
DRIVES = (
    DemoDrive(
        "A1",
        "port-1",
        "SIM-HDD-0001",
        "Spindle 48",
        "KK-004711",
        "ext4",
        ("erased",),
        grade="A",
        graded="during the work",
    ),
    DemoDrive("A2", "port-2", "SIM-HDD-0002", "Spindle 48", "KK-004712", "vfat", ("failed",), bad=BAD),
    DemoDrive(
        "A3",
        "port-3",
        "SIM-SSD-0003",
        "Cell 48",
        "KK-004713",
        "ext4",
        ("aborted", "erased"),
        grade="C",
        graded="with the tag",
    ),
    DemoDrive(
        "A4",
        "port-4",
        "SIM-NVME-0004",
        "Lane 48",
        "KK-004714",
        "vfat",
        ("erased",),
        level="purge",
        grade="B",
        graded="afterwards",
    ),
)


class Files:
    """The demo's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench = folder / "bench"
        self.state = folder / "state"
        self.scans = folder / "scans"
        self.station_toml = folder / "station.toml"
        self.collector_toml = folder / "collector.toml"
        self.collector_jwk = folder / "collector.jwk"
        self.labels = folder / "labels"
        self.certificates = self.state / "certificates"

    def clear(self) -> None:
        """Begin anew; a folder that the demo did not make is left alone."""
        if self.folder.exists() and any(self.folder.iterdir()):
            if not (self.folder / MARK).exists():
                raise DemoFailed(f"{self.folder} holds other things; name an empty folder with --out")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / MARK).touch()
        self.scans.touch()
        self.labels.mkdir()

    def image(self, drive: DemoDrive) -> Path:
        """Name the medium of a drive."""
        return self.bench / "drives" / drive.serial / "image"

    def make(self, drive: DemoDrive, mb_per_s: float) -> str:
        """Make a drive with a file system on it; returns which."""
        media_of = {"HDD": "hdd", "SSD": "ssd", "NVME": "nvme"}
        sanitizes: dict[str, Any] = {"commands": SANITIZES} if drive.level == "purge" else {}
        make_drive(
            self.bench,
            drive.serial,
            SIZE,
            model=drive.model,
            serial=drive.serial,
            media=media_of[drive.serial.split("-")[1]],
            mb_per_s=mb_per_s,
            bad=[drive.bad] if drive.bad else [],
            **sanitizes,
        )
        return media.fill(self.image(drive), kind=drive.file_system, size=SIZE)

    def plug(self, drive: DemoDrive) -> None:
        """Put the drive into its bay."""
        plug(self.bench, drive.port, drive.serial)

    def pull(self, drive: DemoDrive) -> None:
        """Take it out, whatever it does."""
        pull(self.bench, drive.port)

    def scan(self, code: str) -> None:
        """Send a code as the technician's scanner does."""
        with self.scans.open("a") as scanner:
            scanner.write(code + "\n")

    def configure(self, broker: Broker) -> None:
        """Write config/demo.toml with the broker's address, and a collector beside it.

        Its receipts alone are believed.
        """
        text = (ROOT / "config" / "demo.toml").read_text("utf-8")
        text = text.replace("port = 18830", f"port = {broker.port}").replace(
            'protocol = "5"', f'protocol = "{broker.protocol}"'
        )
        text += f'collector_keys = ["{self.collector_jwk.name}"]\n'  # its [mqtt] table is the last
        self.station_toml.write_text(text, "utf-8")
        self.collector_toml.write_text(
            f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\nprotocol = "{broker.protocol}"\n', "utf-8"
        )
