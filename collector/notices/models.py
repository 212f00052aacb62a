"""Alarms as they were heard, where they go, and what became of each message."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from collector.moments import now
from collector.parties.models import Person, one_of

MAIL, WEBHOOK = "mail", "webhook"
KINDS = (MAIL, WEBHOOK)
CRITICAL, WARNING = "critical", "warning"
SEVERITIES = (WARNING, CRITICAL)
RAISED, ENDED = "raised", "ended"
WORDS = (RAISED, ENDED)
WAITING, SENDING, DELIVERED, GIVEN_UP = "waiting", "sending", "delivered", "given_up"
STATES = (WAITING, SENDING, DELIVERED, GIVEN_UP)


class StationAlarm(models.Model):
    """An alarm of a station: when it was heard here, and when it ended."""

    station = models.CharField(max_length=64)
    alarm = models.CharField(max_length=100)
    since = models.CharField(max_length=40)
    """As the station writes it: its clock may be wrong."""
    severity = models.CharField(max_length=8)
    code = models.CharField(max_length=40)
    text = models.TextField()
    times = models.PositiveIntegerField(default=1)
    """How often it came again within some minutes: one row, and one notice."""
    raised_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Told again at each connection, it is kept once."""

        constraints = (
            models.UniqueConstraint(fields=["station", "alarm", "since"], name="notices_alarm_once"),
            models.CheckConstraint(name="notices_alarm_severity", condition=one_of("severity", SEVERITIES)),
        )
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["station"], condition=Q(ended_at=None), name="notices_alarm_open"),
            models.Index(fields=["raised_at"], name="notices_alarm_raised"),
        ]

    def __str__(self) -> str:
        return f"{self.station} {self.alarm}"


class Destination(models.Model):
    """Where alarms go. `sealed` holds the address and secret of a webhook, encrypted; nobody is shown them again."""

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=7)
    place = models.CharField(max_length=320)
    """What people see of it: an e-mail address; of a webhook the origin alone, since its path may be a secret."""
    sealed = models.TextField(default="", blank=True)
    severity = models.CharField(max_length=8, default=WARNING)
    """The least one that it gets."""
    stations = models.TextField(default="", blank=True)
    """Names with blanks between them, `*` for any characters; empty: all."""
    ended_too = models.BooleanField(default=False)
    language = models.CharField(max_length=2, default="da")
    made_at = models.DateTimeField(default=now)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_why = models.TextField(default="", blank=True)
    failing = models.BooleanField(default=False)
    """Whether its last try failed: it then waits behind those that take what they are sent."""

    class Meta:
        """Two kinds."""

        constraints = (
            models.CheckConstraint(name="notices_destination_kind", condition=one_of("kind", KINDS)),
            models.CheckConstraint(name="notices_destination_severity", condition=one_of("severity", SEVERITIES)),
        )

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One message to one destination. Its bytes and its id are the same at every try."""

    id = models.CharField(max_length=40, primary_key=True)
    """The webhook-id: msg_ and random letters."""
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    subject = models.CharField(max_length=200, default="", blank=True)
    body = models.TextField()
    alarms = models.PositiveIntegerField(default=0)
    """How many notices it tells of; none: somebody tried the destination."""
    made_at = models.DateTimeField(default=now)
    state = models.CharField(max_length=9, default=WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    replayed = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=now)
    held_until = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(default="", blank=True)
    """What came of the last try."""

    class Meta:
        """Found by what is due, by its destination, by what came of it."""

        constraints = (models.CheckConstraint(name="notices_delivery_state", condition=one_of("state", STATES)),)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["state", "due_at"], condition=Q(state__in=(WAITING, SENDING)), name="notices_delivery_due"
            ),
            models.Index(fields=["destination", "made_at"], name="notices_delivery_to"),
            models.Index(fields=["state", "made_at"], name="notices_delivery_state"),
        ]

    def __str__(self) -> str:
        return self.id


class Notice(models.Model):
    """That an alarm is to be told to a destination: written in the alarm's own transaction, then gathered."""

    alarm = models.ForeignKey(StationAlarm, on_delete=models.CASCADE, related_name="notices")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="+", db_index=False)
    word = models.CharField(max_length=6)
    made_at = models.DateTimeField(default=now)
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, null=True, blank=True, related_name="notices")

    class Meta:
        """Told once each."""

        constraints = (
            models.UniqueConstraint(fields=["alarm", "destination", "word"], name="notices_notice_once"),
            models.CheckConstraint(name="notices_notice_word", condition=one_of("word", WORDS)),
        )
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["destination"], condition=Q(delivery=None), name="notices_notice_waiting"),
        ]
