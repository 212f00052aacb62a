"""What people type about themselves and about others."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.parties import words
from collector.parties.models import Organisation
from collector.parties.roles import KINDS, ROLES
from collector.parties.tokens import LONGEST_DAYS, SCOPES

NEW_PASSWORD = forms.PasswordInput(attrs={"autocomplete": "new-password"})


class FirstAdministrator(forms.Form):
    """Who runs this collector, and for whom."""

    organisation = forms.CharField(label=_("Your organisation"), max_length=200)
    name = forms.CharField(label=_("Your name"), max_length=200)
    login = forms.CharField(label=_("Login"), max_length=64)
    password = forms.CharField(label=_("Password"), max_length=1000, widget=NEW_PASSWORD)


class Accepted(forms.Form):
    """Who accepts an invitation."""

    name = forms.CharField(label=_("Your name"), max_length=200)
    login = forms.CharField(label=_("Login"), max_length=64)
    password = forms.CharField(label=_("Password"), max_length=1000, widget=NEW_PASSWORD)


class OfOrganisation(forms.Form):
    """A role in an organisation."""

    organisation = forms.ModelChoiceField(Organisation.objects.order_by("name"), label=_("Organisation"))
    role = forms.ChoiceField(label=_("Role"), choices=[(role, words.ROLES[role]) for role in ROLES])


class Invited(OfOrganisation):
    """Who is invited."""

    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    email = forms.EmailField(label=_("E-mail"), max_length=200, required=False)


class PersonFacts(forms.Form):
    """What is known of a person."""

    name = forms.CharField(label=_("Name"), max_length=200)
    title = forms.CharField(label=_("Title"), max_length=200, required=False)
    email = forms.EmailField(label=_("E-mail"), max_length=200, required=False)
    operator_id = forms.CharField(label=_("Operator id at stations"), max_length=64, required=False)


class NewOrganisation(forms.Form):
    """An organisation that is not here yet."""

    name = forms.CharField(label=_("Name"), max_length=200)
    kind = forms.ChoiceField(label=_("Kind"), choices=[(kind, words.KINDS[kind]) for kind in KINDS])
    cvr = forms.CharField(label="CVR", max_length=8, required=False)
    gln = forms.CharField(label="GLN", max_length=13, required=False)


class OrganisationFacts(forms.Form):
    """What is known of an organisation."""

    cvr = forms.CharField(label="CVR", max_length=8, required=False)
    gln = forms.CharField(label="GLN", max_length=13, required=False)
    address = forms.CharField(label=_("Address"), max_length=500, required=False, widget=forms.Textarea({"rows": 3}))


class OtherName(forms.Form):
    """Another name under which certificates know a customer."""

    name = forms.CharField(label=_("Another name on certificates"), max_length=200)


class NewToken(forms.Form):
    """An API token."""

    name = forms.CharField(label=_("What uses it"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("What it may read"),
        choices=[(scope, words.SCOPES[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(label=_("Days until it ends"), min_value=1, max_value=LONGEST_DAYS, initial=90)
