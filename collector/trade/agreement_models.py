"""Agreements and what was sold under them. Terms that bind, and whatever was sold, are written once."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from collector.moments import now
from collector.parties.models import Organisation, Person, one_of
from collector.trade.rules import terms
from collector.trade.sights import Money
from collector.units.models import Unit

SIDES = ("seller", "customer")
CHANNELS = ("web", "broker", "shop", "internal", "donation")
EVENTS = ("refund", "return", "cancel", "paid")


class Agreement(Money):
    """Who sells for whom, in which currency. Same customer, seller and title: the same agreement."""

    code = models.CharField(max_length=80, unique=True)
    """What it is called at the command line and in addresses."""
    customer = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    title = models.TextField()
    currency = models.CharField(max_length=3, default="DKK")
    made_at = models.DateTimeField(default=now)

    class Meta(Money.Meta):
        """A title names one agreement of two parties."""

        constraints = (
            models.UniqueConstraint(fields=["customer", "seller", "title"], name="agreement_once"),
            models.CheckConstraint(name="agreement_two", condition=~Q(customer=F("seller")) & ~Q(title="")),
        )

    def __str__(self) -> str:
        return self.code


class AgreementVersion(Money):
    """Terms from a day on. A draft until both sides approved the same terms; then it never changes."""

    agreement_path = "agreement__"
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="versions")
    valid_from = models.DateField()
    share_base = models.CharField(max_length=12)
    recognise = models.CharField(max_length=13)
    return_days = models.PositiveSmallIntegerField()
    fee_per = models.CharField(max_length=5)
    fee_vat_bp = models.PositiveSmallIntegerField()
    share_vat_bp = models.PositiveSmallIntegerField()
    attested_allowed = models.BooleanField()
    unread_allowed = models.BooleanField()
    validation = models.CharField(max_length=8)
    validator_differs = models.BooleanField()
    sample_bp = models.PositiveSmallIntegerField()
    unsold_days = models.PositiveSmallIntegerField(null=True)
    set_off = models.BooleanField()
    fingerprint = models.CharField(max_length=64)
    """SHA-256 of the terms and rates: an approval is of these and no others."""
    binding_at = models.DateTimeField(null=True)

    class Meta(Money.Meta):
        """Two versions never begin on one day."""

        constraints = (
            models.UniqueConstraint(fields=["agreement", "valid_from"], name="version_once"),
            models.CheckConstraint(name="version_base", condition=one_of("share_base", terms.SHARE_BASES)),
            models.CheckConstraint(name="version_recognise", condition=one_of("recognise", terms.RECOGNISE)),
            models.CheckConstraint(name="version_fee_per", condition=one_of("fee_per", terms.FEE_PER)),
            models.CheckConstraint(name="version_validation", condition=one_of("validation", terms.VALIDATION)),
            models.CheckConstraint(
                name="version_parts",
                condition=Q(fee_vat_bp__lte=10_000, share_vat_bp__lte=10_000, sample_bp__lte=10_000),
            ),
        )

    def __str__(self) -> str:
        return f"{self.valid_from}"


class AgreementRate(Money):
    """What is paid for a kind and a grade; `*` is all others."""

    agreement_path = "version__agreement__"
    version = models.ForeignKey(AgreementVersion, on_delete=models.CASCADE, related_name="rates")
    kind = models.CharField(max_length=12)
    grade = models.CharField(max_length=20)
    share_bp = models.PositiveSmallIntegerField()
    floor_ore = models.BigIntegerField()
    consent_below_ore = models.BigIntegerField()
    fee_erased_ore = models.BigIntegerField()
    fee_attested_ore = models.BigIntegerField()
    fee_destroyed_ore = models.BigIntegerField()
    fixed_ore = models.BigIntegerField()
    scrap_fee_ore = models.BigIntegerField()
    itemised = models.BooleanField()

    class Meta(Money.Meta):
        """One rate for a kind and a grade."""

        constraints = (
            models.UniqueConstraint(fields=["version", "kind", "grade"], name="rate_once"),
            models.CheckConstraint(name="rate_share", condition=Q(share_bp__lte=10_000)),
            models.CheckConstraint(name="rate_kind", condition=one_of("kind", (*terms.KINDS, terms.ANY))),
        )


class Approval(Money):
    """A side's yes to a version's terms, as they were then. Append-only."""

    agreement_path = "version__agreement__"
    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="approvals")
    side = models.CharField(max_length=8)
    fingerprint = models.CharField(max_length=64)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    who = models.TextField()
    at = models.DateTimeField(default=now)

    class Meta(Money.Meta):
        """A side says yes once to the same terms."""

        constraints = (
            models.UniqueConstraint(fields=["version", "side", "fingerprint"], name="approval_once"),
            models.CheckConstraint(name="approval_side", condition=one_of("side", SIDES)),
        )


class Consent(Money):
    """A customer's yes to selling a unit for less than it wanted to be asked for. Append-only."""

    agreement_path = "agreement__"
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="consents")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    lowest_ore = models.BigIntegerField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    who = models.TextField()
    at = models.DateTimeField(default=now)


