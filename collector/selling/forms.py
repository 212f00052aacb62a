"""What people type at the till and in the store."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from collector.selling import rules
from collector.selling.services import LEAVES
from collector.selling.words import CHANNELS, EVENTS, PLACES, VAT_MODES


def day(label: Any, **more: Any) -> forms.DateField:  # noqa: ANN401 - a lazy text
    """Make a field for a day, as browsers and people write one."""
    return forms.DateField(label=label, widget=forms.DateInput({"type": "date"}), **more)


class Kroner(forms.CharField):
    """A price in kroner, in øre when it is read."""

    def clean(self, value: Any) -> Any:  # noqa: ANN401 - a form's value
        """Read 1.500,00 as 150000."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return rules.ore(text)
        except rules.NoPrice as problem:
            raise forms.ValidationError(str(problem)) from None


class Sold(forms.Form):
    """A sale: its units by scanning, a line each; a price behind each, one for each, or one for all."""

    channel = forms.ChoiceField(label=_("Channel"), choices=list(CHANNELS.items()))
    reference = forms.CharField(label=_("Order or invoice"), max_length=100)
    sold_on = day(_("Sold on"), initial=localdate)
    paid_on = day(_("Paid on"), required=False)
    buyer = forms.CharField(label=_("Buyer"), max_length=200, required=False)
    country = forms.RegexField("[A-Z]{2}", label=_("Country"), initial="DK", max_length=2)
    vat_mode = forms.ChoiceField(label=_("VAT"), choices=list(VAT_MODES.items()))
    units = forms.CharField(
        label=_("Scan the units, a line each; their own price behind a semicolon"),
        max_length=120_000,
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}),
    )
    each = Kroner(label=_("Price of each, kr."), max_length=20, required=False)
    together = Kroner(label=_("Or one price for all of them, kr."), max_length=20, required=False)

    def clean(self) -> dict[str, Any]:
        """Take one price or the other."""
        told: dict[str, Any] = super().clean() or {}
        if told.get("each") is not None and told.get("together") is not None:
            raise forms.ValidationError(_("One price for each, or one for all of them: not both."))
        return told


class TakenBack(forms.Form):
    """Money that is given back, a unit that comes back, a line that is cancelled."""

    event = forms.ChoiceField(label=_("What happened"), choices=list(EVENTS.items()))
    channel = forms.ChoiceField(label=_("Channel"), choices=list(CHANNELS.items()))
    reference = forms.CharField(label=_("Order or invoice"), max_length=100)
    line = forms.CharField(label=_("Line"), max_length=40)
    external_id = forms.CharField(label=_("Number of the credit note"), max_length=100)
    given = Kroner(label=_("Given back, kr."), max_length=20)
    day = day(_("Day"), initial=localdate)


class Left(forms.Form):
    """Units that leave the stock without being sold."""

    units = forms.CharField(
        label=_("Scan the units, a line each"), max_length=60_000, widget=forms.Textarea({"rows": 5})
    )
    where = forms.ChoiceField(label=_("Where they go"), choices=[(one, PLACES[one]) for one in LEAVES])
    to = forms.CharField(label=_("To whom"), max_length=200, required=False)
    reason = forms.CharField(label=_("Reason"), max_length=1000)


class Prices(forms.Form):
    """A price list."""

    valid_from = day(_("From"), initial=localdate)
    prices = forms.CharField(
        label=_("A line each: kind; grade; price"), max_length=40_000, widget=forms.Textarea({"rows": 8})
    )
