"""How every process of the collector writes its log: one line a record, UTC, on standard error."""

from __future__ import annotations

import logging
import sys
import time

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def begin() -> None:
    """Set logging up. A page that was refused, and an answer of `/healthz`, are no lines of a log."""
    formatter = logging.Formatter(FORMAT)
    formatter.converter = time.gmtime  # Django sets the process's zone to that of the pages
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_worth_a_line)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _worth_a_line(record: logging.LogRecord) -> bool:
    return record.name != "django.request" or record.exc_info is not None
