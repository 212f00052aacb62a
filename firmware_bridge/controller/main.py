"""Runs the dock controller for ever. MicroPython starts this file, as /main.py, after /boot.py has switched all off."""

from firmware_bridge.controller import boot
from firmware_bridge.controller.bays import SWEEP_MS, Bay, Limits
from firmware_bridge.controller.hal import Rp2040
from firmware_bridge.controller.session import Controller

BOOT_AFTER_MS = 1000  # for a host whose first reply was lost: it asks again, and is answered


def run() -> None:
    """Run the controller.

    Whatever goes wrong in here ends in the watchdog's reset, and a reset switches all bays off.
    """
    board = Rp2040()
    limits = Limits(board.limits.milliamps, board.limits.decicelsius)
    controller = Controller(board, [Bay(lines, limits) for lines in board.bays()], limits)
    boot_at = None
    while boot_at is None or board.now() < boot_at:
        data = board.receive()
        if data:
            controller.receive(data, board.now())
        swept = controller.tick(board.now(), SWEEP_MS)
        board.feed()
        if not data and not swept:
            board.rest()
        if controller.boot_asked and boot_at is None:
            boot_at = board.now() + BOOT_AFTER_MS
    board.enter_boot()


def start() -> None:
    """Start, unless somebody holds the first bay's button.

    mpremote cannot stop a program that feeds a watchdog.
    """
    if not boot.maintenance():
        run()


if __name__ == "__main__":
    start()
