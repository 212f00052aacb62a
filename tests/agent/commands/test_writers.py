"""The whole command beside programs that have the drive open for writing, or that nobody can see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.agent.commands.conftest import (
    COMMAND,
    REPOSITORY,
    Call,
    finish,
    held_back,
    offsets,
    payload,
    start,
    wait_until,
)
from tests.drivers.drives.conftest import MIB, Loops
from tests.patience import PROGRAM_S

WRITER = "import os, sys, time; fd = os.open(sys.argv[1], os.O_RDWR); print(1, flush=True); time.sleep(1000)"
CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc"]


def writer(device: str) -> subprocess.Popen[str]:
    """A program that has the drive open for writing by now."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, device], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_drive_that_a_program_writes_to_is_refused_untouched_and_listed_so(loops: Loops, tmp_path: Path) -> None:
    image = loops.image()
    device, before = loops.attach(image), image.read_bytes()
    other = writer(device)
    try:
        done = finish(start("erase", device, "--yes", "--json", "--state-dir", tmp_path / "state"))
        listed = finish(start("drives", "--json", "--state-dir", tmp_path / "state"))
    finally:
        other.kill()
        other.communicate()
    assert (done.status, done.outcomes) == (3, ["refused"])
    assert f"(process {other.pid}) has {device} open for writing" in done.results[0]["reason"]
    assert "(BW-S31)" in done.results[0]["reason"]
    row = next(row for row in listed.document["drives"] if row["device"] == device)
    assert (row["erasable"], "(BW-S31)" in row["reason"]) == (False, True)
    assert image.read_bytes() == before


def test_who_comes_while_it_is_erased_makes_it_failed_and_never_erased(
    loops: Loops, steps: Path, tmp_path: Path
) -> None:
    device, state, gate = loops.attach(loops.image(16 * MIB)), tmp_path / "state", tmp_path / "gate"
    words = ("erase", device, "--yes", "--json", "--state-dir", state, "--config", steps, "--method", "steps")
    process = start(*words, command=held_back(gate))
    wait_until(lambda: offsets(state))
    other = writer(device)
    try:
        gate.touch()
        done = finish(process, within=120)
    finally:
        other.kill()
        other.communicate()
    assert (done.status, done.outcomes) == (1, ["failed"])
    record = payload(done.results[0]["certificate_file"])
    assert (record["outcome"], record["sanitization"]["level"], record["reason"]["code"]) == (
        "failed",
        "none",
        "BW-S33",
    )
    assert str(other.pid) in record["reason"]["text"]


def test_an_ordinary_erasure_says_that_nobody_else_wrote(call: Call, loops: Loops, tmp_path: Path) -> None:
    device = loops.attach(loops.image())
    planned = call("erase", device, "--dry-run", "--json").document["plans"][0]
    assert planned["plan"]["writers"] == "none"
    done = call("erase", device, "--yes", "--json")
    assert payload(done.results[0]["certificate_file"])["verification"]["writers"] == "none"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a process namespace of its own")
def test_in_a_container_plan_and_certificate_say_unknown_and_without_the_kernels_count_it_is_refused(
    loops: Loops, tmp_path: Path
) -> None:
    device, state = loops.attach(loops.image()), tmp_path / "state"
    words = ("--json", "--state-dir", state)
    inside = [*CONTAINER, *COMMAND]
    planned = finish(start("erase", device, "--dry-run", *words, command=inside)).document["plans"][0]
    assert planned["plan"]["writers"] == "unknown"
    shown = finish(start("erase", device, "--dry-run", "--state-dir", state, command=inside))
    assert "writers: unknown" in shown.out
    done = finish(start("erase", device, "--yes", *words, command=inside))
    assert done.outcomes == ["erased"]
    assert payload(done.results[0]["certificate_file"])["verification"]["writers"] == "unknown"
    told = subprocess.run(
        [*COMMAND, "certificate", "show", done.results[0]["certificate_file"]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=True,
    )
    assert "writers       unknown" in told.stdout
    statistics = Path(f"/sys/block/{Path(device).name}/queue/iostats")
    statistics.write_text("0", encoding="ascii")
    try:
        done = finish(start("erase", device, "--yes", *words, command=inside))
    finally:
        statistics.write_text("1", encoding="ascii")  # the next disk of this number has the same setting
    assert (done.status, done.outcomes) == (3, ["refused"])
    assert "(BW-S32)" in done.results[0]["reason"]
    assert json.loads(finish(start("erase", device, "--dry-run", *words)).out)["plans"][0]["plan"]["writers"] == "none"


def test_listing_drives_does_not_wait_where_nobody_writes(
    call: Call, loops: Loops, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops.attach(loops.image())
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    call("drives", "--json")
    assert sum(slept) < 2.5  # other tests' programs may have other drives open: one wait serves all of them
