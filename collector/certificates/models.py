"""What certificates are found by: normal forms of their identifiers, a row each, made with the certificate's own.

A copy for looking things up, never a source: whatever is shown comes from the signed bytes. The indexes, and the
trigrams of `text`, are made by hand (collector/certificates/search_schema.py): Django has no words for them.
"""

from __future__ import annotations

from django.db import models

from collector.intake.models import Certificate, Station
from collector.parties.models import Organisation


class Found(models.Model):
    """The normal forms of one certificate; empty where it tells none. Its customer, so that the index filters by it."""

    certificate = models.OneToOneField(
        Certificate, primary_key=True, on_delete=models.CASCADE, related_name="found", db_column="arrival"
    )
    customer = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    station = models.ForeignKey(
        Station, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    outcome = models.CharField(max_length=8)
    number = models.TextField()
    drive_serial = models.TextField()
    serial = models.TextField()
    wwn = models.TextField()
    asset_tag = models.TextField()
    imei14 = models.TextField()
    meid14 = models.TextField()
    lot = models.TextField()
    customer_name = models.TextField()
    operator = models.TextField()
    operator_name = models.TextField()
    text = models.TextField()
    """All that a part of a word is looked for in, folded, a line each."""
