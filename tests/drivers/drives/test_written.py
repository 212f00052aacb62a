"""What the kernel counts as written to a disk, and what this program counts as its own."""

from __future__ import annotations

import mmap
import os
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from fcntl import ioctl
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.drives import _sysfs, _written
from drivers.drives._direct import DirectFile
from drivers.drives._identity import look_device
from drivers.drives._sysfs import written_bytes
from drivers.drives._written import WriteCount
from drivers.drives.block import BlockDrive, open_device
from drivers.drives.drive import Writes
from tests.drivers.drives.conftest import MIB, Loops
from tests.drivers.drives.machine import Machine
from tests.faults.fuse import Rules
from tests.faults.rig import Rig
from tests.faults.rig import missing as faults_missing

BLKBSZSET = 1 << 30 | struct.calcsize("@N") << 16 | 0x12 << 8 | 113  # include/uapi/linux/fs.h
STAT = "5184 31 1725344 1873 1113 1072 1829528 1504 0 1276 3865 6 0 43014 9 188 477"


def memory(size: int) -> memoryview:
    return memoryview(mmap.mmap(-1, -(-size // 4096) * 4096))[:size]


def attach(loops: Loops, size: int = 4 * MIB, *options: str) -> str:
    """A loop device that counts: whoever had its number before may have left that switched off."""
    device = loops.attach(loops.image(size), *options)
    _iostats(device, on=True)
    return device


def _iostats(device: str, *, on: bool) -> None:
    Path(f"/sys/class/block/{Path(device).name}/queue/iostats").write_text("1" if on else "0")


@contextmanager
def uncounted(device: str) -> Iterator[None]:
    """Somebody switches the kernel's count off."""
    _iostats(device, on=False)
    try:
        yield
    finally:
        _iostats(device, on=True)


def number_of(path: str) -> str:
    found = os.stat(path).st_rdev
    return f"{os.major(found)}:{os.minor(found)}"


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"stat": STAT, "queue/iostats": "1"}, 1829528 * 512),
        ({"stat": STAT, "queue/iostats": "1", "queue/logical_block_size": "4096"}, 1829528 * 512),
        ({"stat": STAT, "queue/iostats": "0"}, None),
        ({"stat": STAT}, None),
        ({"queue/iostats": "1"}, None),
        ({"stat": "5184 31", "queue/iostats": "1"}, None),
    ],
    ids=["counted", "blocks of 4096", "switched off", "no queue", "no counter", "too short"],
)
def test_the_seventh_field_counts_sectors_of_512_bytes(
    tmp_path: Path, attributes: dict[str, str], found: int | None
) -> None:
    machine = Machine(tmp_path)
    folder = machine.disk("sdb", "8:16")
    for name, content in attributes.items():
        machine.write(folder / name, content)
    assert written_bytes("8:16", tmp_path) == found
    assert written_bytes("8:32", tmp_path) is None


def test_the_kernel_counts_what_is_written_to_a_disk_and_nothing_else(loops: Loops) -> None:
    device = attach(loops)
    number = number_of(device)
    before = written_bytes(number)
    assert before is not None
    fd = os.open(device, os.O_RDWR)
    try:
        os.pread(fd, MIB, 0)
        os.fsync(fd)
        assert written_bytes(number) == before
        os.pwrite(fd, b"x" * 8192, 0)
        os.fsync(fd)
        assert written_bytes(number) == before + 8192
    finally:
        os.close(fd)


@contextmanager
def counted(device: str) -> Iterator[BlockDrive]:
    """The drive, held and counted from now on."""
    with open_device(device) as drive:
        drive.count_writes()
        yield drive


