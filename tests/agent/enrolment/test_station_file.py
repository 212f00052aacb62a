"""station.toml keeps everything that is a person's: comments, order, tables."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path

import pytest

from agent.enrolment.station_file import MARK, with_tables
from agent.settings import parse

EXAMPLE = (Path(__file__).parents[3] / "config" / "station.example.toml").read_text("utf-8")
MQTT = {
    "host": "broker.example",
    "port": 8883,
    "protocol": "5",
    "collector_keys": ["enrolled/a/collector.jwk"],
    "controller_keys": ["enrolled/a/controller.jwk"],
    "tls": {"ca": "a/ca.crt", "certificate": "a/c.crt", "key": "a/c.key"},
}
STATION = {"id": "bench-07", "certificate_url": "https://collector.example/certificates/"}
OLD = """\
[station]
id = "bench-01" # ours
certificate_url = ''|
# the broker of last year
[mqtt]
host = "old"
# its files
[mqtt.tls]
ca = "x"  # this one
certificate = "y"
key = "z"

# our bays
[[bay]]
name = "A1"
port = "/dev/sda"
[policy_notes]
""".replace("|", "   ")


def test_the_shipped_example_gains_the_tables_and_loses_no_line() -> None:
    found = with_tables(EXAMPLE, STATION, MQTT)
    kept = [line for line in EXAMPLE.splitlines() if not line.startswith(("id = ", "certificate_url = "))]
    assert [line for line in kept if line not in found.splitlines()] == []
    settings = parse(tomllib.loads(found), where="x")
    assert settings.station.id == "bench-07"
    assert settings.mqtt is not None
    assert settings.mqtt.host == "broker.example"


def test_written_twice_it_is_as_written_once() -> None:
    once = with_tables(EXAMPLE, STATION, MQTT)
    assert with_tables(once, STATION, MQTT) == once
    again = with_tables(with_tables(OLD, STATION, MQTT), STATION, MQTT)
    assert [again.count(one) for one in (MARK, "\n[mqtt]\n", "\n[mqtt.tls]\n")] == [1, 1, 1]


def test_an_older_broker_goes_and_what_is_beside_it_stays() -> None:
    found = with_tables(OLD, STATION, MQTT)
    told = tomllib.loads(found)
    assert told["mqtt"] == MQTT
    assert told["bay"] == [{"name": "A1", "port": "/dev/sda"}]
    for kept in ("# ours", "# our bays", "[policy_notes]"):
        assert kept in found
    assert "# this one" not in found


def test_an_empty_file_becomes_a_station() -> None:
    assert tomllib.loads(with_tables("", STATION, MQTT)) == {"station": STATION, "mqtt": MQTT}


@pytest.mark.parametrize(
    "text",
    [
        'mqtt = { host = "x" }\n',
        'mqtt.host = "x"\n',
        'station = { id = "x" }\n',
        "[station]\nid = '''\nx'''\n",
        '[mqtt]\nhost = """\n[bay]\n"""\n[[bay]]\nname = "A1"\n',
        '["mqtt"]\nhost = "x"\n',
    ],
)
def test_what_no_program_can_change_is_said_and_never_guessed(text: str) -> None:
    before = tomllib.loads(text)
    found = None
    with contextlib.suppress(ValueError):
        found = tomllib.loads(with_tables(text, STATION, MQTT))
    assert found is None or found == {**before, "mqtt": MQTT, "station": {**before.get("station", {}), **STATION}}


def test_brokers_of_other_cells_are_written_as_they_were_told() -> None:
    others = ["b.example", "c.example:8884"]
    settings = parse(
        tomllib.loads(with_tables(OLD.partition("[policy")[0], STATION, {**MQTT, "brokers": others})), where="x"
    )
    assert settings.mqtt is not None
    assert [str(one) for one in settings.mqtt.addresses] == ["broker.example:8883", "b.example:8883", "c.example:8884"]
