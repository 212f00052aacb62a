"""The authority's and the controller's signature, made by a process that is not the web's: no page ever holds its key.

`python -m collector.fleet.signer FOLDER certificate|revocations` < order > PEM; `... authority` prints its certificate;
`... command-ALG` and `... directory-ALG` sign what the controller says. The functions below start it, and wait no
longer than a deadline.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from agent.certificates.signature import Alg
from agent.errors import AgentError
from collector.errors import CollectorError
from collector.text import clean

DEADLINE_S = 30.0
AT_ONCE = 4
LARGEST = 4 * 1024 * 1024
CONTROLLERS = ("command-", "directory-")
ALGS: tuple[Alg, ...] = ("EdDSA", "Ed25519")
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


def command(folder: Path, alg: str, about: msgspec.Struct) -> bytes:
    """Have a controller's command signed (agent.messages.SignedCommand): a JWS. Raise AuthoritySilent."""
    return _run(folder, f"command-{alg}", msgspec.json.encode(about))


def directory(folder: Path, alg: str, about: msgspec.Struct) -> bytes:
    """Have a directory signed (directory.SignedDirectory): a JWS. Raise AuthoritySilent."""
    return _run(folder, f"directory-{alg}", msgspec.json.encode(about))


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


def _authority(folder: Path, verb: str, told: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    from collector.fleet import ca

    key, own = ca.load_or_make(folder)
    if verb == "authority":
        return own.public_bytes(Encoding.PEM)
    if verb == "certificate":
        return ca.make(msgspec.json.decode(told, type=ca.Order), key, own)
    return ca.revocations(msgspec.json.decode(told, type=ca.RevocationOrder), key, own)


def _controller(folder: Path, verb: str, told: bytes) -> bytes:
    """Sign a command or a directory, and nothing else: what is signed is one, whatever came in."""
    from agent.certificates import jws
    from agent.messages import COMMAND_TYPE, SignedCommand
    from collector.fleet import directory as directory_text
    from collector.intake import signing

    what, _, name = verb.partition("-")
    alg = next(one for one in ALGS if one == name)
    key = signing.load_or_make(folder, "controller")
    if what == "directory":
        lists = msgspec.json.encode(msgspec.json.decode(told, type=directory_text.SignedDirectory))
        return jws.sign(lists, key, typ=directory_text.TYPE, alg=alg, most=directory_text.LARGEST)
    about = msgspec.json.decode(told, type=SignedCommand)
    return jws.sign(msgspec.json.encode(about), key, typ=COMMAND_TYPE, alg=alg)


def main() -> int:
    """Sign. Exit status 1 with one line on standard error where that cannot be done."""
    folder, verb = Path(sys.argv[1]), sys.argv[2]
    told = sys.stdin.buffer.read(LARGEST) if verb != "authority" else b""
    try:
        made = _controller(folder, verb, told) if verb.startswith(CONTROLLERS) else _authority(folder, verb, told)
    except (AgentError, CollectorError, msgspec.MsgspecError, ValueError, StopIteration) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
