"""python -m tests.firmware_bridge.device.cpython: the firmware under CPython."""

import sys

from tests.firmware_bridge.device import cpython_host, cpython_utime

sys.modules["host"] = cpython_host
sys.modules["utime"] = cpython_utime

if __name__ == "__main__":
    from tests.firmware_bridge.device.run import run

    run()
