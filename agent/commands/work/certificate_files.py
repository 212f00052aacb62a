"""`benchwipe certificate verify`: many files and folders, one after the other, an answer for each as it is known."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.certificate import claim_of, verify
from agent.certificates.compact_file import read_compact
from agent.errors import CertificateProblem
from agent.views.certificate import claim_words, printable

SUFFIX = ".jws"


class CertificateFileProblem(CertificateProblem):
    """A file that holds no valid certificate."""

    message = "{path}: not a valid certificate: {problem}"


class FileAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one file, as `--json` tells it. `genuine` is None where the file cannot be read."""

    file: str
    genuine: bool | None
    certificate_id: str | None = None
    key_id: str | None = None
    number: str | None = None
    outcome: str | None = None
    claim: str | None = None
    attested: bool | None = None
    reason: str | None = None
    drive: str | None = None

    @property
    def line(self) -> str:
        """For a person."""
        if self.genuine:
            claim = claim_words(self.claim or "")
            drive = self.drive or "without serial"
            return printable(f"{self.file}: genuine: {self.number} {claim}, drive {drive}, signed by key {self.key_id}")
        return printable(f"{self.file}: {'NOT genuine' if self.genuine is False else 'cannot be read'}: {self.reason}")


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Name the file in what is wrong with its certificate."""
    try:
        yield
    except CertificateFileProblem:
        raise
    except CertificateProblem as problem:
        raise CertificateFileProblem(path=path, problem=problem.fields["problem"]) from None


def answers(places: Iterable[Path], keys: Mapping[str, Ed25519PublicKey]) -> Iterator[FileAnswer]:
    """Check the files themselves, and of each folder all *.jws in it and below, by name.

    A folder without any, and one that cannot be looked into, is an answer too: nobody takes silence for genuine.
    """
    for place in places:
        if not place.is_dir():
            yield answer(place, keys)
            continue
        found, closed = 0, list[OSError]()
        for folder, folders, names in os.walk(place, onerror=closed.append):
            folders.sort()
            for name in sorted(name for name in names if name.endswith(SUFFIX)):
                found += 1
                yield _answer_within(Path(folder, name), keys)
        for error in closed:
            yield FileAnswer(file=_named(error.filename), genuine=None, reason=error.strerror or str(error))
        if not found and not closed:
            yield FileAnswer(file=_named(place), genuine=None, reason=f"no *{SUFFIX} in this folder")


def _named(path: Path | str) -> str:
    """The name as text: bytes of it that are no UTF-8, which no JSON document can hold, as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _answer_within(path: Path, keys: Mapping[str, Ed25519PublicKey]) -> FileAnswer:
    """Nobody named this one: a pipe would be waited on for ever, and the files after it never be looked at."""
    if path.is_fifo():
        return FileAnswer(file=_named(path), genuine=None, reason="it is a pipe")
    return answer(path, keys)


def answer(path: Path, keys: Mapping[str, Ed25519PublicKey]) -> FileAnswer:
    """Check one file's signature and claims."""
    try:
        found = verify(read_compact(path), keys)
    except CertificateProblem as problem:
        return FileAnswer(file=_named(path), genuine=False, reason=str(problem))
    except OSError as error:
        return FileAnswer(file=_named(path), genuine=None, reason=error.strerror or str(error))
    record = found.record
    return FileAnswer(
        file=_named(path),
        genuine=True,
        certificate_id=found.id,
        key_id=found.key_id,
        number=record.number,
        outcome=record.outcome,
        claim=claim_of(record),
        attested=record.attestation is not None,
        drive=record.drive.serial or record.drive.wwn,
    )


def worst(seen: Container[bool | None]) -> int:
    """Choose the exit status of all: 1 where one is not genuine, else 2 where one cannot be read, else 0."""
    return 1 if False in seen else 2 if None in seen else 0
