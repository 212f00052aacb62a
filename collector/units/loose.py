"""Certificates without a unit: they wait for one that comes, or for a person."""

from __future__ import annotations

from django.db import connection
from django.db.models import QuerySet

from collector.parties.models import Organisation
from collector.units.models import Loose

AGAIN = ("no_unit", "conflict", "loose_drive")
"""What another unit, or another number of one, may settle."""
WHY = ("no_record", "no_customer", "customers_disagree", "no_device", "no_unit", "conflict", "loose_drive", "unlinked")


def look_again(customer: Organisation) -> None:
    """Let a customer's certificates that found no unit look once more: units, or numbers of units, are new."""
    _wait(Loose.unfiltered.filter(customer=customer, why__in=AGAIN))


def look_again_under(name: str) -> None:
    """Let the certificates under a customer's new name look once more."""
    _wait(Loose.unfiltered.filter(customer__isnull=True, certificate__customer_name=name))


def look_again_in(lot: str) -> None:
    """Let the certificates of a lot that nobody knew look once more."""
    _wait(Loose.unfiltered.filter(customer__isnull=True, certificate__lot=lot))


def _wait(rows: QuerySet[Loose]) -> None:
    sql, values = rows.values("certificate__arrival").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO units_waiting (arrival) {sql} ON CONFLICT DO NOTHING", values)
