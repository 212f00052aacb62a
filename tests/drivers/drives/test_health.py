"""smartctl's JSON, as smartmontools 7 documents it; and programs that hang, lie or are not there."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from drivers.deadline import Deadline
from drivers.drives.health import exit_findings, parse_health
from drivers.drives.smartctl import read_health
from tests.patience import HANGS_S, SOON_S

SAMPLES = Path(__file__).parents[2] / "samples/smartctl"


def test_an_ata_disks_sectors_temperature_and_findings_are_read() -> None:
    found = parse_health((SAMPLES / "ata-failing.json").read_bytes())
    assert found == {
        "passed": False,
        "temperature_c": 38,
        "power_on_hours": 21041,
        "power_cycles": 312,
        "reallocated_sectors": 24,
        "pending_sectors": 8,
        "uncorrectable_sectors": 8,
        "crc_errors": 0,
        "exit_status": 72,
        "findings": ["the drive says that it is failing", "the error log has entries"],
    }


def test_an_ata_ssds_wear_is_what_is_used_up() -> None:
    found = parse_health((SAMPLES / "ata-ssd.json").read_bytes())
    assert found is not None
    assert (found["wear_percent"], found["passed"], found["findings"]) == (7, True, [])


def test_an_nvme_drives_wear_and_spare_are_read() -> None:
    found = parse_health((SAMPLES / "nvme.json").read_bytes())
    assert found is not None
    assert (found["wear_percent"], found["available_spare_percent"], found["media_errors"]) == (3, 100, 0)
    assert (found["temperature_c"], found["power_on_hours"]) == (41, 1540)


def test_a_sas_disks_grown_defects_count_as_reallocated() -> None:
    found = parse_health((SAMPLES / "scsi.json").read_bytes())
    assert found is not None
    assert (found["reallocated_sectors"], found["temperature_c"]) == (3, 33)


@pytest.mark.parametrize("name", ["unsupported.json", "standby.json"])
def test_a_device_that_was_not_reached_has_no_health(name: str) -> None:
    assert parse_health((SAMPLES / name).read_bytes()) is None


@pytest.mark.parametrize(
    "output", [b"", b"no json", b"[]", b"{}", b'{"smartctl": 5}', b'{"smartctl": {"exit_status": "0"}}', b"\xff\xfe{"]
)
def test_output_that_is_not_smartctls_is_no_health(output: bytes) -> None:
    assert parse_health(output) is None


def test_values_of_a_wrong_kind_are_left_out() -> None:
    output = b'{"smartctl":{"exit_status":0},"temperature":{"current":"hot"},"power_cycle_count":4}'
    assert parse_health(output) == {"power_cycles": 4, "exit_status": 0, "findings": []}


def test_each_bit_of_the_exit_status_has_its_words() -> None:
    assert len({words for bit in range(8) for words in exit_findings(1 << bit)}) == 8
    assert len(exit_findings(0xFF)) == 8


def test_a_device_that_smartctl_does_not_know_has_no_health(tmp_path: Path) -> None:
    assert read_health(str(tmp_path / "nothing"), within=Deadline(5)) is None


def test_a_program_that_hangs_is_left_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "smartctl"
    program.write_text(f"#!/bin/sh\nexec sleep {HANGS_S}\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(program))
    start = time.monotonic()
    assert read_health("/dev/null", within=Deadline(0.3)) is None
    assert time.monotonic() - start < SOON_S


def test_without_smartctl_there_is_no_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert read_health("/dev/null", within=Deadline(5)) is None
