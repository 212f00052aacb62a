"""What people type about themselves."""

from __future__ import annotations

from django import forms


class FirstAdministrator(forms.Form):
    """Who runs this collector, and for whom."""

    organisation = forms.CharField(label="Your organisation", max_length=200)
    name = forms.CharField(label="Your name", max_length=200)
    login = forms.CharField(label="Login", max_length=64)
    password = forms.CharField(
        label="Password", max_length=1000, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
