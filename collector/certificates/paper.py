"""A certificate's PDF, as the station makes it, in a process of its own, with a deadline and bounds.

What is painted came from elsewhere, and a library paints it. Whatever that does to it, the pages go on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading

import msgspec

from agent.pdf import Afterwards
from collector.errors import CollectorError
from collector.text import clean

DEADLINE_S = 30.0
WAIT_S = 10.0
AT_ONCE = 2
LARGEST = 8 << 20
_PLACES = threading.BoundedSemaphore(AT_ONCE)


class NoPaper(CollectorError):
    """The page could not be made."""

    code = "BW-C41"
    message = "the PDF could not be made: {problem}"
    hint = "The signed file (.jws) is the certificate; the PDF is a copy of it."


def paint(
    compact: bytes, *, language: str, certificate_url: str, key_id: str, afterwards: Afterwards | None = None
) -> bytes:
    """Make the PDF of a certificate that was verified, with what was said about it since. Raise NoPaper."""
    if not _PLACES.acquire(timeout=WAIT_S):
        raise NoPaper(problem="too many are made at this moment")
    try:
        said = b"" if afterwards is None else b"\n" + msgspec.json.encode(afterwards)
        return _painted(compact + said, [language, certificate_url, key_id])
    except subprocess.TimeoutExpired:
        raise NoPaper(problem=f"it took longer than {DEADLINE_S:.0f} s") from None
    except OSError as error:
        raise NoPaper(problem=error.strerror or error) from None
    finally:
        _PLACES.release()


def _painted(told: bytes, words: list[str]) -> bytes:
    """What it says goes to files, whose size the process itself is bound to (painter.py)."""
    command = [sys.executable, "-m", "collector.certificates.painter", *words]
    with tempfile.TemporaryFile() as page, tempfile.TemporaryFile() as wrong:
        done = subprocess.run(command, input=told, stdout=page, stderr=wrong, timeout=DEADLINE_S, check=False)
        page.seek(0)
        wrong.seek(0)
        made = page.read(LARGEST + 1)
        if done.returncode != 0 or not made.startswith(b"%PDF-") or len(made) > LARGEST:
            lines = wrong.read(4096).decode("utf-8", "replace").strip().splitlines()
            raise NoPaper(problem=clean(lines[-1]) if lines else f"its process ended with status {done.returncode}")
    return made
