"""What people type about destruction and grades."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.units.destroying import METHODS
from collector.units.said_words import METHOD_NAMES


class Destroyed(forms.Form):
    """A batch that was destroyed: its numbers, a line each, as a scanner writes them."""

    numbers = forms.CharField(
        label=_("Scan the drives and units, a line each"),
        max_length=60_000,
        widget=forms.Textarea({"rows": 8, "autofocus": True, "spellcheck": "false"}),
    )
    method = forms.ChoiceField(label=_("Method"), choices=[(one, METHOD_NAMES[one]) for one in METHODS])
    particle_mm = forms.CharField(label=_("Particle size, mm"), max_length=10, required=False)
    batch = forms.CharField(label=_("Batch"), max_length=200)
    recycler = forms.CharField(label=_("Recycler"), max_length=200)
    equipment = forms.CharField(label=_("Equipment"), max_length=200, required=False)
    weight_g = forms.IntegerField(label=_("Weight, g"), min_value=1, required=False)
    seal = forms.CharField(label=_("Container or seal"), max_length=200, required=False)
    waste_code = forms.CharField(label=_("Waste code"), max_length=200, required=False)
    witness = forms.CharField(label=_("Witness"), max_length=200, required=False)


class Graded(forms.Form):
    """A unit's grade."""

    number = forms.CharField(
        label=_("Serial number, IMEI or asset tag"), max_length=200, widget=forms.TextInput({"autofocus": True})
    )
    grade = forms.CharField(label=_("Grade"), max_length=10)
    faults = forms.CharField(
        label=_("Faults, a line each"), max_length=4000, required=False, widget=forms.Textarea({"rows": 3})
    )
