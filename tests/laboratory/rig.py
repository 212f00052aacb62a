"""A restored guest with drives in it, and what comes of erasing them, held against their media on the host."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.certificate import verify
from agent.certificates.jws import public_key_from_jwk, thumbprint
from agent.certificates.record import Record
from agent.commands.work.bay_rules import UNWATCHED
from tests.laboratory.machine.control import JOB_TIMEOUT_S, Done, GuestGone, Job
from tests.laboratory.machine.qemu import Disks, Image, Machine
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sas import SasDrive
from tests.laboratory.models.target import ScsiTarget
from tests.laboratory.nvme_tcp import NvmeTarget
from tests.laboratory.relay import Relay
from tests.laboratory.usb.storage import Dock

STATE = "/state"
LET_GO = """
import glob
for path in glob.glob("/sys/class/nvme/*/delete_controller"):
    with open(path, "w") as file:
        file.write("1")
"""
"""What `nvme disconnect-all` does: a controller whose host hangs up would be asked for again for two seconds."""
HOST_NQN = "nqn.2014-08.org.nvmexpress:uuid:be7c0000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Ended:
    """What `benchwipe erase --json` said of one device, with its certificate verified on the host."""

    status: int
    outcome: str
    reason: str
    record: Record | None
    raw: dict[str, Any] = field(default_factory=dict)
    said: str = ""


class Rig:
    """A guest and its drives. Whatever happens, nothing is left behind."""

    def __init__(self, image: Image, disks: Disks | None = None) -> None:
        self._stack = ExitStack()
        self.machine = Machine(image, disks)
        self._unplug: dict[str, Callable[[], None]] = {}
        self._names = itertools.count(1)
        self._stays = False
        self._key: Ed25519PublicKey | None = None

    def __enter__(self) -> Self:
        self._stack.enter_context(self.machine)
        self.power_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Its end."""
        self._unplug_all()
        self._stack.close()

    # --- power -------------------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """The station comes up; its state folder is on the state disk, which outlives power cuts."""
        self.machine.restore()
        self.machine.run("mount", "-t", "ext4", "/dev/vdb", STATE).checked()

    def cut_power(self) -> None:
        """The whole station loses its power. Drives are plugged in anew afterwards."""
        self._unplug_all()
        self.machine.cut_power()

    def clear(self) -> list[str]:
        """Unplug everything and forget the station's state; what is left all the same. Nothing: the guest is as new.

        The guest is asked (guest/leftovers.py) for whatever a test could have left there. Only the disks that the
        machine always has are looked at here: nothing may have been written to them.
        """
        if self._stays:
            return ["a second maker's disk"]
        self._key = None
        for port in self.machine.ports.values():
            port.unplug()
        try:
            self.machine.python(LET_GO).checked()
            self._unplug_all()
            done = self.machine.control.start(call="leftovers:main", argv=["leftovers", "clear"]).wait()
        except (AssertionError, GuestGone, OSError) as error:
            return [repr(error)]
        written = [f"written to: {path.name}" for path in self.machine.sata if path.stat().st_blocks]
        return done.out.splitlines() + done.err.splitlines() + written

    def _unplug_all(self) -> None:
        for unplug in self._unplug.values():
            unplug()
        self._unplug.clear()

    # --- drives ------------------------------------------------------------------------------------------------

    def dock(self, port: int, target: ScsiTarget, *, serial: str = "000000000001") -> str:
        """A drive in a USB dock; its device, once udev is done with it."""
        self.machine.ports[port].plug(Dock(target, serial=serial))
        return self.machine.wait_there(f"/dev/disk/by-path/*-usb-0:{port}:1.0-scsi-0:0:0:0")

    def usb_path(self, port: int) -> str:
        """The name that udev gives a disk in this port; where the guest's host controller stands is asked."""
        found = self.machine.sh("ls -d /sys/bus/pci/drivers/xhci_hcd/0000:*").checked().out.split()[0]
        return f"pci-{Path(found).name}-usb-0:{port}:1.0-scsi-0:0:0:0"

    def unwatched(self) -> None:
        """From now on udev does with drives as with those in a station's bays: at a close, nothing."""
        rule = f'SUBSYSTEM=="block", {UNWATCHED}'
        folder = "/run/udev/rules.d"
        self.machine.sh(
            f"mkdir -p {folder} && echo {shlex.quote(rule)} >{folder}/59-bench.rules && udevadm control --reload"
        ).checked()

    def sata(self, number: int) -> str:
        """QEMU's own SATA drive, by the serial that it was given: the kernel finds them in any order."""
        return self.machine.wait_there(f"/dev/disk/by-id/ata-QEMU_HARDDISK_QEMU-SATA-{number}")

    def sas(self, name: str, drive: SasDrive) -> str:
        """A SAS drive; its device. The guest knows each by a name of its own, because it does not let go at once."""
        before = self._disks()
        relay = Relay(drive)
        argv = [
            "tcmu",
            f"{name}-{next(self._names)}",
            str(drive.blocks * drive.medium.block_bytes),
            str(drive.medium.block_bytes),
        ]
        self.machine.control.start(call="tcmu:main", argv=[*argv, str(relay.port)]).wait_for("serving")
        self._unplug[name] = relay.unplug
        return self._new_disk(before, "/dev/sd?")

    def qemu_scsi(self, image: Path, *, serial: str) -> str:
        """QEMU's own SCSI disk, which nobody takes out again; its device."""
        self._stays = True
        before = self._disks()
        self.machine.plug_scsi(2, image, serial=serial)
        return self._new_disk(before, "/dev/sd?")

    def scsi_debug(self, **settings: int) -> str:
        """The kernel's own stand-in for a SCSI disk, as it is loaded with these settings, for good; its device."""
        self._stays = True
        before = self._disks()
        words = " ".join(f"{name}={value}" for name, value in settings.items())
        self.machine.sh(f"modprobe scsi_debug {words}").checked()
        return self._new_disk(before, "/dev/sd?")

    def nvme(self, drive: NvmeDrive) -> str:
        """An NVMe drive on the network; its namespace's device."""
        before = self._disks()
        target = NvmeTarget(drive)
        self._unplug[drive.serial] = target.unplug
        self.machine.sh(
            f"nvme connect -t tcp -a 10.0.2.2 -s {target.port} -n {drive.subsystem} -q {HOST_NQN} --nr-io-queues=1"
            " --ctrl-loss-tmo=2 --reconnect-delay=1"
        ).checked()
        return self._new_disk(before, "/dev/nvme?n?")

    def unplug(self, name: str) -> None:
        """Pull a SAS or NVMe drive out."""
        self._unplug.pop(name)()

    def _disks(self) -> set[str]:
        code = "import glob; print(*glob.glob('/dev/sd?'), *glob.glob('/dev/nvme?n?'))"
        return set(self.machine.python(code).checked().out.split())

    def _new_disk(self, before: set[str], pattern: str) -> str:
        return self.machine.wait_there(pattern, known=before)

    # --- erasing -----------------------------------------------------------------------------------------------

    def start_erase(self, device: str, method: str, *more: str) -> Job:
        """`benchwipe erase`, under way."""
        argv = ["erase", device, "--method", method, "--state-dir", STATE, "--certificate-dir", f"{STATE}/out"]
        return self.machine.start(*argv, "--yes", "--json", *more)

    def erase(self, device: str, method: str, *more: str, timeout: float = JOB_TIMEOUT_S) -> Ended:
        """`benchwipe erase`, to its end."""
        return self.ended(self.start_erase(device, method, *more).wait(timeout))

    def ended(self, done: Done) -> Ended:
        """Its one row; the certificate is verified with the key that the guest prints."""
        said = f"{done.out}\n{done.err}"
        assert done.out.lstrip().startswith("{"), f"exit status {done.rc}, no JSON: {said}"
        row = json.loads(done.out)["results"][0]
        record = self.certificate(row["certificate_file"]) if row.get("certificate_file") else None
        assert record is None or record.outcome == row["outcome"]
        return Ended(done.rc, row["outcome"], row.get("reason") or "", record, row, said)

    def certificate(self, path: str) -> Record:
        """Verified on the host."""
        compact = self.machine.run("cat", path).checked().out.strip().encode()
        if self._key is None:
            shown = self.machine.benchwipe("key", "show", "--state-dir", STATE).checked().out
            self._key = public_key_from_jwk(json.loads(shown))
        return verify(compact, {thumbprint(self._key): self._key}).record

    def certificates(self, folder: str = f"{STATE}/certificates") -> list[Record]:
        """All of a folder's."""
        names = self.machine.sh(f"ls {shlex.quote(folder)}/*.jws 2>/dev/null").out.split()
        return [self.certificate(name) for name in names]


def secret_file(path: Path, size: int) -> Path:
    """A medium full of secrets, as a file for QEMU's own drives."""
    from tests.laboratory.models.medium import SECRET

    path.write_bytes(SECRET * (size // len(SECRET)))
    return path
