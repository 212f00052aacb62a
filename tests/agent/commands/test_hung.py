"""A drive whose request hangs in the kernel: the command says so and ends; its lock stays while it may be written."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.commands.conftest import Call, finish, ledger, payload, start, wait_until
from tests.agent.daemon_bench import Daemon
from tests.faults.fuse import Rules
from tests.faults.rig import Rig, missing
from tests.leftovers import RIG_BYTES
from tests.patience import SOON_S

MIB = 1 << 20
SIZE = RIG_BYTES - 8 * MIB
QUICK = """
[station]
stalled_power_off_s = 1

[[policy]]
name = "quick"
method = "zero"
limits = { stall_after_s = 1 }
"""
IMPATIENT = """
from agent.commands.work import verify
from agent.erase import monitor
from agent.erase.spec import Limits
verify.GIVE_UP_S = 1.0
made = monitor.Monitor.__init__
def soon(self, *args, limits, **more):
    made(self, *args, limits=Limits(stall_after_s=1.0), **more)
monitor.Monitor.__init__ = soon
from agent.cli import main
main()
"""


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A drive that hangs when it is told to."""
    if missing():
        pytest.skip(str(missing()))
    with Rig(SIZE) as made:
        yield made
        made.set(Rules())


def left_behind(err: str) -> int:
    """The process that stays, as the command names it."""
    found = re.search(r"BW-A72: process ([0-9]+) stays until the kernel", err)
    assert found is not None, err
    return int(found[1])


def there(process: int) -> bool:
    """Whether it is not gone: nobody waits for it any more, so it is reaped at once."""
    return Path(f"/proc/{process}").exists()


def locked(state: Path) -> bool:
    """Whether somebody holds the one lock of the state folder's drives."""
    (path,) = (state / "at-work").glob("*.lock")
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_an_erase_that_hangs_in_the_kernel_tells_its_result_and_ends_and_the_drive_stays_locked(
    rig: Rig, call: Call, tmp_path: Path
) -> None:
    config, state = tmp_path / "station.toml", tmp_path / "state"
    config.write_text(QUICK)
    words: tuple[str | Path, ...] = (
        "erase", rig.device, "--method", "quick", "--yes", "--json", "--config", config, "--state-dir", state,
    )  # fmt: skip
    rig.set(Rules(hang_writes_after=1))
    done = finish(start(*words))  # its output too ends while the drive hangs
    process = left_behind(done.err)
    assert there(process), "the kernel keeps it"
    assert (done.status, done.outcomes) == (1, ["failed"])
    record = payload(done.results[0]["certificate_file"])
    assert (record["outcome"], record["reason"]["code"]) == ("failed", "BW-E16")
    assert locked(state)
    rig.set(Rules())
    wait_until(lambda: not there(process))
    assert not locked(state)
    rest = call(*words)
    assert (rest.status, rest.outcomes) == (0, ["erased"]), (rest.err, rest.results)
    assert rig.image() == bytes(SIZE)


def test_a_second_interrupt_ends_an_erase_that_hangs(rig: Rig, tmp_path: Path) -> None:
    state = tmp_path / "state"
    rig.set(Rules(hang_writes_after=1))
    process = start("erase", rig.device, "--yes", "--json", "--state-dir", state)
    wait_until(lambda: ledger(state, "SELECT 1 FROM job WHERE state = 'erasing'") and _in_kernel(process.pid))
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)  # a signal that comes twice at once is one
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert there(left_behind(done.err))
    assert (done.status, done.outcomes) == (130, ["aborted"])


def test_a_verification_that_hangs_in_the_kernel_says_so_and_ends(rig: Rig, call: Call, tmp_path: Path) -> None:
    state = tmp_path / "state"
    erased = call("erase", rig.device, "--yes", "--json", "--state-dir", state)
    rig.set(Rules(hang_reads_after=0))
    done = finish(
        start(
            "verify-drive", rig.device, erased.results[0]["certificate_file"], command=[sys.executable, "-c", IMPATIENT]
        )
    )
    assert there(left_behind(done.err))
    assert done.status == 3
    assert "does not answer any more" in done.err


def test_a_command_dies_with_what_kills_its_worker_and_takes_it_along(rig: Rig, tmp_path: Path) -> None:
    rig.set(Rules(slow=[[0, SIZE]], slow_s=0.2))
    for victim, status in (("command", -signal.SIGKILL), ("worker", -signal.SIGKILL)):
        process = start("erase", rig.device, "--yes", "--json", "--state-dir", tmp_path / f"state-{victim}")
        wait_until(lambda process=process: _children(process.pid))  # type: ignore[misc]
        (worker,) = _children(process.pid)
        os.kill(process.pid if victim == "command" else worker, signal.SIGKILL)
        assert process.wait(SOON_S) == status
        process.communicate()
        wait_until(lambda worker=worker: not there(worker))  # type: ignore[misc]


def test_a_daemon_at_a_terminal_that_a_request_keeps_says_so_and_gives_the_terminal_back(
    rig: Rig, tmp_path: Path
) -> None:
    station = Daemon(tmp_path / "station", ports=(rig.device,))
    rig.set(Rules(hang_writes_after=1))
    master, end = pty.openpty()
    words: tuple[str | Path, ...] = ("run", "--config", station.config, "--state-dir", station.state)
    process = start(*words, stdin=end)
    try:
        wait_until(lambda: ledger(station.state, "SELECT 1 FROM job WHERE state = 'erasing'"))
        wait_until(lambda: _in_kernel(process.pid))
        process.send_signal(signal.SIGTERM)
        done = finish(process)
        assert there(left_behind(done.err)), "the kernel keeps it"
        assert done.status == 0
        began = time.monotonic()
        refused = finish(start("erase", rig.device, "--yes", "--json", "--state-dir", tmp_path / "another"))
        assert time.monotonic() - began < SOON_S / 4, "what hangs is asked once, and for two seconds"
        assert refused.status == 3, "the kernel may still write to it"
    finally:
        os.close(master)
        os.close(end)


def _children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in text.split()]


def _in_kernel(process: int) -> bool:
    """Whether a thread of the command's worker hangs in a request."""
    for child in _children(process):
        states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{child}/task").glob("*/stat")]
        if states.count("D"):
            return True
    return False
