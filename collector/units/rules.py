"""What is known of a unit -> its three axes and one headline; headlines -> counts that add up. Pure.

Presence is about where it is, data about what is on it, disposal about where it went. Each doubt counts against the
unit: a computer whose drives nobody counted is not erased, whatever its certificates say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from collector.units import vocabulary as words

ERASURES = {"erased": words.ERASED, "attested": words.ATTESTED, "failed": words.FAILED}
"""A certificate's outcome -> what it says of a drive; all others leave it open."""
NOTHING_DONE = "refused"
"""Nothing was written: what came before stays."""
CONFLICTS = frozenset({"tag_and_serial", "two_units", "drives"})
"""Questions that let nothing else be said of a unit until a person answers."""


@dataclass(frozen=True)
class Link:
    """A certificate of a unit, as far as its data status hangs on it. `drive` says of which drive."""

    drive: str
    outcome: str
    at: datetime
    validation: str = ""
    destroyed: bool = False
    needs_validation: bool = False
    """Whether it was agreed, for its day, that a person accepts it."""
    unread_counts: bool = False
    """Whether it was agreed, for its day, that what was not read back is erased."""


@dataclass(frozen=True)
class Known:
    """All that a unit's standing hangs on. `expected`: whether a lot announced it, and is it closed."""

    kind: str = words.UNKNOWN
    registered: bool = False
    expected: Literal["", "open", "closed"] = ""
    received: bool = False
    accepted: bool = False
    merged: bool = False
    questions: frozenset[str] = frozenset()
    drives_counted: int | None = None
    links: tuple[Link, ...] = ()
    destroyed: bool = False
    disposal: str = ""


@dataclass(frozen=True)
class Why:
    """What keeps a unit from a better headline: a key of words.py, and the numbers in its sentence."""

    key: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Data:
    """What is on a unit. `awaiting`: erased, and a person has still to accept that."""

    state: str
    awaiting: bool = False
    why: Why = Why()


@dataclass(frozen=True)
class Standing:
    """The three axes of a unit, its headline, and why it is that one."""

    presence: str
    data: str
    disposal: str
    headline: str
    why: Why


def standing(known: Known) -> Standing:
    """Say where a unit stands."""
    presence, data = presence_of(known), data_of(known)
    disposal = (known.disposal or words.STOCK) if known.received else ""
    headline, why = _headline(known, presence, data)
    return Standing(presence, data.state, disposal, headline, why)


def presence_of(known: Known) -> str:
    """Say where a unit is. Missing is what a closed collection expected and nobody received, never by time alone."""
    if known.merged:
        return words.DUPLICATE
    if not known.registered:
        return words.UNEXPECTED
    if known.received:
        return words.RECEIVED
    return {"": words.IN_USE, "open": words.EXPECTED, "closed": words.MISSING}[known.expected]


def data_of(known: Known) -> Data:
    """Say what is on a unit: erased only if as many drives are accounted for as were counted in it."""
    if known.destroyed:
        return Data(words.DESTROYED)
    newest = newest_of_drives(sorted(known.links, key=lambda one: one.at), known.kind)
    states = [_drive(link) for link in newest]
    if words.FAILED in states:
        return Data(words.FAILED, why=Why("failed"))
    counted = wanted(known.kind, known.drives_counted)
    if counted is None:
        return Data(words.OPEN, why=Why("not_counted", {"n": len(states)}))
    if counted == 0 and not states:
        return Data(words.NONE, why=Why("nothing_inside"))
    done = [state for state in states if state != words.OPEN]
    if len(states) > counted or len(done) < counted:
        return Data(words.OPEN, why=_unfinished(newest, done, counted))
    awaiting = any(link.needs_validation and not link.destroyed and link.validation != "accepted" for link in newest)
    return Data(_together(done), awaiting, Why("awaiting") if awaiting else Why())


