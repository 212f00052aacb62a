"""Keeps the search beside the certificates: what the intake stored, and what a customer was given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.dispatch import receiver

from agent.certificates.certificate import Certificate
from collector.certificates import search_index
from collector.certificates.search_follow import Follower
from collector.intake.keeping import certificates_stored
from collector.intake.taking import moment_to_spare
from collector.parties.services import customer_named

FOLLOWER = Follower()
"""Of this process: the intake's one thread alone uses it."""


@receiver(certificates_stored)
def remember(new: Sequence[Certificate], **_: object) -> None:
    """Keep their records for the moment in which they are written."""
    FOLLOWER.remember(new)


@receiver(moment_to_spare)
def step(**_: object) -> int:
    """Write some of what certificates are found by; how many are left."""
    return FOLLOWER.step()


@receiver(customer_named)
def follow(name: str, **_: object) -> None:
    """Let the rows under this name follow to their customer, once the certificates are given to it."""
    transaction.on_commit(partial(search_index.follow, name))
