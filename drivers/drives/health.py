"""What a drive says of its own health, through `smartctl --json` (smartmontools 7), where that is installed.

Never raises and never hangs: no answer within the deadline is no answer. The parser is pure.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from drivers.deadline import Deadline

# Exit status bits, smartctl(8) "EXIT STATUS".
EXIT_BITS = (
    "command line did not parse",
    "device could not be opened",
    "a command to the drive failed, or a checksum was wrong",
    "the drive says that it is failing",
    "prefail attributes are at or below their threshold",
    "attributes were at or below their threshold in the past",
    "the error log has entries",
    "the self-test log has errors",
)
NOT_ASKED = 0b11  # with either of these bits the drive was not reached

# SMART attributes (ATA): number -> name here. The raw value counts.
ATTRIBUTES = {
    5: "reallocated_sectors",
    196: "reallocation_events",
    197: "pending_sectors",
    198: "uncorrectable_sectors",
    199: "crc_errors",
}
# Normalised value 100 (new) to 0: wear levelling count, SSD life left, media wearout indicator.
LIFE_LEFT = (231, 233, 177, 202)


def read_health(device: str, *, within: Deadline, through: str = "") -> dict[str, Any] | None:
    """Temperature (C), sectors, wear (% used), hours; None where smartctl is absent, late, or cannot ask it.

    `through`: smartctl's device type. Left to itself it tries the vendor commands of USB bridges, some of which reset
    the drive (docs/firmware.md): behind a bridge ask with "sat", or not at all.
    """
    program = shutil.which("smartctl", path="/usr/sbin:/usr/bin:/sbin:/usr/local/sbin:/usr/local/bin")
    if program is None or within.passed:
        return None
    # standby: a sleeping drive is not woken for a temperature; -n exits with status 2 and the device is "not asked".
    command = [program, "--json", "--info", "--health", "--attributes", "--log=error", "--nocheck=standby", device]
    if through:
        command[1:1] = ["--device", through]
    try:
        done = subprocess.run(command, capture_output=True, timeout=within.left(), check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_health(done.stdout)


def parse_health(output: bytes) -> dict[str, Any] | None:
    """smartctl's JSON -> what a certificate shows; None where the drive did not answer."""
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):  # RecursionError: nested 60,000 deep
        return None
    if not isinstance(found, dict):
        return None
    status = _number(found, "smartctl", "exit_status")
    if status is None or status & NOT_ASKED:
        return None
    values: dict[str, Any] = {
        "passed": _at(found, "smart_status", "passed"),
        "temperature_c": _number(found, "temperature", "current"),
        "temperature_limit_c": _number(found, "temperature", "op_limit_max"),
        "temperature_critical_c": _first(found, "critical_limit_max", "limit_max", "drive_trip"),
        "power_on_hours": _number(found, "power_on_time", "hours"),
        "power_cycles": _number(found, "power_cycle_count"),
        **_ata(found),
        **_nvme(found),
        **_scsi(found),
    }
    kept = {key: value for key, value in values.items() if value is not None}
    return {**kept, "exit_status": status, "findings": exit_findings(status)} if kept else None


def exit_findings(status: int) -> list[str]:
    """The exit status in words, bit by bit."""
    return [words for bit, words in enumerate(EXIT_BITS) if status >> bit & 1]


def _ata(found: Mapping[str, Any]) -> dict[str, Any]:
    table = _at(found, "ata_smart_attributes", "table")
    listed = [row for row in table if isinstance(row, dict)] if isinstance(table, list) else []
    rows = {number: row for row in listed if (number := _number(row, "id")) is not None}
    values: dict[str, Any] = {name: _number(rows[n], "raw", "value") for n, name in ATTRIBUTES.items() if n in rows}
    life = next((left for n in LIFE_LEFT if n in rows and (left := _number(rows[n], "value")) is not None), None)
    if _at(found, "rotation_rate") == 0 and life is not None and 0 <= life <= 100:  # other meanings on disks that turn
        values["wear_percent"] = 100 - life
    return values


def _nvme(found: Mapping[str, Any]) -> dict[str, Any]:
    log = _at(found, "nvme_smart_health_information_log")
    if not isinstance(log, dict):
        return {}
    return {
        "wear_percent": _number(log, "percentage_used"),
        "available_spare_percent": _number(log, "available_spare"),
        "media_errors": _number(log, "media_errors"),
        "critical_warning": _number(log, "critical_warning"),
        "unsafe_shutdowns": _number(log, "unsafe_shutdowns"),
    }


def _scsi(found: Mapping[str, Any]) -> dict[str, Any]:
    grown = _number(found, "scsi_grown_defect_list")
    wear = _number(found, "scsi_percentage_used_endurance_indicator")
    return {k: v for k, v in (("reallocated_sectors", grown), ("wear_percent", wear)) if v is not None}


def _first(found: object, *names: str) -> int | None:
    """NVMe, ATA (SCT) and SCSI have a name each for the temperature that a drive must not reach."""
    return next((v for n in names if (v := _number(found, "temperature", n)) is not None), None)


def _at(found: object, *path: str) -> object:
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _number(found: object, *path: str) -> int | None:
    value = _at(found, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
