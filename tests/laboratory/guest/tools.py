"""Running programs while the guest is built; one clear line where something is missing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import IO


class BenchLacks(Exception):
    """The bench cannot be built or started on this machine, and this is why."""


class CannotDownload(BenchLacks):
    """No mirror, or none that has what is needed."""


def run(
    argv: list[str], *, cwd: Path | None = None, stdin: IO[bytes] | None = None, timeout: float = 120, ok: bool = False
) -> str:
    """Standard output; BenchLacks where the program is missing or fails (`ok`: failing is no trouble)."""
    try:
        done = subprocess.run(argv, cwd=cwd, stdin=stdin, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise BenchLacks(f"the program {argv[0]} is missing; `make bench` installs what the bench needs") from None
    except subprocess.TimeoutExpired:
        raise BenchLacks(f"{argv[0]} did not end within {timeout:.0f} s") from None
    if done.returncode and not ok:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise BenchLacks(f"{' '.join(argv[:4])} failed: {said[-1] if said else done.returncode}")
    return done.stdout.decode(errors="replace")
