"""The text of a label's QR code -> the id of its certificate. Pure.

Labels say it in several forms: an address with the id after it, `benchwipe:<id>`, or words for people (number, serial
number, outcome) and then the id; a sheet has the bare id. They have one thing in common: 64 hexadecimal digits that
stand for themselves. Nothing else of the text is believed: neither its words nor the host of its address.
"""

from __future__ import annotations

import re

LONGEST = 4096  # more than the largest QR code holds (ISO/IEC 18004: 4,296 alphanumeric characters in theory)
# A scanner may send capitals; a digit or letter beside them makes it another thing (a key, a longer hash).
_ID = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{64}(?![0-9A-Za-z])", re.ASCII)


def certificate_id_in(text: str) -> str | None:
    """Find the one certificate that a code or a pasted text names. None where it names none, or more than one."""
    found = {digits.lower() for digits in _ID.findall(text[: LONGEST + 1])} if len(text) <= LONGEST else set()
    return found.pop() if len(found) == 1 else None