def write_as_another(path: str, data: bytes, offset: int, *, synced: bool = True) -> int:
    """A descriptor through which somebody wrote: what is not synced stands in memory while it is open."""
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, data, offset)
    if synced:
        os.fsync(fd)
    return fd


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "through the page cache"])
@pytest.mark.parametrize(
    ("size", "sector"), [(MIB, 512), (MIB + 3 * 512, 512), (MIB + 4096, 512), (MIB + 4096, 4096)], ids=str
)
@given(writes=st.lists(st.tuples(st.integers(0, 255), st.integers(1, 40)), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ours_are_counted_as_the_kernel_counts_them(
    loops: Loops, direct: bool, size: int, sector: int, writes: list[tuple[int, int]]
) -> None:
    """Any pieces in any order, as the sweep and the salvage write them; the drive's end, too."""
    device = attach(loops, size, "--sector-size", str(sector))
    fd = os.open(device, os.O_RDWR | os.O_EXCL | (os.O_DIRECT if direct else 0))
    with BlockDrive(look_device(device), DirectFile(fd, direct=direct, block=sector)) as drive:
        drive.count_writes()
        for place, length in [*writes, (size // sector - 3, 3)]:
            offset = min(place * sector, size - sector)
            view = memory(min(length * sector, size - offset))
            assert drive.write_from(view, offset) == len(view)
        drive.flush()
        found = drive.written()
    loops.detach(device)
    assert found is not None
    assert found.ours == found.seen >= 3 * sector


def test_the_last_block_of_the_page_cache_is_cut_at_the_drives_end(loops: Loops) -> None:
    """As on a device that somebody held when it had another size: its cache keeps its blocks of 4096."""
    size = MIB + 3 * 512
    device = attach(loops, size)
    fd = os.open(device, os.O_RDWR | os.O_EXCL)
    ioctl(fd, BLKBSZSET, struct.pack("@N", 4096))
    with BlockDrive(look_device(device), DirectFile(fd, direct=False, block=512)) as drive:
        drive.count_writes()
        for offset in (size - 512, MIB - 512, 512):
            drive.write_from(memory(512), offset)
        assert drive.written() == Writes(ours=1536 + 2 * 4096, seen=1536 + 2 * 4096)


def test_what_another_program_writes_shows_to_the_byte(loops: Loops) -> None:
    device = attach(loops)
    with counted(device) as drive:
        drive.write_from(memory(MIB), 0)
        os.close(write_as_another(device, b"x" * 4096, 2 * MIB))
        assert drive.written() == Writes(ours=MIB, seen=MIB + 4096)


def test_what_another_program_has_written_into_memory_only_is_brought_to_light(loops: Loops) -> None:
    device = attach(loops)
    with counted(device) as drive:
        other = write_as_another(device, b"x" * 4096, 2 * MIB, synced=False)
        try:
            assert drive.written() == Writes(ours=0, seen=4096)
        finally:
            os.close(other)


def test_what_memory_held_before_the_first_write_is_nobodys_crime(loops: Loops) -> None:
    device = attach(loops)
    other = write_as_another(device, b"x" * 8192, 2 * MIB, synced=False)
    try:
        with counted(device) as drive:
            drive.write_from(memory(4 * MIB), 0)
            assert drive.written() == Writes(ours=4 * MIB, seen=4 * MIB)
    finally:
        os.close(other)


@pytest.mark.parametrize("synced", [True, False])
def test_a_write_to_a_partition_is_one_to_the_disk(loops: Loops, tmp_path: Path, synced: bool) -> None:
    device = attach(loops)
    subprocess.run(["addpart", device, "1", "2048", "2048"], check=True)
    node = f"{device}p1"
    made = not os.path.exists(node)
    if made:
        dev = Path(f"/sys/class/block/{Path(node).name}/dev").read_text().split(":")
        os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(int(dev[0]), int(dev[1])))
    other = -1
    try:
        with counted(device) as drive:
            other = write_as_another(node, b"x" * 4096, 0, synced=synced)
            assert drive.written() == Writes(ours=0, seen=4096)
    finally:
        if other >= 0:
            os.close(other)
        subprocess.run(["delpart", device, "1"], check=False)
        if made:
            os.unlink(node)


def test_discards_and_flushes_are_no_writes_and_zeroing_is_one(loops: Loops) -> None:
    device = attach(loops)
    with counted(device) as drive:
        subprocess.run(["blkdiscard", "--force", "--offset", "0", "--length", str(MIB), device], check=True)
        drive.flush()
        assert drive.written() == Writes(ours=0, seen=0)
        subprocess.run(["blkdiscard", "--force", "--zeroout", "--length", str(MIB), device], check=True)
        assert drive.written() == Writes(ours=0, seen=MIB)


@pytest.mark.skipif(faults_missing() is not None, reason=f"the fault rig {faults_missing()}")
def test_writes_that_failed_are_counted_on_both_sides() -> None:
    with Rig(8 * MIB) as rig:
        rig.set(Rules(write_errors=[[MIB + 512, 512]]))
        with counted(rig.device) as drive:
            for offset in (0, 4 * MIB, MIB, MIB + 512):
                with suppress(OSError):
                    drive.write_from(memory(4 * MIB if offset % (4 * MIB) == 0 else 512), offset)
            assert drive.written() == Writes(ours=8 * MIB + 1024, seen=8 * MIB + 1024)


def test_a_disk_that_is_not_counted_says_nothing(loops: Loops) -> None:
    device = attach(loops)
    with uncounted(device), counted(device) as drive:
        drive.write_from(memory(4096), 0)
        _iostats(device, on=True)
        drive.write_from(memory(4096), 0)
        assert drive.written() is None


def test_a_count_that_was_switched_off_meanwhile_says_nothing(loops: Loops) -> None:
    device = attach(loops)
    with counted(device) as drive:
        drive.write_from(memory(4096), 0)
        with uncounted(device):
            drive.write_from(memory(4096), 0)
        drive.write_from(memory(4096), 0)
        assert drive.written() is None
        with uncounted(device):
            assert drive.written() is None


def test_what_was_seen_before_the_count_was_switched_off_stands(loops: Loops) -> None:
    device = attach(loops)
    with counted(device) as drive:
        os.close(write_as_another(device, b"x" * 4096, MIB))
        assert drive.written() == Writes(ours=0, seen=4096)
        with uncounted(device):
            drive.write_from(memory(8192), 0)
            assert drive.written() == Writes(ours=0, seen=4096)
        assert drive.written() == Writes(ours=0, seen=4096)


class Kernel:
    """Counters as a kernel would show them, for what cannot be had here: two paths, 32 bits, terabytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, loops: Loops) -> None:
        self.read: dict[str, int | None] = {}
        self.appeared: dict[str, int] = {}
        monkeypatch.setattr(_sysfs, "written_bytes", self.read.get)
        monkeypatch.setattr(_written, "paths_of", lambda _: tuple(self.read))
        monkeypatch.setattr(_written, "_appearance", lambda path: (path, self.appeared.get(path, 1)))
        fd = os.open(attach(loops), os.O_RDWR)
        self.file = DirectFile(fd, direct=False, block=512)

    def count(self, **read: int | None) -> WriteCount:
        self.read.update(read)
        return WriteCount("", self.file)

    def written(self, count: WriteCount, **read: int | None) -> Writes | None:
        self.read.update(read)
        count.look(tuple(self.read))
        return count.told()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, loops: Loops) -> Iterator[Kernel]:
    made = Kernel(monkeypatch, loops)
    yield made
    made.file.close()


def test_all_paths_of_a_drive_are_summed(kernel: Kernel) -> None:
    count = kernel.count(sda=1000 * 512, sdb=77 * 512)
    kernel.file.submitted += 3 * 512
    assert kernel.written(count, sda=1002 * 512, sdb=78 * 512) == Writes(ours=3 * 512, seen=3 * 512)
    assert kernel.written(count, sdb=86 * 512) == Writes(ours=3 * 512, seen=11 * 512)


def test_a_path_that_comes_while_it_is_erased_counts_from_nothing(kernel: Kernel) -> None:
    count = kernel.count(sda=1000 * 512)
    assert kernel.written(count, sdb=8 * 512) == Writes(ours=0, seen=8 * 512)
    kernel.appeared["sdb"] = 2  # out, and in again
    assert kernel.written(count, sdb=512) == Writes(ours=0, seen=9 * 512)


def test_a_counter_of_32_bits_that_wraps_is_followed(kernel: Kernel) -> None:
    near = (2**32 - 4) * 512
    count = kernel.count(sda=near)
    kernel.file.submitted += 10 * 512
    assert kernel.written(count, sda=6 * 512) == Writes(ours=10 * 512, seen=10 * 512)
    assert kernel.written(count, sda=7 * 512) == Writes(ours=10 * 512, seen=11 * 512)


def test_a_counter_that_falls_for_no_reason_says_nothing(kernel: Kernel) -> None:
    count = kernel.count(sda=2**60)
    assert kernel.written(count, sda=2**59) is None


@pytest.mark.parametrize("read", [512, None])
def test_a_kernel_that_missed_some_of_ours_proves_nothing(kernel: Kernel, read: int | None) -> None:
    count = kernel.count(sda=0)
    kernel.file.submitted += 1024
    assert kernel.written(count, sda=read) is None


def test_the_counters_are_read_often_enough_for_a_wrap_to_show(loops: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def look(count: WriteCount, *_: object) -> None:
        looks.append(count)
        count.looked_at += MIB

    monkeypatch.setattr(_written, "OFTEN", MIB)
    monkeypatch.setattr(WriteCount, "look", look)
    with counted(attach(loops)) as drive:
        for n in range(32):
            drive.write_from(memory(MIB // 2), n % 8 * (MIB // 2))
    assert len(looks) == 16


def test_a_buffered_write_is_not_followed_by_a_flush_that_would_fail_in_its_name(loops: Loops) -> None:
    """A flush that fails loses what others wrote: it must be told as one."""
    device = attach(loops)
    before = Path(f"/sys/class/block/{Path(device).name}/stat").read_text().split()[15]
    file = DirectFile(os.open(device, os.O_RDWR), direct=False, block=512)
    assert file.write(memory(4096), 0) == 4096
    assert Path(f"/sys/class/block/{Path(device).name}/stat").read_text().split()[15] == before
    file.flush()
    assert Path(f"/sys/class/block/{Path(device).name}/stat").read_text().split()[15] != before
    file.close()


@pytest.mark.skipif(faults_missing() is not None, reason=f"the fault rig {faults_missing()}")
def test_an_error_of_a_buffered_write_belongs_to_the_request_that_met_it() -> None:
    with Rig(4 * MIB) as rig:
        rig.set(Rules(write_errors=[[MIB, 4096]]))
        file = DirectFile(os.open(rig.device, os.O_RDWR), direct=False, block=512)
        try:
            for offset in (0, MIB, 2 * MIB, MIB + 4096):
                expected = pytest.raises(OSError, match="Input/output") if offset == MIB else nullcontext()
                with expected:
                    assert file.write(memory(4096), offset) == 4096
        finally:
            file.close()
        assert rig.image()[MIB + 4096 : MIB + 8192] == bytes(4096)