class OfDrive(Protocol):
    """What is told of a drive, by one of its certificates."""

    @property
    def drive(self) -> str:
        """Say which drive."""

    @property
    def outcome(self) -> str:
        """Say what came of it."""


T = TypeVar("T", bound=OfDrive)


def newest_of_drives(links: Iterable[T], kind: str) -> list[T]:
    """Choose what counts of each drive: its newest certificate, of links in their order.

    One of a handset is about the whole of it. Nobody else chooses: standing, sale, fee and audit ask this.
    """
    found: dict[str, T] = {}
    for link in links:
        drive = "" if kind in words.HANDSETS else link.drive
        if link.outcome == NOTHING_DONE and drive in found:
            continue
        found[drive] = link
    return list(found.values())


def _drive(link: Link) -> str:
    if link.destroyed:
        return words.DESTROYED
    if link.outcome == "unread":
        return words.ERASED if link.unread_counts and link.validation != "rejected" else words.OPEN
    state = ERASURES.get(link.outcome, words.OPEN)
    return words.OPEN if link.validation == "rejected" and state != words.FAILED else state


def wanted(kind: str, counted: int | None) -> int | None:
    """Say how many drives of a unit are to be accounted for; None where nobody knows."""
    if kind in words.HANDSETS or kind == words.LOOSE_DRIVE:
        return 1
    if counted is None and kind in words.STORES_NOTHING:
        return 0
    return counted


def _unfinished(newest: list[Link], done: list[str], counted: int) -> Why:
    if len(newest) > counted:
        return Why("more_drives", {"n": len(newest), "of": counted})
    for link in newest:
        if link.validation == "rejected":
            return Why("rejected")
        if link.outcome == "unread" and not link.destroyed:
            return Why("unread")
    return Why("drives_left", {"n": len(done), "of": counted}) if newest else Why("no_certificate")


def _together(states: list[str]) -> str:
    """The weakest of what was done to its drives is what is said of the unit."""
    return next((state for state in (words.ATTESTED, words.ERASED) if state in states), words.DESTROYED)


def _headline(known: Known, presence: str, data: Data) -> tuple[str, Why]:
    asked = Why("question") if known.questions & CONFLICTS else Why()
    if presence == words.DUPLICATE:
        return words.DUPLICATE, Why("merged")
    if presence == words.UNEXPECTED:  # no row stands for it: a question about it does not make it one
        return words.UNEXPECTED, Why("accepted") if known.accepted else asked
    if asked.key:
        return words.CONFLICT, asked
    if presence == words.MISSING:
        return words.MISSING, Why("not_received" if "not_received" in known.questions else "")
    if presence == words.RECEIVED:
        return _of_data(data), data.why
    if data.state in (words.FAILED, words.ERASED, words.ATTESTED, words.DESTROYED):
        return _of_data(data), Why("not_scanned")
    return presence, Why()


def _of_data(data: Data) -> str:
    if data.awaiting:
        return words.AWAITING
    return words.RECEIVED if data.state in (words.OPEN, words.NONE) else data.state


def counts(headlines: Iterable[str]) -> dict[str, int]:
    """Count headlines, all of them, in their order."""
    found = Counter(headlines)
    return {status: found[status] for status in words.STATUSES}


def registered(found: Mapping[str, int]) -> int:
    """Sum the headlines that rows of a register stand behind."""
    return sum(n for status, n in found.items() if status not in words.NOT_OF_THE_REGISTER)


@dataclass(frozen=True)
class Sums:
    """What must add up for a customer or a lot: the register's rows, and what was received."""

    rows: int
    headlines: Mapping[str, int]
    received: int
    disposals: Mapping[str, int]

    @property
    def problems(self) -> list[str]:
        """Say what does not add up; nothing, if all does."""
        found = []
        if (told := registered(self.headlines)) != self.rows:
            found.append(f"the register has {self.rows} rows, and {told} units have a headline of one")
        if (told := sum(self.disposals.values())) != self.received:
            found.append(f"{self.received} units were received, and {told} are in one place each")
        return found
