"""A real systemd as the first process of namespaces of its own, on a layer in memory over this machine's files.

It starts no unit but the journal and what a test asks for. Nothing of it outlives the test: files, mounts, processes
and control groups are those of the namespaces. The devices are this machine's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.patience import PROGRAM_S, SOON_S

MANAGER = Path("/lib/systemd/systemd")
TOOLS = ("unshare", "nsenter", "pivot_root", "systemctl", "systemd-sysusers", "systemd-tmpfiles")
NAMESPACES = ("--pid", "--mount", "--cgroup", "--uts", "--ipc", "--net")
# $1: a folder to stand on. $2: whose files. $3: an installation's DESTDIR. No unit of this machine's is started.
BOOT = """
set -e
mount --make-rprivate /
mount -t tmpfs layer "$1" && mkdir "$1"/files "$1"/work "$1"/root && root=$1/root
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/files,workdir=$1/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --bind /dev "$root/dev" && mount --bind /dev/pts "$root/dev/pts" && mount -t tmpfs shm "$root/dev/shm"
mount --bind /dev/null "$root/dev/console"
mount -t tmpfs run "$root/run" && mount -t tmpfs -o mode=1777 tmp "$root/tmp"
rm -rf "$root"/etc/systemd/system/* "$root"/usr/lib/systemd/system/*.wants "$root"/usr/local/lib/systemd/system/*
mkdir -p "$root/opt/benchwipe" && mount --bind "$3/opt/benchwipe" "$root/opt/benchwipe"
cp -a "$3/usr/local/." "$root/usr/local/"
rm -rf "$root/etc/benchwipe" "$root"/var/lib/benchwipe* && cp -a "$3/etc/benchwipe" "$root/etc/benchwipe"
units=$root/etc/systemd/system
printf '[Unit]\\nRequires=systemd-journald.service\\nAfter=systemd-journald.service\\n' >"$units/bench.target"
for unit in basic sysinit multi-user sockets; do printf '[Unit]\\n' >"$units/$unit.target"; done
echo be7c0000000000000000000000000002 >"$root/etc/machine-id"
cd "$root" && pivot_root . mnt && umount -l /mnt
ip link set lo up
systemd-sysusers /usr/local/lib/sysusers.d/benchwipe.conf
systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/benchwipe.conf
export -n LISTEN_FDS NOTIFY_SOCKET; export container=bench PATH=/usr/local/bin:/usr/sbin:/usr/bin
exec /lib/systemd/systemd --system --unit=bench.target --show-status=no
"""


def _control_groups() -> Path:
    """Where this machine has its unified hierarchy."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((Path(at) for _, at, kind, *_ in mounts if kind == "cgroup2"), Path("/sys/fs/cgroup"))


class NoSystemd(Exception):
    """No systemd can be started here, and why."""


class Booted:
    """systemd with an installed station; commands run within it as root, or as somebody else."""

    def __init__(self, folder: Path, destdir: Path, files: Path = Path("/")) -> None:
        """`folder`: an empty one of ours. `files`: the root that is seen in it, such as a debootstrap's."""
        self._group = _control_groups() / f"benchwipe-{os.getpid()}-{folder.name}"
        join = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
        self._argv = ["sh", "-c", join, str(self._group), "unshare", *NAMESPACES, "--fork", "--kill-child"]
        self._argv += ["bash", "-c", BOOT, "boot", str(folder), str(files), str(destdir)]
        self._said = folder.with_suffix(".log")
        self._enter: list[str] = []

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or not MANAGER.exists() or (lacking := [t for t in TOOLS if not shutil.which(t)]):
            raise NoSystemd("needs root, unshare, nsenter and systemd" if os.geteuid() else f"lacks {lacking}")
        self._group.mkdir()  # or it would share its units' groups, and their rules, with another systemd
        with self._said.open("wb") as log:
            self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait_up(self) -> None:
        until, children = (
            time.monotonic() + SOON_S,
            Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children"),
        )
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise NoSystemd(self._said.read_text(errors="replace").strip()[-300:])
            with contextlib.suppress(OSError, IndexError):
                first = children.read_text().split()[0]
                if Path(f"/proc/{first}/comm").read_text().strip() == "systemd":
                    self._enter = ["nsenter", "-t", first, "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w"]
                    if self.run("systemctl", "is-active", "bench.target").returncode == 0:
                        return
            time.sleep(0.1)
        raise NoSystemd("systemd did not come up in time")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # its child, the first process, dies with it, and all others with that one
        self._process.wait(PROGRAM_S)
        until = time.monotonic() + SOON_S  # the processes are being ended while the groups are taken away
        while self._group.exists() and time.monotonic() < until:
            for folder, _, _ in os.walk(self._group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            time.sleep(0.05)

    def run(self, *argv: str, user: str = "", given: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command within; `user`: as whom, with the groups that are theirs."""
        as_whom = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all"] if user else []
        return subprocess.run(
            [*self._enter, *as_whom, "env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin", "LANG=C.UTF-8", *argv],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=PROGRAM_S,
            check=False,
        )

    def checked(self, *argv: str, user: str = "") -> str:
        """Its standard output; it must have ended well."""
        done = self.run(*argv, user=user)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """A file within, of this text; its owner and mode stay."""
        done = self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", path, given=text)
        assert done.returncode == 0, done.stderr

    def shown(self, unit: str, *properties: str) -> dict[str, str]:
        """What systemd says of a unit."""
        lines = self.checked("systemctl", "show", unit, *(f"--property={name}" for name in properties)).splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def journal(self, unit: str) -> str:
        """All that a unit has said."""
        return self.checked("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")
