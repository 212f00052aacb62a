"""Units: what a customer owns and hands over, by which numbers it is known, and what happened to it.

Events are the record, and append-only; presence, data, disposal and headline of a unit are a fold of what is known of
it (collector/units/rules.py), written down so that lists and counts need not compute them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from collector.intake.models import Certificate
from collector.moments import now
from collector.parties.managers import OfCustomer
from collector.parties.models import Organisation, Person, one_of
from collector.units import vocabulary as words

NAMED = Q(customer__isnull=False)


class CustomerRules(models.Model):
    """How a customer's numbers are read: what its asset tags begin with."""

    customer = models.OneToOneField(Organisation, primary_key=True, on_delete=models.PROTECT, related_name="+")
    tag_prefix = models.CharField(max_length=100, blank=True, default="")
    """A regular expression; what it matches at a tag's beginning is no part of the tag."""

    def __str__(self) -> str:
        return self.tag_prefix


class Lot(OfCustomer):
    """Units that a customer hands over together. What it still expects when it is closed is missing."""

    code = models.TextField()
    state = models.CharField(max_length=9, default="open")
    vat_origin = models.CharField(max_length=12, default="unknown")
    reference = models.TextField(blank=True, default="")
    opened_at = models.DateTimeField(default=now)
    opened_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta(OfCustomer.Meta):
        """`vat_origin`: whether the customer deducted VAT of these goods, which decides how they can be sold."""

        constraints = (
            models.UniqueConstraint(fields=["customer", "code"], name="lot_once"),
            models.CheckConstraint(name="lot_state", condition=one_of("state", words.LOT_STATES)),
            models.CheckConstraint(name="lot_vat_origin", condition=one_of("vat_origin", words.VAT_ORIGINS)),
            models.CheckConstraint(name="lot_named", condition=~Q(code="") & NAMED),
            models.CheckConstraint(
                name="lot_closed_at",
                condition=Q(state="closed", closed_at__isnull=False) | (~Q(state="closed") & Q(closed_at__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return self.code

    @classmethod
    def own_lots(cls, operator_id: str) -> Q:
        """Write the condition of a technician's own lots: those of their certificates, and those that they opened."""
        mine = Certificate.unfiltered.filter(operator=operator_id, customer=OuterRef("customer"), lot=OuterRef("code"))
        return Q(Exists(mine)) | Q(opened_by__operator_id=operator_id)

    @property
    def is_closed(self) -> bool:
        """Whether nothing comes into it any more."""
        return self.state == "closed"


class Custody(models.Model):
    """A step in the chain of custody of a lot: who had it from whom, where, when, how many, under which seals.

    `statement` names what was signed; that of the last step holds the frozen list. Append-only.
    """

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="custody")
    step = models.CharField(max_length=11)
    day = models.DateField()
    place = models.TextField(blank=True, default="")
    count = models.PositiveIntegerField(null=True)
    seals: models.JSONField[Any, Any] = models.JSONField(default=list)
    from_whom = models.TextField(blank=True, default="")
    to_whom = models.TextField(blank=True, default="")
    note = models.TextField(blank=True, default="")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    who = models.TextField()
    recorded_at = models.DateTimeField(default=now)
    statement = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        """Steps may repeat: a lot is collected at several places, and handed over more than once."""

        constraints = (
            models.CheckConstraint(name="custody_step", condition=one_of("step", words.STEPS)),
            models.UniqueConstraint(fields=["lot"], condition=Q(step="closed"), name="custody_closed_once"),
        )


class Unit(OfCustomer):
    """A device. `lot`: where it was received; `expected_in`: where it was announced.

    Its headline and its three axes are computed by rules.py and written by services.py, never typed.
    """

    kind = models.CharField(max_length=12, default=words.UNKNOWN)
    kind_by = models.CharField(max_length=11, blank=True, default="")
    """Who told: a person counts for more than the intake, and that for more than a register."""
    manufacturer = models.TextField(blank=True, default="")
    model = models.TextField(blank=True, default="")
    made_by = models.CharField(max_length=11)
    made_at = models.DateTimeField(default=now)
    registered = models.BooleanField(default=False)
    """Whether a row of its customer's register stands for it."""
    expected_in = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, related_name="expected")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, related_name="units")
    received_at = models.DateTimeField(null=True, blank=True)
    accepted = models.BooleanField(default=False)
    """Whether a person took it in although no register names it."""
    drives_counted = models.PositiveSmallIntegerField(null=True)
    """How many drives it holds; none: nobody has counted yet."""
    destroyed_at = models.DateTimeField(null=True, blank=True)
    grade = models.CharField(max_length=20, blank=True, default="")
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged")
    presence = models.CharField(max_length=10)
    data = models.CharField(max_length=9, default=words.OPEN)
    disposal = models.CharField(max_length=10, blank=True, default="")
    headline = models.CharField(max_length=19)
    why = models.TextField(blank=True, default="")
    """A key of words.py, and what belongs into it, as JSON: why the headline is not a better one."""

    class Meta(OfCustomer.Meta):
        """What cannot be is refused by the database itself."""

        constraints = (
            models.CheckConstraint(name="unit_customer", condition=NAMED),
            models.CheckConstraint(name="unit_kind", condition=one_of("kind", words.KINDS)),
            models.CheckConstraint(name="unit_made_by", condition=one_of("made_by", words.SOURCES)),
            models.CheckConstraint(name="unit_presence", condition=one_of("presence", words.PRESENCES)),
            models.CheckConstraint(name="unit_data", condition=one_of("data", words.DATA)),
            models.CheckConstraint(name="unit_disposal", condition=one_of("disposal", ("", *words.DISPOSALS))),
            models.CheckConstraint(name="unit_headline", condition=one_of("headline", words.STATUSES)),
            models.CheckConstraint(name="unit_not_itself", condition=~Q(merged_into=F("id"))),
            models.CheckConstraint(
                name="unit_received_somewhere",
                condition=Q(received_at__isnull=False) | (Q(lot__isnull=True) & Q(disposal="")),
            ),
        )
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["customer", "headline"], name="unit_headline_of"),
            models.Index(fields=["customer", "kind", "disposal"], name="unit_disposal_of"),
        ]

    def __str__(self) -> str:
        return f"unit {self.pk}"

    @classmethod
    def own_lots(cls, operator_id: str) -> Q:
        """Write the condition of a technician's own units: those of their lots."""
        lots = Lot.unfiltered.filter(Lot.own_lots(operator_id)).values("pk")
        return Q(lot__in=lots) | Q(expected_in__in=lots)


