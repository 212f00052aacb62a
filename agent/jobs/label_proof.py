"""What became of a label that was sent to a printer. Pure: the table of its states, and the way through it.

Sent is not printed. A label that was sent, and of which nobody knows more, is *unknown* until somebody scans it: the
scan is the proof. A reprint carries COPY n as soon as an earlier print may have come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from agent.errors import IllegalTransition


class LabelState(StrEnum):
    """What is known of a label at one printer."""

    DUE = "due"
    SENT = "sent"
    PRINTED = "printed"
    NOT_PRINTED = "not-printed"
    UNKNOWN = "unknown"
    SCANNED = "scanned"


S = LabelState
OPEN = frozenset({S.DUE, S.SENT, S.NOT_PRINTED, S.UNKNOWN})
"""Nothing proves that there is such a label."""

NEXT: Mapping[LabelState, frozenset[LabelState]] = {
    S.DUE: frozenset({S.SENT, S.SCANNED}),
    S.SENT: frozenset({S.PRINTED, S.NOT_PRINTED, S.UNKNOWN, S.SCANNED}),
    S.PRINTED: frozenset({S.SENT, S.SCANNED}),
    S.NOT_PRINTED: frozenset({S.SENT, S.SCANNED}),
    S.UNKNOWN: frozenset({S.SENT, S.SCANNED}),
    S.SCANNED: frozenset({S.SENT, S.SCANNED}),
}

_ID = re.compile(r"[0-9a-f]{64}")
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*-[0-9]{6,} .* ([0-9a-f]{64})")
"""A certificate's number, serial number and outcome, for people, and then its id."""


class LabelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate's label at one printer. `copy`: 0 the first print, n its n-th reprint. `detail`: why, if not."""

    number: str
    printer: str
    certificate_id: str
    state: LabelState
    copy: int = 0
    detail: str = ""


def advance(row: LabelRow, to: LabelState, *, copy: int | None = None, detail: str = "") -> LabelRow:
    """Move the label to its next state. IllegalTransition if the table does not have it."""
    if to not in NEXT[row.state]:
        raise IllegalTransition(what=f"label {row.number}", here=row.state, wanted=to)
    return msgspec.structs.replace(row, state=to, copy=row.copy if copy is None else copy, detail=detail)


def settled(rows: Sequence[LabelRow]) -> bool:
    """Say whether nothing is open at any printer."""
    return not any(row.state in OPEN for row in rows)


def next_copy(rows: Sequence[LabelRow]) -> int:
    """Choose the number of the next print: a new one as soon as the last may have come out of any printer."""
    if all(row.state in (S.DUE, S.NOT_PRINTED) for row in rows):
        return max((row.copy for row in rows), default=0)
    return max(row.copy for row in rows) + 1


def label_named(text: str, *, station_id: str, certificate_url: str) -> str | None:
    """Find the certificate's id or number in what stands on a label's code; None where the text is no label's.

    Codes of labels: `certificate_url` with the id after it; words with the id after them; `benchwipe:` with the id
    after it, as on labels without words; and the certificate's number.
    """
    if told := _WORDS.fullmatch(text):
        return told[1]
    for before in ("benchwipe:", certificate_url):
        name = text.removeprefix(before) if before else ""
        if name != text and _ID.fullmatch(name):
            return name
    return text if re.fullmatch(rf"{re.escape(station_id)}-[0-9]{{6,}}", text) else None
