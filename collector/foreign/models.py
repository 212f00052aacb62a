"""What other programs say that they erased, with the files in which they say it. Append-only: it is what was handed in.

None of it is a certificate: nobody here measured anything, so that it never makes a unit erased.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from collector.moments import now


class ForeignFile(models.Model):
    """A report as it was handed in, byte for byte."""

    sha256 = models.CharField(max_length=64, unique=True)
    name = models.TextField()
    tool = models.CharField(max_length=20)
    body = models.BinaryField()
    who = models.TextField()
    taken_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.name


class ForeignRecord(models.Model):
    """One drive of a report. `said`: the program's own word for what came of it."""

    file = models.ForeignKey(ForeignFile, on_delete=models.PROTECT, related_name="records")
    model = models.TextField(blank=True, default="")
    serial = models.TextField(blank=True, default="")
    norm = models.CharField(max_length=128, blank=True, default="")
    """The serial number in normal form, to be found by."""
    said = models.TextField(blank=True, default="")
    method = models.TextField(blank=True, default="")
    finished = models.TextField(blank=True, default="")

    class Meta:
        """Found by the drive's number."""

        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["norm"], name="foreign_norm")]

    def __str__(self) -> str:
        return self.serial or self.model
