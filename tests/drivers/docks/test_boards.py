"""What single boards are sent, byte for byte, and what is particular to them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.deadline import Deadline
from drivers.docks import devantech_rly16, kmtronic, lcus, ledctl, mcp23017, modbus_relay, pcf8574, ses, uhubctl
from drivers.docks.base import Dock, DockCannot, Light, Power, power_of
from drivers.errors import DeviceGarbled, DeviceGone, DriverError, DriverUnavailable, OutputDidNotFollow
from drivers.senses import Senses
from tests.drivers.docks import counterparts as c
from tests.patience import SOON_S


def within() -> Deadline:
    """Enough for a busy machine."""
    return Deadline(SOON_S)


@pytest.fixture
def opened() -> Iterator[list[c.Counterpart | Dock]]:
    """What the test made, closed at its end."""
    made: list[c.Counterpart | Dock] = []
    yield made
    for one in reversed(made):
        one.close()


def seen(board: c.SerialBoard, dock: Power) -> str:
    """What slot 1 on, slot 2 off sends, the questions in between taken out."""
    dock.set_power(1, True, within=within())
    dock.set_power(2, False, within=within())
    return board.seen.hex(" ")


def test_lcus_bytes(tmp_path: Path, opened: list[c.Counterpart | Dock]) -> None:
    board = c.Lcus(tmp_path)
    dock = lcus.Driver("d", lcus.Settings(port=board.settings["port"], slots=4))
    opened += [board, dock]
    assert seen(board, dock) == "a0 01 01 a2 ff a0 02 00 a2 ff"
    assert lcus.command(1, False).hex(" ") == "a0 01 00 a1"


@pytest.mark.parametrize(
    ("slots", "bytes_"),
    [(4, "ff 01 01 ff 09 00 ff 02 00 ff 09 00"), (2, "ff 01 01 ff 01 03 ff 02 00 ff 02 03")],
)
def test_kmtronic_bytes(tmp_path: Path, opened: list[c.Counterpart | Dock], slots: int, bytes_: str) -> None:
    board = c.Kmtronic(tmp_path, slots)
    dock = kmtronic.Driver("d", kmtronic.Settings(port=board.settings["port"], slots=4 if slots == 4 else 2))
    opened += [board, dock]
    assert seen(board, dock) == bytes_


def test_rly16_bytes(tmp_path: Path, opened: list[c.Counterpart | Dock]) -> None:
    board = c.Rly16(tmp_path)
    dock = devantech_rly16.Driver("d", devantech_rly16.Settings(port=board.settings["port"]))
    opened += [board, dock]
    assert seen(board, dock) == "65 5b 70 5b"


def test_modbus_bytes_and_never_a_toggle(tmp_path: Path, opened: list[c.Counterpart | Dock]) -> None:
    board = c.Modbus(tmp_path)
    dock = modbus_relay.Driver("d", modbus_relay.Settings(port=board.settings["port"]))
    opened += [board, dock]
    dock.set_power(1, True, within=within())
    dock.set_power(1, False, within=within())
    sent = board.seen
    assert sent.startswith(bytes.fromhex("01 05 00 00 ff 00 8c 3a 01 01 00 00 00 08"))
    assert bytes.fromhex("01 05 00 00 00 00 cd ca") in sent
    assert b"\x55\x00" not in sent


def test_a_modbus_board_with_fewer_channels_than_slots_is_found_out(
    tmp_path: Path, opened: list[c.Counterpart | Dock]
) -> None:
    board = c.Modbus(tmp_path, slots=8)
    dock = modbus_relay.Driver(
        "d", modbus_relay.Settings(port=board.settings["port"], slots=24)
    )  # pymodbus rounds 8 coils up to 16
    opened += [board, dock]
    with pytest.raises(DeviceGarbled):
        dock.probe(within=within())


def test_mcp23017_levels_come_before_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = c.Mcp23017(monkeypatch)
    dock = mcp23017.Driver("d", mcp23017.Settings())
    dock.set_power(10, True, within=within())
    assert chip.log == [(0x15, 0b10), (0x01, 0b1111_1101)]
    dock.set_power(10, True, within=within())
    assert chip.log[2:] == [(0x15, 0b10)]


def test_mcp23017_active_low_drives_the_pin_high_before_it_is_an_output(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = c.Mcp23017(monkeypatch)
    dock = mcp23017.Driver("d", mcp23017.Settings(active_low=True))
    dock.set_power(1, False, within=within())
    assert chip.log == [(0x14, 1), (0x00, 0xFE)]
    dock.set_power(1, True, within=within())
    assert chip.registers[0x14] == 0
    assert dock.power(1, within=within()) is True


def test_pcf8574_changes_one_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = c.Pcf8574(monkeypatch)
    dock = pcf8574.Driver("d", pcf8574.Settings())
    dock.set_power(3, True, within=within())
    dock.set_power(1, True, within=within())
    dock.set_power(3, False, within=within())
    assert chip.log == [(None, 0xFB), (None, 0xFA), (None, 0xFE)]


def test_no_i2c_bus_at_all_is_a_device_that_is_not_there() -> None:
    dock = pcf8574.Driver("d", pcf8574.Settings(bus=251))
    with pytest.raises(DeviceGone, match="bus 251, address 0x20"):
        dock.probe(within=within())


def test_a_hub_that_switches_one_side_only_is_not_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uhubctl.Driver, "settle_seconds", 0.1)
    hub = c.Uhubctl(tmp_path)
    dock = uhubctl.Driver("d", uhubctl.Settings(**hub.settings))
    (tmp_path / "mishap").write_text("one-side")
    with pytest.raises(OutputDidNotFollow, match="reads back power on after power off"):
        dock.set_power(2, False, within=within())


@pytest.mark.parametrize("side", ["1-1.2", "2-1.2"])
def test_a_hub_that_says_off_while_a_device_is_still_there_is_not_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    monkeypatch.setattr(uhubctl.Driver, "settle_seconds", 0.1)
    hub = c.Uhubctl(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / side).touch()
    dock = uhubctl.Driver("d", uhubctl.Settings(**{**hub.settings, "sysfs": str(other)}))
    with pytest.raises(OutputDidNotFollow):
        dock.set_power(2, False, within=within())
    dock.set_power(1, False, within=within())


def test_ports_of_a_root_hub_are_named_as_the_kernel_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dock = uhubctl.Driver("d", uhubctl.Settings(location="1", ports=(2,), sysfs=str(tmp_path)))
    said = "Current status for hub 1 [1d6b:0002 Linux, USB 2.00, 4 ports, ppps]\n  Port 2: 0000 off\n"
    monkeypatch.setattr(uhubctl, "run", lambda *_, **__: said)
    assert dock.power(1, within=within()) is False
    (tmp_path / "1-2").touch()
    assert dock.power(1, within=within()) is True


def test_an_enclosure_shows_failed_and_done_as_lights_that_differ(tmp_path: Path) -> None:
    enclosure = c.Ses(tmp_path)
    dock = ses.Driver("d", ses.Settings(**enclosure.settings))
    dock.set_light(2, Light.FAILED, within=within())
    assert enclosure.state()["1"] == {"devoff": 0, "ident": 0, "fault": 1}
    dock.set_light(2, Light.DONE, within=within())
    assert enclosure.state()["1"] == {"devoff": 0, "ident": 1, "fault": 0}
    enclosure.mishap = "stuck"
    with pytest.raises(OutputDidNotFollow, match="ident off"):
        dock.set_light(2, Light.OFF, within=within())


def test_where_nothing_may_blink_backplanes_get_only_lights_that_stand_still(tmp_path: Path) -> None:
    for name in ("shelf", "lights"):
        (tmp_path / name).mkdir()
    enclosure, backplane = c.Ses(tmp_path / "shelf"), c.Ledctl(tmp_path / "lights")
    shelf = ses.Driver("d", ses.Settings(**enclosure.settings))
    lights = ledctl.Driver("d", ledctl.Settings(**backplane.settings))
    for dock in (shelf, lights):
        dock.adjust(Senses(blinking="off"))
    for light in Light:
        shelf.set_light(2, light, within=within())
        lights.set_light(1, light, within=within())
        wants_a_hand = light in (Light.ATTENTION, Light.FAILED)
        assert enclosure.state()["1"] == {"devoff": 0, "ident": 0, "fault": int(wants_a_hand)}
        assert backplane.state() == {str(tmp_path / "lights/port-1"): "failure" if wants_a_hand else "normal"}


def test_ledctl_leaves_other_lights_alone_and_an_empty_bay_dark(tmp_path: Path) -> None:
    backplane = c.Ledctl(tmp_path)
    dock = ledctl.Driver("d", ledctl.Settings(**backplane.settings))
    dock.set_light(1, Light.FAILED, within=within())
    (tmp_path / "port-2").unlink()
    dock.set_light(2, Light.FAILED, within=within())
    assert backplane.state() == {str(tmp_path / "port-1"): "failure"}


def test_a_program_that_is_not_installed_is_named() -> None:
    dock = uhubctl.Driver("d", uhubctl.Settings(location="1-1", program="no-such-uhubctl"))
    with pytest.raises(DriverUnavailable, match="needs the program no-such-uhubctl"):
        dock.probe(within=within())


REAL = [
    pytest.param("uhubctl", uhubctl.Driver("d", uhubctl.Settings(location="99-9.9")), id="uhubctl"),
    pytest.param("sg_ses", ses.Driver("d", ses.Settings(device="/dev/null")), id="sg_ses"),
    pytest.param("ledctl", ledctl.Driver("d", ledctl.Settings(ports=("/dev/null",))), id="ledctl"),
]


@pytest.mark.parametrize(("program", "dock"), REAL)
def test_the_real_program_takes_our_words_and_finds_no_device(program: str, dock: Power | ledctl.Driver) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    with pytest.raises(DriverError) as caught:
        dock.power(1, within=within()) if isinstance(dock, Power) else dock.set_light(1, Light.DONE, within=within())
    assert isinstance(caught.value, DeviceGone)
    told = str(caught.value).lower()
    assert "usage" not in told.replace("usage info", "")
    assert "unrecognized" not in told
    assert "syntax" not in told


def test_an_enclosure_that_switches_nothing_is_asked_for_no_power() -> None:
    shelf = ses.Driver("d", ses.Settings(device="/dev/null", power=False, program="no-such-sg_ses"))
    assert power_of(shelf) is None
    with pytest.raises(DockCannot):
        shelf.set_power(1, False, within=within())
