"""The first thing that MicroPython runs, as /boot.py: every output low, before anything can go wrong."""

import machine

from firmware_bridge.controller import config


def all_off() -> None:
    """Switch the bays on pins off.

    Bays on expanders are off by their pull-downs after a power-on, and by main.py's first write after a reset.
    """
    for outputs, _ in config.PIN_BAYS:
        for number in outputs:
            machine.Pin(number, machine.Pin.OUT, value=0)


def maintenance() -> bool:
    """Say whether the button of the first bay is held."""
    button = machine.Pin(config.PIN_BAYS[0][1][2], machine.Pin.IN, machine.Pin.PULL_UP)
    return bool(button.value() == 0)


all_off()
