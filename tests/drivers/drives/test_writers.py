"""Programs that have a drive open for writing and asked for no exclusive right. Real loop devices and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.planning.safety import judge
from drivers.drives import _writers, examine
from drivers.drives._loops import number_of
from drivers.drives._writers import Look, Writer
from drivers.drives.base import DriveHeld
from drivers.drives.block import open_device
from tests.drivers.drives.conftest import Loops
from tests.patience import PROGRAM_S, SOON_S

ORPHAN = "import os, sys; os.fork() and os._exit(0); os.setsid(); "
OPENED = "import os, sys, time; fd = os.open(sys.argv[1], os.O_RDWR); "
STAYS = "print(os.getpid(), flush=True); time.sleep(1000)"
MAPPED = "import mmap; m = mmap.mmap(fd, 4096); os.close(fd); "
THREAD = (
    "import ctypes, threading\n"
    "def work():\n"
    "    ctypes.CDLL(None).unshare(0x400)\n"  # CLONE_FILES: its own table from here on
    "    os.open(sys.argv[1], os.O_RDWR); print(os.getpid(), flush=True); time.sleep(1000)\n"
    "import os, sys, time; threading.Thread(target=work).start()"
)


@pytest.fixture
def stays() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def program(script: str, path: str | Path, stays: ExitStack) -> int:
    """A process that is no child of ours by the time that it says its number: a running virtual machine is none."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", f"import os\nif os.fork(): os._exit(0)\n{script}", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    pid = int(launcher.stdout.readline())
    launcher.wait(SOON_S)
    stays.callback(os.kill, pid, 9)
    return pid


def told(device: str) -> dict[str, str]:
    return {reason.code: reason.text for reason in judge(examine.gather(device))}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_writers, "APART_S", 0.3)


@pytest.mark.parametrize("script", [OPENED + STAYS, OPENED + MAPPED + STAYS, THREAD], ids=["open", "mapped", "thread"])
def test_who_has_it_open_for_writing_refuses_and_is_named(loops: Loops, stays: ExitStack, script: str) -> None:
    drive = loops.attach(loops.image())
    pid = program(script, drive, stays)
    found = told(drive)
    assert list(found) == ["BW-S31"]
    assert f"(process {pid}) has {drive} open for writing" in found["BW-S31"]
    with pytest.raises(DriveHeld, match=str(pid)):
        open_device(drive)


def test_a_second_node_of_the_same_number_and_a_partition_count(loops: Loops, stays: ExitStack, tmp_path: Path) -> None:
    drive = loops.attach(loops.image())
    node = tmp_path / "other"
    os.mknod(node, 0o600 | 0o060000, os.stat(drive).st_rdev)
    program(OPENED + STAYS, node, stays)
    assert list(told(drive)) == ["BW-S31"]
    parted = loops.attach(loops.image(), "--partscan")
    subprocess.run(["sfdisk", "-q", parted], input="start=2048\n", text=True, check=True, capture_output=True)
    subprocess.run(["blockdev", "--rereadpt", parted], check=False, capture_output=True)
    parts = list(Path(f"/sys/block/{Path(parted).name}").glob("*/partition"))
    if not parts:
        pytest.skip("this kernel shows no partitions of loop devices")
    major, _, minor = (parts[0].parent / "dev").read_text(encoding="ascii").strip().partition(":")
    part = tmp_path / "part"
    os.mknod(part, 0o600 | 0o060000, os.makedev(int(major), int(minor)))
    pid = program(OPENED + STAYS, part, stays)
    assert f"(process {pid})" in told(parted)["BW-S31"]


def test_who_only_reads_and_who_is_our_own_child_does_not_count(loops: Loops, stays: ExitStack) -> None:
    drive = loops.attach(loops.image())
    program(OPENED.replace("O_RDWR", "O_RDONLY") + STAYS, drive, stays)
    child = subprocess.Popen([sys.executable, "-c", OPENED + STAYS, drive], stdout=subprocess.PIPE, text=True)
    stays.callback(child.wait)
    stays.callback(child.kill)
    assert child.stdout is not None
    child.stdout.readline()
    ours = os.open(drive, os.O_RDWR)
    try:
        assert told(drive) == {}
    finally:
        os.close(ours)


def test_who_only_had_a_look_is_gone_at_the_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    stays, brief = (Writer(pid=pid, program="p", number="8:0") for pid in (1, 2))
    found = _writers.confirmed(Look(writers=(stays, brief)), lambda: Look(writers=(stays,)), time.monotonic())
    assert found.writers == (stays,)
    assert len(slept) == 1
    assert _writers.confirmed(Look(), lambda: pytest.fail("asked again"), 0.0) == Look()
    assert len(slept) == 1


def test_many_drives_that_are_asked_together_wait_once(
    loops: Loops, stays: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    drives = [loops.attach(loops.image()) for _ in range(3)]
    for drive in drives:
        program(OPENED + STAYS, drive, stays)
    slept: list[float] = []
    real = time.sleep

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        real(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    looks = examine.Looks(number_of(os.stat(drive).st_rdev) for drive in drives)
    for drive in drives:
        assert [r.code for r in judge(examine.gather(drive, looks=looks))] == ["BW-S31"]
    assert sum(slept) <= _writers.APART_S


def test_a_process_that_shows_nothing_makes_the_answer_unknown(
    loops: Loops, stays: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = loops.attach(loops.image())
    pid = program("import os, sys, time; " + STAYS, drive, stays)
    real = _writers._of_files

    def hidden(task: Path, names: set[str]) -> Iterator[str]:
        if f"/{pid}" in str(task):
            raise PermissionError(13, "Permission denied")
        return real(task, names)

    monkeypatch.setattr(_writers, "_of_files", hidden)
    found = examine.gather(drive)
    assert found.writers == "unknown"
    assert f"process {pid} does not show its files" in found.unseen
    assert judge(found) == ()  # the kernel counts: that decides
    statistics = Path(f"/sys/block/{Path(drive).name}/queue/iostats")
    statistics.write_text("0", encoding="ascii")
    try:
        assert list(told(drive)) == ["BW-S32"]
    finally:
        statistics.write_text("1", encoding="ascii")  # the next disk of this number has the same setting


def test_a_look_that_hangs_ends_in_time_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    release = threading.Event()
    monkeypatch.setattr(_writers, "LOOK_S", 0.2)
    monkeypatch.setattr(_writers, "_written", lambda process: iter([str(release.wait(SOON_S))]))
    found = _writers.look(("8:0",))
    release.set()
    assert "does not answer in time" in found.unseen


def test_a_container_is_told_by_its_process_namespace() -> None:
    script = "from drivers.drives import _writers; print(_writers.look(('8:0',)).unseen)"
    words = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PROGRAM_S, check=False)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.stdout.startswith("this is a container")
