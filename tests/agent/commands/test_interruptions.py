"""Signals, kills, resumes, and two benchwipes at once: what the certificates and the medium say afterwards."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path

import pytest
from blake3 import blake3

from drivers.drives import block
from drivers.drives.drive import Drive
from tests.agent.commands.conftest import Call, chain, finish, held_back, ledger, offsets, payload, start, wait_until
from tests.agent.commands.test_erase import read_direct
from tests.drivers.drives.conftest import MIB, Loops

BIG = 48 * MIB


def flushed_midway(state: Path, drives: int = 1) -> bool:
    """Whether each of so many drives was flushed beyond its beginning, and none to its end."""
    found = offsets(state)
    return len(found) == drives and all(0 < offset < BIG for offset in found)


def fill_up(path: Path) -> None:
    """Until its file system has no room for one byte more."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_certifies_every_drive_as_aborted_and_resume_finishes_them(
    call: Call, loops: Loops, steps: Path, tmp_path: Path, number: signal.Signals
) -> None:
    devices, state = [loops.attach(loops.image(BIG)) for _ in range(2)], tmp_path / "state"
    words: tuple[str | Path, ...] = ("erase", *devices, "--yes", "--json", "--state-dir", state, "--config", steps)
    process = start(*words, "--method", "steps", "--asset", "A-7", command=held_back(tmp_path / "gate"))
    wait_until(lambda: flushed_midway(state, 2))
    process.send_signal(number)
    done = finish(process)  # the drive would hold it back for longer than that
    assert (done.status, done.outcomes) == (130, ["aborted", "aborted"])
    for row in done.results:
        record = payload(row["certificate_file"])
        assert (record["outcome"], record["sanitization"]["level"], record["reason"]["code"][:4]) == (
            "aborted",
            "none",
            "BW-E",
        )
        assert record["sanitization"]["passes"][0]["finished_at"] is None
        assert 0 < record["sanitization"]["passes"][0]["bytes"] < BIG
    again = call(*words, "--resume")
    assert (again.status, again.outcomes) == (0, ["erased", "erased"]), again.err
    for row in again.results:
        record = payload(row["certificate_file"])
        assert record["asset"]["tag"] == "A-7"
        assert record["interruptions"][0]["resumed_at_offset"] > 0
        assert "cancelled" in record["interruptions"][0]["reason"]
    assert [read_direct(device) == bytes(BIG) for device in devices] == [True, True]
    assert [record["outcome"] for record in chain(state)] == ["aborted"] * 2 + ["erased"] * 2


def test_a_killed_erase_goes_on_from_its_last_flushed_checkpoint_and_still_reads_everything_back(
    call: Call, loops: Loops, steps: Path, tmp_path: Path
) -> None:
    """One drive as it was; of the other a byte that was written before the kill changes meanwhile."""
    images, state = [loops.image(BIG), loops.image(BIG)], tmp_path / "state"
    devices = [loops.attach(image) for image in images]
    words: tuple[str | Path, ...] = ("erase", *devices, "--yes", "--json", "--state-dir", state, "--config", steps)
    process = start(*words, "--method", "random-steps", command=held_back(tmp_path / "gate"))
    wait_until(lambda: flushed_midway(state, 2))
    process.kill()
    assert finish(process).status == -signal.SIGKILL
    expected = offsets(state)
    assert ledger(state, "SELECT DISTINCT state FROM job") == [("erasing",)]
    with Path(devices[1]).open("r+b", buffering=0) as medium:
        medium.write(bytes(512))
    done = call(*words, "--resume")
    assert (done.status, done.outcomes) == (1, ["erased", "failed"]), done.err
    good, bad = (payload(row["certificate_file"]) for row in done.results)
    assert [[i["resumed_at_offset"] for i in record["interruptions"]] for record in (good, bad)] == [
        [offset] for offset in expected
    ]
    assert [p["bytes"] for p in good["sanitization"]["passes"]] == [BIG]
    assert good["verification"]["blake3"] == blake3(read_direct(devices[0])).hexdigest()
    assert (bad["sanitization"]["level"], bad["verification"]["result"]) == ("none", "failed")
    assert bad["verification"]["mismatches"] == [{"offset": 0, "bytes": 512}]
    assert (bad["reason"]["code"], "Destroy" in done.err) == ("BW-E61", False)
    assert call(*words, "--resume").outcomes == ["refused", "refused"]


