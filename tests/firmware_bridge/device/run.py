"""Runs the controller's real firmware files on the bench of world.py: boot.py, then main.py, as MicroPython does."""

import sys

from firmware_bridge.controller import config

config.EXPANDERS = (0x20,)  # three bays: two on pins, one on an expander
config.SPIN_UP_MS = 40


def run() -> None:
    """Until the test hangs up or the boot loader is entered."""
    from tests.firmware_bridge.device import machine, world

    sys.modules["machine"] = machine
    from firmware_bridge.controller import main  # and with it boot.py

    try:
        world.WORLD.obey()
        main.start()
        world.WORLD.tell("ended")
    except world.Quit:
        return
