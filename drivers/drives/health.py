"""What a drive says of its own health: the JSON of smartctl (smartmontools 7) -> what a certificate shows. Pure.

`smartctl.py` runs the program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from drivers.drives._wear import MOST_USED, Attribute, wear_percent

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

# SMART attributes (ATA): number -> name here. The raw value counts: its first number.
ATTRIBUTES = {
    5: "reallocated_sectors",
    196: "reallocation_events",
    197: "pending_sectors",
    198: "uncorrectable_sectors",
    199: "crc_errors",
}
COLDEST, HOTTEST = -40, 125  # degrees Celsius: beyond them, and at 0, nothing was measured
LARGEST = 2**63 - 1  # of a number on a certificate


def parse_health(output: bytes) -> dict[str, Any] | None:
    """Turn smartctl's JSON into what a certificate shows. None where the drive did not answer. Never raises."""
    found = _document(output)
    status = _number(found, "smartctl", "exit_status")
    if status is None or not 0 <= status <= 0xFF or status & NOT_ASKED:
        return None
    passed = _at(found, "smart_status", "passed")
    values: dict[str, Any] = {
        "passed": passed if isinstance(passed, bool) else None,
        "temperature_c": _celsius(found),
        "temperature_limit_c": measured(_number(found, "temperature", "op_limit_max")),
        "temperature_critical_c": _first(found, "critical_limit_max", "limit_max", "drive_trip"),
        "power_on_hours": _number(found, "power_on_time", "hours"),
        "power_cycles": _number(found, "power_cycle_count"),
        **_ata(found),
        **_nvme(found),
        **_scsi(found),
    }
    values["wear_percent"] = _wear(found, values.get("wear_percent"))
    kept = {key: value for key, value in values.items() if value is not None}
    return {**kept, "exit_status": status, "findings": exit_findings(status)} if kept else None


def not_understood(output: bytes) -> bool:
    """Tell whether this smartctl is too old for an option that it was given."""
    status = _number(_document(output), "smartctl", "exit_status")
    return status is not None and bool(status & 1) and b"INVALID ARGUMENT" in output


def measured(celsius: int | None) -> int | None:
    """Accept a temperature that can be one.

    None for 0, which many answer without a sensor, and for what no drive survives.
    """
    return celsius if celsius and COLDEST <= celsius <= HOTTEST else None


def exit_findings(status: int) -> list[str]:
    """Put the exit status in words, bit by bit."""
    return [words for bit, words in enumerate(EXIT_BITS) if status >> bit & 1]


def _document(output: bytes) -> dict[str, Any]:
    """Empty for whatever is no JSON object."""
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _celsius(found: object) -> int | None:
    """The drive's own; of SCSI drives that answer 0 there, the hottest sensor of the environmental page."""
    reports = _at(found, "scsi_environmental_reports")
    sensors = reports if isinstance(reports, dict) else {}
    told = [measured(_number(found, "temperature", "current")), measured(_nvme_celsius(found))]
    first = next((celsius for celsius in told if celsius is not None), None)
    hot = [measured(_number(sensors, name, "current")) for name in sensors if str(name).startswith("temperature")]
    return first if first is not None else max((celsius for celsius in hot if celsius is not None), default=None)


def _nvme_celsius(found: object) -> int | None:
    return _number(found, "nvme_smart_health_information_log", "temperature")


def _wear(found: object, told: int | None) -> int | None:
    """smartctl's own figure (7.4 and later), the protocol's, or what the attributes tell, which makers count anyhow."""
    own = _percent(_number(found, "endurance_used", "current_percent"))
    return own or _percent(told) if told is not None else own


def _percent(used: int | None) -> int | None:
    return used if used is not None and 0 <= used <= MOST_USED else None


def _rows(found: object) -> dict[int, Mapping[str, Any]]:
    table = _at(found, "ata_smart_attributes", "table")
    rows = [row for row in table if isinstance(row, dict)] if isinstance(table, list) else []
    return {number: row for row in rows if (number := _number(row, "id")) is not None}


def _raw(row: Mapping[str, Any]) -> int | None:
    """smartctl's own first number: the raw value itself may hold several, packed ("2111 (12437 0)")."""
    text, value = _at(row, "raw", "string"), _number(row, "raw", "value")
    if isinstance(text, str) and (first := re.match(r"\s*([0-9]{1,18})(?![0-9a-zA-Z])", text)):
        return int(first[1])
    return value if value is not None and 0 <= value < 1 << 32 else None


def _ata(found: object) -> dict[str, Any]:
    rows = _rows(found)
    values: dict[str, Any] = {name: _raw(rows[n]) for n, name in ATTRIBUTES.items() if n in rows}
    if _number(found, "rotation_rate") == 0:  # other meanings on disks that turn
        values["wear_percent"] = wear_percent(_attribute(number, row) for number, row in rows.items())
    return values


def _attribute(number: int, row: Mapping[str, Any]) -> Attribute:
    """Of packed hexadecimal raw values, which have no first number, the whole: 230 is one."""
    raw, name = _raw(row), row.get("name")
    text = _at(row, "raw", "string")
    whole = _number(row, "raw", "value") if isinstance(text, str) and text.lower().startswith("0x") else raw
    known = name if isinstance(name, str) else ""
    return Attribute(number, known, _number(row, "value"), whole if raw is None else raw)


def _nvme(found: object) -> dict[str, Any]:
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


def _scsi(found: object) -> dict[str, Any]:
    grown = _number(found, "scsi_grown_defect_list")
    wear = _number(found, "scsi_percentage_used_endurance_indicator")
    return {k: v for k, v in (("reallocated_sectors", grown), ("wear_percent", wear)) if v is not None}


def _first(found: object, *names: str) -> int | None:
    """NVMe, ATA (SCT) and SCSI have a name each for the temperature that a drive must not reach."""
    return next((v for n in names if (v := measured(_number(found, "temperature", n))) is not None), None)


def _at(found: object, *path: str) -> object:
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _number(found: object, *path: str) -> int | None:
    value = _at(found, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST else None
