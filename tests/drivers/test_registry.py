"""A driver is found by its file's name, and its settings are held against what it declares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drivers import registry
from drivers.docks.simulated import Driver as SimulatedDock
from drivers.errors import BadDriverSettings, DriverUnavailable, UnknownDriver
from drivers.registry import Kind
from tests.patience import PROGRAM_S

KINDS: tuple[Kind, ...] = ("docks", "printers", "inputs", "displays")


@pytest.mark.parametrize("kind", KINDS)
def test_the_known_drivers_are_the_files_of_the_folder_without_base_and_private_ones(kind: Kind) -> None:
    folder = Path(registry.__file__).parent / kind
    files = {p.stem for p in folder.glob("*.py")} - {"base", "__init__"}
    assert set(registry.known(kind)) == {f for f in files if not f.startswith("_")}
    assert "simulated" in registry.known(kind)


@pytest.mark.parametrize("name", ["acme_d4", "base", "_channel", "", "simulated.py", "../docks/plain", "languages"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownDriver) as caught:
        registry.load("printers", name, {}, where="printer")
    assert repr(name) in str(caught.value)
    assert "raw, serial, simulated, tcp" in str(caught.value)


def test_a_driver_is_made_of_its_settings_and_called_by_its_place() -> None:
    dock = registry.load("docks", "simulated", {"slots": 2}, where="dock.left")
    assert isinstance(dock, SimulatedDock)
    assert (dock.name, dock.slots) == ("dock.left", 2)


def test_every_problem_of_the_settings_is_told_with_path_value_and_what_is_allowed() -> None:
    with pytest.raises(BadDriverSettings) as caught:
        registry.load("printers", "tcp", {"prot": 9100, "port": 0, "dpi": 200}, where="printer[0].settings")
    problems = caught.value.fields["problems"]
    assert problems == (
        "printer[0].settings.prot is not a known key; did you mean port?",
        "printer[0].settings.dpi = 200: allowed is one of 203, 300",
        "printer[0].settings.host is missing: it takes a host's name or address alone, without scheme or port",
        "printer[0].settings.port = 0: allowed is a whole number from 1 up to 65535",
    )
    assert all(str(p) in caught.value.line() for p in problems)
    assert "\n" not in caught.value.line()


def test_a_missing_library_breaks_only_its_own_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    monkeypatch.delitem(sys.modules, "drivers.inputs.serial", raising=False)
    with pytest.raises(DriverUnavailable, match="inputs driver 'serial' needs serial"):
        registry.load("inputs", "serial", {"port": "/dev/null"}, where="input")
    registry.load("inputs", "simulated", {"path": "x"}, where="input")


def test_looking_for_drivers_imports_none_of_them() -> None:
    program = (
        "import sys; from drivers import registry\n"
        "for kind in registry.BASES: registry.known(kind)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('serial', 'PIL', 'segno', 'smbus2')])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PROGRAM_S)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", KINDS)
def test_every_driver_declares_settings_and_a_driver_of_its_kind(kind: Kind) -> None:
    for name in registry.known(kind):
        module = registry._module(kind, name)
        assert module.Settings.__struct_config__.frozen, name
        assert issubclass(module.Driver, registry.BASES[kind]), name
        with pytest.raises(BadDriverSettings, match="no_such_key"):
            registry.settings_of(kind, name, {"no_such_key": 1}, where="here")
