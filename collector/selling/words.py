"""Words of the till and the store in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CHANNELS: Mapping[str, Promise] = {
    "web": _("Web shop"),
    "broker": _("Broker"),
    "shop": _("Shop"),
    "internal": _("In the house"),
    "donation": _("Donation"),
}
VAT_MODES: Mapping[str, Promise] = {
    "margin": _("Margin scheme"),
    "standard": _("With VAT"),
    "export": _("Export"),
    "none": _("Without VAT"),
}
EVENTS: Mapping[str, Promise] = {
    "refund": _("Money is given back"),
    "return": _("The unit came back"),
    "cancel": _("The line is cancelled"),
}
PLACES: Mapping[str, Promise] = {
    "scrapped": _("Scrapped"),
    "given_back": _("Given back to its owner"),
    "own_use": _("Kept for own use"),
}
STATES: Mapping[str, Promise] = {"returned": _("came back"), "cancelled": _("cancelled")}
