"""A configuration that cannot be used says every problem at once: the key's path, the value, what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import SettingsError
from agent.settings import Settings, load, parse

BAY = {"name": "A1", "port": "p1"}


def problems(**data: Any) -> str:  # noqa: ANN401 - tables of the file
    """All that is wrong, a line each."""
    with pytest.raises(SettingsError) as caught:
        parse(data, where="station.toml")
    assert all(line.startswith("station.toml: ") for line in caught.value.problems)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"station": {"countdwn_s": 3}}, "station.countdwn_s is not a known key; did you mean countdown_s?"),
        ({"station": {"countdown_s": -1}}, "station.countdown_s = -1: allowed is a number from 0 up to 3600"),
        ({"station": {"mode": "auto"}}, "station.mode = 'auto': allowed is one of automatic, scan"),
        ({"station": {"id": "bench 1"}}, "station.id = 'bench 1': allowed is text that matches"),
        ({"station": {"policy": "x"}}, "station.policy = 'x': allowed is one of nist-clear, nist-purge"),
        ({"station": {"stalled_power_off_s": 0}}, "station.stalled_power_off_s = 0"),
        ({"bay": [{"name": "A1"}]}, "bay[0].port is missing"),
        ({"bay": [BAY, BAY]}, "bay[1].port = 'block:p1': bay[0] has it already"),
        ({"bay": [BAY, {**BAY, "port": "p2"}]}, "bay[1].name = 'A1': bay[0] has it already"),
        ({"bay": [{**BAY, "dock": "d"}]}, "bay[0].dock = 'd': allowed is one of (none is configured)"),
        ({"bay": [{**BAY, "source": "sim"}]}, "bay[0].source = 'sim': allowed is one of block"),
        ({"lot": [{"code": "L", "customer": "X"}]}, "lot[0].customer = 'X'"),
        ({"policy": [{"name": "p", "method": "shred"}]}, "policy[0].method = 'shred': allowed is one of"),
        ({"policy": [{"name": "p", "verify": {"fraction": 2}}]}, "verify"),
        (
            {"policy": [{"name": "p", "skip_capacity_proof": ["usb"]}]},
            "policy[0].skip_capacity_proof[0] = 'usb': allowed",
        ),
        ({"scanning": {"asset": "("}}, "scanning.asset = '(': allowed is a regular expression"),
        ({"scanning": {"bay": "BAY"}}, "scanning.bay = 'BAY': it must hold (?P<bay>...)"),
        ({"mqtt": {"host": "x", "port": 0}}, "mqtt.port = 0: allowed is a whole number from 1 up to 65535"),
        ({"mqtt": {}}, "mqtt.host is missing"),
        ({"statoin": {}}, "statoin is not a known key; did you mean station?"),
    ],
)
def test_a_problem_names_the_key_the_value_and_what_is_allowed(data: dict[str, Any], told: str) -> None:
    assert told in problems(**data)


def test_every_problem_is_told_at_once() -> None:
    told = problems(station={"mode": "auto", "language": "de"}, bay=[{"name": "A1"}], extra=1)
    assert len(told.splitlines()) == 4


def test_two_bays_may_not_share_a_slot_of_a_dock_but_bays_without_a_dock_have_none() -> None:
    dock = [{"name": "d", "driver": "plain"}]
    bays = [{"name": f"A{n}", "port": f"p{n}", "dock": "d"} for n in (1, 2)]
    assert "bay[1].slot = 'd:1': bay[0] has it already" in problems(dock=dock, bay=bays)
    free = [{"name": f"A{n}", "port": f"p{n}"} for n in (1, 2)]
    assert len(parse({"bay": free}, where="x").bay) == 2


def test_a_policy_of_the_file_stands_before_a_built_in_one_of_that_name() -> None:
    own = parse({"policy": [{"name": "nist-clear", "method": "random"}]}, where="x")
    assert own.policy_named("nist-clear").method == "random"
    assert Settings().policy_named("nist-clear").method == "nist-clear"


@pytest.mark.parametrize(("text", "told"), [("[station", "is not valid TOML"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "station.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    (line,) = caught.value.problems
    assert str(path) in line
    assert told in line
