"""What a seller asks for a unit, by kind and grade. What was sold is the trade's."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from collector.moments import now
from collector.parties.models import Organisation


class ListPrice(models.Model):
    """A seller's price for a kind and grade, from a day on. `*` is every grade. The newest of a day counts."""

    seller = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12)
    grade = models.CharField(max_length=20, default="*")
    price_ore = models.BigIntegerField()
    valid_from = models.DateField()
    who = models.TextField()
    recorded_at = models.DateTimeField(default=now)

    class Meta:
        """A price is not below nothing."""

        constraints = (models.CheckConstraint(name="list_price_not_negative", condition=Q(price_ore__gte=0)),)
        indexes = (models.Index(fields=["seller", "kind", "grade", "valid_from"], name="list_price_lookup"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.grade}"
