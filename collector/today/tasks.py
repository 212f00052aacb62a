"""What waits for somebody, by role: a count and where it is done. Each asks through what the person may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from collector.certificates.statements_validation import waiting
from collector.intake.models import Certificate, Quarantine
from collector.moments import now, today
from collector.parties.models import Invitation, Person
from collector.parties.roles import (
    ADMINISTRATOR,
    AUDITOR,
    BUYER,
    CUSTOMER_DATA,
    CUSTOMER_FINANCE,
    FINANCE,
    TEAM_LEAD,
    TECHNICIAN,
    VALIDATOR,
    Sight,
)
from collector.selling import queries as selling
from collector.trade.models import AgreementVersion, Objection, Period, Settlement
from collector.units import vocabulary as words
from collector.units.models import Loose, Lot, Question, Unit

MOST = 1000
"""Counted up to here: behind it stands "more than"."""


@dataclass(frozen=True)
class Task:
    """Something to be done: for whom, what it is called, where, and how much of it there is."""

    name: str
    roles: frozenset[str]
    text: Promise
    address: str
    count: Callable[[Sight], int]


@dataclass(frozen=True)
class Due:
    """A task with its count for one person."""

    name: str
    text: str
    address: str
    count: int

    @property
    def more(self) -> bool:
        """Whether there is more than was counted."""
        return self.count > MOST


def due(sight: Sight) -> list[Due]:
    """List what waits for a person, in the order of the table; what has nothing waiting comes last."""
    found = [Due(task.name, str(task.text), task.address, task.count(sight)) for task in TASKS if sight.has(task.roles)]
    return sorted(found, key=lambda one: one.count == 0)


def _units(**facts: object) -> Callable[[Sight], int]:
    def count(sight: Sight) -> int:
        rows = Unit.objects.seen_by(sight).filter(merged_into__isnull=True, **facts)
        return int(rows[: MOST + 1].count())

    return count


def _ungraded(sight: Sight) -> int:
    rows = Unit.objects.seen_by(sight).filter(
        merged_into__isnull=True, disposal=words.STOCK, grade="", data__in=(words.ERASED, words.ATTESTED)
    )
    return int(rows[: MOST + 1].count())


def _uncounted(sight: Sight) -> int:
    rows = Unit.objects.seen_by(sight).filter(
        merged_into__isnull=True, disposal=words.STOCK, drives_counted__isnull=True
    )
    return int(rows.exclude(kind__in=(*words.HANDSETS, *words.STORES_NOTHING, words.LOOSE_DRIVE))[: MOST + 1].count())


def _lots(sight: Sight) -> int:
    return int(Lot.objects.seen_by(sight).exclude(state="closed")[: MOST + 1].count())


def _questions(sight: Sight) -> int:
    return int(Question.objects.seen_by(sight).filter(answered_at__isnull=True)[: MOST + 1].count())


def _loose(sight: Sight) -> int:
    return int(Loose.objects.seen_by(sight)[: MOST + 1].count())


def _quarantined(_: Sight) -> int:
    return Quarantine.objects.all()[: MOST + 1].count()


def _broken_chains(sight: Sight) -> int:
    return int(Certificate.objects.seen_by(sight).filter(chain__in=("gap", "fork"))[: MOST + 1].count())


def _validation(sight: Sight) -> int:
    return len(waiting(sight, 0, MOST + 1))


def _unapproved(side: str) -> Callable[[Sight], int]:
    """Versions that this side has not said yes to yet."""

    def count(sight: Sight) -> int:
        rows = AgreementVersion.objects.seen_by(sight).filter(binding_at__isnull=True)
        return int(rows.exclude(approvals__side=side)[: MOST + 1].count())

    return count


def _to_close(sight: Sight) -> int:
    """Proposals whose period is over."""
    return int(Period.objects.seen_by(sight).filter(state="proposed", last_day__lt=today())[: MOST + 1].count())


def _proposals(sight: Sight) -> int:
    return int(Period.objects.seen_by(sight).filter(state="proposed")[: MOST + 1].count())


def _objections(sight: Sight) -> int:
    rows = Objection.objects.seen_by(sight).filter(answer__isnull=True).exclude(period__state="closed")
    return int(rows[: MOST + 1].count())


def _answered(sight: Sight) -> int:
    rows = Objection.objects.seen_by(sight).filter(answer__isnull=False).exclude(period__state="closed")
    return int(rows[: MOST + 1].count())


def _stock(sight: Sight) -> int:
    return int(selling.stock(sight)[: MOST + 1].count())


def _purchases(sight: Sight) -> int:
    return int(selling.purchases(sight)[: MOST + 1].count())


def _settlements(sight: Sight) -> int:
    return int(Settlement.objects.seen_by(sight)[: MOST + 1].count())


def _invitations(_: Sight) -> int:
    rows = Invitation.objects.filter(link__used_at__isnull=True, link__ends_at__gt=now())
    return rows[: MOST + 1].count()


def _without_role(_: Sight) -> int:
    return Person.objects.filter(disabled_at=None, memberships__isnull=True)[: MOST + 1].count()


def _of(*roles: str) -> frozenset[str]:
    return frozenset(roles)


TASKS = (
    Task("questions", _of(TEAM_LEAD, VALIDATOR, ADMINISTRATOR), _("Questions that only a person answers"), "/questions",
         _questions),
    Task("failed", _of(TEAM_LEAD, TECHNICIAN), _("Drives that could not be erased: destroy them"), "/destruction",
         _units(headline=words.FAILED)),
    Task("erase", _of(TECHNICIAN, TEAM_LEAD), _("Received, not erased yet"), "/units?status=received",
         _units(headline=words.RECEIVED)),
    Task("count", _of(TECHNICIAN, TEAM_LEAD), _("Computers whose drives nobody has counted"), "/units?disposal=stock",
         _uncounted),
    Task("grade", _of(TECHNICIAN, TEAM_LEAD), _("Erased, and without a grade"), "/grading", _ungraded),
    Task("lots", _of(TECHNICIAN, TEAM_LEAD), _("Lots that are open"), "/lots", _lots),
    Task("loose", _of(TEAM_LEAD), _("Certificates without a unit"), "/loose", _loose),
    Task("quarantine", _of(TEAM_LEAD, ADMINISTRATOR), _("Messages that did not verify"), "/quarantine", _quarantined),
    Task("chains", _of(TEAM_LEAD), _("Certificates whose chain is broken"), "/certificates?chain=gap", _broken_chains),
    Task("validate", _of(VALIDATOR), _("Erasures that wait for your decision"), "/validation", _validation),
    Task("missing", _of(TEAM_LEAD, CUSTOMER_DATA), _("Missing: announced, and never received"), "/units?status=missing",
         _units(headline=words.MISSING)),
    Task("unexpected", _of(TEAM_LEAD, CUSTOMER_DATA), _("Received, and in no register"), "/units?status=unexpected",
         _units(headline=words.UNEXPECTED, accepted=False)),
    Task("open_data", _of(CUSTOMER_DATA), _("Handed over, and not erased yet"), "/units?status=received",
         _units(headline=words.RECEIVED)),
    Task("open_failed", _of(CUSTOMER_DATA), _("Not erased, and not destroyed yet"), "/units?status=failed",
         _units(headline=words.FAILED)),
    Task("announced", _of(CUSTOMER_DATA), _("Announced for collection"), "/units?status=expected",
         _units(headline=words.EXPECTED)),
    Task("approve_seller", _of(FINANCE), _("Agreements that wait for your side's approval"), "/agreements",
         _unapproved("seller")),
    Task("approve_customer", _of(CUSTOMER_FINANCE), _("Agreements that wait for your side's approval"), "/agreements",
         _unapproved("customer")),
    Task("objections", _of(FINANCE), _("Objections that wait for an answer"), "/settlements", _objections),
    Task("close", _of(FINANCE), _("Periods that are over, and not closed"), "/settlements", _to_close),
    Task("stock", _of(FINANCE), _("Units that may be sold"), "/stock", _stock),
    Task("proposals", _of(CUSTOMER_FINANCE), _("Proposed settlements: look, and object where a line is wrong"),
         "/settlements", _proposals),
    Task("answered", _of(CUSTOMER_FINANCE), _("Answers to your objections"), "/settlements", _answered),
    Task("settlements", _of(CUSTOMER_FINANCE, AUDITOR), _("Closed settlements, with their documents"), "/settlements",
         _settlements),
    Task("purchases", _of(BUYER), _("What you bought, with grades and proof of erasure"), "/purchases", _purchases),
    Task("invitations", _of(ADMINISTRATOR), _("Invitations that nobody has taken up"), "/people", _invitations),
    Task("without_role", _of(ADMINISTRATOR), _("People without a role"), "/people", _without_role),
)  # fmt: skip
