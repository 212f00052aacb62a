"""Every file in config/ can be used as it stands, and the station's example says the truth about the defaults."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.erase import Limits, VerifySpec
from agent.planning.policy import Policy
from agent.settings import (
    BaySettings,
    Destination,
    DockDevice,
    Mqtt,
    Scanning,
    Settings,
    StationSettings,
    Symbologies,
    Tls,
    load,
)
from collector.settings import load as load_collector
from drivers import registry
from drivers.senses import Senses

CONFIG = Path(__file__).resolve().parents[1] / "config"
STATION = CONFIG / "station.example.toml"
LOADERS = {"station.example.toml": load, "demo.toml": load, "collector.example.toml": load_collector}
ELSEWHERE = {"mosquitto"}  # tests/collector/test_access.py starts a real mosquitto with it


def test_every_file_in_config_is_loaded_by_a_test() -> None:
    assert {path.name for path in CONFIG.iterdir()} == LOADERS.keys() | ELSEWHERE


@pytest.mark.parametrize("name", sorted(LOADERS))
def test_a_shipped_configuration_is_valid_as_it_stands(name: str) -> None:
    assert LOADERS[name](CONFIG / name) is not None


def test_the_example_is_a_bench_of_four_bays_in_a_plain_dock() -> None:
    settings = load(STATION)
    assert [(bay.name, bay.source, bay.dock, bay.slot) for bay in settings.bay] == [
        (f"A{n}", "block", "cradle", n) for n in range(1, 5)
    ]
    assert [(dock.driver, dock.settings) for dock in settings.dock] == [("plain", {"slots": 4})]
    assert all("usb" in bay.port and not bay.port.startswith("/") for bay in settings.bay)


def test_what_is_not_commented_out_says_the_default() -> None:
    settings = load(STATION)
    assert settings.station == StationSettings()
    assert settings.scanning == Scanning()
    assert settings.senses == Senses()
    (policy,) = settings.policy
    assert policy == Policy(name="thorough")
    assert (policy.verify, policy.limits) == (VerifySpec(), Limits())


def with_everything() -> dict[str, Any]:
    """The example with every commented-out line of TOML in force."""
    lines = [re.sub(r"^# (?=\[|\w+ = )", "", line) for line in STATION.read_text("utf-8").splitlines()]
    return tomllib.loads("\n".join(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("station", StationSettings),
        ("bay", BaySettings),
        ("dock", DockDevice),
        ("senses", Senses),
        ("scanning", Scanning),
        ("scanning.symbologies", Symbologies),
        ("destination", Destination),
        ("mqtt", Mqtt),
        ("mqtt.tls", Tls),
        ("policy", Policy),
        ("policy.verify", VerifySpec),
        ("policy.limits", Limits),
    ],
)
def test_the_example_shows_every_key_of_every_table(table: str, kind: type[msgspec.Struct]) -> None:
    found: Any = with_everything()
    for name in table.split("."):
        found = found[name]
        found = found[0] if isinstance(found, list) else found
    assert set(found) == set(kind.__struct_encode_fields__)


def test_the_example_shows_every_dock_with_every_setting_and_its_default() -> None:
    shown = {dock["driver"]: dock["settings"] for dock in with_everything()["dock"]}
    assert set(shown) == set(registry.known("docks")) - {"simulated"}
    for driver, settings in shown.items():
        value = registry.settings_of("docks", driver, settings, where=driver)
        fields = set(value.__struct_fields__) - {"program", "sysfs", "by_path"}  # for tests, and odd installations
        assert set(settings) == fields, driver


def test_the_example_shows_every_table_and_is_valid_with_everything_in_force(tmp_path: Path) -> None:
    from agent.settings import parse

    everything = with_everything()
    assert set(everything) == set(Settings.__struct_encode_fields__)
    assert parse(everything, where="example").mqtt == Mqtt(
        host="collector.example",
        brokers=("b.example", "c.example:8884"),
        username="bench-01",
        password_file="mqtt.password",
        controller_keys=("controller.jwk",),
        collector_keys=("collector.jwk",),
        tls=Tls(ca="tls/ca.crt", certificate="tls/bench-01.crt", key="tls/bench-01.key"),
    )
