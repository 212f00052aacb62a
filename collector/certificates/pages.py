"""One certificate with everything that its page and its document say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import jws
from agent.certificates.certificate import certificate_id, payload_bytes
from agent.certificates.record import Record
from agent.errors import CertificateProblem
from collector import moments
from collector.certificates import queries, statements_about, stored
from collector.certificates.audience import audience_of
from collector.certificates.exports.columns import Audience
from collector.certificates.proof import Proof, key_from_x
from collector.certificates.rules import Finding, Shown, contradictions
from collector.certificates.rules import Numbered as Place
from collector.certificates.statements_about import Standing, ToldStatement
from collector.certificates.station_words import Words, words_of
from collector.intake import statements
from collector.intake.keys import jwk
from collector.intake.models import Certificate, Statement
from collector.intake.statements import Disposition
from collector.parties.roles import Sight
from collector.text import visible


@dataclass(frozen=True)
class Said:
    """A statement of a station. `words` come from its signed bytes, checked now; None: it does not hold.

    `own`: it is of the very station that signed the certificate. `certificate`: which one it is about, as signed.
    """

    sha256: str
    typ: str
    who: str
    own: bool
    words: Words | None
    certificate: str
    received_at: Any
    body: bytes

    @property
    def holds(self) -> bool:
        """Whether its key signed these very bytes, and its row says nothing else."""
        return self.words is not None

    @property
    def payload(self) -> object:
        """What was signed, fields that this version does not know included; None where it does not hold."""
        return msgspec.json.decode(jws.read_unverified(self.body, typ=self.typ).payload) if self.holds else None


@dataclass(frozen=True)
class Contradiction:
    """What contradicts its number, and those of the others that this person may open."""

    finding: Finding
    seen: Sequence[Certificate]

    @property
    def unseen(self) -> int:
        """How many of them are somebody else's."""
        return len(self.finding.others) - len(self.seen)


@dataclass(frozen=True)
class CertificateView:
    """A certificate as it is shown. `record` is None where it does not hold: then nothing in it is said."""

    row: Certificate
    shown: Shown
    audience: Audience
    proof: Proof
    neighbours: list[Certificate]
    contradictions: list[Contradiction]
    statements: list[Said]
    given: Disposition | None
    """Grade and destination that the station signed after the certificate; they count for more than its own."""
    told: Sequence[ToldStatement] = ()
    """What people said about it through this collector."""

    @property
    def standing(self) -> Standing:
        """What follows from that."""
        return statements_about.standing(self.told)

    @property
    def open(self) -> bool:
        """Whether its drive may still hold data, and nobody destroyed it."""
        ended = self.shown.heading in ("failed", "aborted", "refused", "again")
        return ended and self.standing.destruction is None

    @property
    def compact(self) -> bytes:
        """The stored bytes, whatever they are."""
        return self.shown.compact

    @property
    def key(self) -> Ed25519PublicKey | None:
        """The key that it was accepted with."""
        return self.shown.key

    @property
    def record(self) -> Record | None:
        """What was signed."""
        return None if self.shown.certificate is None else self.shown.certificate.record


def view(sight: Sight, identifier: str) -> CertificateView | None:
    """Find the certificate and prove it now. None where nothing of that id is seen by this person."""
    row = queries.certificate(sight, identifier)
    if row is None:
        return None
    shown = stored.shown(row)
    enrolled = row.signed_by.revoked_at is None
    about = [_said(one, row.station_id) for one in queries.statements_about(row)]
    return CertificateView(
        row,
        shown,
        audience_of(sight, row.customer_id),
        Proof(not shown.problem, shown.problem, row.signed_by.thumbprint, enrolled),
        queries.neighbours(sight, row),
        _contradictions(sight, row, shown),
        about,
        statements.latest(one.body for one in about if one.holds and one.own and one.typ == statements.DISPOSITION),
        statements_about.about(row.id),
    )


