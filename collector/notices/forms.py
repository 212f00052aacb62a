"""What an administrator types to have alarms sent somewhere."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.notices.addresses import LONGEST_URL
from collector.notices.models import CRITICAL, MAIL, WARNING, WEBHOOK


class NewDestination(forms.Form):
    """A destination, and which alarms go there."""

    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("What it is called here, as: on-call phone"))
    kind = forms.ChoiceField(label=_("How"), choices=[(MAIL, _("By e-mail")), (WEBHOOK, _("By webhook"))])
    address = forms.CharField(
        label=_("E-mail address, or address of the webhook"),
        max_length=LONGEST_URL,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("An address of a webhook begins with https:// and is not shown again."),
    )
    severity = forms.ChoiceField(
        label=_("Which alarms"), choices=[(WARNING, _("All")), (CRITICAL, _("Critical ones alone"))]
    )
    stations = forms.CharField(
        label=_("Of which stations"),
        max_length=3_000,
        required=False,
        help_text=_("Names with blanks between them, * for any characters, as: kolding-*. Empty: all."),
    )
    ended_too = forms.BooleanField(label=_("Also tell when an alarm ends"), required=False)
    language = forms.ChoiceField(label=_("Language of mails"), choices=[("da", "Dansk"), ("en", "English")])
