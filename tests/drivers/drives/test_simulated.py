"""The simulated bench's faults: each does what its name says, and nothing else."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

import pytest

from drivers.drives.base import DriveError, DriveGone, DriveReadOnly, OpenDrive
from drivers.drives.simulated import Driver, Settings, make_drive, plug, pull
from drivers.registry import known, load
from tests.patience import SOON_S

SIZE = 1 << 20


@pytest.fixture
def source(tmp_path: Path) -> Driver:
    return Driver("drives", Settings(folder=str(tmp_path)))


def with_drive(tmp_path: Path, source: Driver, **medium: object) -> OpenDrive:
    make_drive(tmp_path, "one", SIZE, port="bay1", **medium)
    return source.open("bay1")


def errno_of(drive: OpenDrive, write: bool, at: int, size: int = 512) -> int | None:
    buffer = memoryview(bytearray(b"w" * size))
    try:
        (drive.write_from if write else drive.read_into)(buffer, at)
    except OSError as error:
        return error.errno
    return None


def test_the_registry_finds_it_and_no_helper_file(tmp_path: Path) -> None:
    assert set(known("drives")) == {"block", "simulated"}
    assert isinstance(load("drives", "simulated", {"folder": str(tmp_path)}, where="drives"), Driver)


def test_who_it_is_stands_in_its_file(tmp_path: Path, source: Driver) -> None:
    medium = {"vendor": "Acme", "model": 'M "1"', "serial": "S1", "wwn": "0x5000c500a0000001", "media": "ssd"}
    make_drive(tmp_path, "one", SIZE, port="bay1", **medium)
    seen = source.look("bay1")
    assert (seen.vendor, seen.model, seen.serial, seen.wwn, seen.media) == tuple(medium.values())


@pytest.mark.parametrize(
    ("fault", "reads", "writes"),
    [("bad", True, True), ("bad_reads", True, False), ("bad_writes", False, True)],
)
def test_a_bad_range_fails_to_the_block_and_its_neighbours_do_not(
    tmp_path: Path, source: Driver, fault: str, reads: bool, writes: bool
) -> None:
    with with_drive(tmp_path, source, **{fault: [[1000, 100]]}) as drive:
        for write, fails in ((False, reads), (True, writes)):
            expected = errno.EIO if fails else None
            assert [errno_of(drive, write, at) for at in (0, 512, 1024, 1536)] == [None, expected, expected, None]


def test_a_lie_is_taken_for_a_write_and_keeps_the_old_bytes(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source, lies=[[1024, 512]]) as drive:
        assert drive.write_from(memoryview(b"n" * 4096), 0) == 4096
        back = bytearray(4096)
        drive.read_into(memoryview(back), 0)
    assert bytes(back) == b"n" * 1024 + bytes(512) + b"n" * 2560


def test_corruption_flips_one_bit_where_it_was_asked_for(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source, corrupt=[[700, 1]]) as drive:
        drive.write_from(memoryview(bytes(4096)), 0)
        back = bytearray(4096)
        drive.read_into(memoryview(back), 0)
    assert [i for i, byte in enumerate(back) if byte] == [700]


def test_a_drive_pulled_in_mid_write_answers_nothing_any_more(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source) as drive:
        pull(tmp_path, "bay1")
        assert errno_of(drive, True, 0) == errno_of(drive, False, 0) == errno.ENODEV
        with pytest.raises(OSError, match="No such device"):
            drive.flush()
        with pytest.raises(DriveGone):
            drive.identify_again()
        plug(tmp_path, "bay1", "one")
        assert errno_of(drive, False, 0) == errno.ENODEV  # a descriptor does not come back with its drive


def test_a_stalled_drive_answers_only_when_it_is_pulled(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source, stall_at=2048) as drive:
        assert errno_of(drive, True, 0) is None
        found: list[int | None] = []
        worker = threading.Thread(target=lambda: found.append(errno_of(drive, True, 2048)))
        worker.start()
        worker.join(0.1)
        assert worker.is_alive()
        pull(tmp_path, "bay1")
        worker.join(SOON_S)
    assert found == [errno.ENODEV]


def test_the_throttle_is_shared_by_all_threads_of_a_drive(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source, mb_per_s=2.0) as drive:
        start = time.monotonic()
        workers = [threading.Thread(target=errno_of, args=(drive, True, 0, 200_000)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert time.monotonic() - start >= 0.19


def test_what_was_not_flushed_is_forgotten_by_a_drive_that_forgets(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source, forgets=True) as drive:
        drive.write_from(memoryview(b"a" * 512), 0)
        drive.flush()
        drive.write_from(memoryview(b"b" * 1024), 0)
        pull(tmp_path, "bay1")
        assert errno_of(drive, False, 0) == errno.ENODEV
    image = (tmp_path / "drives/one/image").read_bytes()
    assert image == b"a" * 512 + bytes(SIZE - 512)


def test_so_many_flushes_fail_as_were_asked_for(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source, bad_flushes=1) as drive:
        with pytest.raises(OSError, match="Input/output error"):
            drive.flush()
        drive.flush()


def test_another_serial_is_seen_on_the_open_drive(tmp_path: Path, source: Driver) -> None:
    with with_drive(tmp_path, source) as drive:
        (tmp_path / "drives/one/drive.toml").write_text('serial = "OTHER"\n')
        assert drive.identify_again().fingerprint != drive.drive.fingerprint


def test_a_write_protected_drive_is_refused(tmp_path: Path, source: Driver) -> None:
    with pytest.raises(DriveReadOnly):
        with_drive(tmp_path, source, read_only=True)


def test_one_drive_does_not_stand_in_two_ports(tmp_path: Path, source: Driver) -> None:
    make_drive(tmp_path, "one", SIZE, port="bay1")
    plug(tmp_path, "bay2", "one")
    with pytest.raises(DriveError, match="bay1, bay2"):
        source.open("bay1")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("seriall = 'x'", "did you mean serial"),
        ("mb_per_s = 'fast'", "mb_per_s"),
        ("bad = [[0]]", "of length 2"),
        ("=", "TOML"),
    ],
)
def test_a_mistake_in_its_file_is_named(tmp_path: Path, source: Driver, toml: str, said: str) -> None:
    place = make_drive(tmp_path, "one", SIZE, port="bay1")
    (place / "drive.toml").write_text(toml)
    with pytest.raises(DriveError, match=said) as found:
        source.look("bay1")
    assert "drive.toml" in str(found.value)
