"""One drive under several names, and two drives under one name."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.commands.conftest import Call, chain, finish, held_back, ledger, start, wait_until
from tests.agent.commands.test_erase import read_direct
from tests.agent.commands.test_interruptions import BIG, flushed_midway
from tests.drivers.drives.conftest import MIB, Loops
from tests.faults.rig import missing
from tests.faults.twins import twins


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[tuple[str, str], tuple[Path, Path]]]:
    """Two drives that say the same of themselves, and their media."""
    if (lack := missing()) is not None:
        pytest.skip(f"two drives of one identity: {lack}")
    media = tmp_path / "one", tmp_path / "two"
    for number, medium in enumerate(media):
        medium.write_bytes(bytes([0x61 + number]) * (16 * MIB))
    with twins(tmp_path, media) as devices:
        yield devices, media


def test_two_names_of_one_drive_in_one_command_are_one_job_and_one_certificate(
    call: Call, loops: Loops, tmp_path: Path
) -> None:
    image = loops.image(2 * MIB)
    one, two = loops.attach(image), loops.attach(image)
    done = call("erase", one, two, "--yes", "--json")
    assert (done.status, done.outcomes, [row["device"] for row in done.results]) == (
        3,
        ["erased", "refused"],
        [one, two],
    )
    assert f"{two} is the same drive as {one}" in done.results[1]["reason"]
    assert "BW-S41" in done.results[1]["reason"]
    assert [record["outcome"] for record in chain(tmp_path / "state")] == ["erased"]
    assert len(ledger(tmp_path / "state", "SELECT id FROM job")) == 1
    assert image.read_bytes() == bytes(2 * MIB)


def test_a_rehearsal_says_so_too(call: Call, loops: Loops) -> None:
    image = loops.image(2 * MIB)
    one, two = loops.attach(image), loops.attach(image)
    done = call("erase", one, two, "--dry-run", "--json")
    assert done.status == 3
    assert "BW-S41" in str(done.document["plans"][1])
    assert "BW-S41" not in str(done.document["plans"][0])


def test_two_parts_of_one_file_are_two_drives(call: Call, loops: Loops) -> None:
    image = loops.image(4 * MIB)
    one = loops.attach(image, "--sizelimit", str(2 * MIB))
    two = loops.attach(image, "--offset", str(2 * MIB))
    done = call("erase", one, two, "--yes", "--json")
    assert (done.status, done.outcomes) == (0, ["erased", "erased"])
    assert image.read_bytes() == bytes(4 * MIB)


def test_two_parts_of_one_file_that_overlap_are_not_erased_side_by_side(call: Call, loops: Loops) -> None:
    image = loops.image(4 * MIB)
    one, two = loops.attach(image), loops.attach(image, "--offset", str(2 * MIB))
    done = call("erase", one, two, "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["erased", "refused"])
    assert "BW-S41" in done.results[1]["reason"]


@pytest.mark.parametrize("extra", [(), ("--resume",), ("--method", "one")])
def test_a_second_command_by_another_path_does_not_declare_the_running_job_dead(
    call: Call, loops: Loops, steps: Path, tmp_path: Path, extra: tuple[str, ...]
) -> None:
    image, state = loops.image(BIG), tmp_path / "state"
    one, two = loops.attach(image), loops.attach(image)
    words: tuple[str | Path, ...] = ("--yes", "--json", "--state-dir", state, "--config", steps)
    process = start("erase", one, *words, "--method", "steps", command=held_back(tmp_path / "gate"))
    wait_until(lambda: flushed_midway(state))
    running = ledger(state, "SELECT id FROM job")[0][0]
    refused = call("erase", two, *words, *extra)
    assert (refused.status, refused.outcomes) == (3, ["refused"])
    for word in (running, one, f"process {process.pid}", "BW-S40"):
        assert word in refused.results[0]["reason"]
    assert ledger(state, "SELECT state FROM job") == [("erasing",)]
    (tmp_path / "gate").touch()
    assert finish(process).outcomes == ["erased"]
    assert [record["outcome"] for record in chain(state)] == ["erased"]
    assert call("erase", two, *words).outcomes == ["erased"]


def test_a_command_with_another_state_folder_meets_the_held_path(
    call: Call, loops: Loops, steps: Path, tmp_path: Path
) -> None:
    image, state = loops.image(BIG), tmp_path / "state"
    one, two = loops.attach(image), loops.attach(image)
    words = ("--yes", "--json", "--config", steps)
    process = start("erase", one, *words, "--state-dir", state, command=held_back(tmp_path / "gate"))
    wait_until(lambda: ledger(state, "SELECT 1 FROM job WHERE state = 'erasing'"))
    refused = call("erase", two, *words, "--state-dir", tmp_path / "other")
    assert (refused.status, refused.outcomes) == (3, ["refused"])
    assert "BW-S08" in refused.results[0]["reason"]
    process.send_signal(signal.SIGINT)
    finish(process)


def test_a_drive_whose_other_path_is_held_is_refused_untouched(call: Call, loops: Loops) -> None:
    image = loops.image(2 * MIB)
    before = image.read_bytes()
    one, two = loops.attach(image), loops.attach(image)
    holder = os.open(two, os.O_RDONLY | os.O_EXCL)
    try:
        done = call("erase", one, "--yes", "--json")
    finally:
        os.close(holder)
    assert (done.status, done.outcomes) == (3, ["refused"])
    assert f"{two} is the same drive" in done.results[0]["reason"]
    assert image.read_bytes() == before


def test_two_drives_of_one_identity_in_one_command_are_both_refused_and_both_named(
    call: Call, two: tuple[tuple[str, str], tuple[Path, Path]], tmp_path: Path
) -> None:
    devices, media = two
    before = [medium.read_bytes() for medium in media]
    done = call("erase", *devices, "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["refused", "refused"])
    for row in done.results:
        assert "BW-S42" in row["reason"]
        assert all(device in row["reason"] for device in devices)
    assert [medium.read_bytes() for medium in media] == before
    assert list(tmp_path.glob("state/certificates/*")) == []


@pytest.mark.parametrize("extra", [(), ("--resume",)])
def test_the_twin_of_a_drive_that_is_being_erased_is_refused(
    call: Call, two: tuple[tuple[str, str], tuple[Path, Path]], steps: Path, tmp_path: Path, extra: tuple[str, ...]
) -> None:
    devices, media = two
    state, before = tmp_path / "state", media[1].read_bytes()
    words: tuple[str | Path, ...] = ("--yes", "--json", "--state-dir", state, "--config", steps, "--method", "steps")
    process = start("erase", devices[0], *words, command=held_back(tmp_path / "gate"))
    wait_until(lambda: ledger(state, "SELECT 1 FROM job WHERE state = 'erasing'"))
    refused = call("erase", devices[1], *words, *extra)
    assert (refused.status, refused.outcomes) == (3, ["refused"])
    assert "BW-S40" in refused.results[0]["reason"]
    (tmp_path / "gate").touch()
    assert finish(process).outcomes == ["erased"]
    assert [record["outcome"] for record in chain(state)] == ["erased"]
    assert (media[0].read_bytes(), media[1].read_bytes()) == (bytes(16 * MIB), before)


def test_a_job_whose_command_was_killed_is_dead_at_once(call: Call, loops: Loops, steps: Path, tmp_path: Path) -> None:
    image, state = loops.image(BIG), tmp_path / "state"
    one, two = loops.attach(image), loops.attach(image)
    words: tuple[str | Path, ...] = ("--yes", "--json", "--state-dir", state, "--config", steps)
    process = start("erase", one, *words, "--method", "steps", command=held_back(tmp_path / "gate"))
    wait_until(lambda: flushed_midway(state))
    process.kill()
    finish(process)
    assert call("erase", two, *words, "--method", "steps").outcomes == ["erased"]
    assert [record["outcome"] for record in chain(state)] == ["aborted", "erased"]
    assert read_direct(two) == bytes(BIG)
    assert list((state / "at-work").iterdir()) == []