class Sale(models.Model):
    """An order or an invoice of a seller: its lines may be of several customers. Append-only."""

    seller = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=8)
    reference = models.CharField(max_length=100)
    buyer = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="+")
    buyer_name = models.TextField(blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    currency = models.CharField(max_length=3)
    bulk_ore = models.BigIntegerField(null=True)
    """The one price of a bulk sale; its lines hold their parts of it."""
    who = models.TextField()
    recorded_at = models.DateTimeField(default=now)

    class Meta:
        """A reference names one sale of a channel."""

        constraints = (
            models.UniqueConstraint(fields=["seller", "channel", "reference"], name="sale_once"),
            models.CheckConstraint(name="sale_channel", condition=one_of("channel", CHANNELS)),
        )

    def __str__(self) -> str:
        return self.reference


class SaleLine(Money):
    """A unit that was sold, or some pieces of a small kind. What happens later are events. Append-only."""

    agreement_path = "agreement__"
    sale = models.ForeignKey(Sale, on_delete=models.PROTECT, related_name="lines")
    line = models.CharField(max_length=40)
    external_id = models.CharField(max_length=100, blank=True, default="")
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="sale_lines")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="sale_lines")
    kind = models.CharField(max_length=12)
    grade = models.CharField(max_length=20, blank=True, default="")
    """What the rate is chosen by: later grades change no share."""
    graded = models.CharField(max_length=20, blank=True, default="")
    """The newest signed grade before the sale: where it differs, a person is asked."""
    quantity = models.PositiveIntegerField(default=1)
    price_ore = models.BigIntegerField()
    vat_mode = models.CharField(max_length=8)
    costs_ore = models.BigIntegerField(default=0)
    allocated = models.BooleanField(default=False)
    sold_on = models.DateField(db_index=True)
    paid_on = models.DateField(null=True)
    certificate = models.CharField(max_length=64, blank=True, default="")
    who = models.TextField()
    recorded_at = models.DateTimeField(default=now)

    class Meta(Money.Meta):
        """A unit is one piece."""

        constraints = (
            models.UniqueConstraint(fields=["sale", "line"], name="sale_line_once"),
            models.CheckConstraint(
                name="sale_line_pieces", condition=Q(quantity__gt=0) & (Q(unit__isnull=True) | Q(quantity=1))
            ),
            models.CheckConstraint(name="sale_line_price", condition=Q(price_ore__gte=0, costs_ore__gte=0)),
            models.CheckConstraint(name="sale_line_vat", condition=one_of("vat_mode", terms.VAT_MODES)),
        )


class SaleEvent(Money):
    """What became of a sold line: money given back, the unit taken back, the day of payment. Append-only."""

    agreement_path = "line__agreement__"
    line = models.ForeignKey(SaleLine, on_delete=models.PROTECT, related_name="events")
    external_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=6)
    price_ore = models.BigIntegerField(default=0)
    occurred_on = models.DateField()
    who = models.TextField()
    recorded_at = models.DateTimeField(default=now)

    class Meta(Money.Meta):
        """It has an id of its own, so that it is told once."""

        constraints = (
            models.UniqueConstraint(fields=["line", "external_id"], name="sale_event_once"),
            models.CheckConstraint(name="sale_event_kind", condition=one_of("kind", EVENTS)),
            models.CheckConstraint(name="sale_event_price", condition=Q(price_ore__lte=0)),
        )
