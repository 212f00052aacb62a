"""Who uses a drive, asked by number: loops made elsewhere, other mount namespaces, swap, names that are gone."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.planning.safety import judge
from drivers.drives import _loops, _members, _mounts, examine
from drivers.drives.base import DriveHeld, DriveUnasked
from drivers.drives.block import open_device
from firmware_bridge import passthrough
from tests.drivers.drives.conftest import MIB, Loops
from tests.patience import PROGRAM_S, SOON_S

MOUNTS = "mount -t tmpfs none /mnt && "


def codes(device: str, *protect: Path) -> list[str]:
    return [reason.code for reason in judge(examine.gather(device, protect=protect))]


def told(device: str) -> str:
    return "; ".join(reason.text for reason in judge(examine.gather(device)))


@pytest.fixture
def at_the_end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def run(*words: str | Path) -> None:
    subprocess.run(list(map(str, words)), check=True, capture_output=True, timeout=PROGRAM_S)


def elsewhere(script: str, at_the_end: ExitStack) -> str:
    """Run it in a mount namespace of its own, which stays; its one line of output."""
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", f"{script}; echo; exec sleep 1000"], stdout=subprocess.PIPE, text=True
    )
    at_the_end.callback(process.wait)
    at_the_end.callback(process.kill)
    assert process.stdout is not None
    return process.stdout.readline().strip()


def loop_made_elsewhere(device: str, at_the_end: ExitStack, *, and_then: str = "true") -> str:
    """A loop device over a node of the same number that only another mount namespace has."""
    status = os.stat(device)
    node = f"mknod /mnt/sdx b {os.major(status.st_rdev)} {os.minor(status.st_rdev)}"
    upper = elsewhere(f"{MOUNTS}{node} && losetup --find --show /mnt/sdx && {and_then}", at_the_end)
    assert upper.startswith("/dev/loop")
    at_the_end.callback(subprocess.run, ["losetup", "-d", upper], check=False)
    return upper


def mounted(device: str, folder: Path, at_the_end: ExitStack) -> Path:
    folder.mkdir()
    run("mount", device, folder)
    at_the_end.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=False, capture_output=True)
    return folder


@pytest.mark.parametrize("then", ["true", "rm /mnt/sdx"], ids=["made elsewhere", "removed since"])
def test_a_loop_whose_node_does_not_resolve_here_stands_on_the_drive(
    loops: Loops, tmp_path: Path, at_the_end: ExitStack, then: str
) -> None:
    drive = loops.attach(loops.image(16 * MIB))
    upper = loop_made_elsewhere(drive, at_the_end, and_then=then)
    assert codes(drive) == ["BW-S06"]
    assert f"{upper} stands on {drive}" in told(drive)
    run("mkfs.ext4", "-q", upper)
    mounted(upper, tmp_path / "m", at_the_end)
    assert codes(drive) == ["BW-S04", "BW-S06"]
    with pytest.raises(DriveHeld):
        open_device(drive)


@pytest.mark.parametrize("beside", ["bottom", "sister", "uncle"])
def test_a_loop_over_a_block_device_is_never_erased_whoever_uses_what_is_under_it(
    loops: Loops, at_the_end: ExitStack, tmp_path: Path, beside: str
) -> None:
    image = loops.image(4 * MIB)
    bottom = loops.attach(image)
    top = loops.attach(Path(bottom))
    used = {
        "bottom": lambda: bottom,
        "sister": lambda: loop_made_elsewhere(bottom, at_the_end),
        "uncle": lambda: loops.attach(image),
    }[beside]()
    held = os.open(used, os.O_RDWR)
    at_the_end.callback(os.close, held)
    assert codes(top) == ["BW-S15"]
    assert f"a view of {bottom}, not a drive" in told(top)


def test_the_state_folder_is_protected_through_such_a_loop_and_through_a_bind_mount_of_it(
    loops: Loops, tmp_path: Path, at_the_end: ExitStack
) -> None:
    drive = loops.attach(loops.image(16 * MIB))
    upper = loop_made_elsewhere(drive, at_the_end, and_then="rm /mnt/sdx")
    run("mkfs.ext4", "-q", upper)
    (mounted(upper, tmp_path / "m", at_the_end) / "state").mkdir()
    (tmp_path / "bound").mkdir()
    run("mount", "--bind", tmp_path / "m/state", tmp_path / "bound")
    at_the_end.callback(subprocess.run, ["umount", str(tmp_path / "bound")], check=False)
    assert codes(drive, tmp_path / "m/state")[0] == "BW-S07"
    assert codes(drive, tmp_path / "bound/not/made/yet")[0] == "BW-S07"
    assert "BW-S07" not in codes(drive, tmp_path / "elsewhere")


@pytest.mark.skipif("overlay" not in Path("/proc/filesystems").read_text(encoding="ascii"), reason="needs overlayfs")
def test_the_state_folder_is_protected_over_an_overlay_whose_folders_have_odd_names(
    loops: Loops, tmp_path: Path, at_the_end: ExitStack
) -> None:
    drive = loops.attach(loops.image(16 * MIB))
    run("mkfs.ext4", "-q", drive)
    place = mounted(drive, tmp_path / "m x", at_the_end)
    for name in ("low er", "upper", "work"):
        (place / name).mkdir()
    (tmp_path / "state").mkdir()
    os.chdir(place)
    options = f"lowerdir={place}/low er,upperdir={place}/upper,workdir={place}/work"
    run("mount", "-t", "overlay", "none", "-o", options, tmp_path / "state")
    os.chdir("/")
    at_the_end.callback(subprocess.run, ["umount", str(tmp_path / "state")], check=False)
    assert codes(drive, tmp_path / "state")[0] == "BW-S07"


def test_a_loop_over_a_deleted_file_counts_by_the_disk_of_its_file_system(
    loops: Loops, tmp_path: Path, at_the_end: ExitStack
) -> None:
    drive = loops.attach(loops.image(32 * MIB))
    run("mkfs.ext4", "-q", drive)
    place = mounted(drive, tmp_path / "m", at_the_end)
    (place / "image").write_bytes(bytes(4 * MIB))
    upper = loops.attach(place / "image")
    (place / "image").unlink()
    run("umount", "--lazy", place)
    assert f"{upper} stands on {drive}" in told(drive)
    assert "BW-S06" in codes(drive)
    loops.detach(upper)
    assert codes(loops.attach(loops.image(4 * MIB))) == []


def test_a_mount_in_another_mount_namespace_is_named_with_who_sees_it(loops: Loops, at_the_end: ExitStack) -> None:
    drive = loops.attach(loops.image(16 * MIB))
    run("mkfs.ext4", "-q", drive)
    elsewhere(f"mount {drive} /mnt", at_the_end)
    assert "BW-S04" in codes(drive)
    assert f"{drive} is mounted on /mnt, as sleep (process " in told(drive)


def test_swap_in_a_file_and_on_a_node_that_is_gone_is_not_erased(
    loops: Loops, tmp_path: Path, at_the_end: ExitStack
) -> None:
    drive, device = loops.attach(loops.image(32 * MIB)), loops.attach(loops.image(8 * MIB))
    run("mkfs.ext4", "-q", drive)
    file = mounted(drive, tmp_path / "m", at_the_end) / "swap file"
    run("dd", "if=/dev/zero", f"of={file}", "bs=1M", "count=8")
    file.chmod(0o600)
    node = tmp_path / "odd\tname"
    os.mknod(node, 0o600 | 0o060000, os.stat(device).st_rdev)
    for place in (file, node):
        run("mkswap", place)
        if subprocess.run(["swapon", str(place)], check=False, capture_output=True).returncode:
            pytest.skip("this kernel takes no swap here")
        at_the_end.callback(subprocess.run, ["swapoff", str(place)], check=False, capture_output=True)
    assert "BW-S05" in codes(drive)
    assert "BW-S05" in codes(device)
    os.rename(node, tmp_path / "other")
    os.unlink(tmp_path / "other")
    try:
        assert set(codes(device)) & {"BW-S05", "BW-S08"}
    finally:
        os.mknod(node, 0o600 | 0o060000, os.stat(device).st_rdev)


def test_a_loop_that_cannot_be_asked_refuses_and_is_named(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    drive, other = loops.attach(loops.image()), loops.attach(loops.image())
    larger = loops.attach(loops.image(2 * MIB))
    real = passthrough.loop_status

    def mute(fd: int) -> passthrough.LoopStatus:
        if os.fstat(fd).st_rdev == os.stat(other).st_rdev:
            raise OSError(13, "Permission denied")
        return real(fd)

    monkeypatch.setattr(passthrough, "loop_status", mute)
    assert f"what stands under {other} (Permission denied)" in examine.gather(drive).unasked
    assert codes(drive) == ["BW-S30"]
    assert codes(larger) == []  # what shows another size cannot stand on it
    with pytest.raises(DriveUnasked):
        open_device(drive)


def test_a_loop_that_hangs_is_waited_for_once_and_hinders_no_other(
    loops: Loops, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive, other = loops.attach(loops.image()), loops.attach(loops.image(2 * MIB))
    release, asked, real = threading.Event(), [], passthrough.loop_status

    def hangs(fd: int) -> passthrough.LoopStatus:
        if os.fstat(fd).st_rdev == os.stat(other).st_rdev:
            asked.append(fd)
            release.wait(SOON_S)
        return real(fd)

    monkeypatch.setattr(passthrough, "loop_status", hangs)
    monkeypatch.setattr(_loops, "ANSWER_S", 0.2)
    try:
        assert codes(drive) == []
        number = f"7:{os.minor(os.stat(other).st_rdev)}"
        assert "does not answer in time" in examine.of_number(other, number).unasked[0]
        assert len(asked) == 1
    finally:
        release.set()


@pytest.mark.skipif(not Path("/usr/sbin/vgcreate").exists(), reason="needs vgcreate (Debian: lvm2)")
def test_an_old_volume_group_is_data_and_one_that_is_active_here_is_in_use(loops: Loops, tmp_path: Path) -> None:
    drive = loops.attach(loops.image(32 * MIB))
    config = 'devices { filter=["a|/dev/loop|","r|.*|"] use_devicesfile=0 }'
    run("vgcreate", "--config", config, "old_group", drive)
    assert codes(drive) == []
    number = f"7:{os.minor(os.stat(drive).st_rdev)}"
    fd = os.open(drive, os.O_RDONLY)
    try:
        name, identity = _members._group_at(fd, 0)
        assert (name, len(identity)) == ("old_group", 32)
        for uuid, found in ((f"LVM-{identity}{'x' * 32}", "old_group"), (f"LVM-{'y' * 64}", "")):
            folder = tmp_path / "sys/block/dm-0/dm"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "uuid").write_text(uuid, encoding="ascii")
            assert _members.member_of(fd, number, tmp_path) == found
    finally:
        os.close(fd)


@pytest.mark.parametrize("name", ["/a\fb", "/c\x85d", "/e\u2028f", "/g - h"])
def test_a_mount_point_is_one_line_whatever_stands_in_its_name(name: str) -> None:
    line = f"30 22 8:16 / {name.replace(' ', chr(92) + '040')} rw - ext4 /dev/sdb rw\n"
    assert [mount.target for mount in _mounts.parsed(line.encode())] == [os.fsdecode(name.encode())]
