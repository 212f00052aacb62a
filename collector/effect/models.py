"""What people enter for the effect report: sets of factors, work done, figures with their source. Rows never change.

A figure that was wrong is entered again: the newest of an organisation, year and name counts, the others stay.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from collector.moments import now
from collector.parties.models import Organisation, Person, one_of

TERMS = ("fleksjob", "loentilskud", "praktik", "ordinary")
FIGURES = ("social_value", "co2_price")
"""What a figure is: the year's social value, or the price of a tonne of CO2 on a day."""


class FactorDocument(models.Model):
    """A set of factors, byte for byte as it was loaded."""

    version = models.CharField(max_length=32, unique=True)
    sha256 = models.CharField(max_length=64, unique=True)
    document = models.BinaryField()
    who = models.TextField()
    loaded_at = models.DateTimeField(default=now)


class Entered(models.Model):
    """What every entry says: whose, for which customer and year, by whom, when."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    """Who did the work, or stands by the figure."""
    customer = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    year = models.SmallIntegerField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    who = models.TextField()
    at = models.DateTimeField(default=now)

    class Meta:
        """Two tables, one shape."""

        abstract = True


class Work(Entered):
    """Persons and hours on one kind of terms, in one year. No name, and nothing that leads to one."""

    terms = models.CharField(max_length=12, choices=[(one, one) for one in TERMS])
    persons = models.PositiveIntegerField()
    hours = models.PositiveIntegerField()

    class Meta:
        """The kinds of terms are four."""

        constraints = (models.CheckConstraint(name="work_terms", condition=one_of("terms", TERMS)),)
        indexes = (models.Index(fields=["customer", "year"], name="work_of_year"),)


class Figure(Entered):
    """A number with its source, in øre: the program only shows it."""

    name = models.CharField(max_length=16, choices=[(one, one) for one in FIGURES])
    amount_ore = models.BigIntegerField()
    source = models.TextField()
    dated = models.DateField()

    class Meta:
        """A number without a source is none."""

        constraints = (
            models.CheckConstraint(name="figure_name", condition=one_of("name", FIGURES)),
            models.CheckConstraint(name="figure_source", condition=~Q(source="")),
        )
        indexes = (models.Index(fields=["customer", "year"], name="figure_of_year"),)
