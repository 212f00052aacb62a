"""`make demo` is the first thing that anybody runs: it must tell the truth about itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.demo import __main__ as program
from agent.demo import bench, story
from tests.patience import PROGRAM_S


def demo(out: Path) -> subprocess.CompletedProcess[str]:
    """The demo as `make demo` starts it."""
    command = [sys.executable, "-m", "agent.demo", "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_S)


@pytest.mark.timeout(2 * PROGRAM_S)
def test_the_demo_ends_well_with_every_outcome_that_it_promises(tmp_path: Path) -> None:
    done = demo(tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("SIM-")]
    assert sorted((row[0], row[2]) for row in rows) == [
        ("SIM-HDD-0001", "erased"),
        ("SIM-HDD-0002", "failed"),
        ("SIM-NVME-0004", "erased"),
        ("SIM-SSD-0003", "aborted"),
        ("SIM-SSD-0003", "erased"),
    ]
    assert {(row[0], row[4]) for row in rows if row[2] == "erased"} == {
        ("SIM-HDD-0001", "A"),
        ("SIM-NVME-0004", "B"),
        ("SIM-SSD-0003", "C"),
    }
    assert "serial number of SIM-HDD-0002 by mistake. That serial number is not of the drive in bay A1." in done.stdout
    assert done.stdout.count("She scans YES.") == 4
    assert {row[0] for row in rows if row[3] == "purge"} == {"SIM-NVME-0004"}
    assert len(list((tmp_path / "out" / "state" / "certificates").glob("*.jws"))) == 5
    assert len(list((tmp_path / "out" / "labels").glob("*.png"))) == 5


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    done = demo(tmp_path)
    assert done.returncode == 1
    assert "holds other things" in done.stderr
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.fixture
def shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo without its shift at the bench: its checks then find nothing as it must be."""
    monkeypatch.setattr(sys, "argv", ["demo", "--out", str(tmp_path / "out")])
    monkeypatch.setattr(story.Story, "_shift", lambda self: None)
    return tmp_path / "out"


def test_the_demo_fails_when_an_outcome_is_missing(shortened: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main() == 1
    assert "NOT as it must be" in capsys.readouterr().err
    assert (shortened / bench.MARK).exists()
