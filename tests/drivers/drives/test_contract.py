"""What every source of drives must do, over each that there is."""

from __future__ import annotations

import errno
import mmap
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.drives import _firmware, block, simulated
from drivers.drives.base import DriveError, DriveGone, DriveInUse, DriveSource
from firmware_bridge import passthrough
from firmware_bridge.reply import ScsiReply
from tests.drivers.drives.conftest import MIB, Loops


class Bench:
    """A source, a port with a drive in it, and a way to pull it."""

    def __init__(self, source: DriveSource, port: str, image: Path, pull: Callable[[], None]) -> None:
        self.source, self.port, self.image, self.pull = source, port, image, pull


@pytest.fixture(params=["simulated", "block"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    if request.param == "simulated":
        place = simulated.make_drive(tmp_path, "one", 4 * MIB, port="bay1")
        bench = simulated.Driver("drives", simulated.Settings(folder=str(tmp_path)))
        return Bench(bench, "bay1", place / "image", lambda: simulated.pull(tmp_path, "bay1"))
    loops: Loops = request.getfixturevalue("loops")
    image = loops.image()
    device = loops.attach(image)
    source = block.Driver("drives", block.Settings())
    return Bench(source, device, image, lambda: loops.detach(device))


def page(fill: int = 0, size: int = 8192) -> memoryview:
    memory = memoryview(mmap.mmap(-1, size))
    memory[:] = bytes([fill]) * size
    return memory


def test_a_port_with_a_drive_is_present_and_others_are_not(bench: Bench) -> None:
    assert set(bench.source.present(frozenset({bench.port, "nowhere"}))) == {bench.port}


def test_looking_and_opening_tell_the_same_drive(bench: Bench) -> None:
    seen = bench.source.look(bench.port)
    with bench.source.open(bench.port) as drive:
        assert drive.drive.fingerprint == seen.fingerprint
        assert drive.identify_again().fingerprint == seen.fingerprint
    assert seen.identified
    assert seen.capacity_bytes == 4 * MIB


@pytest.fixture
def silent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The same, with a drive whose firmware is asked and does not answer."""
    if isinstance(bench.source, simulated.Driver):
        settings = bench.image.with_name("drive.toml")
        settings.write_text(settings.read_text() + 'silent = "wholly"\n')
    monkeypatch.setattr(_firmware, "ASKED", frozenset({"loop"}))
    monkeypatch.setattr(passthrough, "sg_io", lambda *_, **__: ScsiReply(status=0, host_status=3, driver_status=0))
    return bench


def test_a_drive_whose_firmware_does_not_answer_is_silent_and_has_no_way_to_it(silent: Bench) -> None:
    assert silent.source.look(silent.port).silent
    with silent.source.open(silent.port) as drive:
        assert drive.drive.silent
        assert drive.drive.capabilities is None
        assert drive.firmware is None
        assert drive.identify_again().silent


def test_what_is_written_is_in_the_medium_after_a_flush_and_nothing_else_is(bench: Bench) -> None:
    before = bench.image.read_bytes()
    with bench.source.open(bench.port) as drive:
        assert drive.write_from(page(0xA5), MIB) == 8192
        drive.flush()
        back = page()
        assert drive.read_into(back, MIB) == 8192
        assert bytes(back) == b"\xa5" * 8192
    assert bench.image.read_bytes() == before[:MIB] + b"\xa5" * 8192 + before[MIB + 8192 :]


def test_a_buffer_that_is_not_aligned_works_too(bench: Bench) -> None:
    odd = page(0x5A, 3 * 4096)[13 : 13 + 4096]
    with bench.source.open(bench.port) as drive:
        assert drive.write_from(odd, 512) == 4096
        back = page(0, 3 * 4096)[7 : 7 + 4096]
        assert drive.read_into(back, 512) == 4096
        assert bytes(back) == b"\x5a" * 4096


def test_reading_across_the_end_is_short(bench: Bench) -> None:
    with bench.source.open(bench.port) as drive:
        assert drive.read_into(page(), 4 * MIB - 4096) == 4096


def test_a_drive_is_held_by_one_only(bench: Bench) -> None:
    with bench.source.open(bench.port), pytest.raises(DriveInUse):
        bench.source.open(bench.port)
    bench.source.open(bench.port).close()


def test_an_empty_port_is_said_to_be_empty(bench: Bench) -> None:
    bench.pull()
    assert bench.source.present(frozenset({bench.port})) == {}
    with pytest.raises(DriveGone):
        bench.source.look(bench.port)
    with pytest.raises(DriveGone):
        bench.source.open(bench.port)


def test_closing_twice_is_harmless_and_nothing_works_afterwards(bench: Bench) -> None:
    drive = bench.source.open(bench.port)
    drive.close()
    drive.close()
    with pytest.raises((OSError, DriveError)) as found:
        drive.read_into(page(), 0)
    assert not isinstance(found.value, OSError) or found.value.errno in (errno.EBADF, errno.ENODEV)
