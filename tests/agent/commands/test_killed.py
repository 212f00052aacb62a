"""`erase --resume` of jobs that left no checkpoint, no certificate, or a certificate of which nobody was told."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.commands.conftest import Call, chain, finish, held_back, ledger, payload, start, wait_until
from tests.agent.commands.test_erase import read_direct
from tests.agent.commands.test_interruptions import BIG, fill_up
from tests.drivers.drives.conftest import MIB, Loops

# The command, killed by itself as soon as this happens for the first time.
KILLED = """
import os, signal
from agent.jobs import registrar
from agent.commands import erase
from agent.commands.work import erase as work
from agent.jobs.ledger import Ledger
def die(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
{where} = die
from agent.cli import main
main()
"""
BEFORE_THE_FIRST_BYTE = "work.run_job"
BETWEEN_CERTIFICATE_AND_RESULT = "erase._report"
BETWEEN_FILE_AND_ROW = "Ledger._record"


def killed(where: str, *words: str | Path) -> None:
    """Run the command until there."""
    done = finish(start(*words, command=[sys.executable, "-c", KILLED.format(where=where)]))
    assert done.status == -signal.SIGKILL


@pytest.fixture
def words(tmp_path: Path, steps: Path) -> tuple[str | Path, ...]:
    return ("--yes", "--json", "--state-dir", tmp_path / "state", "--config", steps)


def test_a_job_that_was_killed_before_its_first_checkpoint_begins_anew_and_says_so(
    call: Call, loops: Loops, words: tuple[str | Path, ...], tmp_path: Path
) -> None:
    device, state = loops.attach(loops.image(2 * MIB)), tmp_path / "state"
    killed(BEFORE_THE_FIRST_BYTE, "erase", device, *words, "--method", "one", "--asset", "A-7")
    assert ledger(state, "SELECT state FROM job") == [("erasing",)]
    assert ledger(state, "SELECT 1 FROM checkpoint") == []
    done = call("erase", device, *words, "--resume")
    assert (done.status, done.outcomes) == (0, ["erased"]), done.err
    (record,) = chain(state)
    assert (record["asset"]["tag"], record["sanitization"]["method"]) == ("A-7", "one")
    assert [i["resumed_at_offset"] for i in record["interruptions"]] == [0]
    assert read_direct(device) == b"\xff" * (2 * MIB)
    assert call("erase", device, *words, "--resume").outcomes == ["refused"]


def test_a_job_that_was_cancelled_before_its_first_checkpoint_begins_anew_too(
    call: Call, loops: Loops, tmp_path: Path, words: tuple[str | Path, ...]
) -> None:
    device, state = loops.attach(loops.image(BIG)), tmp_path / "state"
    process = start("erase", device, *words, "--method", "zero", command=held_back(tmp_path / "gate"))
    wait_until(lambda: ledger(state, "SELECT 1 FROM job WHERE state = 'erasing'"))
    process.send_signal(signal.SIGINT)
    assert finish(process).outcomes == ["aborted"]
    done = call("erase", device, *words, "--resume")
    assert (done.status, done.outcomes) == (0, ["erased"]), done.err
    assert "cancelled" in payload(done.results[0]["certificate_file"])["interruptions"][0]["reason"]


def test_a_drive_whose_certificate_could_not_be_written_begins_anew(
    call: Call, loops: Loops, steps: Path, tmp_path: Path
) -> None:
    """It is small: no checkpoint was written before the state folder was full."""
    device, state, gate = loops.attach(loops.image(16 * MIB)), tmp_path / "small", tmp_path / "gate"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", str(state)], check=True)
    try:
        words = ("erase", device, "--yes", "--json", "--state-dir", state, "--config", steps)
        process = start(*words, "--method", "zero", command=held_back(gate))
        wait_until(lambda: ledger(state, "SELECT 1 FROM job WHERE state = 'erasing'"))
        fill_up(state / "fill")
        gate.touch()
        done = finish(process)
        assert (done.status, done.outcomes) == (1, ["failed"])
        assert "BW-A13" in done.results[0]["reason"]
        (state / "fill").unlink()
        again = call(*words, "--resume")
        assert (again.status, again.outcomes) == (0, ["erased"]), again.err
        (record,) = chain(state)
        assert len(record["interruptions"]) == 1
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


@pytest.mark.parametrize("where", [BETWEEN_CERTIFICATE_AND_RESULT, BETWEEN_FILE_AND_ROW])
def test_a_command_that_was_killed_between_certificate_and_result_is_told_which_certificate_is_there(
    call: Call, loops: Loops, words: tuple[str | Path, ...], tmp_path: Path, where: str
) -> None:
    device, state = loops.attach(loops.image(2 * MIB)), tmp_path / "state"
    killed(where, "erase", device, *words)
    with Path(device).open("r+b", buffering=0) as medium:
        medium.write(b"x" * 512)  # what is on it now is nobody's business: it is not erased again
    done = call("erase", device, *words, "--resume", "--certificate-dir", tmp_path / "copies")
    assert (done.status, done.outcomes) == (0, ["erased"]), done.err
    (record,), (row,) = chain(state), done.results
    assert record["number"] in row["reason"]
    assert row["certificate_file"] == str(tmp_path / "copies" / f"{row['certificate_id']}.jws")
    assert payload(row["certificate_file"]) == record
    assert read_direct(device)[:512] == b"x" * 512
    again = call("erase", device, *words, "--resume")
    assert (again.status, again.outcomes) == (3, ["refused"])
    assert "BW-P10" in again.results[0]["reason"]


def test_a_certificate_that_cannot_be_read_is_not_told_of_as_a_success(
    call: Call, loops: Loops, words: tuple[str | Path, ...], tmp_path: Path
) -> None:
    device = loops.attach(loops.image(2 * MIB))
    killed(BETWEEN_CERTIFICATE_AND_RESULT, "erase", device, *words)
    (file,) = (tmp_path / "state/certificates").iterdir()
    file.chmod(0o644)
    file.write_bytes(b"spoilt")
    done = call("erase", device, *words, "--resume")
    assert done.status == 2
    assert "BW-A27" in done.complaint
    assert "named after" in done.complaint


def test_a_person_is_told_what_there_is_before_being_asked(
    call: Call, loops: Loops, words: tuple[str | Path, ...]
) -> None:
    device = loops.attach(loops.image(2 * MIB))
    killed(BETWEEN_CERTIFICATE_AND_RESULT, "erase", device, *words)
    done = call("erase", device, *words[2:], "--resume")
    assert "nothing to do: its job ended erased" in done.err


def test_a_new_command_erases_a_drive_again_whose_result_nobody_was_told(
    call: Call, loops: Loops, words: tuple[str | Path, ...], tmp_path: Path
) -> None:
    device = loops.attach(loops.image(2 * MIB))
    killed(BETWEEN_CERTIFICATE_AND_RESULT, "erase", device, *words)
    assert call("erase", device, *words).outcomes == ["erased"]
    assert [record["outcome"] for record in chain(tmp_path / "state")] == ["erased", "erased"]
