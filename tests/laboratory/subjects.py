"""A drive of each kind, as the table of techniques needs them: plugged in, held at work, made to fail, looked at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from firmware_bridge import scsi
from tests.agent.mosquitto import wait_until
from tests.laboratory.models.ata import ALL_FEATURES, AtaDrive
from tests.laboratory.models.eraser import Ending, Eraser
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sas import SasDrive
from tests.laboratory.models.sat import Bridge, SatTarget
from tests.laboratory.rig import Rig

SIZE = 8 << 10  # 16 blocks: the firmware techniques look at up to 2,002 places, one by one, three times
WORK_S = 0.05  # how long an erasure takes where nothing holds it
AT_WORK_S = 60.0


class Subject(ABC):
    """One drive and its medium."""

    medium: Medium
    eraser: Eraser

    @abstractmethod
    def plug(self, rig: Rig) -> str:
        """Its device."""

    @abstractmethod
    def unplug(self, rig: Rig) -> None:
        """Pull it out: it loses its power."""

    def ends(self, ending: Ending) -> None:
        """How its own erasures end."""
        self.eraser.ending = ending
        self.eraser.spared = range(self.medium.blocks // 2, self.medium.blocks // 2 + 8)

    def hold(self) -> None:
        """Its erasures get half-way and no further."""
        self.eraser.held = True

    def release(self) -> None:
        """They go on."""
        self.eraser.held = False

    def wait_at_work(self) -> None:
        """Until an erasure is under way."""
        wait_until(self.at_work, "the drive is at work", AT_WORK_S)

    def at_work(self) -> bool:
        """Whether one is."""
        return self.eraser.state == "running"

    @abstractmethod
    def looks(self) -> int:
        """How often it was asked how its sanitize stands."""

    def hidden_secrets(self) -> bool:
        """Whether what it does not show still holds data."""
        return False


class AtaSubject(Subject):
    """In a USB dock."""

    def __init__(
        self, technique: str, *, bridge: Bridge | None = None, features: frozenset[str] = ALL_FEATURES
    ) -> None:
        self.medium = Medium(SIZE)
        rotation = 7200 if "overwrite" in technique else 1
        self.drive = AtaDrive(self.medium, serial="BW-ATA-1", features=features, rotation=rotation)
        self.target = SatTarget(self.drive, bridge)
        self.eraser = self.drive.eraser
        self.eraser.seconds = WORK_S
        self._security = "secure-erase" in technique

    def plug(self, rig: Rig) -> str:
        """Into port 1."""
        return rig.dock(1, self.target)

    def unplug(self, rig: Rig) -> None:
        """Out of it."""
        rig.machine.ports[1].unplug()

    def hold(self) -> None:
        """SECURITY ERASE UNIT holds its command; SANITIZE goes on behind it."""
        if self._security:
            self.drive.released.clear()
        else:
            super().hold()

    def release(self) -> None:
        """Both."""
        super().release()
        self.drive.released.set()

    def at_work(self) -> bool:
        """Its log says whether the erase has come."""
        return any(c.command == 0xF4 for c in self.drive.log) if self._security else super().at_work()

    def looks(self) -> int:
        """SANITIZE STATUS EXT."""
        return sum((c.command, c.feature) == (0xB4, 0) for c in self.drive.log)

    def hidden_secrets(self) -> bool:
        """Behind an HPA."""
        shown = self.drive.sizes.shown * self.medium.block_bytes
        return any(self.medium.data[shown:])


class SasSubject(Subject):
    """Behind TCMU."""

    def __init__(self) -> None:
        self.medium = Medium(SIZE)
        self.drive = SasDrive(self.medium, serial="BW-SAS-1")
        self.eraser = self.drive.eraser
        self.eraser.seconds = WORK_S
        self._plugged = 0
        self._name = ""

    def plug(self, rig: Rig) -> str:
        """A new one each time: the kernel does not let go of the old one at once."""
        self._plugged += 1
        self._name = f"bay{self._plugged}"
        return rig.sas(self._name, self.drive)

    def unplug(self, rig: Rig) -> None:
        """The host hangs up."""
        rig.unplug(self._name)

    def looks(self) -> int:
        """REQUEST SENSE as we ask it; smartctl asks otherwise."""
        return sum(c.cdb == scsi.request_sense() for c in self.drive.log)


class NvmeSubject(Subject):
    """On the network."""

    def __init__(self, technique: str) -> None:
        self.medium = Medium(SIZE)
        self.drive = NvmeDrive(self.medium, serial="BW-NVME-1")
        self.eraser = self.drive.eraser
        self.eraser.seconds = WORK_S
        self._format = "format" in technique

    def plug(self, rig: Rig) -> str:
        """Connect."""
        self.eraser.power(on=True)
        return rig.nvme(self.drive)

    def unplug(self, rig: Rig) -> None:
        """Hang up."""
        rig.unplug(self.drive.serial)
        self.drive.power_cycle()
        rig.machine.wait_gone("/dev/nvme?n?")

    def ends(self, ending: Ending) -> None:
        """Format has an ending of its own."""
        super().ends(ending)
        if self._format:
            self.drive.format_ending = ending
            self.eraser.spared = self.eraser.spared if ending == "spares" else range(0)

    def hold(self) -> None:
        """Format holds its command; Sanitize goes on behind it."""
        if self._format:
            self.drive.released.clear()
        else:
            super().hold()

    def release(self) -> None:
        """Both."""
        super().release()
        self.drive.released.set()

    def at_work(self) -> bool:
        """Its log says whether the Format has come."""
        return any(r.opcode == 0x80 for r in self.drive.log) if self._format else super().at_work()

    def looks(self) -> int:
        """Get Log Page 81h."""
        return sum((r.opcode, r.cdw10 & 0xFF) == (0x02, 0x81) for r in self.drive.log)


def subject(technique: str) -> Subject:
    """A drive for this technique."""
    makers: dict[str, Callable[[], Subject]] = {
        "ata": lambda: AtaSubject(technique),
        "scsi": SasSubject,
        "nvme": lambda: NvmeSubject(technique),
    }
    return makers[technique.partition("-")[0]]()
