"""What people said about a certificate: proved now, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from agent.errors import CertificateProblem
from agent.pdf import Afterwards
from collector import moments
from collector.certificates import statements_words as words
from collector.certificates.words import moment
from collector.statements import queries, rules, services
from collector.statements.errors import NoSignature
from collector.statements.kinds import DESTRUCTION, SAMPLE, VALIDATION
from collector.statements.models import SignedStatement
from collector.text import visible

CERTIFICATE = "certificate"
MOST_PRINTED = 40
NO_WORDS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class ToldStatement:
    """A statement as a page shows it. What does not hold says nothing: its payload is empty."""

    sha256: str
    kind: str
    word: str
    """Of this certificate, which is one of several that it may be about."""
    at: str
    who: str
    holds: bool
    payload: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is, in the reader's language."""
        return words.kind(self.kind)

    @property
    def said(self) -> str:
        """What was said, in a word."""
        return words.word(self.word) if self.word else ""

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What else is told in it."""
        return words.facts(self.payload)


@dataclass(frozen=True)
class Standing:
    """What follows from all that was said: the newest decision that holds, and whether the drive was destroyed."""

    decision: ToldStatement | None = None
    destruction: ToldStatement | None = None
    sample: ToldStatement | None = None


def about(identifier: str) -> list[ToldStatement]:
    """Find and prove what was said about a certificate, in the order of the chain."""
    rows = queries.about(CERTIFICATE, identifier)
    try:
        keys: rules.Keys = services.own_keys() if rows else {}
    except NoSignature:
        keys = {}
    return [told(row, keys, identifier) for row in rows]


def told(row: SignedStatement, keys: rules.Keys, identifier: str = "") -> ToldStatement:
    """Prove one row. Who said it and what comes from the signed bytes alone."""
    compact = bytes(row.compact)
    try:
        verified = rules.verify(compact, keys, kind=row.kind)
    except CertificateProblem:
        verified = None
    if verified is None or verified.sha256 != row.sha256:
        return ToldStatement(row.sha256, row.kind, "", moments.text(row.said_at), "", holds=False, payload=NO_WORDS)
    payload = verified.payload
    return ToldStatement(
        row.sha256, row.kind, _word(payload, identifier), str(payload.get("said_at", "")), _who(payload), True, payload
    )


def standing(told: Sequence[ToldStatement]) -> Standing:
    """Say what counts. A sample that found data undoes an acceptance before it; a later decision counts again."""
    decision = destruction = sample = None
    for one in told:
        if not one.holds:
            continue
        if one.kind == VALIDATION:
            decision = one
        elif one.kind == DESTRUCTION:
            destruction = one
        elif one.kind == SAMPLE and one.word in ("passed", "failed"):
            sample = one
            decision = one if one.word == "failed" else decision
    return Standing(decision, destruction, sample)


def afterwards(told: Sequence[ToldStatement]) -> Afterwards | None:
    """Write what was said, for the page to print: the newest MOST_PRINTED, in their order."""
    if not told:
        return None
    decision = standing(told).decision
    return Afterwards(
        title=_("What was said about it afterwards, signed by the collector"),
        headings=(_("What was said"), _("When"), _("Who")),
        rows=tuple(_printed(one) for one in told[-MOST_PRINTED:]),
        decision="" if decision is None else _line(decision),
        note=_("Each is a signed statement of the collector: its file, and the key to check it with, are there."),
    )


def afterwards_of(identifier: str, language: str) -> Afterwards | None:
    """Find and prove what was said about a certificate, as its page is to print it in this language.

    For files of many pages, which are written after the request's own language is forgotten.
    """
    with override(language):
        return afterwards(about(identifier))


def _printed(one: ToldStatement) -> tuple[str, str, str]:
    if not one.holds:
        return f"{one.name}: {_('does NOT hold')} ({one.sha256[:16]})", moment(one.at), ""
    more = "; ".join(f"{name}: {value}" for name, value in one.facts)
    head = f"{one.name}: {one.said}" if one.said else one.name
    return visible(f"{head}. {more}" if more else head), moment(one.at), one.who


def _line(decision: ToldStatement) -> str:
    return f"{decision.name}: {decision.said}. {moment(decision.at)}, {decision.who}. {decision.sha256}"


def _word(payload: Mapping[str, Any], identifier: str) -> str:
    things = payload.get("about")
    for one in things if isinstance(things, list) else ():
        if isinstance(one, dict) and one.get("name") == identifier and one.get("kind") == CERTIFICATE:
            return str(one.get("word", ""))[:40]
    return ""


def _who(payload: Mapping[str, Any]) -> str:
    by = payload.get("by")
    if not isinstance(by, dict):
        return ""
    parts = (by.get("name") or by.get("login"), by.get("title"), by.get("organisation"))
    return visible(", ".join(str(part) for part in parts if part))
