"""The ledger, and what was settled. Whatever decides money is written once (collector/guards.py).

A settlement's lines and files are written before the settlement itself, in one transaction: once its row is there,
nothing can be added under it.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from collector.moments import now
from collector.parties.models import Organisation, Person, one_of
from collector.trade.agreement_models import Agreement, AgreementVersion
from collector.trade.sights import Money
from collector.units.models import Unit

ENTRY_KINDS = ("share", "fee", "scrap_fee")
SECTIONS = ("sale", "fee", "correction", "unsold", "scrapped")
STATES = ("open", "proposed", "closed")
FILES = ("jws", "pdf", "csv", "machine.csv", "xlsx", "xml")


class LedgerEntry(Money):
    """What is owed, as it was settled: above zero to the customer. Append-only.

    `subject` is what it is for (a sold line, the fee of a unit in a lot): its entries sum up to what is due.
    """

    agreement_path = "agreement__"
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="entries")
    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    kind = models.CharField(max_length=9)
    subject = models.CharField(max_length=100, db_index=True)
    source = models.CharField(max_length=120)
    """The subject, its rate of VAT and how many entries stand before: nothing is booked twice."""
    occurred_on = models.DateField()
    base_ore = models.BigIntegerField()
    rate_bp = models.PositiveSmallIntegerField(null=True)
    amount_ore = models.BigIntegerField()
    vat_bp = models.PositiveSmallIntegerField()
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="corrected_by")
    certificate = models.CharField(max_length=64, blank=True, default="")
    why = models.TextField(blank=True, default="")
    recorded_at = models.DateTimeField(default=now)

    class Meta(Money.Meta):
        """Nothing is booked twice."""

        constraints = (
            models.UniqueConstraint(fields=["kind", "source"], name="entry_once"),
            models.CheckConstraint(name="entry_kind", condition=one_of("kind", ENTRY_KINDS)),
            models.CheckConstraint(
                name="entry_vat",
                condition=Q(vat_bp__lte=10_000) & (Q(rate_bp__isnull=True) | Q(rate_bp__lte=10_000)),
            ),
        )


class Period(Money):
    """A month or a quarter of an agreement. `proposal` is what would be settled, until it is closed."""

    agreement_path = "agreement__"
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="periods")
    first_day = models.DateField()
    last_day = models.DateField()
    state = models.CharField(max_length=8, default="open")
    proposal: models.JSONField[Any, Any] = models.JSONField(null=True)
    proposed_at = models.DateTimeField(null=True)

    class Meta(Money.Meta):
        """It ends after it began."""

        constraints = (
            models.UniqueConstraint(fields=["agreement", "first_day"], name="period_once"),
            models.CheckConstraint(name="period_days", condition=Q(first_day__lte=F("last_day"))),
            models.CheckConstraint(name="period_state", condition=one_of("state", STATES)),
        )


class SettlementNumber(models.Model):
    """The last number of a seller. Taking its row for update puts closings in a line; it goes up by one, or not."""

    seller = models.OneToOneField(Organisation, primary_key=True, on_delete=models.PROTECT, related_name="+")
    last = models.PositiveIntegerField()


class Settlement(Money):
    """A closed period: its number, its sums, what names its documents. Append-only."""

    agreement_path = "period__agreement__"
    period = models.OneToOneField(Period, primary_key=True, on_delete=models.PROTECT, related_name="settlement")
    seller = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    who = models.TextField()
    share_ore = models.BigIntegerField()
    share_vat_ore = models.BigIntegerField()
    fees_ore = models.BigIntegerField()
    fees_vat_ore = models.BigIntegerField()
    opening_ore = models.BigIntegerField()
    payable_ore = models.BigIntegerField()
    closing_ore = models.BigIntegerField()
    lines_count = models.PositiveIntegerField()
    entries_sha256 = models.CharField(max_length=64)
    document_sha256 = models.CharField(max_length=64)
    """Of the compact JWS; the seller's next settlement names it."""
    previous_sha256 = models.CharField(max_length=64, null=True)

    class Meta(Money.Meta):
        """Numbers of a seller never stand twice."""

        constraints = (
            models.UniqueConstraint(fields=["seller", "number"], name="settlement_number_once"),
            models.CheckConstraint(name="settlement_number", condition=Q(number__gte=1)),
            models.CheckConstraint(name="settlement_balance", condition=Q(payable_ore__gte=0, closing_ore__lte=0)),
        )


class SettlementLine(Money):
    """A printed line. Append-only, and none is added once its settlement is there."""

    agreement_path = "settlement__period__agreement__"
    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="lines")
    line = models.PositiveIntegerField()
    section = models.CharField(max_length=10)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="+")
    printed: models.JSONField[Any, Any] = models.JSONField()
    amount_ore = models.BigIntegerField()

    class Meta(Money.Meta):
        """Numbered from 1."""

        constraints = (
            models.UniqueConstraint(fields=["settlement", "line"], name="settlement_line_once"),
            models.CheckConstraint(name="settlement_line_section", condition=one_of("section", SECTIONS)),
        )


class SettledEntry(models.Model):
    """Which line an entry was printed in: each in one settlement, and once. Append-only."""

    entry = models.OneToOneField(LedgerEntry, primary_key=True, on_delete=models.PROTECT, related_name="settled")
    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="entries")
    line = models.PositiveIntegerField()


class SettlementFile(Money):
    """A document of a settlement, byte for byte. Append-only."""

    agreement_path = "settlement__period__agreement__"
    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=12)
    sha256 = models.CharField(max_length=64)
    data = models.BinaryField()

    class Meta(Money.Meta):
        """One of each kind."""

        constraints = (
            models.UniqueConstraint(fields=["settlement", "kind"], name="settlement_file_once"),
            models.CheckConstraint(name="settlement_file_kind", condition=one_of("kind", FILES)),
        )


class Objection(Money):
    """A customer's no to a proposed line. Append-only; the answer is a row of its own."""

    agreement_path = "period__agreement__"
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="objections")
    subject = models.CharField(max_length=100)
    line = models.PositiveIntegerField()
    printed: models.JSONField[Any, Any] = models.JSONField()
    """The line as it stood in the proposal."""
    text = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    who = models.TextField()
    at = models.DateTimeField(default=now)


class ObjectionAnswer(models.Model):
    """The seller's answer. Upheld: the proposal is made anew before the period can be closed. Append-only."""

    objection = models.OneToOneField(Objection, primary_key=True, on_delete=models.PROTECT, related_name="answer")
    upheld = models.BooleanField()
    text = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    who = models.TextField()
    at = models.DateTimeField(default=now)
