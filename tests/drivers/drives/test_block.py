"""Real block devices: loops over files."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.planning.safety import judge
from drivers.drives import _sysfs, block
from drivers.drives._direct import DirectFile
from drivers.drives._identity import look_device
from drivers.drives._sysfs import list_drives
from drivers.drives.base import DriveChanged, DriveError, DriveGone, DriveHeld, DriveInUse, DriveReadOnly, NotADrive
from drivers.drives.block import open_device
from drivers.drives.examine import gather
from firmware_bridge import passthrough
from tests.agent.mosquitto import wait_until
from tests.drivers.drives.conftest import MIB, Loops, needs_root


def codes(path: str) -> set[str]:
    return {reason.code for reason in judge(gather(path))}


def text(path: str) -> str:
    return "\n".join(map(str, judge(gather(path))))


def digest(path: Path | str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def untouched(image: Path) -> Iterator[None]:
    before = digest(image)
    yield
    assert digest(image) == before


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def page(size: int = 4096) -> memoryview:
    return memoryview(mmap.mmap(-1, -(-size // 4096) * 4096))[:size]


def test_a_free_loop_device_may_be_erased(loops: Loops) -> None:
    assert judge(gather(loops.attach(loops.image()))) == ()


def test_a_mounted_device_is_refused_by_judgement_and_by_the_driver(loops: Loops, tmp_path: Path) -> None:
    image = loops.image(8 * MIB)
    device, here = loops.attach(image), tmp_path / "a mount"
    here.mkdir()
    run("mkfs.ext4", "-q", device)
    run("mount", "-o", "ro", device, str(here))
    try:
        with untouched(image):
            assert {"BW-S04", "BW-S08"} <= codes(device)
            assert str(here) in text(device)
            with pytest.raises(DriveError):
                open_device(device)
    finally:
        run("umount", str(here))
    assert codes(device) == set()


def test_a_mounted_partition_refuses_its_disk_and_itself(loops: Loops, tmp_path: Path) -> None:
    if not shutil.which("addpart"):
        pytest.skip("needs addpart (util-linux)")
    image = loops.image(16 * MIB)
    device, here = loops.attach(image, "-P"), tmp_path / "mnt"
    part = device + "p1"
    here.mkdir()
    run("addpart", device, "1", "2048", "16384")
    run("mkfs.ext4", "-q", part)
    run("mount", "-o", "ro", part, str(here))
    try:
        with untouched(image):
            assert "BW-S04" in codes(device)
            assert part in text(device)
            assert {"BW-S03", "BW-S04"} <= codes(part)
            for path in (device, part):
                with pytest.raises(DriveError):
                    open_device(path)
    finally:
        run("umount", str(here))
    assert codes(part) == {"BW-S03"}
    assert device in text(part)
    with untouched(image), pytest.raises(NotADrive, match="a partition of"):
        open_device(part)
    run("delpart", device, "1")


def test_active_swap_is_refused(loops: Loops) -> None:
    image = loops.image()
    device = loops.attach(image)
    run("mkswap", device)
    if subprocess.run(["swapon", device], capture_output=True, check=False).returncode:
        pytest.skip("this kernel has no swap")
    try:
        assert "BW-S05" in codes(device)
        with pytest.raises(DriveError):
            open_device(device)
    finally:
        run("swapoff", device)
    assert codes(device) == set()


def test_a_loop_on_top_is_a_holder_though_it_claims_nothing(loops: Loops) -> None:
    image = loops.image()
    lower = loops.attach(image)
    upper = loops.attach(lower)
    with untouched(image):
        assert codes(lower) == {"BW-S06"}
        assert upper in text(lower)
        with pytest.raises(DriveHeld, match="stands on"):
            open_device(lower)


def test_a_loop_whose_file_is_mounted_through_another_loop_is_refused(loops: Loops, tmp_path: Path) -> None:
    image, here = loops.image(8 * MIB), tmp_path / "mnt"
    here.mkdir()
    one = loops.attach(image)
    run("mkfs.ext4", "-q", one)
    two = loops.attach(image)
    run("mount", "-o", "ro", one, str(here))
    try:
        with untouched(image):
            assert codes(two) == {"BW-S04"}
            with pytest.raises(DriveHeld):
                open_device(two)
    finally:
        run("umount", str(here))


def test_somebody_who_holds_it_exclusively_is_named(loops: Loops) -> None:
    image = loops.image()
    device = loops.attach(image)
    fd = os.open(device, os.O_RDONLY | os.O_EXCL)
    try:
        with untouched(image):
            assert codes(device) == {"BW-S08"}
            # Whoever asks for a free loop device opens this one for a moment, and may be named first.
            wait_until(lambda: f"process {os.getpid()}" in text(device), "its holder is named")
            with pytest.raises(DriveError):
                open_device(device)
    finally:
        os.close(fd)


def test_a_read_only_device_is_refused(loops: Loops) -> None:
    image = loops.image()
    device = loops.attach(image, "--read-only")
    with untouched(image):
        assert codes(device) == {"BW-S09"}
        with pytest.raises(DriveReadOnly):
            open_device(device)


def test_what_is_no_block_device_is_refused_and_not_made(loops: Loops, tmp_path: Path) -> None:
    image = loops.image()
    with untouched(image):
        assert codes(str(image)) == {"BW-S02"}
        with pytest.raises(NotADrive, match="a file"):
            open_device(str(image))
    assert codes(str(tmp_path)) == codes("/dev/null") == {"BW-S02"}
    missing = tmp_path / "missing"
    assert codes(str(missing)) == {"BW-S01"}
    with pytest.raises(DriveGone):
        open_device(str(missing))
    assert not missing.exists()


def test_the_disk_under_the_running_system_is_protected() -> None:
    under_root = {f for f in list_drives() if "BW-S07" in codes(f)}
    if not Path("/proc/self/mountinfo").read_text().count(" / / "):
        pytest.skip("the root file system stands on no disk here")
    if os.stat("/").st_dev >> 8 == 0:
        pytest.skip("the root file system stands on no disk here")
    assert under_root


def test_a_disk_under_the_state_folder_is_protected(loops: Loops, tmp_path: Path) -> None:
    device, here = loops.attach(loops.image(8 * MIB)), tmp_path / "state"
    here.mkdir()
    run("mkfs.ext4", "-q", device)
    run("mount", device, str(here))
    try:
        found = judge(gather(device, protect=(here / "not yet" / "made",)))
        assert found[0].code == "BW-S07"
        assert str(here) in found[0].text
    finally:
        run("umount", str(here))


def test_a_link_that_was_turned_to_another_drive_after_the_plan_is_refused(loops: Loops, tmp_path: Path) -> None:
    images = [loops.image(), loops.image()]
    one, two = (loops.attach(i) for i in images)
    link = tmp_path / "link"
    link.symlink_to(one)
    planned = look_device(str(link))
    link.unlink()
    link.symlink_to(two)
    with untouched(images[0]), untouched(images[1]), pytest.raises(DriveChanged):
        open_device(str(link), planned)
    open_device(one, planned).close()


def test_a_drive_that_was_plugged_in_again_after_the_plan_asks_for_a_new_plan(loops: Loops) -> None:
    image = loops.image()
    device = loops.attach_apart(image)
    planned = look_device(device)
    loops.replug(device, image)
    assert look_device(device).fingerprint == planned.fingerprint
    with untouched(image), pytest.raises(DriveChanged):
        open_device(device, planned)


def test_two_loops_differ_and_one_attached_again_elsewhere_is_the_same_drive(loops: Loops) -> None:
    image = loops.image()
    one, two = loops.attach(image), loops.attach(loops.image())
    first = look_device(one)
    assert first.fingerprint != look_device(two).fingerprint
    loops.detach(one)
    assert look_device(loops.attach(image)).fingerprint == first.fingerprint


def test_another_disk_gets_another_token(loops: Loops) -> None:
    source = block.Driver("drives", block.Settings())
    image = loops.image()
    device = loops.attach_apart(image)
    before = source.present(frozenset({device}))
    loops.replug(device, image)
    assert source.present(frozenset({device}))[device] != before[device]


def test_a_disk_that_goes_while_it_is_looked_at_is_gone(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    source, device = block.Driver("drives", block.Settings()), loops.attach(loops.image())
    size = _sysfs.size_bytes

    def then_it_went(folder: Path) -> int:
        found = size(folder)
        monkeypatch.setattr(_sysfs, "disk_sequence", lambda _: None)  # as an attribute that went reads
        monkeypatch.setattr(Path, "stat", _went)
        return found

    monkeypatch.setattr(_sysfs, "size_bytes", then_it_went)
    assert source.present(frozenset({device})) == {}


def _went(*_: object, **__: object) -> None:
    raise FileNotFoundError(2, "No such file or directory")


def test_a_disk_whose_link_is_made_anew_has_not_left(loops: Loops, tmp_path: Path) -> None:
    source = block.Driver("drives", block.Settings(by_path=str(tmp_path)))
    ports, link, image = frozenset({"usb-1"}), tmp_path / "usb-1", loops.image()
    device = loops.attach_apart(image)
    link.symlink_to(device)
    before = source.present(ports)
    assert set(before) == {"usb-1"}
    link.unlink()
    assert source.present(ports) == before
    loops.replug(device, image)
    assert source.present(ports) == {}, "another disk by the same name"
    link.symlink_to(device)
    again = source.present(ports)
    assert set(again) == {"usb-1"}
    assert again != before
    link.unlink()
    link.symlink_to(tmp_path / "nothing")
    assert source.present(ports) == again, "udev's links say nothing of who is there"
    loops.detach(device)
    assert source.present(ports) == {}


def test_a_port_may_be_a_name_in_the_folder_of_paths(loops: Loops, tmp_path: Path) -> None:
    device = loops.attach(loops.image())
    (tmp_path / "pci-0000:00:14.0-usb-0:3:1.0").symlink_to(device)
    source = block.Driver("drives", block.Settings(by_path=str(tmp_path)))
    assert set(source.present(frozenset({"pci-0000:00:14.0-usb-0:3:1.0"}))) == {"pci-0000:00:14.0-usb-0:3:1.0"}
    assert source.look("pci-0000:00:14.0-usb-0:3:1.0").transport == "loop"


def test_blocks_of_4096_bytes_are_reported_and_written(loops: Loops) -> None:
    device = loops.attach(loops.image(), "--sector-size", "4096")
    with open_device(device) as drive:
        assert drive.drive.logical_block_bytes == 4096
        assert drive.write_from(page(), 4096) == 4096


@pytest.mark.parametrize("direct", [True, False])
def test_a_size_that_is_no_multiple_of_the_page_is_reached_to_its_last_byte(loops: Loops, direct: bool) -> None:
    size = MIB + 3 * 512
    image = loops.image(size)
    fd = os.open(loops.attach(image), os.O_RDWR | os.O_EXCL | (os.O_DIRECT if direct else 0))
    file = DirectFile(fd, direct=direct, block=512)
    try:
        done = 0
        while done < size:
            part = page(min(1 << 18, size - done))
            assert file.write(part, done) == len(part)
            done += len(part)
        file.flush()
        tail = page(1536)
        tail[:] = b"\xff" * 1536
        assert file.read(tail, MIB) == 1536
        assert bytes(tail) == bytes(1536)
    finally:
        file.close()
    assert image.read_bytes() == bytes(size)


def test_the_fall_back_reads_the_medium_and_not_the_page_cache(loops: Loops) -> None:
    image = loops.image()
    device = loops.attach(image)
    with open(device, "rb", buffering=0) as cached:
        cached.read(MIB)  # what memory remembers
        with image.open("r+b") as medium:  # the medium changes behind the device's back
            medium.write(b"M" * 4096)
            os.fsync(medium.fileno())
        assert passthrough.cached_pages(cached.fileno(), 0, MIB) > 0
        file = DirectFile(os.open(device, os.O_RDWR), direct=False, block=512)
        back = page()
        assert file.read(back, 0) == 4096
        file.close()
    assert bytes(back) == b"M" * 4096


def test_a_range_that_memory_does_not_let_go_of_cannot_be_verified(
    loops: Loops, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = DirectFile(os.open(loops.attach(loops.image()), os.O_RDWR), direct=False, block=512)
    monkeypatch.setattr(passthrough, "cached_pages", lambda *_: 1)
    with pytest.raises(OSError, match="page cache") as found:
        file.read(page(), 0)
    assert found.value.errno == errno.EIO
    file.close()


def test_a_file_in_memory_has_no_medium_that_could_be_read() -> None:
    with tempfile.TemporaryFile(dir="/dev/shm") as opened:
        opened.write(b"x" * 4096)
        opened.flush()
        file = DirectFile(os.dup(opened.fileno()), direct=False, block=512)
        with pytest.raises(OSError, match="page cache") as found:
            file.read(page(), 0)
        assert found.value.errno == errno.EIO
        file.close()


def test_a_drive_that_goes_while_it_is_held_is_reported_gone(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_device(loops.attach(loops.image())) as drive:
        monkeypatch.setattr("drivers.drives._sysfs.folder_of", lambda *_: None)
        with pytest.raises(DriveGone):
            drive.identify_again()


def test_an_exchanged_disk_behind_the_descriptor_is_reported_gone(
    loops: Loops, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_device(loops.attach(loops.image())) as drive:
        assert drive.drive.disk_sequence is not None
        monkeypatch.setattr(passthrough, "disk_sequence", lambda _: (drive.drive.disk_sequence or 0) + 1)
        with pytest.raises(DriveGone):
            drive.identify_again()


def test_an_ordinary_user_is_told_what_is_missing(loops: Loops) -> None:
    needs_root()
    device = loops.attach(loops.image())
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            open_device(device)
        except DriveError as error:
            os._exit(7 if error.code == "BW-B07" and "root" in error.line() else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_command_for_the_whole_drive_holds_its_other_devices_until_the_end_and_refuses_one_in_use(
    loops: Loops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = loops.attach(loops.image()), loops.attach(loops.image(name="other"))
    beside = _sysfs.folder_of(f"{os.major(os.stat(other).st_rdev)}:{os.minor(os.stat(other).st_rdev)}")
    monkeypatch.setattr(_sysfs, "siblings", lambda number: (beside,))
    with open_device(one) as drive:
        drive.hold_all()
        drive.hold_all()
        with pytest.raises(OSError, match="busy") as held:
            os.open(other, os.O_RDWR | os.O_EXCL)
        assert held.value.errno == errno.EBUSY
    os.close(os.open(other, os.O_RDWR | os.O_EXCL))
    run("mkfs.ext4", "-q", other)
    run("mount", "-o", "ro", other, str(tmp_path / "loops"))
    try:
        with open_device(one) as drive, pytest.raises(DriveInUse):
            drive.hold_all()
    finally:
        run("umount", str(tmp_path / "loops"))
