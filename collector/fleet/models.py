"""How stations become known: invitations, keys that wait for a person's yes, and every certificate of the authority."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from collector.intake.models import Station
from collector.moments import now
from collector.parties.models import Person, one_of

PROFILES = ("server", "client")
MOST_WRONG = 10
"""Wrong tries, after which an invitation does nothing any more."""


class StationInvitation(models.Model):
    """A code that makes a station known, once. The database keeps the hash of its secret alone."""

    station = models.CharField(max_length=64)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField()
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    wrong = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)
    request_sha256 = models.CharField(max_length=64, default="", blank=True)
    """Of the request that used it: the very same one is answered again, since an answer can be lost on its way."""

    class Meta:
        """Found by the station that asks."""

        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["station", "used_at"], name="fleet_invitation_station")
        ]

    def __str__(self) -> str:
        return f"invitation of {self.station}"


class WaitingKey(models.Model):
    """Another signing key of a station that is known. Nothing comes of it before a person has said yes."""

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="waiting_keys")
    invitation = models.OneToOneField(StationInvitation, on_delete=models.PROTECT, related_name="waiting_key")
    thumbprint = models.CharField(max_length=43)
    x = models.CharField(max_length=43)
    asked_at = models.DateTimeField(default=now)
    decided_at = models.DateTimeField(null=True, blank=True)
    accepted = models.BooleanField(null=True, blank=True)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.station_id} {self.thumbprint}"


class TlsCertificate(models.Model):
    """A certificate of the authority: of a station, of the collector's own processes, of the broker, of the pages."""

    serial = models.CharField(max_length=40, unique=True)
    """Hexadecimal."""
    profile = models.CharField(max_length=8)
    name = models.TextField()
    """The one name of a client; a server's names, with blanks between them."""
    station = models.ForeignKey(Station, on_delete=models.PROTECT, null=True, blank=True, related_name="tls")
    made_at = models.DateTimeField(default=now)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    cuts = models.PositiveSmallIntegerField(default=0)
    """How often its standing connection was cut since it was revoked."""

    class Meta:
        """A station's newest one, and those that the list of revoked ones names."""

        constraints = (models.CheckConstraint(name="fleet_tls_profile", condition=one_of("profile", PROFILES)),)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["station", "ends_at"], name="fleet_tls_station"),
            models.Index(fields=["ends_at"], condition=~Q(revoked_at=None), name="fleet_tls_revoked"),
        ]

    def __str__(self) -> str:
        return f"{self.profile} {self.name} {self.serial}"


class TakenAlarm(models.Model):
    """An alarm that somebody took. It is named as its station does, and by when it began."""

    station = models.CharField(max_length=64)
    alarm = models.CharField(max_length=100)
    since = models.CharField(max_length=40)
    code = models.CharField(max_length=40)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField(default=now)

    class Meta:
        """One person has it."""

        constraints = (models.UniqueConstraint(fields=["station", "alarm", "since"], name="fleet_alarm_once"),)

    def __str__(self) -> str:
        return f"{self.station} {self.alarm}"


class DirectoryEntry(models.Model):
    """A customer, lot, person, destination or policy that stations are told. The audit trail says who changed it."""

    kind = models.CharField(max_length=12)
    name = models.CharField(max_length=200)
    facts = models.JSONField(default=dict)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        """A name stands once."""

        constraints = (models.UniqueConstraint(fields=["kind", "name"], name="fleet_directory_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class StationDirectory(models.Model):
    """What a station was told last, signed, and what it answered."""

    station = models.OneToOneField(Station, on_delete=models.PROTECT, primary_key=True, related_name="directory")
    version = models.BigIntegerField()
    content_sha256 = models.CharField(max_length=64)
    """Of the lists alone: another version of the same says nothing new."""
    body = models.BinaryField()
    made_at = models.DateTimeField(default=now)
    state = models.CharField(max_length=8, default="", blank=True)
    reason = models.TextField(default="", blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"directory {self.version} of {self.station_id}"
