"""The station as it is installed, in the guest: the shipped units under a real systemd, with all of their sandbox.

systemd is the first process of a namespace of its own; kernel, udev, `/run` and the file systems are the guest's.
Units, rules and settings stand where scripts/install.sh puts them. What is not an installation's: the programs under
/opt/benchwipe run what the guest has of the code under test (guest/root.py), and `STRICT` stands over the unit.
"""

from __future__ import annotations

import json
import re
import sys
import sysconfig
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.certificates.record import Record
from tests.agent.mosquitto import Mosquitto
from tests.agent.uplink.fake_collector import FakeCollector
from tests.laboratory.guest.root import REPOSITORY
from tests.laboratory.machine.control import Done
from tests.laboratory.machine.qemu import Image
from tests.laboratory.rig import STATE, Rig
from tests.patience import PROGRAM_S

UNIT, CONFIG, HOME = "benchwipe.service", "/etc/benchwipe/station.toml", "/var/lib/benchwipe"
UNITS = "/etc/systemd/system"
PLACES = re.findall(r"^    \[([\w.@-]+)\]=(\S+/\S+)$", (REPOSITORY / "scripts/install.sh").read_text(), re.MULTILINE)
PROGRAMS = {
    "benchwipe": "agent.cli",
    "benchwipe-uses": "drivers.drives.uses_helper",
    "benchwipe-clock": "agent.certificates.clock_program",
}
# This machine's interpreter may stand in somebody's home, which the unit does not see.
INTERPRETER = "/opt/interpreter"
PROGRAM = f"""\
#!/bin/sh
LD_LIBRARY_PATH={INTERPRETER}/lib exec {INTERPRETER}/bin/python{sysconfig.get_python_version()} -I -S -c 'import sys
sys.path[:0] = open("/etc/bench-python-path").read().split()
sys.argv[0] = "{{name}}"
from {{module}} import main
sys.exit(main())' "$@"
"""
STRICT = """
[Service]
# A call that the filter forbids ends the daemon instead of failing: what is caught somewhere shows too.
SystemCallErrorNumber=kill
Restart=no
# Emulated, beside other work.
TimeoutStartSec=infinity
WatchdogSec=300
"""
RULES = """
# A port for drives that have none that udev knows: modelled SAS and NVMe drives come by way of the network.
SUBSYSTEM=="block", ENV{DEVTYPE}=="disk", KERNELS=="tcm_loop_adapter_*", ENV{ID_PATH}="bench-sas"
SUBSYSTEM=="block", ENV{DEVTYPE}=="disk", KERNEL=="nvme*", ATTRS{serial}=="BENCH-*", ENV{ID_PATH}="$attr{serial}"
# What the package i2c-tools brings.
SUBSYSTEM=="i2c-dev", GROUP="i2c", MODE="0660"
"""
WRITE = """
import json, os, sys
for path, (text, mode) in json.load(sys.stdin).items():
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
"""
# In a container, as it believes, systemd leaves kernel settings, consoles and file systems of the machine alone.
BOOT = f"""
set -e
chmod 0755 /run
mkdir -p {HOME} {INTERPRETER}
mount --bind {sys.base_prefix} {INTERPRETER}
mount --bind {STATE} {HOME}
mount -t cgroup2 cgroup2 /sys/fs/cgroup
systemd-sysusers /usr/local/lib/sysusers.d/benchwipe.conf
systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/benchwipe.conf
modprobe -a $(grep -v '^#' /usr/local/lib/modules-load.d/benchwipe.conf) i2c-tiny-usb usbhid hid-generic evdev
udevadm control --reload
export container=bench
exec unshare --pid --mount --fork --kill-child sh -c '
mount -t proc proc /proc
exec /lib/systemd/systemd --system --unit=bench.target --show-status=no'
"""
TARGET = "[Unit]\nRequires=systemd-journald.service\nAfter=systemd-journald.service\n"


