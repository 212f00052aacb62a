"""Wear as makers count it: never less than what an attribute tells, and nothing where none tells it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.certificates.record import Health
from drivers.drives.health import measured, parse_health

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = (
    *("smart_status", "temperature", "power_on_time", "power_cycle_count", "ata_smart_attributes", "rotation_rate"),
    *("nvme_smart_health_information_log", "scsi_grown_defect_list", "scsi_environmental_reports", "endurance_used"),
    "scsi_percentage_used_endurance_indicator",
)


def row(number: int, value: object, raw: object, text: object = None, name: str = "") -> dict[str, Any]:
    told = {"value": raw, "string": str(raw) if text is None else text}
    return {"id": number, "value": value, "raw": told, **({"name": name} if name else {})}


def health(*rows: dict[str, Any], **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - smartctl's JSON
    document = {"smartctl": {"exit_status": 0}, "power_cycle_count": 1, **facts}
    if rows:
        document |= {"rotation_rate": 0, "ata_smart_attributes": {"table": list(rows)}}
    found = parse_health(json.dumps(document).encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rows", "used"),
    [
        ([row(231, 100, 74), row(233, 100, 840007)], 26),  # Kingston
        ([row(231, 100, 74, name="SSD_Life_Left"), row(177, 100, 3, name="Wear_Leveling_Count")], 26),
        ([row(169, 100, 96, name="Remaining_Lifetime_Perc"), row(177, 100, 180)], 4),  # Transcend
        ([row(169, 100, 96)], 4),
        ([row(169, 95, 95)], 5),
        ([row(231, 93, 7, name="SSD_Life_Left")], 7),
        ([row(177, 93, 129, name="Wear_Leveling_Count")], 7),
        ([row(202, 49, 51, name="Percent_Lifetime_Remain")], 51),
        ([row(202, 100, 30, name="Perc_Rated_Life_Used")], 30),
        ([row(233, 87, 0, name="Media_Wearout_Indicator")], 13),
        ([row(233, 100, 0, name="Media_Wearout_Indicator")], 0),
        ([row(230, 100, 0x0523023C0523, "0x0523023c0523", "Media_Wearout_Indicator")], 13),  # WD
        ([row(230, 3, 0x012C0014012C, "0x012c0014012c", "Media_Wearout_Indicator")], 3),
        ([row(230, 100, 9798, "9798 1066 9798", "Perc_Write/Erase_Count")], 98),
        ([row(230, 90, 0)], 10),
        ([row(177, 100, 2, name="Wear_Leveling_Count")], 0),
    ],
)
def test_wear_is_counted_as_the_maker_does(rows: list[dict[str, Any]], used: int) -> None:
    assert health(*rows)["wear_percent"] == used


@pytest.mark.parametrize(
    "rows",
    [
        [row(233, 100, 840007)],
        [row(233, 100, 4211, name="Flash_Writes_GiB")],
        [row(231, 100, 0)],
        [row(231, 0, 0)],
        [row(177, 100, 1800, name="Wear_Leveling_Count")],
        [row(177, 0, 31, name="Wear_Range_Delta")],
        [row(230, 100, 100, name="Drv_Life_Protect_Status")],
        [row(202, 100, 0, name="Data_Address_Mark_Errs")],
        [row(231, 253, 0), row(202, "100", None)],
        [row(169, 100, 131076, name="Bad_Block_Count")],
    ],
)
def test_what_tells_no_wear_is_never_certified_as_none(rows: list[dict[str, Any]]) -> None:
    assert "wear_percent" not in health(*rows)


def test_smartctls_own_figure_comes_first_and_its_zero_hides_no_other() -> None:
    assert health(endurance_used={"current_percent": 87}, rotation_rate=0)["wear_percent"] == 87
    assert health(row(231, 98, 0), endurance_used={"current_percent": 5})["wear_percent"] == 5
    assert health(row(231, 100, 74), endurance_used={"current_percent": 0})["wear_percent"] == 26
    assert "wear_percent" not in health(endurance_used={"current_percent": -1})


def test_wear_of_a_disk_that_turns_is_not_told() -> None:
    table = {"table": [row(231, 60, 40)]}
    assert "wear_percent" not in health(rotation_rate=7200, ata_smart_attributes=table)


@pytest.mark.parametrize(("text", "count"), [("2111 (12437 0)", 2111), ("0", 0), ("3 (0 3)", 3), ("17 hours", 17)])
def test_packed_raw_values_are_smartctls_own_first_number(text: str, count: int) -> None:
    names = {5: "reallocated_sectors", 196: "reallocation_events", 197: "pending_sectors", 198: "uncorrectable_sectors"}
    found = health(*(row(number, 98, 53416508262463, text) for number in names))
    assert {name: found[name] for name in names.values()} == dict.fromkeys(names.values(), count)


def test_a_packed_value_without_a_number_of_its_own_is_not_told() -> None:
    assert "reallocation_events" not in health(row(196, 98, 53416508262463, "0x309500000fff"))


@pytest.mark.parametrize(("celsius", "told"), [(0, None), (-41, None), (126, None), (255, None), (-40, -40), (38, 38)])
def test_a_temperature_that_can_be_none_is_not_measured(celsius: int, told: int | None) -> None:
    assert measured(celsius) == told
    assert health(temperature={"current": celsius, "drive_trip": 0}).get("temperature_c") == told


def test_a_sas_drives_sensors_stand_in_for_the_one_that_answers_zero() -> None:
    sensors = {"temperature_1": {"current": 38}, "temperature_2": {"current": 41}, "humidity_1": {"current": 55}}
    found = health(temperature={"current": 0, "drive_trip": 0}, scsi_environmental_reports=sensors)
    assert (found["temperature_c"], found.get("temperature_critical_c")) == (41, None)
    assert health(temperature={"current": 30}, scsi_environmental_reports=sensors)["temperature_c"] == 30


@given(st.dictionaries(st.sampled_from(KEYS), JSON), JSON, JSON)
def test_no_json_raises_and_what_is_kept_fits_on_a_certificate(
    facts: dict[str, Any], number: object, raw: object
) -> None:
    rows = [
        {"id": number, "value": raw, "raw": raw},
        {"id": 231, "value": number, "raw": {"value": raw, "string": number}},
    ]
    for table in ({"table": rows}, facts.get("ata_smart_attributes")):
        document = {"smartctl": {"exit_status": 0}, "rotation_rate": 0, **facts, "ata_smart_attributes": table}
        found = parse_health(json.dumps(document).encode())
        if found is not None:
            json.dumps(Health(before=found).before, allow_nan=False).encode("utf-8")
            assert all(value is not None for value in found.values())


@given(st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_output_raises(output: bytes) -> None:
    parse_health(output)


@pytest.mark.parametrize("output", [b"[" * 100_000, b'{"smartctl":{"exit_status":' + b"9" * 5000 + b"}}"])
def test_output_that_no_parser_takes_is_no_health(output: bytes) -> None:
    assert parse_health(output) is None
