"""The one place that filters by customer.

`Model.objects` gives rows to nobody who does not say whose memberships ask: `Model.objects.seen_by(sight)`. What takes
in, judges or repairs rows for all customers says so by name: `Model.unfiltered`.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, TypeVar

from django.db import models
from django.db.models import Q, QuerySet

from collector.parties.roles import Sight

M = TypeVar("M", bound=models.Model)


class SeenManager(models.Manager[M]):
    """Rows as the request's memberships see them, and in no other way."""

    def seen_by(self, sight: Sight) -> QuerySet[M]:
        """Return the rows that these memberships see."""
        rows = super().get_queryset()
        if sight.every_customer:
            return rows
        return rows.filter(self._condition(sight))

    def _condition(self, sight: Sight) -> Q:
        wanted = Q(customer__in=sight.customers)
        own = getattr(self.model, "own_lots", None)
        if own is not None and sight.own_lots:
            wanted |= own(sight.operator_id)
        return wanted

    def get_queryset(self) -> NoReturn:
        """Refuse: whoever asks without memberships would see every customer's rows."""
        raise TypeError(f"{self.model.__name__}.objects needs seen_by(sight); nobody sees rows without memberships")


class OfCustomer(models.Model):
    """A row that belongs to one customer, or to none yet: then the house's own staff alone see it."""

    customer = models.ForeignKey(
        "parties.Organisation", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    unfiltered: ClassVar[models.Manager[Any]] = models.Manager()
    objects: ClassVar[SeenManager[Any]] = SeenManager()

    class Meta:
        """Django's own look-ups (a foreign key's row) are not a person's."""

        abstract = True
        base_manager_name = "unfiltered"
        default_manager_name = "unfiltered"