class Service:
    """A guest with systemd and an installed station, a broker and a collector on the host."""

    def __init__(self, image: Image, folder: Path) -> None:
        self.rig = Rig(image)
        self.broker = Mosquitto(folder / "broker")
        self._enter: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self.broker.start()
        self.collector = FakeCollector(self.broker.port)
        self.collector.ready()
        self.collector.presence("bench", online=True)
        self.rig.__enter__()
        self._install()
        self._boot()
        return self

    def _boot(self) -> None:
        """systemd, until it has come up; who talks to it must be in its namespaces."""
        boot = self.rig.machine.control.start(argv=["sh", "-c", BOOT])
        first = self.rig.machine.wait_until("grep -lx systemd /proc/[0-9]*/comm", PROGRAM_S).split("/")[2]
        self._enter = ("nsenter", "-t", first, "-m", "-p")
        until = time.monotonic() + PROGRAM_S
        while self.systemctl("is-active", "bench.target").rc:
            waits = not boot.ended and time.monotonic() < until
            assert waits, f"systemd is not up: {boot.text('out')}{boot.text('err')}"
            time.sleep(0.2)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rig.__exit__(kind, error, trace)
        self.collector.close()
        self.broker.kill()

    def _install(self) -> None:
        files = {f"/usr/local/lib/{at}": (REPOSITORY / "systemd" / name).read_text() for name, at in PLACES}
        files |= {f"{UNITS}/{name}.target": "[Unit]\n" for name in ("basic", "sysinit", "multi-user", "sockets")}
        files |= {f"{UNITS}/bench.target": TARGET, f"{UNITS}/{UNIT}.d/strict.conf": STRICT}
        files |= {"/run/udev/rules.d/58-bench.rules": RULES}
        programs = {
            f"/opt/benchwipe/bin/{name}": PROGRAM.format(name=name, module=module) for name, module in PROGRAMS.items()
        }
        self.write(files)
        self.write(programs, mode=0o755)

    def write(self, files: dict[str, str], *, mode: int = 0o644) -> None:
        """Files of root's in the guest."""
        given = json.dumps({path: (text, mode) for path, text in files.items()}).encode()
        self.rig.machine.control.start(code=WRITE, stdin=given).wait().checked()

    def start(self, config: str) -> None:
        """`systemctl start`, with this configuration."""
        self.write({CONFIG: config})
        self.rig.machine.run("systemd-tmpfiles", "--create", "--prefix=/etc/benchwipe").checked()
        done = self.systemctl("start", UNIT)
        assert done.rc == 0, done.err + self.journal()

    def systemctl(self, *argv: str) -> Done:
        """As root."""
        return self.rig.machine.run(*self._enter, "systemctl", *argv, timeout=PROGRAM_S)

    def shown(self, unit: str, *properties: str) -> dict[str, str]:
        """What systemd says of a unit."""
        lines = self.systemctl("show", unit, *(f"--property={name}" for name in properties)).checked().out.splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def journal(self) -> str:
        """All that our units have said, and systemd of them."""
        return self.rig.machine.run("journalctl", "--no-pager", "--output=cat", "--unit=*benchwipe*").out

    def status(self) -> dict[str, Any]:
        """What the daemon says of itself."""
        done = self.rig.machine.benchwipe("status", "--json", "--config", CONFIG, "--state-dir", HOME)
        assert done.rc == 0, done.err + self.journal()
        answer: dict[str, Any] = json.loads(done.out)
        return answer

    def process(self, pid: str) -> dict[str, str]:
        """What the kernel says of one, proc_pid_status(5)."""
        lines = self.rig.machine.run(*self._enter, "cat", f"/proc/{pid}/status").checked().out.splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def wait_finished(self, *bays: str) -> None:
        """Until these bays have, as the broker hears: to ask the daemon costs the one emulated processor more."""
        until = time.monotonic() + PROGRAM_S
        for bay in bays:
            while (self.collector.last(f"er/1/bench-vm/bay/{bay}/state") or {}).get("state") != "finished":
                assert time.monotonic() < until, f"{self.status()}\n{self.journal()}"
                time.sleep(0.05)

    def certificates(self) -> dict[str, Record]:
        """By the drive's serial number; each verified on the host."""
        return {str(record.drive.serial): record for record in self.rig.certificates()}
