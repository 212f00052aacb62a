"""Run `smartctl --json` (smartmontools 7), where that is installed, and return what a drive says of its own health.

Never raises and never hangs: no answer within the deadline is no answer.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from typing import Any

from drivers.deadline import Deadline
from drivers.drives.health import not_understood, parse_health

# Of SCSI drives: percent used, and the sensors of log page 0Dh, subpage 1 (SPC-5, 7.3.7). smartctl knows "envrep" from
# 7.4 on, and refuses the whole command before.
MORE_LOGS = (("--log=ssd", "--log=envrep"), ("--log=ssd",), ())
_known, _learning = list(MORE_LOGS), threading.Lock()


def read_health(device: str, *, within: Deadline, through: str = "", scsi: bool = False) -> dict[str, Any] | None:
    """Read temperature (C), sectors, wear (% used), hours.

    None where smartctl is absent, late, or cannot ask it.

    `through`: smartctl's device type. Left to itself it tries the vendor commands of USB bridges, some of which reset
    the drive (docs/firmware.md): behind a bridge ask with "sat", or not at all. `scsi`: a SAS drive, which tells wear
    and its sensors on pages of their own.
    """
    program = shutil.which("smartctl", path="/usr/sbin:/usr/bin:/sbin:/usr/local/sbin:/usr/local/bin")
    if program is None or within.passed:
        return None
    # standby: a sleeping drive is not woken for a temperature; -n exits with status 2 and the device is "not asked".
    command = [program, "--json", "--info", "--health", "--attributes", "--log=error", "--nocheck=standby", device]
    if through:
        command[1:1] = ["--device", through]
    if not scsi:
        return parse_health(_output(command, within))
    while True:
        logs = _known[0]
        output = _output([*command[:-1], *logs, device], within)
        if not logs or not not_understood(output):
            return parse_health(output)
        with _learning:
            _known[:] = MORE_LOGS[MORE_LOGS.index(logs) + 1 :]  # this smartctl is older: asked so never again


def _output(command: list[str], within: Deadline) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, timeout=within.left(), check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""
