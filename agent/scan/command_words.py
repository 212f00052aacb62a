"""What the commands are called: the person's own words over the codes that are scanned. Pure.

A barcode's content is read by no person: on a Danish sheet the code YES has the word JA. Screen, sheet and pages take
the words from here, so that they never name a command otherwise than the sheet in the technician's hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.phrases import keys
from agent.scan.codes import COMMANDS, Kind
from agent.settings import Scanning


def command_words(scanning: Scanning, language: str) -> Mapping[str, str]:
    """Give each command's word in that language, by the name that phrases have for it ("yes", "reprint").

    A bench that gave a command a code of its own, `yes = "OK"`, calls it by that.
    """
    return {kind.value: command_word(scanning, kind, language) for kind in COMMANDS}


def command_word(scanning: Scanning, kind: Kind, language: str) -> str:
    """Give one command's word."""
    pattern, usual = getattr(scanning, kind.value), getattr(Scanning(), kind.value)
    own = literal(pattern)
    if re.fullmatch(pattern, usual) or not re.fullmatch(pattern, own):
        return keys("phrases", language).get(f"command_{kind.value}", usual)
    return own


def literal(pattern: str, group: str = "", value: str = "") -> str:
    """Write a pattern as the text that it most plainly takes: `value` for its named group, no escapes, no anchors."""
    start = pattern.find(f"(?P<{group}>") if group else -1
    if start >= 0:
        end, depth = start + 1, 1
        while depth and end < len(pattern):
            depth += {"(": 1, ")": -1}.get(pattern[end], 0)
            end += 1
        pattern = pattern[:start] + value + pattern[end:]
    return re.sub(r"\\([^A-Za-z0-9])", r"\1", pattern.removeprefix("^").removesuffix("$"))