def test_a_new_erase_closes_the_old_job_with_a_certificate_of_its_own(
    call: Call, loops: Loops, steps: Path, tmp_path: Path
) -> None:
    device, state = loops.attach(loops.image(BIG)), tmp_path / "state"
    words = ("erase", device, "--yes", "--json", "--state-dir", state, "--config", steps)
    process = start(*words, "--method", "steps", command=held_back(tmp_path / "gate"))
    wait_until(lambda: flushed_midway(state))
    process.kill()
    finish(process)
    other = call(*words, "--resume", "--method", "one")
    assert (other.status, other.outcomes) == (3, ["refused"])
    assert "interrupted job is zero" in other.results[0]["reason"]
    assert call(*words, "--method", "one").outcomes == ["erased"]
    first, second = chain(state)
    assert (first["outcome"], first["sanitization"]["method"], first["reason"]["code"]) == ("aborted", "zero", "BW-E19")
    assert (second["outcome"], second["sanitization"]["method"], second["interruptions"]) == ("erased", "one", [])
    assert first["job"] != second["job"]


def test_resume_without_an_interrupted_job_is_refused_and_touches_nothing(call: Call, loops: Loops) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    done = call("erase", device, "--resume", "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["refused"])
    assert "No interrupted job of this drive is known" in done.results[0]["reason"]
    assert read_direct(device) == before


def test_a_drive_that_is_erased_is_refused_to_a_second_one_and_another_drive_is_not(
    call: Call, loops: Loops, steps: Path, tmp_path: Path
) -> None:
    busy, free = loops.attach(loops.image(BIG)), loops.attach(loops.image(MIB))
    state = tmp_path / "state"
    process = start(
        "erase", busy, "--yes", "--json", "--state-dir", state, "--config", steps, command=held_back(tmp_path / "gate")
    )
    wait_until(lambda: ledger(state, "SELECT 1 FROM job WHERE state = 'erasing'"))
    for extra in ((), ("--resume",)):
        refused = call("erase", busy, "--yes", "--json", *extra)
        assert (refused.status, refused.outcomes) == (3, ["refused"])
        assert f"process {process.pid}" in refused.results[0]["reason"]
    assert call("erase", free, "--yes", "--json").outcomes == ["erased"]
    process.send_signal(signal.SIGINT)
    assert finish(process).outcomes == ["aborted"]
    assert [record["outcome"] for record in chain(state)] == ["erased", "aborted"]


def test_several_at_once_in_a_new_state_folder_share_one_key_and_one_chain(loops: Loops, tmp_path: Path) -> None:
    state = tmp_path / "state"
    devices = [loops.attach(loops.image(MIB)) for _ in range(3)]
    running = [start("erase", device, "--yes", "--json", "--state-dir", state) for device in devices]
    assert [finish(process).outcomes for process in running] == [["erased"]] * 3
    assert [record["outcome"] for record in chain(state)] == ["erased"] * 3
    headers = {path.read_bytes().split(b".")[0] for path in (state / "certificates").glob("*.jws")}
    assert len(headers) == 1


def test_a_state_folder_that_fills_up_costs_no_certificate(
    call: Call, loops: Loops, steps: Path, tmp_path: Path
) -> None:
    """Without a certificate nothing is claimed; once there is room the drive is read back and certified."""
    device, state = loops.attach(loops.image(BIG)), tmp_path / "small"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", str(state)], check=True)
    try:
        words = ("erase", device, "--yes", "--json", "--state-dir", state, "--config", steps)
        process = start(*words, "--method", "steps", command=held_back(tmp_path / "gate"))
        wait_until(lambda: flushed_midway(state))
        fill = state / "fill"
        fill_up(fill)
        (tmp_path / "gate").touch()
        done = finish(process)
        assert (done.status, done.outcomes) == (1, ["failed"])
        assert "certificate cannot be written" in done.results[0]["reason"]
        assert list((state / "certificates").iterdir()) == []
        fill.unlink()
        again = call(*words, "--resume")
        assert (again.status, again.outcomes) == (0, ["erased"]), again.err
        assert [record["outcome"] for record in chain(state)] == ["erased"]
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)
    assert read_direct(device) == bytes(BIG)


def test_a_signal_before_the_first_byte_leaves_the_drives_as_they_were(
    call: Call, loops: Loops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [loops.image(MIB), loops.image(MIB)]
    devices = [loops.attach(image) for image in images]

    def interrupted_first(path: str, expected: Drive | None = None) -> block.BlockDrive:
        if path == devices[1]:
            signal.raise_signal(signal.SIGINT)
        return block.open_device(path, expected)

    monkeypatch.setattr("agent.commands.work.erase.open_device", interrupted_first)
    done = call("erase", *devices, "--yes", "--json")
    assert (done.status, done.outcomes) == (130, ["aborted", "aborted"])
    assert [read_direct(device) for device in devices] == [image.read_bytes() for image in images]
    assert [record["sanitization"]["passes"] for record in chain(tmp_path / "state")] == [[], []]
