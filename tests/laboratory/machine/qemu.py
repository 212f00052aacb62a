"""One guest: QEMU's command line, and what is plugged in and pulled out while it runs.

The machine's shape is always the same, because a saved guest can only be restored into the shape that it was saved
from: two SATA disks, a state disk, fourteen USB ports, two PCIe slots for NVMe, a network that leads to the host.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.laboratory.arch import Arch
from tests.laboratory.guest.tools import BenchLacks
from tests.laboratory.machine.control import JOB_TIMEOUT_S, Control, Done, Job
from tests.laboratory.machine.qmp import Qmp, QmpError, connected
from tests.laboratory.usb.redir import Port

USB_PORTS, NVME_SLOTS = 14, 2
MEMORY_MIB = 640
CPUS = 1  # emulated, a second one costs more than it does: an erasure took half as much processor time with one
SATA_BYTES, STATE_BYTES = 8 << 20, 32 << 20
START_TIMEOUT_S, BOOT_TIMEOUT_S, SAVE_TIMEOUT_S, UNPLUG_TIMEOUT_S = 60.0, 240.0, 120.0, 60.0
APPEND = "quiet panic=-1 mitigations=off no_timer_check random.trust_cpu=on"


@dataclass(frozen=True)
class Image:
    """What a guest is made of."""

    arch: Arch
    kernel: Path
    ram_disk: Path
    root: Path
    saved: Path
    state: Path
    """An empty ext4 file system: what a station's state folder is on at first."""


