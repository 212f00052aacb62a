"""The folder of an enrolment: authority, certificate and key of the connection, keys of collector and controller.

Each enrolment has a folder of its own below `enrolled` beside station.toml, named after its certificate's serial
number. It is whole before station.toml names it, and the one before goes afterwards: at no moment does the
configuration name half of one. The folder is the service's, which renews the certificate in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from agent import files
from agent.certificates.enrolment import RENEW_AFTER_DAYS, EnrolmentAnswer
from agent.enrolment.errors import CannotPlace
from agent.enrolment.facts import FACTS, EnrolmentFacts

PLACE = "enrolled"
CERTIFICATE, KEY, AUTHORITY = "station.crt", "station.key", "ca.crt"
COLLECTOR, CONTROLLER = "collector.jwk", "controller.jwk"


@dataclass(frozen=True)
class Owner:
    """Whose the files are: the service's user; None for whoever runs this."""

    uid: int
    gid: int


def renew_after(begins: datetime, ends: datetime) -> datetime:
    """Say when a certificate is renewed: at 60 of its days, or at two thirds of a shorter life."""
    return begins + min(timedelta(days=RENEW_AFTER_DAYS), (ends - begins) * 2 / 3)


@contextlib.contextmanager
def held(config_dir: Path) -> Iterator[Path]:
    """Hold the place of enrolments, one command at a time, and sweep what a power cut left. CannotPlace."""
    place = config_dir / PLACE
    try:
        with contextlib.suppress(FileExistsError):
            place.mkdir()
            place.chmod(0o755)  # whatever umask root has: the service must come through
        with (place / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in place.glob(".new-*"):
                shutil.rmtree(left, ignore_errors=True)
            yield place
    except BlockingIOError:
        raise CannotPlace(path=place, problem="another `benchwipe enrol` is at work") from None
    except OSError as error:
        raise CannotPlace(path=error.filename or place, problem=error.strerror or error) from None


def fill(scratch: Path, answer: EnrolmentAnswer, facts: EnrolmentFacts, key: bytes, owner: Owner | None) -> None:
    """Write a whole enrolment into a folder that nobody reads yet. OSError."""
    for name, text, mode in (
        (KEY, key, 0o600),
        (CERTIFICATE, answer.certificate.encode(), 0o644),
        (AUTHORITY, answer.authority.encode(), 0o644),
        (COLLECTOR, json.dumps({"keys": answer.collector_keys}, indent=2).encode() + b"\n", 0o644),
        (CONTROLLER, json.dumps({"keys": answer.controller_keys}, indent=2).encode() + b"\n", 0o644),
        (FACTS, msgspec.json.encode(facts), 0o644),
    ):
        files.write_once(scratch / name, text, mode=mode)
        _give(scratch / name, owner)
    _give(scratch, owner)


def only(place: Path, kept: Path) -> None:
    """Take every other enrolment away: station.toml names this one."""
    for other in place.iterdir():
        if other.is_dir() and other != kept:
            shutil.rmtree(other, ignore_errors=True)


def _give(path: Path, owner: Owner | None) -> None:
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)
