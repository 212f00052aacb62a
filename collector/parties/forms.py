"""What people type about themselves."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class FirstAdministrator(forms.Form):
    """Who runs this collector, and for whom."""

    organisation = forms.CharField(label=_("Your organisation"), max_length=200)
    name = forms.CharField(label=_("Your name"), max_length=200)
    login = forms.CharField(label=_("Login"), max_length=64)
    password = forms.CharField(
        label=_("Password"), max_length=1000, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
