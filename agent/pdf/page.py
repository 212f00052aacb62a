"""What stands on a certificate's page: frozen values that know neither certificate nor paper."""

from __future__ import annotations

from dataclasses import dataclass

from agent.certificates.certificate import Claim

Kind = Claim


@dataclass(frozen=True)
class Fact:
    """A name and its value. `exact`: an identifier, set in type of one width."""

    name: str
    value: str
    exact: bool = False
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under headings; `widths` are the columns' shares, `exact` the columns set in type of one width."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    exact: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """A heading with facts, a table or sentences under it."""

    title: str
    facts: tuple[Fact, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Banner:
    """The outcome, to be read from across a room, and what it claims. "attested" is an outcome of its own here."""

    outcome: Kind
    headline: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Signature:
    """Whether somebody looked, in one sentence."""

    checked: bool
    text: str


@dataclass(frozen=True)
class Page:
    """Everything that is printed, in order. `pairs` stand beside each other, `sections` below them."""

    language: str
    title: str
    number: str
    place: str
    banner: Banner
    signature: Signature
    pairs: tuple[tuple[Section, Section], ...]
    sections: tuple[Section, ...]
    decision: Section
    lines_to_sign: tuple[str, ...]
    check: Section
    command: str
    qr: str
    folio: str
    """What stands at each page's foot, with {number} and {count} still to be filled in."""
    footer: str
    plain: str
    """Said at the foot where the file is no PDF/A."""
