"""The lock of a drive: it lives as long as the process that took it, and not a moment longer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.jobs.at_work import AtWork, DriveAtWork
from drivers.drives.drive import Drive

DRIVE = Drive(device="/dev/x", model="Wheel", serial="S1", capacity_bytes=1 << 20)
TAKE = """
import os, sys, time
from pathlib import Path
from agent.jobs.at_work import AtWork
from drivers.drives.drive import Drive
claim = AtWork(Path(sys.argv[1])).claim(Drive(device="/dev/x", model="Wheel", serial="S1", capacity_bytes=1 << 20))
claim.names("job-7", "B03")
if sys.argv[2] == "forks" and os.fork() == 0:
    time.sleep(60)
if sys.argv[2] == "starts":
    os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60")
print("taken", flush=True)
sys.stdin.read()
"""


def taken(state: Path, then: str = "waits") -> subprocess.Popen[str]:
    """Another process that works on the drive."""
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE, str(state), then],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("then", ["waits", "forks", "starts"])
def test_it_dies_with_its_process_whatever_that_has_forked_or_started(tmp_path: Path, then: str) -> None:
    state = AtWork(tmp_path)
    process = taken(tmp_path, then)
    try:
        with pytest.raises(DriveAtWork, match=rf"job-7 in bay B03, .* \(process {process.pid}\)"):
            state.claim(DRIVE)
        process.kill()
        process.wait()
        assert state.running(DRIVE) is None
        state.claim(DRIVE).release()
    finally:
        end(process)


def test_whoever_asks_takes_nothing(tmp_path: Path) -> None:
    state = AtWork(tmp_path)
    assert state.running(DRIVE) is None
    assert not state.folder.exists()
    claim = AtWork(tmp_path).claim(DRIVE)
    running = state.running(DRIVE)
    assert running is not None
    assert f"(process {os.getpid()})" in str(running)
    claim.release()
    claim.release()
    assert state.running(DRIVE) is None
    assert list(state.folder.iterdir()) == []


def test_two_in_one_process_do_not_share_a_drive(tmp_path: Path) -> None:
    state = AtWork(tmp_path)
    claim = state.claim(DRIVE)
    with pytest.raises(DriveAtWork):
        state.claim(DRIVE)
    state.close()
    assert not claim.held
    state.claim(DRIVE).release()


def test_a_drive_is_the_same_with_the_capacity_that_it_hid_and_another_lun_is_another(tmp_path: Path) -> None:
    state = AtWork(tmp_path)
    claim = state.claim(DRIVE)
    assert state.running(replace(DRIVE, capacity_bytes=2 << 20, device="/dev/y")) is not None
    assert state.running(replace(DRIVE, lun=0)) is not None
    assert state.running(replace(DRIVE, lun=1)) is None
    assert state.running(replace(DRIVE, serial="S2")) is None
    claim.release()


def test_drives_that_do_not_say_who_they_are_are_told_apart_by_place_and_appearance(tmp_path: Path) -> None:
    state = AtWork(tmp_path)
    nameless = replace(DRIVE, serial=None, number="8:0", disk_sequence=7, appearance="boot 8:0 7")
    claim = state.claim(nameless)
    assert state.running(replace(nameless, device="/dev/other-name")) is not None
    assert state.running(replace(nameless, disk_sequence=8, appearance="boot 8:0 8")) is None
    assert state.running(replace(nameless, number="8:16", appearance="boot 8:16 7")) is None
    claim.release()


def test_what_a_kill_left_is_swept_and_what_is_held_is_not(tmp_path: Path) -> None:
    state, process = AtWork(tmp_path), taken(tmp_path)
    other = state.claim(replace(DRIVE, serial="S2"))
    try:
        state.sweep()
        assert len(list(state.folder.iterdir())) == 2
        end(process)
        state.sweep()
        assert len(list(state.folder.iterdir())) == 1
        assert state.running(replace(DRIVE, serial="S2")) is not None
    finally:
        other.release()


def test_many_that_begin_at_once_never_hold_it_together(tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from agent.jobs.at_work import AtWork, DriveAtWork
from drivers.drives.drive import Drive
state, mark = AtWork(Path(sys.argv[1])), Path(sys.argv[1]) / "inside"
drive = Drive(device="/dev/x", model="Wheel", serial="S1", capacity_bytes=1 << 20)
for _ in range(30):
    state.sweep()
    try:
        claim = state.claim(drive)
    except DriveAtWork:
        continue
    mark.open("x").close()
    time.sleep(0.002)
    mark.unlink()
    claim.release()
"""
    many = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[3]) for _ in range(4)
    ]
    until = time.monotonic() + 60
    assert [process.wait(max(0.1, until - time.monotonic())) for process in many] == [0] * 4
