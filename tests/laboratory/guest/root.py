"""The guest's root: programs with their libraries, Python with what benchwipe imports, udev, some kernel modules.

Made of this machine's own files, without a network, in a few seconds, or of the packages of another architecture
(packages.py); a squashfs, under a layer in memory.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.laboratory.guest.kernel import version_of
from tests.laboratory.guest.tools import BenchLacks, run

REPOSITORY = Path(__file__).resolve().parents[3]
PYTHON = "opt/python"
"""Where the distributions are that benchwipe requires."""
PROJECT = ("agent", "drivers", "firmware_bridge")
RULES = REPOSITORY / "systemd" / "60-benchwipe.rules"


def words(text: str) -> tuple[str, ...]:
    """A list that is long enough to be written as text."""
    return tuple(text.split())


PROGRAMS = words("""
    nvme hdparm smartctl blkdiscard blockdev lsblk dmsetup udevadm modprobe rmmod lsmod kmod mount umount mkfs.ext4 ip
    sg_inq sg_sanitize sg_format sg_raw sg_requests sg_turs sg_opcodes sg_sat_identify sg_readcap sg_vpd
    sh cat ls dd sync sleep ps kill dmesg head tail grep sed date mountpoint readlink stat mkdir rm cp chmod true
    systemctl journalctl systemd-sysusers systemd-tmpfiles unshare nsenter
""")
MODULES = words("""
    virtio_pci virtio_console virtio_blk virtio_net virtio_scsi virtio-rng overlay squashfs ext4 ahci nvme nvme-tcp
    sd_mod sg xhci-pci usb-storage uas usblp usbhid hid-generic evdev uinput cdc-acm ftdi_sio i2c-dev i2c-tiny-usb
    dm-mod dm-flakey dm-delay scsi_debug target_core_user tcm_loop loop configfs
""")
EARLY = words("virtio_pci virtio_console virtio_blk squashfs overlay configfs")
"""What the root needs before it is there: these stand in the initial RAM disk."""
FOLDERS = words("""
    usr/bin usr/sbin usr/lib usr/lib64 etc dev proc sys run rw tmp var/tmp var/log var/lib root mnt opt/bench state
""")


class Root:
    """A folder that becomes the guest's root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._done: set[str] = set()
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(f"usr/{name}")

    def put(self, path: str) -> None:
        """A file of this machine, with what links to it resolved, in the same place."""
        if path in self._done or not os.path.exists(path):
            return
        self._done.add(path)
        place = Path(os.path.realpath(os.path.dirname(path))) / os.path.basename(path)
        target = self.folder / str(place).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(os.path.realpath(path), target)

    def put_with_libraries(self, paths: Iterable[str]) -> None:
        """Programs or shared objects, and every shared object that they are linked with."""
        paths = [path for path in paths if os.path.exists(path)]
        for path in paths:
            self.put(path)
        for at in range(0, len(paths), 50):
            listed = run(["ldd", *paths[at : at + 50]], ok=True)
            for library in re.findall(r"(/\S+\.so\S*) \(0x", listed):
                self.put(library)

    def put_tree(self, source: Path, place: str, *, leave: tuple[str, ...] = ()) -> None:
        """A folder, under another name."""
        ignore = shutil.ignore_patterns(*leave)
        shutil.copytree(source, self.folder / place, symlinks=True, dirs_exist_ok=True, ignore=ignore)

    def compile(self, *places: str) -> None:
        """Bytecode of all modules below these, where this Python makes the guest's: emulated, ten times slower."""
        if f"python{sysconfig.get_python_version()}" != os.path.basename(os.readlink(self.folder / "usr/bin/python3")):
            return
        argv = [sys.executable, "-m", "compileall", "-q", "-j0", "-s", str(self.folder), "-p", "/"]
        run([*argv, *(str(self.folder / place) for place in places)], ok=True)


def build(folder: Path, kernel: Path, base: Path | None) -> None:
    """Fill the folder: of this machine's files, or of `base`, another architecture's."""
    if base is not None:
        shutil.copytree(base, folder, symlinks=True)
    root = Root(folder)
    if base is None:
        _programs(root)
        _udev(root)
        _systemd(root)
        _python(root)
    _modules(root, kernel)
    for name in PROJECT:
        root.put_tree(REPOSITORY / name, f"opt/benchwipe/{name}")
    for name in ("agent.py", "leftovers.py", "tcmu.py", "waiting.py"):
        if (source := Path(__file__).parent / name).exists():
            shutil.copy2(source, folder / "opt" / "bench" / name)
    (folder / "etc" / "bench-python-path").write_text("\n".join(["/opt/benchwipe", "/opt/bench", f"/{PYTHON}"]))
    root.compile("opt")
    _etc(folder)
    if base is None:  # another architecture's loader looks into Debian's folders without a cache
        _library_paths(folder)


