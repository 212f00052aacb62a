"""Whose a certificate is: the organisation that a person gave the customer's name on it."""

from __future__ import annotations

from django.dispatch import receiver

from collector.intake.models import Certificate
from collector.parties.models import Organisation
from collector.parties.services import customer_named


@receiver(customer_named)
def claim(organisation: Organisation, name: str, **_: object) -> None:
    """Give the certificates that came under this name, and belong to nobody yet, to their customer."""
    Certificate.unfiltered.filter(customer__isnull=True, customer_name=name).update(customer=organisation)