class Identifier(models.Model):
    """A number by which a unit is known: as it was seen, and in the normal form that is compared."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="identifiers", db_index=False)
    customer = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    """The unit's: a look-up stays within one customer."""
    kind = models.CharField(max_length=12)
    norm = models.CharField(max_length=128)
    seen_as = models.TextField()
    source = models.CharField(max_length=11)
    first_at = models.DateTimeField(default=now)
    retired_at = models.DateTimeField(null=True, blank=True)
    """Since when it is this unit's no more: a sticker that moved, a board that was exchanged."""

    class Meta:
        """The same number is kept once for a unit. Two units with one number are a question, not an error."""

        constraints = (
            models.UniqueConstraint(fields=["unit", "kind", "norm"], name="identifier_once"),
            models.CheckConstraint(name="identifier_kind", condition=one_of("kind", words.IDENTIFIERS)),
            models.CheckConstraint(name="identifier_source", condition=one_of("source", words.SOURCES)),
            models.CheckConstraint(name="identifier_norm", condition=~Q(norm="")),
        )
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["kind", "norm"], name="identifier_lookup")]

    def __str__(self) -> str:
        return f"{self.kind} {self.seen_as}"


class UnitEvent(models.Model):
    """What happened to a unit: who, when, where, and its statement where it was signed. Append-only."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="events", db_index=False)
    kind = models.CharField(max_length=20)
    occurred_at = models.DateTimeField(default=now)
    recorded_at = models.DateTimeField(default=now)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    who = models.TextField()
    """As it was then: the login, "by command line, USER", or the station."""
    place = models.TextField(blank=True, default="")
    certificate = models.CharField(max_length=64, blank=True, default="")
    statement = models.CharField(max_length=64, blank=True, default="")
    """SHA-256 of the signed statement; empty where nothing was signed."""
    data: models.JSONField[Any, Any] = models.JSONField(default=dict)

    class Meta:
        """Read in their order for one unit."""

        constraints = (models.CheckConstraint(name="unit_event_kind", condition=one_of("kind", words.EVENTS)),)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["unit", "id"], name="event_of_unit"),
            models.Index(fields=["certificate"], condition=~Q(certificate=""), name="event_of_certificate"),
        ]


class DriveLink(models.Model):
    """A certificate of a unit: of one of its drives, or of the device itself. Facts are copies of what was signed."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="links")
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, to_field="id", related_name="links")
    drive = models.CharField(max_length=128)
    """Which drive: its serial number or world wide name in normal form; the certificate's id where it told neither."""
    outcome = models.CharField(max_length=8)
    finished_at = models.DateTimeField()
    """By the station's clock, or of its arrival where that was not set."""
    operator = models.CharField(max_length=64, blank=True, default="")
    rule = models.CharField(max_length=20)
    """How it found the unit; `person` where somebody said so."""
    validation = models.CharField(max_length=8, blank=True, default="")
    destroyed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    """Since when it counts no more: unlinked by a person, or the device was given back and came again."""

    class Meta:
        """A certificate counts for one unit at a time."""

        constraints = (
            models.UniqueConstraint(fields=["certificate"], condition=Q(ended_at__isnull=True), name="link_once"),
            models.CheckConstraint(name="link_validation", condition=one_of("validation", words.DECISIONS)),
        )


