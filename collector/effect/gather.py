"""What a year's report is made of, gathered from the rooms that know it."""

from __future__ import annotations

from collector.effect import rules, services
from collector.parties.models import Organisation


def gather(customer: Organisation, year: int) -> rules.Facts:
    """Gather the facts of a customer's year."""
    return rules.Facts(
        customer=customer.name,
        year=year,
        work=services.work_of(customer, year),
        figures=services.figures_of(customer, year),
    )
