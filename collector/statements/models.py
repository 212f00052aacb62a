"""What people said through this collector, signed and chained. Rows are never changed: they are evidence.

The signed bytes are the record; every other column is a copy of facts out of them, made for finding it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from collector.parties.managers import OfCustomer
from collector.parties.models import Person


class SignedStatement(OfCustomer):
    """A statement with its exact bytes. `previous` is the hash of the one before it; the first has none ("")."""

    seq = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64, unique=True)
    previous = models.CharField(max_length=64, unique=True)
    """Unique, so that no two statements follow the same one: the database itself refuses a fork."""
    kind = models.CharField(max_length=40)
    word = models.CharField(max_length=40, blank=True, default="")
    """What was said, in a word: accepted, drawn, shred, B."""
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    who = models.TextField()
    """As it was then: the login, or "by command line, USER"."""
    said_at = models.DateTimeField()
    compact = models.BinaryField()

    class Meta(OfCustomer.Meta):
        """Found by their kind, too."""

        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["kind", "seq"], name="statements_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:12]}"


class Subject(models.Model):
    """What a statement is about: a certificate, a unit, a drive, a lot; and what it says of just that."""

    statement = models.ForeignKey(SignedStatement, on_delete=models.PROTECT, related_name="subjects")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    word = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        """The newest about a thing is found without reading any other."""

        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["kind", "name", "statement"], name="statements_about")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class ChainHead(models.Model):
    """The end of the chain: one row. Taking it for update puts those who speak in a line."""

    sha256 = models.CharField(max_length=64, blank=True, default="")
    count = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.count} {self.sha256[:12]}"


class Commitment(models.Model):
    """A number that a statement committed to by its hash: secret until the other side gave its own. Append-only."""

    statement = models.OneToOneField(SignedStatement, primary_key=True, on_delete=models.PROTECT, related_name="number")
    number = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"number of {self.statement_id}"
