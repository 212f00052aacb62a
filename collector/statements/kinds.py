"""What can be said, and the type in each header: a signature over one kind is worth nothing for another. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

VALIDATION: Final = "validation"
SAMPLE: Final = "sample"
DESTRUCTION: Final = "destruction"
COUNT: Final = "count"
GRADE: Final = "grade"
CUSTODY: Final = "custody"
CLOSING: Final = "closing"
SETTLEMENT: Final = "settlement"
SAID: Mapping[str, str] = {
    kind: f"benchwipe-{kind}+jws"
    for kind in (VALIDATION, SAMPLE, DESTRUCTION, COUNT, GRADE, CUSTODY, CLOSING, SETTLEMENT)
}
"""Kind -> type, of what the collector signs with its statement key."""
FIXED = frozenset({SETTLEMENT})
"""Documents with a form and a chain of their own: signed here, kept by the room that they belong to."""
CERTIFICATE = "benchwipe-certificate+jws"
_TYPE = re.compile(r"benchwipe-([a-z]{1,40}(?:-[a-z]{1,40})*)\+jws")


def kind_of(typ: str) -> str | None:
    """Name the kind of a type; None where it is none of this system."""
    found = _TYPE.fullmatch(typ)
    return None if found is None or typ == CERTIFICATE else found.group(1)
