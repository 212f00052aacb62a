"""Proposing a period, objecting to its lines, and closing it: one transaction, or nothing.

Documents are made before, by a process of their own, with the number that comes next; then, under the row of the
seller's numbers, everything is worked out once more, and only if it is the same to the last øre is it written.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from collector import moments
from collector.parties.models import Person
from collector.parties.services import Actor, note
from collector.trade import settling
from collector.trade.agreements import speaks_for
from collector.trade.documents import making
from collector.trade.errors import NotSo
from collector.trade.models import (
    Agreement,
    LedgerEntry,
    Objection,
    ObjectionAnswer,
    SettledEntry,
    Settlement,
    SettlementFile,
    SettlementLine,
    SettlementNumber,
)
from collector.trade.models import Period as PeriodRow
from collector.trade.rules.days import Period, local_day
from collector.trade.settling import Draft
from collector.units import linking

TRIES = 3
"""How often documents are made anew where something was booked meanwhile."""


def propose(actor: Actor, agreement: Agreement, period: Period) -> Draft:
    """Work a period out and keep it as its proposal, in place of the one before. Raise NotSo if it is closed."""
    _binds(agreement, period)
    _one_length(agreement, period)
    linking.follow_all()
    made = settling.draft(agreement, period)
    with transaction.atomic():
        row = _row(agreement, period)
        if row.state == "closed":
            raise NotSo(problem=_("%(period)s is closed") % {"period": period.name})
        row.state, row.proposed_at = "proposed", moments.now()
        row.proposal = {
            "document": made.document(),
            "extras": [line.extra for line in made.lines],
            "subjects": [line.subject for line in made.lines],
            "entries_sha256": made.sha256,
        }
        row.save(update_fields=["state", "proposed_at", "proposal"])
        note(actor, "settlement.proposed", agreement.code, period=period.name)
    return made


def close(actor: Actor, agreement: Agreement, period: Period, person: Person) -> Settlement:
    """Close a period for good. Raise NotSo where it cannot be closed; then nothing was changed."""
    if not speaks_for(person, agreement, "seller"):
        raise NotSo(
            problem=_("%(who)s is not of the finance of %(seller)s") % {"who": person.login, "seller": agreement.seller}
        )
    _may_close(agreement, period)
    made = propose(actor, agreement, period)
    for _try in range(TRIES):
        _in_order(made)
        number, previous = _next(agreement)
        issued_at = _issued_at(agreement)
        files = making.make(made, number=number, issued_at=moments.text(issued_at), previous=previous)
        found = _commit(actor, made, files, number=number, issued_at=issued_at, previous=previous, person=person)
        if found is not None:
            return found
        made = settling.draft(agreement, period)
    raise NotSo(problem=_("something was booked each time while the documents were made; try again"))


def object_to(actor: Actor, period: PeriodRow, line: int, text: str, person: Person) -> Objection:
    """Record an objection to a line of a proposal, for the customer. Raise NotSo."""
    if not speaks_for(person, period.agreement, "customer"):
        raise NotSo(problem=_("only the customer's finance objects"))
    text = " ".join(text.split())
    with transaction.atomic():
        row = PeriodRow.unfiltered.select_for_update().get(pk=period.pk)
        lines = [] if row.proposal is None else row.proposal["document"]["lines"]
        if row.state != "proposed" or not 1 <= line <= len(lines):
            raise NotSo(problem=_("no proposal has such a line now"))
        if not text:
            raise NotSo(problem=_("an objection says what is wrong"))
        made: Objection = Objection.unfiltered.create(
            period=row,
            subject=row.proposal["subjects"][line - 1],
            line=line,
            printed=lines[line - 1],
            text=text[:2000],
            person=person,
            who=actor.who,
        )
        note(actor, "settlement.objected", row.agreement.code, first_day=str(row.first_day), line=line)
    return made


def answer(actor: Actor, objection: Objection, text: str, person: Person, *, upheld: bool) -> ObjectionAnswer:
    """Answer an objection, for the seller. One that is upheld reopens the proposal. Raise NotSo."""
    agreement = objection.period.agreement
    if not speaks_for(person, agreement, "seller"):
        raise NotSo(problem=_("only the seller's finance answers"))
    text = " ".join(text.split())
    if not text:
        raise NotSo(problem=_("an answer says why"))
    with transaction.atomic():
        row = PeriodRow.unfiltered.select_for_update().get(pk=objection.period_id)
        if row.state == "closed" or ObjectionAnswer.objects.filter(objection=objection).exists():
            raise NotSo(problem=_("it was answered already"))
        made = ObjectionAnswer.objects.create(
            objection=objection, upheld=upheld, text=text[:2000], person=person, who=actor.who
        )
        if upheld:
            row.state = "open"
            row.save(update_fields=["state"])
        note(actor, "settlement.answered", agreement.code, upheld=upheld, line=objection.line)
    return made


def _binds(agreement: Agreement, period: Period) -> None:
    if not agreement.versions.filter(binding_at__isnull=False, valid_from__lte=period.last).exists():
        raise NotSo(problem=_("no version binds both sides in %(period)s") % {"period": period.name})


def _may_close(agreement: Agreement, period: Period) -> None:
    _one_length(agreement, period)
    if local_day(moments.now()) <= period.last:
        raise NotSo(problem=_("%(period)s is not over yet") % {"period": period.name})
    row = PeriodRow.unfiltered.filter(agreement=agreement, first_day=period.first).first()
    if row is None:
        return
    if row.state == "closed":
        number = row.settlement.number
        raise NotSo(
            problem=_("%(period)s is closed already, as number %(number)s") % {"period": period.name, "number": number}
        )
    _objections(row)


def _objections(row: PeriodRow) -> None:
    if row.objections.filter(answer__isnull=True).exists():
        raise NotSo(problem=_("an objection waits for its answer"))
    if row.state == "open" and row.proposal is not None:
        raise NotSo(problem=_("an objection was upheld: propose the period anew first"))


def _in_order(made: Draft) -> None:
    """Nothing is left behind: neither what counts earlier, nor an earlier period that was proposed."""
    period, first = made.period, made.next_to_close
    rows = PeriodRow.unfiltered.filter(agreement=made.agreement, first_day__lt=period.first).exclude(state="closed")
    earlier = rows.order_by("first_day").first()
    if period == first and earlier is not None:
        first = Period(earlier.first_day, earlier.last_day)
    if period != first:
        raise NotSo(
            problem=_("periods are closed in their order: %(first)s comes before %(period)s")
            % {"first": first.name, "period": period.name}
        )


def _one_length(agreement: Agreement, period: Period) -> None:
    """Periods of an agreement have one length: that of those that were closed."""
    last = settling.last_settled(agreement)
    if last is None:
        return
    length = Period(last.period.first_day, last.period.last_day).length
    if length != period.length:
        raise NotSo(
            problem=_("this agreement is settled by the %(length)s, and %(period)s is none")
            % {"length": _("month") if length == "month" else _("quarter"), "period": period.name}
        )


def _row(agreement: Agreement, period: Period) -> PeriodRow:
    found: PeriodRow
    found, _new = PeriodRow.unfiltered.select_for_update().get_or_create(
        agreement=agreement, first_day=period.first, defaults={"last_day": period.last}
    )
    if found.last_day == period.last:
        return found
    if found.state == "closed" or found.objections.exists():
        told = {"other": Period(found.first_day, found.last_day).name, "period": period.name}
        raise NotSo(problem=_("%(other)s was begun, and %(period)s begins on the same day") % told)
    found.delete()
    found = PeriodRow.unfiltered.create(agreement=agreement, first_day=period.first, last_day=period.last)
    return found


def _next(agreement: Agreement) -> tuple[int, str | None]:
    """The number that comes next, and the hash of the seller's document before it."""
    last: Settlement | None = Settlement.unfiltered.filter(seller=agreement.seller).order_by("-number").first()
    return (1, None) if last is None else (last.number + 1, last.document_sha256)


