"""Files of this room: nobody ever reads half of one."""

from __future__ import annotations

import os
from pathlib import Path

from collector.owned import give


def put(path: Path, data: bytes, mode: int) -> None:
    """Write a file beside, flush it, and let it take the place of the old one; it belongs to its folder's owner."""
    temporary = path.with_name(f".making-{os.urandom(8).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        give(temporary, like=path.parent)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