class Waiting(models.Model):
    """A certificate that nobody has looked for a unit for yet: written with it, taken away with what came of it."""

    certificate = models.OneToOneField(
        Certificate, primary_key=True, on_delete=models.CASCADE, related_name="+", db_column="arrival"
    )


class Loose(OfCustomer):
    """A certificate without a unit: a loose drive, or a device that is nobody's yet. It waits for a person."""

    certificate = models.OneToOneField(Certificate, on_delete=models.CASCADE, related_name="+", to_field="id")
    why = models.CharField(max_length=20)
    since = models.DateTimeField(default=now)


class Question(OfCustomer):
    """A contradiction that only a person settles. `key` names it, so that it is asked once."""

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200, unique=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="questions")
    other = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, related_name="+")
    certificate = models.CharField(max_length=64, blank=True, default="")
    data: models.JSONField[Any, Any] = models.JSONField(default=dict)
    asked_at = models.DateTimeField(default=now)
    answer = models.CharField(max_length=20, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    who = models.TextField(blank=True, default="")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta(OfCustomer.Meta):
        """Open ones are found by their customer."""

        constraints = (models.CheckConstraint(name="question_kind", condition=one_of("kind", words.QUESTIONS)),)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["customer", "id"], condition=Q(answered_at__isnull=True), name="question_open"),
        ]


class Mapping(OfCustomer):
    """Which columns of a customer's file are which, remembered by the fingerprint of its heading row."""

    header_sha256 = models.CharField(max_length=64)
    headings: models.JSONField[Any, Any] = models.JSONField()
    """The headings that are kept, in the file's own order."""
    columns: models.JSONField[Any, Any] = models.JSONField()
    """Canonical name -> heading."""
    system = models.CharField(max_length=20)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(default=now)

    class Meta(OfCustomer.Meta):
        """Another heading row is another mapping."""

        constraints = (
            models.UniqueConstraint(fields=["customer", "header_sha256"], name="mapping_once"),
            models.CheckConstraint(name="mapping_customer", condition=NAMED),
        )


class RegisterImport(OfCustomer):
    """A file of a customer's register that was taken in. The same one again changes nothing."""

    mapping = models.ForeignKey(Mapping, on_delete=models.PROTECT, related_name="imports")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, related_name="+")
    file_name = models.TextField()
    fingerprint = models.CharField(max_length=64)
    """SHA-256 of the file, of what its columns were read as, and of its lot."""
    rows = models.PositiveIntegerField()
    new = models.PositiveIntegerField()
    changed = models.PositiveIntegerField()
    same = models.PositiveIntegerField()
    rejected: models.JSONField[Any, Any] = models.JSONField(default=list)
    headings: models.JSONField[Any, Any] = models.JSONField(default=list)
    """The headings that were kept, in the file's own order: those of its rows' cells."""
    dropped: models.JSONField[Any, Any] = models.JSONField(default=list)
    """Headings that were not kept: those of persons, and those that nobody knows."""
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    who = models.TextField()
    at = models.DateTimeField(default=now)

    class Meta(OfCustomer.Meta):
        """A repeat is found by its fingerprint."""

        constraints = (
            models.UniqueConstraint(fields=["customer", "fingerprint"], name="register_import_once"),
            models.CheckConstraint(name="register_import_customer", condition=NAMED),
        )


class RegisterRow(OfCustomer):
    """What a customer's register says of a unit, without the persons in it."""

    unit = models.OneToOneField(Unit, on_delete=models.PROTECT, related_name="row")
    first_import = models.ForeignKey(RegisterImport, on_delete=models.PROTECT, related_name="+", db_index=False)
    last_import = models.ForeignKey(RegisterImport, on_delete=models.PROTECT, related_name="+", db_index=False)
    row_number = models.PositiveIntegerField()
    rule = models.CharField(max_length=20)
    """How it found its unit; `new` where the row made it."""
    department = models.TextField(blank=True, default="")
    location = models.TextField(blank=True, default="")
    state = models.TextField(blank=True, default="")
    encrypted = models.BooleanField(null=True)
    last_seen_on = models.DateField(null=True)
    raw: models.JSONField[Any, Any] = models.JSONField(default=list)
    """The cells under the headings of its last import, as they were read."""
    fingerprint = models.CharField(max_length=64)
    """SHA-256 of the cells: whether a later file says anything else."""

    class Meta(OfCustomer.Meta):
        """A row is a customer's."""

        constraints = (models.CheckConstraint(name="register_row_customer", condition=NAMED),)
