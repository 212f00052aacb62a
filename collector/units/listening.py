"""Lets certificates wait for their units: those that the intake stored, and those whose customer got another name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.dispatch import receiver

from agent.certificates.certificate import Certificate
from collector.intake.keeping import certificates_stored, statements_stored
from collector.parties.services import customer_named
from collector.units import linking, loose


@receiver(certificates_stored)
def add(new: Sequence[Certificate], **_: object) -> None:
    """Write down that they wait, in the transaction that stores them: one statement for a batch."""
    linking.wait(one.id for one in new)


@receiver(statements_stored)
def add_again(certificates: Sequence[str], **_: object) -> None:
    """Let the certificates that a station says more of be looked at again, in the transaction that stores its word."""
    linking.wait(certificates)


@receiver(customer_named)
def follow(name: str, **_: object) -> None:
    """Let the certificates under this name look once more, when they are given to its customer."""
    transaction.on_commit(partial(loose.look_again_under, name))
