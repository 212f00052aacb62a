"""A person's decision whether an erasure is accepted (NIST SP 800-88 Rev. 2, section 4.5.2): a signed statement.

The newest decision about a certificate counts; all of them stay. Whoever erased a drive does not decide about it where
the agreement says so, and where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from agent.certificates.record import Record
from collector import moments
from collector.certificates import stored
from collector.certificates.statements_about import CERTIFICATE
from collector.intake.models import Certificate
from collector.parties.models import Organisation, Person
from collector.parties.roles import VALIDATOR, Sight
from collector.parties.services import Actor
from collector.statements import services
from collector.statements.errors import StatementProblem
from collector.statements.kinds import VALIDATION
from collector.statements.models import SignedStatement, Subject
from collector.statements.policy import policy_of
from collector.statements.services import About, Speaker

Decision = Literal["accepted", "rejected"]
ACCEPTABLE = ("erased", "unread", "attested")
"""Claims that somebody can accept. Nothing else says that data is gone."""
MOST = 500
LONGEST_REASON = 1000


def validate(actor: Actor, names: Iterable[str], decision: Decision, reason: str = "") -> list[SignedStatement]:
    """Accept or reject certificates: all of them, or none. One statement for each customer.

    Raise StatementProblem or NotTheirs.
    """
    speaker = services.speaker(actor, (VALIDATOR,))
    assert actor.person is not None
    reason = " ".join(reason.split())
    if decision == "rejected" and not reason:
        raise StatementProblem(problem="whoever rejects says why")
    if len(reason) > LONGEST_REASON:
        raise StatementProblem(problem=f"the reason has more than {LONGEST_REASON} characters")
    rows = find(actor.person.sight(), names)
    records = {row.id: _record(row, decision, actor.person) for row in rows}
    with transaction.atomic():
        return [_say(speaker, some, records, decision, reason) for some in _by_customer(rows)]


def find(sight: Sight, names: Iterable[str]) -> list[Certificate]:
    """Find the certificates that are named by id or number, each once. Raise StatementProblem where one is not."""
    found: dict[str, Certificate] = {}
    wanted = list(dict.fromkeys(name.strip() for name in names))
    if not wanted or len(wanted) > MOST:
        raise StatementProblem(problem=f"name between 1 and {MOST} certificates")
    for name in wanted:
        rows = Certificate.objects.seen_by(sight).select_related("signed_by", "bytes")
        some = list(rows.filter(Q(id=name.lower()) | Q(number=name))[:2])
        if len(some) != 1:
            raise StatementProblem(
                problem=f"{name!r}: " + ("two certificates have this number; name the id" if some else "no certificate")
            )
        found.setdefault(some[0].id, some[0])
    return list(found.values())


def waiting(sight: Sight, first: int = 0, most: int = 50) -> QuerySet[Certificate]:
    """Find the certificates that wait for a decision, the oldest first: where one was agreed, or nothing was."""
    said = Subject.objects.filter(kind=CERTIFICATE, name=OuterRef("id"), statement__kind=VALIDATION)
    rows = Certificate.objects.seen_by(sight).filter(outcome__in=ACCEPTABLE).exclude(customer__in=_without_validation())
    wanted = rows.filter(~Exists(said)).select_related("signed_by", "bytes").order_by("arrival")
    return wanted[first : first + most]


def is_operator(person: Person, record: Record) -> bool:
    """Say whether a person did the work that a certificate is about."""
    own = person.operator_id.casefold()
    did = {record.operator.id if record.operator else "", record.attestation.by if record.attestation else ""}
    return bool(own) and own in {one.casefold() for one in did}


def _record(row: Certificate, decision: Decision, person: Person) -> Record:
    """Judge one: it holds, it claims something that can be accepted, and somebody else did it."""
    name = row.number or row.id
    shown = stored.shown(row)
    if shown.certificate is None:
        raise StatementProblem(problem=f"{name}: it does not hold ({shown.problem}); nobody can decide about it")
    record = shown.certificate.record
    if decision == "accepted" and shown.heading not in ACCEPTABLE:
        raise StatementProblem(problem=f"{name}: it says {shown.heading}, and nothing to accept")
    policy = policy_of(row.customer_id, moments.today())
    if policy.validator_differs and is_operator(person, record):
        raise StatementProblem(problem=f"{name}: {person.login} did it, and somebody else has to decide")
    return record


def _by_customer(rows: Sequence[Certificate]) -> list[list[Certificate]]:
    found: dict[int | None, list[Certificate]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row)
    return list(found.values())


def _say(
    speaker: Speaker, rows: Sequence[Certificate], records: dict[str, Record], decision: Decision, reason: str
) -> SignedStatement:
    customer = rows[0].customer
    return services.say(
        VALIDATION,
        [About(CERTIFICATE, row.id, decision) for row in rows],
        {
            "decision": decision,
            "reason": reason,
            "decided_at": moments.now_text(),
            "certificates": [_weighed(row, records[row.id]) for row in rows],
        },
        speaker,
        customer=customer,
        word=decision,
    )


def _weighed(row: Certificate, record: Record) -> dict[str, object]:
    """What the person had before them."""
    return {
        "id": row.id,
        "number": record.number,
        "outcome": record.outcome,
        "level": record.sanitization.level,
        "verification": record.verification.kind,
    }


def _without_validation() -> list[int]:
    """Customers with whom it was agreed that nobody has to accept an erasure."""
    today = moments.today()
    customers = Organisation.objects.filter(kind="customer").values_list("pk", flat=True)
    return [pk for pk in customers if not policy_of(pk, today).asks_a_person]
