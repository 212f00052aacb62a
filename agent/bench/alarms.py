"""What a person must know of: raised and cleared by name, and remembered over restarts.

Alarms are retained by the broker. What an earlier run raised and nobody cleared would stay there for ever: so the
names of raised alarms stand in a file of the state folder, and the next start takes back what is no longer so.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from agent.certificates.clock import utc_now
from agent.messages import Alarm
from agent.phrases import FALLBACK, hint, reason

log = logging.getLogger("benchwipe.alarms")

FILE_NAME = "alarms.json"
NO_WORDS: Mapping[str, str] = MappingProxyType({})


def critical(code: str, text: str) -> Alarm:
    """Make an alarm that stops work, or that nobody may overlook."""
    return Alarm(severity="critical", code=code, text=text, since=utc_now())


def warning(code: str, text: str) -> Alarm:
    """Make an alarm that somebody should see to."""
    return Alarm(severity="warning", code=code, text=text, since=utc_now())


def spoken(alarm: Alarm, language: str, commands: Mapping[str, str] = NO_WORDS) -> Alarm:
    """Say an alarm by its code in that language. `commands`: the bench's own words for them.

    Behind it, in brackets, stands what was said of it in English: which bay, what it did.
    """
    words = reason(language, alarm.code)
    if language == FALLBACK or not words:
        return alarm
    advice = hint(language, alarm.code, **commands)
    return msgspec.structs.replace(alarm, text=" ".join(filter(None, (words, advice, f"[{alarm.text}]"))))


class AlarmBoard:
    """The alarms that stand. Raising the same again is silent."""

    def __init__(self, state_dir: Path, publish: Callable[[str, Alarm | None], None]) -> None:
        self._path = state_dir / FILE_NAME
        self._publish = publish
        self._standing: dict[str, Alarm] = {}

    @property
    def standing(self) -> dict[str, Alarm]:
        """A copy; any thread may ask."""
        return dict(self._standing)

    def take_back(self) -> None:
        """Clear what an earlier run left behind; to be called once, before anything is raised."""
        with contextlib.suppress(OSError, ValueError):
            for name in json.loads(self._path.read_text("utf-8")):
                self._publish(str(name), None)

    def set(self, name: str, alarm: Alarm | None) -> None:
        """Raise, or clear with None."""
        before = self._standing.get(name)
        if (alarm and (alarm.code, alarm.text)) == (before and (before.code, before.text)):
            return
        if alarm is None:
            del self._standing[name]
            log.info("alarm %s is over", name)
        else:
            self._standing[name] = alarm
            log.warning("alarm %s: %s (%s)", name, alarm.text, alarm.code)
        self._remember()
        self._publish(name, alarm)

    def _remember(self) -> None:
        """Not flushed: what is lost in a power cut is an alarm that has to be cleared by hand. A full disk is one."""
        with contextlib.suppress(OSError):
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(sorted(self._standing)), "utf-8")
            os.replace(new, self._path)
