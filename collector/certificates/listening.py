"""Keeps the search beside the certificates: what the intake stored, and what a customer was given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.dispatch import receiver

from agent.certificates.certificate import Certificate
from collector.certificates import search_index
from collector.intake.keeping import certificates_stored
from collector.parties.services import customer_named


@receiver(certificates_stored)
def add(new: Sequence[Certificate], **_: object) -> None:
    """Write what they are found by, in the transaction that stores them."""
    search_index.add(new)


@receiver(customer_named)
def follow(name: str, **_: object) -> None:
    """Let the rows under this name follow to their customer, once the certificates are given to it."""
    transaction.on_commit(partial(search_index.follow, name))