def listed(row: Certificate) -> dict[str, Any]:
    """List a certificate's searchable facts, for a document."""
    return {
        "id": row.id,
        "key_id": row.signed_by.thumbprint,
        "station": row.station_id,
        "sequence": row.sequence,
        "previous": row.previous,
        "chain": row.chain,
        "number": row.number,
        "outcome": row.outcome,
        "serial": row.serial,
        "model": row.model,
        "asset_tag": row.asset_tag,
        "customer": row.customer_name,
        "lot": row.lot,
        "finished_at": row.finished_at,
        "clock_synchronised": row.clock_synchronised,
        "received_at": moments.text(row.received_at),
    }


def listed_for(sight: Sight, row: Certificate) -> dict[str, Any]:
    """List of a certificate what this person may read."""
    told = listed(row)
    if audience_of(sight, row.customer_id) == "full":
        return told
    return {name: told[name] for name in ("id", "number", "outcome")}


def document(shown: CertificateView) -> dict[str, Any]:
    """Show the certificate with the payload as it was signed, fields that this version does not know included."""
    proof = {
        "valid": shown.proof.valid,
        "problem": shown.proof.problem,
        "key_id": shown.proof.key_id,
        "enrolled": shown.proof.enrolled,
        "key": None if shown.key is None else jwk(shown.key),
        "steps": [{"step": step.name, "holds": step.holds, "told": step.told} for step in shown.shown.examined.steps],
    }
    heading = {"heading": shown.shown.heading, "proof": proof}
    if shown.audience != "full":
        return {"id": shown.row.id, "number": shown.record.number if shown.record else "", **heading}
    return {
        **listed(shown.row),
        **heading,
        "record": _payload(shown.compact),
        "jws": shown.compact.decode("ascii", "replace"),
        "differs": [asdict(one) for one in shown.shown.differences],
        "contradictions": [
            {"kind": one.finding.kind, "certificates": [row.id for row in one.seen]} for one in shown.contradictions
        ],
        "statements": [
            {
                "sha256": s.sha256,
                "typ": s.typ,
                "station": s.who,
                "holds": s.holds,
                "payload": s.payload,
            }
            for s in shown.statements
        ],
        "said": [
            {
                "sha256": s.sha256,
                "kind": s.kind,
                "word": s.word,
                "said_at": s.at,
                "holds": s.holds,
                "payload": s.payload,
            }
            for s in shown.told
        ],
        "given": None if shown.given is None else asdict(shown.given),
        "neighbours": [{"id": n.id, "sequence": n.sequence, "number": n.number} for n in shown.neighbours],
    }


def _contradictions(sight: Sight, row: Certificate, shown: Shown) -> list[Contradiction]:
    """Of the signed number where the certificate holds, and of the row's where it does not."""
    record = None if shown.certificate is None else shown.certificate.record
    number = row.number if record is None else record.number
    own = Place(row.id, row.station_id, number, row.sequence if record is None else record.sequence)
    found = contradictions(own, queries.numbered_alike(row, number))
    return [Contradiction(one, queries.seen_of(sight, one.others)) for one in found]


def said_by(station: str, after: int) -> tuple[list[Said], int]:
    """List what a station said, the newest first; and after which arrival the next page begins (0: there is none)."""
    rows = queries.statements_of(station, after)
    more = rows[-2].arrival if len(rows) > queries.PER_PAGE else 0
    return [_said(one, station) for one in rows[: queries.PER_PAGE]], more


def _said(one: Statement, station: str) -> Said:
    """Read the statement again. A row that says otherwise than its bytes is as bad as bytes that were changed."""
    body, found = bytes(one.body), None
    try:
        key = key_from_x(one.signed_by.x)
        read = statements.read(body, one.station_id, {jws.thumbprint(key): key})
        same = (read.typ, read.certificate, certificate_id(body)) == (one.typ, one.certificate, one.sha256)
        found = words_of(read) if same else None
    except (CertificateProblem, ValueError, RecursionError):
        found = None
    own = one.station_id == station
    about = one.certificate or ""
    return Said(one.sha256, visible(one.typ), visible(one.station_id), own, found, about, one.received_at, body)


def _payload(compact: bytes) -> object:
    try:
        return msgspec.json.decode(payload_bytes(compact))
    except (CertificateProblem, msgspec.MsgspecError, RecursionError, ValueError):
        return None
