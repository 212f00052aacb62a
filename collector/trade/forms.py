"""What people type on pages of the trade."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.trade.models import Agreement
from collector.trade.rules.days import period_named
from collector.trade.sales_file import LARGEST_BYTES


class PeriodAsked(forms.Form):
    """Which period of which agreement to propose."""

    agreement = forms.ModelChoiceField(queryset=Agreement.unfiltered.none(), label=_("Agreement"))
    period = forms.CharField(max_length=7, label=_("Period"), help_text=_("A month (2026-01) or a quarter (2026-Q1)."))

    def __init__(self, *told: Any, agreements: Any, **more: Any) -> None:  # noqa: ANN401 - a query set
        super().__init__(*told, **more)
        self.fields["agreement"].queryset = agreements  # type: ignore[attr-defined]

    def clean_period(self) -> Any:  # noqa: ANN401 - a period
        """Read the period's name."""
        found = period_named(self.cleaned_data["period"].strip())
        if found is None:
            raise forms.ValidationError(_("A period is a month (2026-01) or a quarter (2026-Q1)."))
        return found


class Objected(forms.Form):
    """What is wrong with a line."""

    line = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    text = forms.CharField(max_length=2000, label=_("What is wrong"))


class Answered(forms.Form):
    """What the seller answers."""

    objection = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    upheld = forms.ChoiceField(choices=[("no", _("The line stands")), ("yes", _("You are right"))], label=_("Answer"))
    text = forms.CharField(max_length=2000, label=_("Why"))


class Consented(forms.Form):
    """For how little a unit may be sold."""

    identifier = forms.CharField(max_length=128, label=_("Serial number, IMEI or asset tag"))
    kroner = forms.DecimalField(min_value=0, max_digits=12, decimal_places=2, localize=True, label=_("Lowest price"))


class SalesFile(forms.Form):
    """A file of sales to take in."""

    file = forms.FileField(label=_("CSV file"))
    dry_run = forms.BooleanField(required=False, label=_("Only try: say what would come of it"))

    def clean_file(self) -> Any:  # noqa: ANN401 - an uploaded file
        """Refuse what is larger than any file of sales."""
        found = self.cleaned_data["file"]
        if found.size > LARGEST_BYTES:
            raise forms.ValidationError(_("The file is too large."))
        return found