def _programs(root: Root) -> None:
    found = {name: shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") for name in PROGRAMS}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise BenchLacks(f"programs for the guest are missing: {', '.join(missing)}; `make bench` installs them")
    root.put_with_libraries(path for path in found.values() if path is not None)


def _udev(root: Root) -> None:
    """The real udev, with all of the distribution's rules and ours."""
    root.put_with_libraries(["/lib/systemd/systemd-udevd", *map(str, Path("/usr/lib/udev").glob("*_id"))])
    for name in ("/usr/lib/udev", "/etc/udev"):
        if Path(name).is_dir():
            root.put_tree(Path(name), name.lstrip("/"), leave=("hwdb.d", "hwdb.bin"))
    shutil.copy2(RULES, root.folder / "usr" / "lib" / "udev" / "rules.d")


def _systemd(root: Root) -> None:
    """The real manager with its journal, and no unit but that one's: service.py starts it, and says what it runs."""
    root.put_with_libraries(f"/lib/systemd/{name}" for name in ("systemd", "systemd-journald"))
    for unit in Path("/usr/lib/systemd/system").glob("systemd-journald*"):
        root.put(str(unit))


def _python(root: Root) -> None:
    """The interpreter of this environment, its library and the distributions that benchwipe requires."""
    executable = os.path.realpath(sys.executable)
    library = Path(sysconfig.get_path("stdlib"))
    leave = ("test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "config-*", "*.a", "site-packages")
    root.put_tree(library, str(library).lstrip("/"), leave=(*leave, "dist-packages", "turtledemo", "pydoc_data"))
    extensions = [*library.glob("lib-dynload/*.so")]
    for name in sorted(required("benchwipe")):
        for file in importlib.metadata.distribution(name).files or ():
            source = Path(str(file.locate()))
            if ".." in file.parts or not source.is_file() or source.suffix == ".pyc":
                continue
            target = root.folder / PYTHON / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            if source.suffix == ".so":
                extensions.append(source)
    root.put_with_libraries([executable, *map(str, extensions)])
    (root.folder / "usr" / "bin" / "python3").unlink(missing_ok=True)
    (root.folder / "usr" / "bin" / "python3").symlink_to(executable)
    root.compile(str(library).lstrip("/"))


def required(name: str) -> Iterator[str]:
    """The distributions that one requires, directly or not, without its extras and itself."""
    seen, waiting = {name}, [name]
    while waiting:
        for line in importlib.metadata.distribution(waiting.pop()).requires or ():
            wanted = re.split(r"[ ;<>=!\[(~]", line, maxsplit=1)[0]
            if "extra ==" in line or wanted.lower() in seen:
                continue
            try:
                importlib.metadata.distribution(wanted)
            except importlib.metadata.PackageNotFoundError:
                continue  # for another system or Python
            seen.add(wanted.lower())
            waiting.append(wanted)
            yield wanted


def _modules(root: Root, kernel: Path) -> None:
    version = version_of(kernel)
    source = kernel / "lib" / "modules" / version
    target = root.folder / "usr" / "lib" / "modules" / version
    target.mkdir(parents=True)
    for file in needed(kernel, MODULES):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)
    for file in source.glob("modules.*"):
        shutil.copy2(file, target)
    run(["depmod", "-b", str(root.folder), version])


def needed(kernel: Path, names: Iterable[str]) -> list[Path]:
    """The modules and what they depend on, in the order of loading. Those that the kernel has built in are no files."""
    found: dict[Path, None] = {}
    version = version_of(kernel)
    for name in names:
        shown = run(["modprobe", "-d", str(kernel), "-S", version, "--show-depends", name], ok=True)
        for line in shown.splitlines():
            if line.startswith("insmod "):
                found[Path(line.split()[1])] = None
    return list(found)


def _etc(folder: Path) -> None:
    etc = folder / "etc"
    for name in ("nsswitch.conf", "os-release", "protocols", "services", "passwd", "group"):
        if (source := Path("/etc") / name).exists():
            shutil.copy2(source, etc / name)
    (etc / "hostname").write_text("bench\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n10.0.2.2 host\n")
    (etc / "machine-id").write_text("be7c0000000000000000000000000001\n")


def _library_paths(folder: Path) -> None:
    """The loader's cache, from this machine's settings."""
    if Path("/etc/ld.so.conf").exists():
        shutil.copy2("/etc/ld.so.conf", folder / "etc" / "ld.so.conf")
    if Path("/etc/ld.so.conf.d").is_dir():
        shutil.copytree("/etc/ld.so.conf.d", folder / "etc" / "ld.so.conf.d")
    run(["ldconfig", "-r", str(folder)], ok=True)


def initial_ram_disk(kernel: Path, base: Path | None, target: Path, scratch: Path) -> None:
    """busybox, the modules that the root is mounted with, and init.sh."""
    places = [Path("bin/busybox"), Path("usr/bin/busybox")]
    busybox = next((path for place in places if (path := (base or Path("/")) / place).exists()), None)
    if busybox is None:
        raise BenchLacks("busybox (package busybox-static) is missing; `make bench` installs it")
    (scratch / "bin").mkdir(parents=True)
    (scratch / "modules").mkdir()
    shutil.copy2(busybox, scratch / "bin" / "busybox")
    files = needed(kernel, EARLY)
    for file in files:
        shutil.copy2(file, scratch / "modules" / file.name)
    (scratch / "modules" / "order").write_text("".join(f"{file.name}\n" for file in files))
    shutil.copy2(Path(__file__).parent / "init.sh", scratch / "init")
    (scratch / "init").chmod(0o755)
    run(["sh", "-c", f"find . | cpio --quiet -o -H newc | gzip -1 >'{target}'"], cwd=scratch)
