"""The program that is killed: closes a period as `settle --close` does, and tells its parent where it is.

`python -m tests.collector.trade.closing_program CONFIG AGREEMENT PERIOD LOGIN [STATEMENT]`: with STATEMENT it kills
itself, as a power cut would, before that statement of the closing transaction; without, its parent does.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.db import connection

from collector import boot
from collector.settings import load

BEGINS = "trade_settlementnumber"
"""The first table that the closing transaction asks for."""


class Watch:
    """Counts the statements since the closing transaction began, and tells the parent that it did."""

    def __init__(self, fatal: int) -> None:
        self._fatal, self._count = fatal, 0

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:  # noqa: ANN401 - Django's wrapper
        """Run a statement, or die before it."""
        if self._count or BEGINS in sql:
            if not self._count:
                print("begun", flush=True)
            self._count += 1
            if self._count == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, *rest)


def main() -> int:
    """Close it."""
    config, agreement, period, login = sys.argv[1:5]
    boot.boot(load(Path(config)))
    from collector.parties.services import Actor, person_named
    from collector.trade import agreements, closing
    from collector.trade.rules.days import period_named

    found = period_named(period)
    assert found is not None
    watch = Watch(int(sys.argv[5]) if len(sys.argv) > 5 else 0)
    with connection.execute_wrapper(watch):
        done = closing.close(
            replace(Actor("test"), address=""), agreements.named(agreement), found, person_named(login)
        )
    print(f"closed {done.number} after {watch._count} statements", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
