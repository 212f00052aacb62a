"""What a label will look like, as a PNG: the same layout that the printer's language draws."""

from __future__ import annotations

from drivers.printers.languages import language
from drivers.printers.languages.label import Label, Media
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.paint import png


def preview(label: Label, media: Media, *, scale: int = 2) -> bytes:
    """Preview the label as a PNG.

    May raise UnknownLanguage, LabelDoesNotFit; DriverUnavailable without the `labels` extra.
    """
    return png(lay_out(label, language(media.language).adapted(media)), scale=scale)
