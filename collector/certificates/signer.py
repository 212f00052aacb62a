"""The collector's own signature, made by a process that is not the web's: no page ever holds a private key.

`python -m collector.certificates.signer FOLDER ALG extract` < extract > JWS; `... keys` prints the public keys.
The functions below start it, and wait no longer than a deadline.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from agent.certificates.signature import Alg
from agent.errors import AgentError
from collector.certificates import extract
from collector.certificates.extract import Extract
from collector.errors import CollectorError
from collector.intake import signing
from collector.intake.keys import jwk
from collector.text import clean

DEADLINE_S = 20.0
AT_ONCE = 2
LARGEST = 64 * 1024
ALGS: tuple[Alg, ...] = ("EdDSA", "Ed25519")
_PLACES = threading.BoundedSemaphore(AT_ONCE)


class NoSignature(CollectorError):
    """The collector could not sign."""

    code = "BW-C42"
    message = "the collector cannot sign now: {problem}"
    hint = "`benchwipe-collector key show --use statement` says whether its key can be used."


def sign(told: Extract, folder: Path, alg: str) -> bytes:
    """Sign an extract with the key of statements. Raise NoSignature."""
    return _run(folder, alg, "extract", msgspec.json.encode(told))


def public_keys(folder: Path, alg: str) -> bytes:
    """Print the collector's public keys as a JWK set (RFC 7517). Raise NoSignature."""
    return _run(folder, alg, "keys", b"")


def _run(folder: Path, alg: str, verb: str, told: bytes) -> bytes:
    if not _PLACES.acquire(timeout=DEADLINE_S):
        raise NoSignature(problem="too many ask at this moment")
    try:
        command = [sys.executable, "-m", "collector.certificates.signer", str(folder), alg, verb]
        done = subprocess.run(command, input=told, capture_output=True, timeout=DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSignature(problem=clean(str(error))) from None
    finally:
        _PLACES.release()
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NoSignature(problem=clean(lines[-1]) if lines else f"its process ended with status {done.returncode}")
    return done.stdout


def main() -> int:
    """Sign, or print the keys. Exit status 1 with one line on standard error where that cannot be done."""
    folder, alg, verb = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    try:
        if verb == "keys":
            rows = [jwk(signing.load_or_make(folder, use).public_key()) for use in signing.USES]
            sys.stdout.buffer.write(msgspec.json.encode({"keys": rows}) + b"\n")
            return 0
        said = msgspec.json.decode(sys.stdin.buffer.read(LARGEST), type=Extract)
        key = signing.load_or_make(folder, "statement")
        sys.stdout.buffer.write(extract.sign(said, key, alg=next(name for name in ALGS if name == alg)))
    except (AgentError, CollectorError, msgspec.MsgspecError, StopIteration) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
