"""Organisations, people, and who may do what where. What stands in CHECKs is refused by the database itself."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Lower
from django.db.models.lookups import Exact

from collector.moments import now
from collector.parties.roles import KINDS, ROLES, Sight, Standing

LANGUAGES = ("da", "en")
PURPOSES = ("first-administrator", "sign-in", "invitation")
"""What a one-time link does."""


def one_of(field: str, values: tuple[str, ...]) -> Q:
    """Write the condition that a column holds one of some words."""
    return Q(**{f"{field}__in": values})


class Organisation(models.Model):
    """A customer, an operator of benches, a reseller, a buyer, a recycler."""

    name = models.TextField(unique=True)
    kind = models.CharField(max_length=12, choices=[(kind, kind) for kind in KINDS])
    cvr = models.CharField(max_length=8, blank=True, default="")
    gln = models.CharField(max_length=13, blank=True, default="")
    vat_registered = models.BooleanField(default=False)
    dial = models.SmallIntegerField(null=True, blank=True)
    address = models.TextField(blank=True, default="")
    made_at = models.DateTimeField(default=now)

    class Meta:
        """CVR is Denmark's number of a company (8 digits), GLN the address of an invoice (13), DIAL ADISA's rating."""

        constraints = (
            models.CheckConstraint(name="organisation_kind", condition=one_of("kind", KINDS)),
            models.CheckConstraint(name="organisation_cvr", condition=Q(cvr="") | Q(Exact(Length("cvr"), 8))),
            models.CheckConstraint(name="organisation_gln", condition=Q(gln="") | Q(Exact(Length("gln"), 13))),
            models.CheckConstraint(name="organisation_dial", condition=Q(dial__isnull=True) | Q(dial__range=(1, 3))),
            models.CheckConstraint(name="organisation_named", condition=~Q(name="")),
        )

    def __str__(self) -> str:
        return self.name


class CustomerName(models.Model):
    """A name under which certificates and registers know a customer: its own, or one that a person gave it."""

    name = models.TextField(unique=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="names")

    def __str__(self) -> str:
        return self.name


class People(BaseUserManager["Person"]):
    """Finds people by what they sign in with."""

    def get_by_natural_key(self, username: str | None) -> Person:
        """Find the person with this login, however it is written: logins are kept in small letters."""
        return self.get(login=(username or "").lower())


class Person(AbstractBaseUser):
    """Somebody who signs in. Never deleted, since what they did stays: disabled."""

    login = models.CharField(max_length=64, unique=True)
    name = models.TextField()
    title = models.TextField(blank=True, default="")
    email = models.EmailField(blank=True, default="")
    operator_id = models.CharField(max_length=64, blank=True, default="")
    language = models.CharField(max_length=2, blank=True, default="", choices=[(code, code) for code in LANGUAGES])
    """The language of pages; empty: as the browser asks."""
    made_at = models.DateTimeField(default=now)
    disabled_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[People] = People()

    class Meta:
        """One badge names one person; most have none."""

        constraints = (
            models.UniqueConstraint(fields=["operator_id"], condition=~Q(operator_id=""), name="person_operator_id"),
            models.CheckConstraint(name="person_language", condition=one_of("language", ("", *LANGUAGES))),
            models.CheckConstraint(name="person_login", condition=~Q(login="") & Q(Exact(F("login"), Lower("login")))),
        )

    def __str__(self) -> str:
        return self.login

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether this person may sign in, and use what was signed in to."""
        return self.disabled_at is None

    def get_full_name(self) -> str:
        """Return the name, for pages."""
        return self.name

    def sight(self) -> Sight:
        """Gather what the memberships let this person see."""
        if not self.is_active:
            return Sight()
        rows = self.memberships.select_related("organisation")
        return Sight(
            frozenset(Standing(row.role, row.organisation_id, row.organisation.kind) for row in rows), self.operator_id
        )


class Membership(models.Model):
    """A person's role in an organisation."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role, role) for role in ROLES])
    made_at = models.DateTimeField(default=now)

    class Meta:
        """A role is held once in each organisation."""

        constraints = (
            models.UniqueConstraint(fields=["person", "organisation", "role"], name="membership_once"),
            models.CheckConstraint(name="membership_role", condition=one_of("role", ROLES)),
        )


class AuditEntry(models.Model):
    """What somebody did, or tried: who, when, from where. Append-only, by a trigger."""

    at = models.DateTimeField(default=now, db_index=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    who = models.TextField()
    """As it was then: the login, or "by command line, USER"."""
    action = models.CharField(max_length=60, db_index=True)
    subject = models.TextField(blank=True, default="")
    detail = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True, default="")


class OneTimeLink(models.Model):
    """An address that does something once: make the first administrator, sign in, accept an invitation.

    The token itself is nowhere but in the link: who reads the database cannot use it.
    """

    token_sha256 = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="links")
    made_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """A purpose is one that the program knows."""

        constraints = (models.CheckConstraint(name="link_purpose", condition=one_of("purpose", PURPOSES)),)


class Invitation(models.Model):
    """A place for a person who is not here yet; its link is a OneTimeLink of purpose invitation."""

    link = models.OneToOneField(OneTimeLink, on_delete=models.PROTECT, related_name="invitation")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    role = models.CharField(max_length=20)
    name = models.TextField(blank=True, default="")
    email = models.EmailField(blank=True, default="")
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        """The role is one of the nine."""

        constraints = (models.CheckConstraint(name="invitation_role", condition=one_of("role", ROLES)),)


class ApiToken(models.Model):
    """What a program signs in with, for a person, within scopes, until a day. Only its hash is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.TextField()
    token_sha256 = models.CharField(max_length=64, unique=True)
    scopes: models.JSONField[Any, Any] = models.JSONField(default=list)
    made_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A token that never ends is refused."""

        constraints = (models.CheckConstraint(name="token_ends", condition=Q(ends_at__gt=F("made_at"))),)


class Limit(models.Model):
    """A count of attempts, or a code that was used, until a moment (Unix seconds): collector/parties/limits.py."""

    key = models.CharField(max_length=64, primary_key=True)
    """SHA-256 of what is counted."""
    value = models.TextField()
    until = models.FloatField(db_index=True)