def _issued_at(agreement: Agreement) -> datetime:
    """Take the time, which is never before that of the seller's settlement before: numbers and days go one way."""
    now, last = moments.now(), Settlement.unfiltered.filter(seller=agreement.seller).order_by("-number").first()
    if last is not None and now < last.issued_at:
        raise NotSo(problem=_("the clock stands before the seller's last settlement; set it right"))
    return now


@transaction.atomic
def _commit(
    actor: Actor, made: Draft, files: dict[str, bytes], *, number: int, issued_at: datetime, previous: str | None,
    person: Person,
) -> Settlement | None:  # fmt: skip
    """Write all of it, or nothing: None where what was worked out before is not what it is now."""
    agreement = made.agreement
    SettlementNumber.objects.get_or_create(seller=agreement.seller, defaults={"last": 0})
    counter = SettlementNumber.objects.select_for_update().get(seller=agreement.seller)
    row = _row(agreement, made.period)
    if (counter.last + 1, previous) != (number, _next(agreement)[1]):
        return None
    _may_close(agreement, made.period)
    again = settling.draft(agreement, made.period)
    _in_order(again)
    if again.sha256 != made.sha256:
        return None
    _write_lines(made, row.pk)
    SettlementFile.unfiltered.bulk_create(
        SettlementFile(settlement_id=row.pk, kind=kind, sha256=hashlib.sha256(data).hexdigest(), data=data)
        for kind, data in files.items()
    )
    found: Settlement = Settlement.unfiltered.create(
        period=row,
        seller=agreement.seller,
        number=number,
        issued_at=issued_at,
        issued_by=person,
        who=actor.who,
        lines_count=len(made.lines),
        entries_sha256=made.sha256,
        document_sha256=hashlib.sha256(files["jws"]).hexdigest(),
        previous_sha256=previous,
        **vars(made.sums),
    )
    counter.last = number
    counter.save(update_fields=["last"])
    row.state = "closed"
    row.save(update_fields=["state"])
    within = PeriodRow.unfiltered.filter(agreement=agreement, first_day__gt=row.first_day, first_day__lte=row.last_day)
    within.exclude(state="closed").filter(objections__isnull=True).delete()  # proposals of another length
    note(actor, "settlement.closed", agreement.code, period=made.period.name, number=number, person=person.login)
    return found


