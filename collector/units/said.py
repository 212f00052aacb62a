"""Lets units follow what people say about their certificates: a decision, a second look, a destruction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.dispatch import receiver

from collector.certificates.statements_about import CERTIFICATE
from collector.parties.services import Actor
from collector.statements import kinds, queries
from collector.statements.models import SignedStatement
from collector.statements.services import About, said
from collector.units import store
from collector.units.models import DriveLink, UnitEvent

DECISIONS = {"accepted": "accepted", "rejected": "rejected", "failed": "rejected"}
"""What is said of a certificate -> what its link keeps. Data found by a second look undoes an acceptance."""


@receiver(said)
def follow(row: SignedStatement, about: Sequence[About], **_: object) -> None:
    """Write a decision into the links of its certificates, in the transaction that keeps the statement."""
    if row.kind not in (kinds.VALIDATION, kinds.SAMPLE):
        return
    words = {one.name: DECISIONS[one.word] for one in about if one.kind == CERTIFICATE and one.word in DECISIONS}
    store.settle(words)
    links = DriveLink.objects.filter(certificate__in=list(words), ended_at__isnull=True).select_related("unit")
    rows = list(links) if words else []
    actor = Actor(row.who, row.person)
    for link in rows:
        link.validation = words[link.certificate_id]
    DriveLink.objects.bulk_update(rows, ["validation"], batch_size=store.AT_ONCE)
    UnitEvent.objects.bulk_create(
        [
            store.event(
                link.unit,
                "validated",
                actor,
                at=row.said_at,
                certificate=link.certificate_id,
                statement=row.sha256,
                decision=link.validation,
            )
            for link in rows
        ]
    )
    store.refresh({link.unit_id for link in rows})


def before(certificates: Iterable[str]) -> dict[str, tuple[str, datetime | None]]:
    """Tell what was said of certificates before they found their units: the decision, and when they were destroyed."""
    found: dict[str, tuple[str, datetime | None]] = {}
    of = (kinds.VALIDATION, kinds.SAMPLE, kinds.DESTRUCTION)
    for one in queries.subjects(CERTIFICATE, certificates, of):
        decision, destroyed = found.get(one.name, ("", None))
        if one.statement.kind == kinds.DESTRUCTION:
            destroyed = one.statement.said_at
        found[one.name] = (DECISIONS.get(one.word, decision), destroyed)
    return found
