"""What stations sent, and which of their keys are believed.

The signed bytes are the record; every other column is a copy of facts out of them, made for finding it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from collector.intake.chain import STATES
from collector.moments import now
from collector.parties.managers import OfCustomer
from collector.parties.models import Person, one_of

OUTCOMES = ("erased", "unread", "attested", "failed", "aborted", "refused")
SOURCES = ("enrolled", "configuration", "old")
BIGGEST = 2**53


class Station(models.Model):
    """A bench. Taking its row for update puts the transactions of its chain in a line."""

    id = models.CharField(max_length=64, primary_key=True)
    first_seen = models.DateTimeField(default=now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.id


class StationKey(models.Model):
    """A public key of a station. Believed until it is revoked; what it signed before stays provable for ever."""

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="keys")
    thumbprint = models.CharField(max_length=43)
    """RFC 7638: the `kid` of what it signs."""
    x = models.CharField(max_length=43)
    """The JWK's public value."""
    source = models.CharField(max_length=16, default="enrolled")
    first_seen = models.DateTimeField(default=now)
    enrolled_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """`source`: a person enrolled it, the configuration names it, or an older program had accepted it."""

        constraints = (
            models.UniqueConstraint(fields=["station", "thumbprint"], name="station_key_once"),
            models.CheckConstraint(name="station_key_source", condition=one_of("source", SOURCES)),
        )

    def __str__(self) -> str:
        return f"{self.station_id} {self.thumbprint}"


class Certificate(OfCustomer):
    """The facts of a certificate that it is found by. Its customer, once somebody knows which organisation that is."""

    arrival = models.BigAutoField(primary_key=True)
    id = models.CharField(max_length=64, unique=True)
    signed_by = models.ForeignKey(StationKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="certificates", db_index=False)
    sequence = models.BigIntegerField()
    previous = models.CharField(max_length=300, null=True)
    chain = models.CharField(max_length=5)
    number = models.TextField()
    outcome = models.CharField(max_length=8)
    serial = models.TextField()
    model = models.TextField()
    asset_tag = models.TextField()
    customer_name = models.TextField()
    lot = models.TextField()
    operator = models.TextField()
    finished_at = models.TextField()
    """As the station wrote it: its clock may be wrong."""
    clock_synchronised = models.BooleanField()
    received_at = models.DateTimeField()
    search = models.TextField()

    class Meta(OfCustomer.Meta):
        """Indexes for the chain, and the sums of the page of stations; people search in another room's."""

        constraints = (
            models.CheckConstraint(name="certificate_chain_state", condition=one_of("chain", STATES)),
            models.CheckConstraint(name="certificate_outcome_known", condition=one_of("outcome", OUTCOMES)),
            models.CheckConstraint(name="certificate_sequence", condition=Q(sequence__range=(1, BIGGEST))),
        )
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["station", "sequence"], name="intake_of_station"),
            models.Index(fields=["station", "chain"], name="intake_chain"),
            models.Index(fields=["outcome", "arrival"], name="intake_outcome"),
            models.Index(fields=["chain", "arrival"], condition=~Q(chain="ok"), name="intake_broken"),
            models.Index(fields=["lot"], name="intake_lot"),
            models.Index(fields=["customer_name"], name="intake_customer_name"),
            models.Index(fields=["operator", "lot"], name="intake_operator"),
            models.Index(fields=["received_at"], name="intake_received"),
        ]

    def __str__(self) -> str:
        return self.number or self.id

    @classmethod
    def own_lots(cls, operator_id: str) -> Q:
        """Write the condition of a technician's own lots: those in which they have a certificate."""
        lots = cls.unfiltered.filter(operator=operator_id).exclude(lot="").values("lot")
        return Q(operator=operator_id) | Q(lot__in=lots)


class CertificateBytes(models.Model):
    """Exactly what was signed. Apart from the facts, so that a search reads 0.5 kB a row and not 3; append-only."""

    certificate = models.OneToOneField(
        Certificate, to_field="id", primary_key=True, on_delete=models.PROTECT, related_name="bytes", db_column="id"
    )
    compact = models.BinaryField()


class Statement(models.Model):
    """What a station says beside its certificates, with its exact bytes; append-only."""

    arrival = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64, unique=True)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="statements", db_index=False)
    signed_by = models.ForeignKey(StationKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    typ = models.CharField(max_length=100)
    certificate = models.CharField(max_length=64, null=True)
    """The certificate that it is about, which may never arrive."""
    body = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        """Found by what it is about, and by who said it."""

        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["certificate", "arrival"], name="intake_statement_certificate"),
            models.Index(fields=["station", "arrival"], name="intake_statement_station"),
        ]


class ToldGap(models.Model):
    """Numbers of a station that are missing, by its own signed word. Both ends belong to it."""

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="told_gaps", db_index=False)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    why = models.TextField()
    received_at = models.DateTimeField()

    class Meta:
        """Told twice, it is kept once."""

        constraints = (
            models.UniqueConstraint(fields=["station", "first", "last"], name="told_gap_once"),
            models.CheckConstraint(name="told_gap_order", condition=Q(first__gte=1) & Q(first__lte=F("last"))),
        )


class Quarantine(models.Model):
    """A message that did not verify, with its bytes and the reason. The oldest go first."""

    arrival = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64)
    topic = models.TextField()
    station = models.TextField()
    """The topic's level, whatever it is: not believed."""
    reason = models.TextField()
    payload = models.BinaryField()
    """At most the first 64 KiB."""
    size = models.BigIntegerField()
    times = models.BigIntegerField(default=1)
    received_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        """The same bytes on the same topic are one row."""

        constraints = (models.UniqueConstraint(fields=["topic", "digest"], name="quarantine_once"),)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["station", "arrival"], name="intake_quarantine_station"),
        ]


class Event(models.Model):
    """What a station told as it happened: a copy, of which the newest are kept."""

    arrival = models.BigAutoField(primary_key=True)
    station = models.CharField(max_length=64)
    boot_id = models.TextField()
    seq = models.BigIntegerField()
    event = models.TextField()
    payload = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        """A boot's numbers name its events."""

        constraints = (models.UniqueConstraint(fields=["station", "boot_id", "seq"], name="event_once"),)
