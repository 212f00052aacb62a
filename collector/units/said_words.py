"""Words of destruction, samples and grades in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

METHOD_NAMES: Mapping[str, Promise] = {
    "shred": _("Shredding"),
    "disintegrate": _("Disintegration"),
    "pulverize": _("Pulverizing"),
    "incinerate": _("Incineration"),
    "melt": _("Melting"),
}
