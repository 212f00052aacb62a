"""What a page or a list may say of a stored certificate: what was signed, and where its row says otherwise. Pure.

A row of the database is a copy that anybody with its password can change. The heading comes from the signed record,
whose signature is checked when it is looked at; a column is compared with the record, never believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.certificate import Certificate, Claim, claim_of
from collector.certificates.examine import Examined, examine
from collector.certificates.identifiers import name
from collector.text import visible

Heading = Claim | Literal["does_not_hold"]
"""What stands over a certificate. Only a record that holds claims anything."""
HEADINGS: tuple[Heading, ...] = (
    "erased", "unread", "attested", "again", "failed", "aborted", "refused", "does_not_hold",
)  # fmt: skip
Facts = Callable[[Certificate], Mapping[str, object]]
"""Certificate -> the columns as the intake wrote them."""


@dataclass(frozen=True)
class Stored:
    """A row as it lies in the database, not believed. `key`: the enrolled key that it says it was accepted with."""

    id: str
    compact: bytes
    key_id: str
    key: Ed25519PublicKey | None
    columns: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """A column that says otherwise than the signed record."""

    column: str
    row: str
    signed: str


@dataclass(frozen=True)
class Shown:
    """What may be said of a stored certificate. `problem`: why it does not hold; `differences`: where its row lies."""

    id: str
    heading: Heading
    problem: str
    differences: tuple[Difference, ...]
    examined: Examined
    compact: bytes
    key: Ed25519PublicKey | None

    @property
    def certificate(self) -> Certificate | None:
        """The certificate, where it holds."""
        return None if self.problem else self.examined.certificate

    @property
    def agrees(self) -> bool:
        """Whether it holds, and its row says nothing else."""
        return not self.problem and not self.differences


def show(stored: Stored, facts: Facts | None = None) -> Shown:
    """Say what may be shown of a row. Never raises, whatever stands in it."""
    examined = examine(stored.compact, {} if stored.key is None else {stored.key_id: stored.key})
    problem = _problem(stored, examined)
    proved = None if problem else examined.certificate
    if proved is None:
        return Shown(stored.id, "does_not_hold", problem, (), examined, stored.compact, stored.key)
    differences = _differences(stored.columns, facts(proved)) if facts else ()
    return Shown(stored.id, claim_of(proved.record), "", differences, examined, stored.compact, stored.key)


def _problem(stored: Stored, examined: Examined) -> str:
    if examined.id != stored.id:
        return "the stored bytes do not have this id: the database was changed"
    if stored.key is None and examined.verdict != "no_certificate":
        return "the key that it was accepted with is not in the database"
    return examined.problem


def _differences(columns: Mapping[str, object], signed: Mapping[str, object]) -> tuple[Difference, ...]:
    return tuple(
        Difference(column, visible(str(columns[column])), visible(str(value)))
        for column, value in signed.items()
        if column in columns and columns[column] != value
    )


@dataclass(frozen=True)
class Numbered:
    """A certificate's place: by whom it was signed, and under which number."""

    id: str
    station: str
    number: str
    sequence: int


@dataclass(frozen=True)
class Finding:
    """A number that cannot be: the same station signed it twice, or another station uses it. `others`: their ids."""

    kind: Literal["signed_twice", "used_elsewhere"]
    others: tuple[str, ...]


def contradictions(one: Numbered, others: Iterable[Numbered]) -> tuple[Finding, ...]:
    """Find what contradicts a certificate's number among others that have its number or its place.

    Case and spaces make no other number: two that a person cannot tell apart on a label are one. Its own row is no
    contradiction. Two certificates of one place in a station's chain are two histories, whatever their numbers say.
    """
    number = name(one.number)
    twice, elsewhere = set[str](), set[str]()
    for other in others:
        if other.id == one.id:
            continue
        if other.station == one.station and (other.sequence == one.sequence or name(other.number) == number):
            twice.add(other.id)
        elif other.station != one.station and name(other.number) == number:
            elsewhere.add(other.id)
    found = (Finding("signed_twice", tuple(sorted(twice))), Finding("used_elsewhere", tuple(sorted(elsewhere))))
    return tuple(finding for finding in found if finding.others)