@dataclass
class Disks:
    """Raw images on the host; the machine makes the ones that are not given."""

    sata: Sequence[Path] = ()
    faults: Mapping[int, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    """blkdebug rules (inject-error) of a SATA disk, by its number."""


class Machine:
    """A guest from power-on to power-off. `folder` holds its sockets, disks and what QEMU and the kernel said."""

    def __init__(self, image: Image, disks: Disks | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bw-bench-"))
        self._image, self._disks = image, disks or Disks()
        self._process: subprocess.Popen[bytes] | None = None
        self.ports = {number: Port(self.folder / f"usb{number}") for number in range(1, USB_PORTS + 1)}
        self.sata = [
            self._disks.sata[n] if n < len(self._disks.sata) else self._blank(f"sata{n}.img", SATA_BYTES)
            for n in range(2)
        ]
        self.state = self.folder / "state.img"
        shutil.copyfile(image.state, self.state)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- power -------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """From the kernel on, until the agent says hello."""
        self._start([])
        end = time.monotonic() + BOOT_TIMEOUT_S
        while not self.control.hello.wait(0.25):
            if time.monotonic() > end or not self.alive:
                raise BenchLacks(f"the guest did not come up: {self.said()}")

    def restore(self) -> None:
        """Where it was saved."""
        self._start(["-incoming", f"exec:cat {self._image.saved}"])
        end = time.monotonic() + START_TIMEOUT_S
        while self.qmp.execute("query-status")["status"] == "inmigrate":
            if time.monotonic() > end:
                raise BenchLacks(f"the saved guest could not be restored: {self.said()}")
            time.sleep(0.005)
        self.qmp.execute("cont")
        self.python(f"import time; time.clock_settime(time.CLOCK_REALTIME, {time.time():.3f})").checked()

    def save(self, path: Path) -> None:
        """Stop it and write it down; it is of no use afterwards."""
        self.qmp.execute("stop")
        self.qmp.execute("migrate", uri=f"exec:cat > {path}")
        end = time.monotonic() + SAVE_TIMEOUT_S
        while (state := self.qmp.execute("query-migrate")["status"]) != "completed":
            if state in ("failed", "cancelled") or time.monotonic() > end:
                raise BenchLacks(f"the guest could not be saved: {state}")
            time.sleep(0.05)

    def cut_power(self) -> None:
        """As when the plug is pulled: nothing in the guest ends in order. Its disks stay."""
        for port in self.ports.values():
            port.unplug()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.control.close()
            with contextlib.suppress(OSError):
                self.qmp.close()

    def close(self) -> None:
        """The power off, and nothing left behind."""
        self.cut_power()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def alive(self) -> bool:
        """Whether QEMU runs."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """The end of what QEMU and the guest's console said."""
        texts = [(self.folder / name) for name in ("qemu.log", "console.log")]
        return "".join(path.read_text(errors="replace")[-1500:] for path in texts if path.exists())

    # --- in the guest ------------------------------------------------------------------------------------------

    def run(self, *argv: str, timeout: float = JOB_TIMEOUT_S) -> Done:
        """A program, until it ends."""
        return self.control.start(argv=list(argv)).wait(timeout)

    def sh(self, command: str, timeout: float = JOB_TIMEOUT_S) -> Done:
        """A line of shell."""
        return self.run("sh", "-c", command, timeout=timeout)

    def python(self, code: str, timeout: float = JOB_TIMEOUT_S) -> Done:
        """Python source, in a fork of the agent."""
        return self.control.start(code=code).wait(timeout)

    def start(self, *argv: str, env: Mapping[str, str] | None = None) -> Job:
        """`benchwipe ARGV...`, as installed: its entry point, in a fork of the agent."""
        return self.control.start(call="agent.cli:main", argv=["benchwipe", *argv], env=dict(env or {}))

    def benchwipe(self, *argv: str, timeout: float = JOB_TIMEOUT_S) -> Done:
        """The same, until it ends."""
        return self.start(*argv).wait(timeout)

    def wait_there(self, pattern: str, *, known: Iterable[str] = (), timeout: float = JOB_TIMEOUT_S) -> str:
        """Until there is a device of this name that is not known, and udev is done with it; its node. TimeoutError."""
        return self._wait("there", pattern, *known, timeout=timeout).splitlines()[0]

    def wait_gone(self, pattern: str, timeout: float = JOB_TIMEOUT_S) -> None:
        """Until there is nothing of this name. TimeoutError."""
        self._wait("gone", pattern, timeout=timeout)

    def _wait(self, wanted: str, pattern: str, *known: str, timeout: float) -> str:
        """guest/waiting.py: whoever waits there takes next to nothing of the one processor from what is waited for."""
        argv = ["waiting", f"{timeout:.1f}", wanted, pattern, *known]
        done = self.control.start(call="waiting:main", argv=argv).wait(2 * timeout)
        if done.rc:
            raise TimeoutError(f"{pattern} is not {wanted}: {done.err}\n{self.sh('dmesg | tail -n 30').out}")
        return done.out

    def wait_until(self, command: str, timeout: float = JOB_TIMEOUT_S) -> str:
        """Until a line of shell succeeds; what it says then. TimeoutError."""
        end = time.monotonic() + timeout
        while (done := self.sh(command)).rc:
            if time.monotonic() > end:
                raise TimeoutError(f"{command}: {done.out}{done.err}\n{self.sh('dmesg | tail -n 30').out}")
            time.sleep(0.03)
        return done.out

    # --- hot-plug ----------------------------------------------------------------------------------------------

    def plug_nvme(self, slot: int, image: Path, *, serial: str, faults: Sequence[Mapping[str, object]] = ()) -> None:
        """QEMU's own NVMe drive into a PCIe slot (1 or 2)."""
        name = f"nvme{slot}"
        block: dict[str, object] = {"driver": "file", "filename": str(image)}
        if faults:
            block = {"driver": "blkdebug", "image": block, "inject-error": list(faults)}
        self.qmp.execute("blockdev-add", **{"driver": "raw", "node-name": f"b{name}", "file": block})
        self.qmp.execute("device_add", driver="nvme", id=name, drive=f"b{name}", serial=serial, bus=f"slot{slot}")

    def unplug_nvme(self, slot: int) -> None:
        """Pull it out of its slot."""
        name = f"nvme{slot}"
        self.qmp.execute("device_del", id=name)
        self.qmp.wait_event("DEVICE_DELETED", device=name, timeout=UNPLUG_TIMEOUT_S)
        self.qmp.execute("blockdev-del", **{"node-name": f"b{name}"})

    def plug_scsi(self, slot: int, image: Path, *, serial: str) -> None:
        """QEMU's own SCSI disk, behind a virtio-scsi controller in a PCIe slot (1 or 2)."""
        name = f"scsi{slot}"
        file = {"driver": "file", "filename": str(image)}
        self.qmp.execute("blockdev-add", **{"driver": "raw", "node-name": f"b{name}", "file": file})
        self.qmp.execute("device_add", driver="virtio-scsi-pci", id=name, bus=f"slot{slot}")
        self.qmp.execute(
            "device_add", driver="scsi-hd", id=f"d{name}", drive=f"b{name}", serial=serial, bus=f"{name}.0"
        )

    # --- QEMU --------------------------------------------------------------------------------------------------

    def _start(self, more: list[str]) -> None:
        for stale in self.folder.glob("usb*"):
            stale.unlink()
        with (self.folder / "qemu.log").open("ab") as log:
            # --pdeathsig: a QEMU must not outlive tests that are killed.
            command = ["setpriv", "--pdeathsig", "KILL", *self._command(), *more]
            try:
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            except FileNotFoundError as error:
                raise BenchLacks(f"{error.filename} is missing; `make bench` installs what the bench needs") from None
        is_alive = self._process.poll
        try:
            self.qmp = Qmp(connected(self.folder / "qmp", lambda: is_alive() is None, START_TIMEOUT_S))
            self.control = Control(connected(self.folder / "control", lambda: is_alive() is None, START_TIMEOUT_S))
        except QmpError as error:
            raise BenchLacks(f"{error}: {self.said()}") from None

    def _command(self) -> list[str]:
        image, folder = self._image, self.folder
        append = f"console={image.arch.console} {APPEND} {image.arch.environment}"
        command = [image.arch.qemu, *image.arch.board, "-accel", "tcg,thread=multi"]
        command += ["-m", str(MEMORY_MIB), "-smp", str(CPUS)]
        command += ["-display", "none", "-no-user-config", "-nodefaults", "-no-reboot"]
        command += ["-kernel", str(image.kernel), "-initrd", str(image.ram_disk), "-append", append]
        command += ["-serial", f"file:{folder}/console.log", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        command += ["-device", "virtio-serial-pci", "-device", "virtio-rng-pci"]
        command += ["-chardev", f"socket,id=control,path={folder}/control,server=on,wait=off"]
        command += ["-device", "virtserialport,chardev=control,name=benchwipe.control"]
        command += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,mac=52:54:00:be:7c:01"]
        # "unsafe": a power cut kills QEMU, and what QEMU has written is in the host's cache by then. Nothing is lost.
        for name, path, extra in (("root", image.root, ",readonly=on"), ("state", self.state, ",cache=unsafe")):
            command += ["-drive", f"file={path},format=raw,if=none,id={name}{extra}"]
            command += ["-device", f"virtio-blk-pci,drive={name},serial={name}"]
        for number, path in enumerate(self.sata):
            command += [
                *self._sata_drive(number, path),
                "-device",
                f"ide-hd,bus=ide.{number},drive=sata{number},serial=QEMU-SATA-{number}",
            ]
        command += ["-device", f"qemu-xhci,id=xhci,p2={USB_PORTS},p3={USB_PORTS}"]
        for number in self.ports:
            command += ["-chardev", f"socket,id=usb{number},path={folder}/usb{number},server=on,wait=off"]
            command += ["-device", f"usb-redir,chardev=usb{number},bus=xhci.0,port={number}"]
        for slot in range(1, NVME_SLOTS + 1):
            command += ["-device", f"pcie-root-port,id=slot{slot},slot={slot},chassis={slot}"]
        return command

    def _sata_drive(self, number: int, path: Path) -> list[str]:
        """A raw file; blkdebug stands over it where faults are asked for."""
        rules = self._disks.faults.get(number, ())
        if not rules:
            return ["-drive", f"file={path},format=raw,if=none,id=sata{number}"]
        words = [f"inject-error.{n}.{key}={value}" for n, rule in enumerate(rules) for key, value in rule.items()]
        return [
            "-drive",
            f"driver=blkdebug,image.driver=file,image.filename={path},if=none,id=sata{number},{','.join(words)}",
        ]

    def _blank(self, name: str, size: int) -> Path:
        path = self.folder / name
        with path.open("wb") as file:
            file.truncate(size)
        return path
