"""What people type into the directory: one form for each kind of entry, and the facts that it becomes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

LANGUAGES = [("", _("as the station's")), ("da", "Dansk"), ("en", "English")]
VERIFY = [("full", _("whole")), ("sample", _("sample")), ("none", _("not"))]
METHOD = r"^[a-z0-9][a-z0-9.-]{1,40}$"
STATION_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"


class EntryForm(forms.Form):
    """An entry. `key` names the field that it is known by."""

    key = "name"

    def entry(self) -> tuple[str, dict[str, Any]]:
        """Return its name and its facts."""
        facts = dict(self.cleaned_data)
        return str(facts.pop(self.key)), facts


class CustomerEntry(EntryForm):
    """A customer, and the policy for its drives."""

    name = forms.CharField(label=_("Customer's name"), max_length=200)
    policy = forms.CharField(label=_("Policy"), max_length=200, required=False)

    def entry(self) -> tuple[str, dict[str, Any]]:
        """Return its name and its facts; no policy is the station's."""
        name, facts = super().entry()
        return name, {"policy": facts["policy"] or None}


class LotEntry(EntryForm):
    """A delivery."""

    key = "code"
    code = forms.CharField(label=_("Code"), max_length=64, help_text=_("Scanned before its drives, LOT-..."))
    customer = forms.CharField(label=_("Customer of the lot"), max_length=200)
    reference = forms.CharField(label=_("Order or reference"), max_length=200, required=False)
    policy = forms.CharField(label=_("Policy"), max_length=200, required=False)
    closed = forms.BooleanField(label=_("Closed"), required=False)

    def entry(self) -> tuple[str, dict[str, Any]]:
        """Return its code and its facts; no policy is the customer's."""
        name, facts = super().entry()
        return name, {**facts, "policy": facts["policy"] or None}


class OperatorEntry(EntryForm):
    """Somebody who works at the benches."""

    key = "badge"
    badge = forms.CharField(label=_("Badge"), max_length=64, help_text=_("What stands on the badge, BADGE-..."))
    id = forms.RegexField(STATION_NAME, label=_("Id on certificates"), max_length=63)
    name = forms.CharField(label=_("Name of the person"), max_length=200, required=False)
    title = forms.CharField(label=_("Title"), max_length=200, required=False)
    language = forms.ChoiceField(label=_("Language of the person"), choices=LANGUAGES, required=False)

    def entry(self) -> tuple[str, dict[str, Any]]:
        """Return the badge and the facts."""
        name, facts = super().entry()
        return name, {**facts, "language": facts["language"] or None}


class DestinationEntry(EntryForm):
    """Where devices go next."""

    key = "code"
    code = forms.CharField(label=_("Code"), max_length=64)
    name = forms.CharField(label=_("Name"), max_length=100)


class PolicyEntry(EntryForm):
    """How drives are erased. What it does not say is as in a station's own file."""

    name = forms.RegexField(STATION_NAME, label=_("Name"), max_length=63)
    method = forms.RegexField(METHOD, label=_("Method"), initial="nist-clear")
    verify = forms.ChoiceField(label=_("Read back"), choices=VERIFY)
    confirm = forms.BooleanField(label=_("Asks for YES"), required=False)
    match_serial = forms.BooleanField(label=_("Asks for the drive's own label"), required=False)

    def entry(self) -> tuple[str, dict[str, Any]]:
        """Return its name and its facts."""
        name, facts = super().entry()
        return name, {**facts, "verify": {"kind": facts["verify"]}}


FORMS: dict[str, type[EntryForm]] = {
    "customer": CustomerEntry,
    "lot": LotEntry,
    "operator": OperatorEntry,
    "destination": DestinationEntry,
    "policy": PolicyEntry,
}
