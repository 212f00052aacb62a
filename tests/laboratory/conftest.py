"""The table of what a run of the bench found: printed at its end, and written into the docs where that is asked for."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import pytest

from tests.laboratory import table

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "build" / "bench" / "techniques.jsonl"
ASKED, WRITE = "BENCHWIPE_BENCH", "BENCHWIPE_BENCH_WRITE"
START = time.monotonic()


def _controller(config: pytest.Config) -> bool:
    return bool(os.environ.get(ASKED)) and not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """A run begins without what an earlier one found."""
    if _controller(config):
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was found."""
    found = table.read(RESULTS) if _controller(config) else []
    if not found:
        return
    from tests.laboratory.scenarios import FAULTS

    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    about = f"in {time.monotonic() - START:.0f} s with the rest of `make prove-bench`, on {machine}"
    text = table.table(found, tuple(fault.name for fault in FAULTS), about)
    terminalreporter.section("technique x fault")
    terminalreporter.write_line(text)
    if page := os.environ.get(WRITE):
        table.write(Path(page), text)
