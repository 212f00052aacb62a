"""How every process of the collector writes its log: on standard error, UTC, a record a line.

On a terminal the line is for people; elsewhere (a journal, a file) it is one JSON document. Nothing in a log steers a
terminal, turns text round or begins a line of its own, wherever it came from; and no secret stands in it.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Literal

from collector.text import visible

Form = Literal["auto", "text", "json"]
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LONGEST = 4_000
SECRETS = (
    (re.compile(r"/(welcome|tasks)/[^/\s?\"']+"), r"/\1/…"),  # who has such an address may go in by it
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), r"\1 …"),
    (re.compile(r"\bbwc_[\w-]+"), "bwc_…"),
    (re.compile(r"\b(\w{1,30}://[^:/\s@]{0,200}):[^@\s/]{1,500}@"), r"\1:…@"),
    (
        re.compile(r"\b(\w{0,30}(?:password|passwd|secret|csrfmiddlewaretoken|sessionid))(['\"]?\s*[=:]\s*)"
                   r"(?:'[^']*'|\"[^\"]*\"|[^\s&;,)}]+)", re.IGNORECASE),
        r"\1\2…",
    ),
)  # fmt: skip


def begin(form: Form = "auto", part: str = "") -> None:
    """Set logging up. A page that was refused, and an answer of `/healthz`, are no lines of a log."""
    handler = logging.StreamHandler(sys.stderr)
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler.setFormatter(Json(part) if as_json else Text(FORMAT))
    handler.addFilter(_worth_a_line)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def harmless(text: str) -> str:
    """Make one line without secrets in which everything can be seen."""
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"  # first: what is long is not searched
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return visible(text, 2 * LONGEST)


class Text(logging.Formatter):
    """A line for people. The lines of a traceback follow it."""

    def format(self, record: logging.LogRecord) -> str:
        """Write it; each line is harmless by itself."""
        record.message = harmless(record.getMessage())
        record.asctime = f"{moment(record, ' ')},{int(record.msecs):03d}"
        return "\n".join([self.formatMessage(record), *traceback_lines(self, record)])


class Json(logging.Formatter):
    """One JSON document a record: at, level, logger, part, message, and the traceback where there is one."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        told = {
            "at": f"{moment(record, 'T')}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "part": self._part,
            "process": record.process,
            "logger": record.name,
            "message": harmless(record.getMessage()),
        }
        if lines := traceback_lines(self, record):
            told["traceback"] = "\n".join(lines)
        return json.dumps(told, ensure_ascii=False)


def moment(record: logging.LogRecord, between: str) -> str:
    """Write when it was, in UTC: Django sets the process's zone to that of the pages."""
    return time.strftime(f"%Y-%m-%d{between}%H:%M:%S", time.gmtime(record.created))


def traceback_lines(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """Write a record's traceback, made harmless; no lines where it has none."""
    if not record.exc_info or record.exc_info[0] is None:
        return []
    return [harmless(line) for line in formatter.formatException(record.exc_info).splitlines()]


def _worth_a_line(record: logging.LogRecord) -> bool:
    if record.name.startswith("django.security"):
        record.exc_info = None  # a stranger's request, and no defect: a line of it is enough
    return record.name != "django.request" or record.exc_info is not None
