"""What can be wrong with a label before any printer sees it."""

from __future__ import annotations

from drivers.errors import DriverError


class UnknownLanguage(DriverError):
    """Nobody here writes that language."""

    code = "BW-D20"
    message = "no label language is called {name!r}; known: {known}"


class LabelDoesNotFit(DriverError):
    """What must stand on a label does not fit this size, or the printer takes no such size."""

    code = "BW-D21"
    message = "a label of {width_mm} x {height_mm} mm cannot be printed: {problem}"
    hint = "Use another size of label, or a shorter certificate_url."
