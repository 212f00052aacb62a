"""The authority's signature, made by a process that is not the web's: no page ever holds its key.

`python -m collector.fleet.signer FOLDER certificate|revocations` < order > PEM; `... authority` prints its certificate.
The functions below start it, and wait no longer than a deadline.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from collector.errors import CollectorError
from collector.text import clean

DEADLINE_S = 30.0
AT_ONCE = 4
LARGEST = 4 * 1024 * 1024
_PLACES = threading.BoundedSemaphore(AT_ONCE)


class AuthoritySilent(CollectorError):
    """The authority could not sign."""

    code = "BW-C90"
    message = "the collector's authority cannot sign now: {problem}"
    hint = "`benchwipe-collector check` says whether its key can be used."


def authority(folder: Path) -> bytes:
    """Return the authority's certificate, PEM; the authority is made now if there is none. Raise AuthoritySilent."""
    return _run(folder, "authority", b"")


def certificate(folder: Path, order: msgspec.Struct) -> bytes:
    """Have a certificate made (ca.Order), PEM. Raise AuthoritySilent."""
    return _run(folder, "certificate", msgspec.json.encode(order))


def revocations(folder: Path, order: msgspec.Struct) -> bytes:
    """Have the list of revoked certificates signed (ca.RevocationOrder), PEM. Raise AuthoritySilent."""
    return _run(folder, "revocations", msgspec.json.encode(order))


def _run(folder: Path, verb: str, told: bytes) -> bytes:
    if not _PLACES.acquire(timeout=DEADLINE_S):
        raise AuthoritySilent(problem="too many ask at this moment")
    alone = ["-I"] if sys.flags.isolated else []
    try:
        command = [sys.executable, *alone, "-m", "collector.fleet.signer", str(folder), verb]
        done = subprocess.run(command, input=told, capture_output=True, timeout=DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AuthoritySilent(problem=clean(str(error))) from None
    finally:
        _PLACES.release()
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        problem = clean(lines[-1]) if lines else f"its process ended with status {done.returncode}"
        raise AuthoritySilent(problem=problem)
    return done.stdout


def main() -> int:
    """Sign. Exit status 1 with one line on standard error where that cannot be done."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from collector.fleet import ca

    folder, verb = Path(sys.argv[1]), sys.argv[2]
    try:
        key, own = ca.load_or_make(folder)
        told = sys.stdin.buffer.read(LARGEST) if verb != "authority" else b""
        if verb == "authority":
            made = own.public_bytes(Encoding.PEM)
        elif verb == "certificate":
            made = ca.make(msgspec.json.decode(told, type=ca.Order), key, own)
        else:
            made = ca.revocations(msgspec.json.decode(told, type=ca.RevocationOrder), key, own)
    except (CollectorError, msgspec.MsgspecError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
