"""Sentences of the page, and figures as the reader's language writes them. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from datetime import UTC, timedelta, tzinfo
from functools import cache

from agent.certificates.label import capacity
from agent.certificates.local_time import local
from agent.certificates.record import Clock, PassRecord, Reason, Sample
from agent.phrases import FALLBACK, hint, keys
from agent.phrases import reason as short_reason

CONFIDENCE = re.compile(r"95 %: less than ([0-9.e+-]+) % of the drive differs \(([0-9]+) independent places\)")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
SIGNED = ("reason_BW-", "left_", "pause_")
PATTERNS = {"00": "pattern_zeros", "ff": "pattern_ones", "random": "pattern_random"}


class Words:
    """The sentences of agent/phrases, table "pdf"."""

    def __init__(self, language: str, when: str = "") -> None:
        """`when`: a time of the page. All times of it are told in the zone that this machine had then."""
        self.language = language
        self._texts = keys("pdf", language)
        at = local(when)
        self._zone: tzinfo = at.tzinfo if at and at.tzinfo else UTC

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence with its values; values are never taken for templates."""
        return self._texts[key].format(**{"zone": self.zone, **values})

    @property
    def zone(self) -> str:
        """How far the page's times are from UTC: "UTC", "UTC+1", "UTC-3:30"."""
        ahead = self._zone.utcoffset(None) or timedelta()
        hours, minutes = divmod(abs(ahead) // timedelta(minutes=1), 60)
        sign = "-" if ahead < timedelta() else "+"
        return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "") if ahead else "UTC"

    def count(self, number: int) -> str:
        """Write 500 107 862 016: thousands apart by a space that no line breaks at (ISO 80000-1, 7.3.1)."""
        return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")

    def decimal(self, figure: str) -> str:
        """Write 0.5 in English, 0,5 in Danish."""
        return figure.replace(".", ",") if self.language == "da" else figure

    def size(self, size: int) -> str:
        """Write a size as 500 GB."""
        return self.decimal(capacity(size)).replace(" ", "\N{NO-BREAK SPACE}")

    def percent(self, part: int, whole: int) -> str:
        """Write a part in percent. Never rounded up to 100: that one is kept for all of it."""
        if part >= whole:
            return "100"
        share = 100 * part / whole
        return self.decimal(f"{share:.3g}" if share < 99 else f"{min(share, 99.9) - 0.05:.1f}")

    def moment(self, text: str) -> str:
        """Write 2026-11-22 21:00:00 (UTC+1); whatever is no such time, as it stands."""
        told, zone = self.cell_moment(text), self.zone
        return told if told == text else f"{told} UTC" if zone == "UTC" else f"{told} ({zone})"

    def cell_moment(self, text: str) -> str:
        """Write the same under a heading that tells the zone."""
        at = local(text, self._zone) if TIME.fullmatch(text) else None
        return f"{at:%Y-%m-%d %H:%M:%S}" if at else text

    def pattern(self, made: PassRecord) -> str:
        """Say what a pass wrote."""
        key = PATTERNS.get(made.pattern.lower(), "pattern_other")
        return self(key, hex=made.pattern.upper())

    def clock(self, clock: Clock) -> str:
        """Say how far date and time can be trusted."""
        if not clock.synchronised:
            return self("clock_unknown" if clock.source == "unknown" else "clock_unset")
        return self("clock_ntp") if clock.source == "ntp" else self("clock_set", source=clock.source)

    def proof(self, sample: Sample) -> str:
        """Say what a clean sample proves."""
        found = CONFIDENCE.fullmatch(sample.confidence)
        if found is None:
            return self("proves_recorded", text=sample.confidence).strip()
        return self("proves_value", percent=self.decimal(found[1]), places=self.count(int(found[2])))

    def reason(self, reason: Reason) -> str:
        """Say why it is not erased.

        What was signed in words of its own is told by its code, then as it was signed.
        """
        text, code = self.signed(reason.text), reason.code
        if text != reason.text or self.language == FALLBACK:
            return self("reason", text=text, code=code)
        return self("reason_signed", why=short_reason(self.language, code), text=text, code=code).strip()

    def signed(self, text: str) -> str:
        """Say a sentence of the record in the reader's language, figures in their places.

        An unknown one is said as it stands.
        """
        for key, sentence in _signed_sentences():
            if found := sentence.fullmatch(text):
                return self(key, **found.groupdict())
        return text

    def recorded(self, key: str, text: str) -> str:
        """Say a sentence of the record in the reader's language if it is that key's English one.

        Else it is said as it stands.
        """
        return self._texts[key] if keys("pdf", "en").get(key) == text else text

    def what_to_do(self, reason: Reason) -> str:
        """Give the hint, in the reader's language where there is one."""
        return hint(self.language, reason.code, reason.hint)


@cache
def _signed_sentences() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """What stands on certificates, which are signed in English: each such sentence's key, and how it is recognised."""
    texts = keys("pdf", FALLBACK).items()
    return tuple((key, re.compile(_pattern(text))) for key, text in texts if key.startswith(SIGNED))


def _pattern(template: str) -> str:
    return "".join(_pieces(template))


def _pieces(template: str) -> Iterator[str]:
    for text, name, _, _ in string.Formatter().parse(template):
        yield re.escape(text)
        if name:
            yield f"(?P<{name}>.+)"
