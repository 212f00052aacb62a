"""What a message says: the body of a webhook, and the text of a mail. Made once, and the same at every try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector import moments
from collector.certificates.words import moment
from collector.notices.models import CRITICAL, ENDED, RAISED, Notice
from collector.running import configuration
from collector.text import visible

MOST_IN_ONE = 50
"""Told one by one; what is beyond is counted. A body is some 25 kB then."""
TYPES = {RAISED: "alarm.raised", ENDED: "alarm.ended"}
TEST, DIGEST = "test", "alarm.digest"


def webhook(notices: Sequence[Notice], count: int) -> str:
    """Write the body for some notices, of which the first are given; none: somebody tries the destination."""
    if not notices:
        return _json(TEST, moments.now_text(), {"text": "This is a test: no alarm stands."})
    if count == 1:
        (one,) = notices
        return _json(TYPES[one.word], moments.text(_at(one)), _alarm(one))
    told = [{"type": TYPES[one.word], "timestamp": moments.text(_at(one)), **_alarm(one)} for one in notices]
    return _json(DIGEST, moments.now_text(), {"count": count, "alarms": told})


def mail(notices: Sequence[Notice], count: int, language: str) -> tuple[str, str]:
    """Write subject and text for some notices, of which the first are given; none: somebody tries the destination."""
    with translation.override(language):
        if not notices:
            return _("benchwipe: a test"), _("This is a test: no alarm stands.") + "\n"
        lines = [_line(one) for one in notices]
        if count > len(notices):
            more = count - len(notices)
            lines.append(ngettext("and %(n)d more.", "and %(n)d more.", more) % {"n": more})
        lines.append(_("What stands now is on the page of stations: %(address)s") % {"address": _address()})
        return _subject(notices, count), "\n\n".join(lines) + "\n"


def _subject(notices: Sequence[Notice], count: int) -> str:
    if count == 1:
        one = notices[0]
        word = _("alarm") if one.word == RAISED else _("alarm ended")
        return f"benchwipe: {word}: {one.alarm.station}, {one.alarm.code}"
    critical = any(one.alarm.severity == CRITICAL and one.word == RAISED for one in notices)
    told = ngettext("%(n)d word about alarms", "%(n)d words about alarms", count) % {"n": count}
    return f"benchwipe: {told}" + (f" ({_('critical')})" if critical else "")


def _line(one: Notice) -> str:
    """Write an alarm in two lines. The station's own sentence is English, as stations write it."""
    alarm = one.alarm
    severity = _("Critical") if alarm.severity == CRITICAL else _("Warning")
    word = severity if one.word == RAISED else _("Ended")
    at = moment(moments.text(_at(one)))
    return f"{word}: {alarm.station}: {visible(alarm.text)} ({alarm.code})\n  {at}"


def _at(one: Notice) -> Any:  # noqa: ANN401 - a moment, which an alarm that has ended has
    return one.alarm.raised_at if one.word == RAISED else one.alarm.ended_at or one.made_at


def _alarm(one: Notice) -> dict[str, Any]:
    alarm = one.alarm
    return {
        "station": alarm.station,
        "alarm": alarm.alarm,
        "severity": alarm.severity,
        "code": alarm.code,
        "text": alarm.text,
        "since": alarm.since,
    }


def _json(kind: str, timestamp: str, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": kind, "timestamp": timestamp, "data": data}).decode()


def _address() -> str:
    """Say where the pages are, as configured; without that a mail says no more than their path."""
    return f"{configuration().settings.public_url}/"
