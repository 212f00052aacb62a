"""Dock drivers over the real kernel's serial and I2C stacks; the boards are models on the host."""

from __future__ import annotations

from tests.laboratory.rig import Rig
from tests.laboratory.usb.i2c import I2cTinyUsb, Mcp23017
from tests.laboratory.usb.serial import Rly16

SWITCH = """
from drivers import registry
from drivers.deadline import Deadline
from firmware_bridge.errors import CodedError
dock = registry.load("docks", {driver!r}, {settings!r}, where="dock")
try:
    for slot, on in {wishes!r}:
        dock.set_power(slot, on, within=Deadline(20))
    print([dock.power(n, within=Deadline(20)) for n in (1, 2, 3)])
except CodedError as error:
    print(error.code)
"""


def switch(rig: Rig, driver: str, settings: dict[str, object], *wishes: tuple[int, bool]) -> str:
    """What the slots 1 to 3 read back in the guest, or the error's code."""
    return rig.machine.python(SWITCH.format(driver=driver, settings=settings, wishes=wishes)).checked().out.strip()


def test_a_relay_module_on_a_real_serial_port(rig: Rig) -> None:
    module = Rly16()
    rig.machine.ports[1].plug(module)
    port = rig.machine.wait_until("ls /dev/serial/by-id/*00001234*").strip()
    settings: dict[str, object] = {"port": port}
    assert switch(rig, "devantech_rly16", settings, (1, True), (3, True), (1, False)) == "[False, False, True]"
    assert module.states == 0b100
    module.welded = 0b100
    assert switch(rig, "devantech_rly16", settings, (3, False)) == "BW-D06"
    rig.machine.ports[1].unplug()
    rig.machine.wait_until(f"! test -e {port}")
    assert switch(rig, "devantech_rly16", settings, (3, False)) == "BW-D04"


def test_an_expander_on_a_real_i2c_bus(rig: Rig) -> None:
    chip = Mcp23017()
    rig.machine.sh("modprobe i2c-dev").checked()  # as systemd/benchwipe.modules.conf does
    rig.machine.ports[1].plug(I2cTinyUsb({0x21: chip}))
    name = rig.machine.wait_until("grep -l tiny-usb /sys/class/i2c-dev/*/name && ls /dev/i2c-*").split("/")[4]
    settings: dict[str, object] = {"bus": int(name.removeprefix("i2c-")), "address": 0x21}
    assert switch(rig, "mcp23017", settings, (2, True), (10, True)) == "[False, True, False]"
    assert chip.log == [(0x14, 0b10), (0x00, 0b1111_1101), (0x15, 0b10), (0x01, 0b1111_1101)]  # level, then direction
    assert switch(rig, "mcp23017", settings, (2, False)) == "[False, False, False]"
    assert switch(rig, "mcp23017", {**settings, "address": 0x20}, (1, True)) == "BW-D04"  # nobody acknowledges
    rig.machine.ports[1].unplug()
    rig.machine.wait_until(f"! test -e /dev/{name}")
    assert switch(rig, "mcp23017", settings, (1, True)) == "BW-D04"
