"""Facts -> what a page says about them, in plain words. Each state has a shape and a text: never colour alone. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.utils.translation import gettext as _

from agent.certificates.shapes import SIGNS


@dataclass(frozen=True)
class Mark:
    """A state as it is shown: text, a shape before it, and a tone (ok, work, wait, warn, bad, none) for colour."""

    text: str
    shape: str
    tone: str


OUTCOMES = {
    "erased": Mark("Erased", SIGNS["erased"].shown, "ok"),
    "unread": Mark("Erased, not read back", SIGNS["unread"].shown, "warn"),
    "attested": Mark("Attested, not measured", SIGNS["attested"].shown, "work"),
    "failed": Mark("Failed", SIGNS["failed"].shown, "bad"),
    "aborted": Mark("Aborted", SIGNS["aborted"].shown, "warn"),
    "refused": Mark("Refused", SIGNS["refused"].shown, "warn"),
}
HEADINGS = {
    **OUTCOMES,
    "again": Mark("Not erased: erase again", SIGNS["again"].shown, "bad"),
    "does_not_hold": Mark("Does not hold", "≠", "bad"),
}
CHAINS = {
    "ok": Mark("Unbroken", "●", "ok"),
    "gap": Mark("Gap: the one before is missing", "◐", "warn"),
    "known": Mark("Known gap: its station told which numbers are missing", "◌", "none"),
    "fork": Mark("Fork: two histories", "≠", "bad"),
    "gap in short": Mark("Gap", "◐", "warn"),
    "known in short": Mark("Known gap", "◌", "none"),
    "fork in short": Mark("Fork", "≠", "bad"),
}
BAYS = {
    "empty": Mark("Empty", "○", "none"),
    "waiting": Mark("Waiting for a person", "◇", "wait"),
    "blocked": Mark("Blocked", SIGNS["refused"].shown, "warn"),
    "countdown": Mark("Begins soon", "◔", "wait"),
    "cycling": Mark("Power off and on", "↻", "work"),
    "erasing": Mark("Erasing", "▶", "work"),
    "verifying": Mark("Verifying", "◉", "work"),
    "certifying": Mark("Certifying", "◈", "work"),
    "stalled": Mark("Stalled", "!", "bad"),
    "finished": Mark("Finished", "●", "ok"),
    "quarantined": Mark("Quarantined", "!", "bad"),
}
PRESENCE = {True: Mark("Online", "●", "ok"), False: Mark("Offline", "◌", "bad"), None: Mark("Not heard", "○", "none")}
SILENT = Mark("Silent", "◐", "warn")
"""The broker counts it as online, and it says nothing."""
CLOCKS = {
    "set": Mark("Clock set", "●", "ok"),
    "unset": Mark("Clock not set", "◇", "warn"),
    "off": Mark("Clock wrong", "!", "bad"),
}
LEVELS = {
    "clear": "Clear: no data can be recovered with ordinary tools",
    "purge": "Purge: no data can be recovered in a laboratory",
    "none": "None: this certificate does not say that data is gone",
}
MEANINGS = {
    "erased": "The whole drive was erased.",
    "unread": "The whole drive was written over. It was NOT read back: nobody looked whether it holds that.",
    "attested": "A person reset this device and answers for it. Nothing was measured.",
    "failed": "The drive could NOT be erased completely. It may still hold data: destroy it.",
    "again": "Something else wrote to the drive meanwhile. It is NOT the drive's fault, and it still has to be erased.",
    "aborted": "The work was stopped before its end. The drive may still hold data.",
    "refused": "Nothing was done to the drive. It still holds its data.",
    "does_not_hold": "What stands here does NOT hold: it proves nothing.",
}

CHECKS = {
    "account-removed": "Every account is signed out of it",
    "reset-done": "The factory reset was done to its end",
    "start-screen-empty": "It starts empty, like a new one",
    "cards-removed": "SIM and memory cards are out",
}


def mark(table: dict[str, Mark], name: str) -> Mark:
    """Find the mark of a name. One that a newer station made up is shown as it is."""
    return table.get(name, Mark(name or "unknown", "◇", "none"))


def heading(name: str) -> Mark:
    """Find the mark of what stands over a certificate (rules.Heading)."""
    return mark(HEADINGS, name)


def size(count: int | None) -> str:
    """Write a size in decimal units, as drives are sold: 500.1 GB."""
    if count is None:
        return _("not said")
    value, unit = float(count), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if abs(value) < 1000 or unit == "PB":
            break
        value /= 1000
    return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def exact(count: int | None) -> str:
    """Write a count exactly: 500 107 862 016 bytes, with thin spaces that do not break."""
    return _("not said") if count is None else f"{count:,} bytes".replace(",", "\u202f")


def age(seconds: float) -> str:
    """Say how long ago, for a person."""
    if not math.isfinite(seconds):
        return _("not yet")
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return _("%(time)s ago") % {"time": f"{int(max(0, seconds) // unit)} {name}"}
    return _("%(days)d days ago") % {"days": int(seconds // 86400)}


def moment(text: str) -> str:
    """Rewrite 2026-11-22T10:00:00.123Z as 2026-11-22 10:00:00 UTC. Anything else stays as it is."""
    if len(text) >= 20 and text[10] == "T" and text.endswith("Z"):
        return f"{text[:10]} {text[11:19]} UTC"
    return text