def _write_lines(made: Draft, settlement: int) -> None:
    """Book the entries and print the lines under the settlement, whose own row comes after them."""
    SettlementLine.unfiltered.bulk_create(
        (
            SettlementLine(
                settlement_id=settlement,
                line=number,
                section=line.printed["section"],
                unit_id=line.printed["unit"],
                printed={**line.printed, "extra": line.extra},
                amount_ore=line.printed["amount_ore"],
            )
            for number, line in enumerate(made.lines, 1)
        ),
        batch_size=500,
    )
    planned = [(one, number) for number, line in enumerate(made.lines, 1) for one in line.entries]
    booked = LedgerEntry.unfiltered.bulk_create((_entry(made.agreement, one) for one, _ in planned), batch_size=500)
    SettledEntry.objects.bulk_create(
        (
            SettledEntry(entry=row, settlement_id=settlement, line=number)
            for row, (_, number) in zip(booked, planned, strict=True)
        ),
        batch_size=500,
    )


def _entry(agreement: Agreement, one: settling.Entry) -> LedgerEntry:
    due = one.due
    facts: dict[str, Any] = {"kind": due.kind, "subject": due.subject, "occurred_on": due.day, "vat_bp": one.vat_bp}
    return LedgerEntry(
        agreement=agreement,
        version=due.version,
        unit_id=due.unit,
        source=f"{due.subject}#{one.count}@{one.vat_bp}",
        base_ore=due.base_ore,
        rate_bp=due.rate_bp,
        amount_ore=one.amount_ore,
        corrects_id=one.corrects,
        certificate=due.certificate,
        why=due.outcome,
        **facts,
    )
