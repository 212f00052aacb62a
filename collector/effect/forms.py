"""What is entered on the page of the effect: work done, and figures with their source."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.effect import words
from collector.effect.models import FIGURES, TERMS
from collector.parties.models import Organisation


class _Entered(forms.Form):
    organisation = forms.ModelChoiceField(queryset=Organisation.objects.none(), label=_("Organisation"))

    def __init__(self, told: Any, own: Collection[int]) -> None:  # noqa: ANN401 - Django's own
        """Offer the organisations that the person enters figures for."""
        super().__init__(told)
        field = self.fields["organisation"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Organisation.objects.filter(pk__in=own).order_by("name")


class WorkForm(_Entered):
    """Persons and hours on one kind of terms. There is no field for a name."""

    terms = forms.ChoiceField(choices=[(name, words.TERMS[name]) for name in TERMS], label=_("Terms"))
    persons = forms.IntegerField(min_value=0, label=_("Persons"))
    hours = forms.IntegerField(min_value=0, label=_("Hours"))


class FigureForm(_Entered):
    """A number with its source and its day."""

    name = forms.ChoiceField(choices=[(name, words.FIGURES[name]) for name in FIGURES], label=_("Figure"))
    kroner = forms.DecimalField(min_value=0, max_digits=15, decimal_places=2, label=_("Amount, kr."))
    source = forms.CharField(max_length=200, label=_("Source"))
    dated = forms.DateField(label=_("Dated"), widget=forms.DateInput(attrs={"type": "date"}))
