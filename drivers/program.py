"""A program that controls a device for us, run with a deadline and without a shell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from drivers.deadline import Deadline
from drivers.errors import DeviceGone, DeviceSilent, DriverUnavailable


def run(
    words: Sequence[str],
    *,
    device: str,
    within: Deadline,
    kind: str = "docks",
    data: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run the program, and return what it printed.

    May raise DriverUnavailable (not installed), DeviceSilent (killed at the deadline), DeviceGone (failed).

    Its words are English whatever the machine's language is, since we read them. `data` goes to its standard input.
    """
    try:
        done = subprocess.run(
            words,
            input=data,
            capture_output=True,
            timeout=max(0.01, within.left()),
            check=False,
            env={**os.environ, **(environment or {}), "LC_ALL": "C"},
        )
    except (FileNotFoundError, PermissionError) as error:
        raise DriverUnavailable(kind=kind, name=device, missing=f"the program {words[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise DeviceSilent(device=f"{device} ({words[0]})", seconds=within.seconds) from error
    out = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        said = " ".join((done.stderr.decode("utf-8", "replace") or out).split())
        raise DeviceGone(device=f"{device} ({words[0]} says: {said[:160] or done.returncode})")
    return out
