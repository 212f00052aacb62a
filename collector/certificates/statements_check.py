"""What anybody may know of a statement: what it is, when it was said, about which certificates, whether it holds.

Never who said it, for which customer, about which asset tag, and no free text: a reason may name anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.certificates import jws
from agent.errors import CertificateProblem
from collector.certificates import statements_words as words
from collector.certificates.statements_about import CERTIFICATE, ToldStatement, about, told
from collector.statements import queries, rules, services
from collector.statements.errors import NoSignature
from collector.statements.kinds import DESTRUCTION, SAID, kind_of
from collector.text import visible

MOST = 50
PUBLIC_FACTS = ("method", "particle_mm", "drives")
_ID = re.compile(r"[0-9a-f]{64}")
_END = re.compile(rb"\r?\n\Z")


@dataclass(frozen=True)
class Public:
    """A statement as a stranger sees it. `kept`: whether these very bytes lie here."""

    sha256: str
    kind: str
    said: str
    at: str
    holds: bool
    kept: bool
    certificates: tuple[tuple[str, str], ...] = ()
    """Certificate's id, and what was said of just that."""
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """What it is, in the reader's language."""
        return words.kind(self.kind)


def posted_statement(data: bytes) -> Public | None:
    """Judge a posted file. None where it is no statement of this collector's kinds."""
    compact = _END.sub(b"", data)
    try:
        typ = jws.type_of(compact, most=rules.LARGEST)
    except CertificateProblem:
        return None
    kind = kind_of(typ)
    if kind is None or typ not in SAID.values():
        return None
    kept_row = queries.by_hash(rules.sha256(compact))
    try:
        payload = rules.verify(compact, services.own_keys()).payload
    except (CertificateProblem, NoSignature):
        return Public(rules.sha256(compact), kind, "", "", holds=False, kept=kept_row is not None)
    return _public(rules.sha256(compact), kind, payload, kept=kept_row is not None)


def kept(sha256: str) -> Public | None:
    """Show a statement that lies here under this id."""
    row = queries.by_hash(sha256)
    if row is None:
        return None
    try:
        found = told(row, services.own_keys())
    except NoSignature:
        found = told(row, {})
    return _shown(found)


def public_about(identifier: str) -> list[Public]:
    """Show what was said about a certificate, the newest MOST."""
    return [_shown(one, identifier) for one in about(identifier)[-MOST:]]


def _shown(one: ToldStatement, identifier: str = "") -> Public:
    if not one.holds:
        return Public(one.sha256, one.kind, "", one.at, holds=False, kept=True)
    found = _public(one.sha256, one.kind, one.payload, kept=True)
    if not identifier:
        return found
    facts = found.facts if one.kind == DESTRUCTION else ()
    return Public(found.sha256, found.kind, one.said, found.at, holds=True, kept=True, facts=facts)


def _public(sha256: str, kind: str, payload: Mapping[str, Any], *, kept: bool) -> Public:
    things = payload.get("about", ())
    things = things if isinstance(things, list) else []
    found = [
        (str(one["name"]), words.word(str(one.get("word", ""))))
        for one in things
        if isinstance(one, dict) and one.get("kind") == CERTIFICATE and _ID.fullmatch(str(one.get("name")))
    ]
    facts = words.facts({name: payload[name] for name in PUBLIC_FACTS if name in payload})
    at = visible(str(payload.get("said_at") or payload.get("issued_at") or ""), 40)
    return Public(sha256, kind, "", at, holds=True, kept=kept, certificates=tuple(found[:MOST]), facts=facts)
