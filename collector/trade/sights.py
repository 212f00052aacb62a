"""Who sees money: the one place that filters agreements, sales and settlements.

The seller's finance people see what their own organisation sells, a customer's what is settled with it, an auditor what
the organisations named in the membership are part of. Nobody else sees a price, whatever else their role opens.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import Q, QuerySet

from collector.parties.managers import SeenManager
from collector.parties.roles import AUDITOR, CUSTOMER_FINANCE, FINANCE, Sight

M = TypeVar("M", bound=models.Model)


def organisations(sight: Sight, *roles: str) -> frozenset[int]:
    """List the organisations in which one of these roles is held."""
    return frozenset(one.organisation for one in sight.standings if one.role in roles)


def sees_buyers(sight: Sight, seller: int) -> bool:
    """Say whether somebody may read to whom a seller sold: its own finance people alone."""
    return seller in organisations(sight, FINANCE)


def condition(sight: Sight, path: str) -> Q:
    """Write the condition of the rows whose agreement, reached over `path`, is one that these memberships see."""
    return Q(**{f"{path}seller__in": organisations(sight, FINANCE, AUDITOR)}) | Q(
        **{f"{path}customer__in": organisations(sight, CUSTOMER_FINANCE, AUDITOR)}
    )


class MoneyManager(SeenManager[M]):
    """Rows with money in them, as the request's memberships see them, and in no other way."""

    def seen_by(self, sight: Sight) -> QuerySet[M]:
        """Return the rows that these memberships see."""
        path: str = vars(self.model).get("agreement_path", "")
        return models.Manager.get_queryset(self).filter(condition(sight, path))


class Money(models.Model):
    """A row that belongs to an agreement, over `agreement_path`."""

    agreement_path: ClassVar[str] = ""
    unfiltered: ClassVar[models.Manager[Any]] = models.Manager()
    objects: ClassVar[MoneyManager[Any]] = MoneyManager()

    class Meta:
        """Django's own look-ups (a foreign key's row) are not a person's."""

        abstract = True
        base_manager_name = "unfiltered"
        default_manager_name = "unfiltered"
