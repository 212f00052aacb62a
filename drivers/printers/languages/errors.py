"""What can be wrong with a label before any printer sees it."""

from __future__ import annotations

from drivers.errors import DriverError


class UnknownLanguage(DriverError):
    """Nobody here writes that language."""

    code = "BW-D20"
    message = "no label language is called {name!r}; known: {known}"


class LabelDoesNotFit(DriverError):
    """The label in the printer is too small for what must stand on it."""

    code = "BW-D21"
    message = "a label of {width_mm} x {height_mm} mm is too small: {problem}"
    hint = "Use a larger label, or a shorter certificate_url."
