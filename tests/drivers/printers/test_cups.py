"""A queue of CUPS: over is not printed, and what hangs is cancelled. With a real scheduler where there is one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers import registry
from drivers.deadline import Deadline
from drivers.printers.base import NotPrinted, Printer, Unknown
from drivers.printers.cups import job_alerts, queue_state
from drivers.printers.languages import render
from drivers.printers.languages.label import Media
from tests.drivers.printers.cupsd import NEEDED, Cups
from tests.drivers.printers.labels import ERASED

DATA = render(ERASED, Media())
IDLE = "printer zebra is idle.  enabled since Wed Nov 25 22:23:54 2026\n\tForm mounted:\n\tAlerts: {alerts}\n"
BUSY = "printer zebra now printing zebra-2.  enabled since Wed\n\tPaper out\n\tForm mounted:\n\tAlerts: {alerts}\n"
STOPPED = "printer zebra disabled since Wed Nov 25 22:23:54 2026 -\n\tPaused\n\tForm mounted:\n\tAlerts: paused\n"
real = pytest.mark.skipif(
    not all(Path(name).exists() for name in NEEDED),
    reason="cupsd is not installed (apt-get install cups-daemon cups-client)",
)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (IDLE.format(alerts="none"), ()),
        (IDLE.format(alerts="media-empty-error"), ()),
        (BUSY.format(alerts="media-empty-error media-low-warning"), ("media-empty-error",)),
        (BUSY.format(alerts="none"), ()),
        (STOPPED, ("the queue is disabled",)),
    ],
)
def test_a_queue_is_refused_where_it_is_disabled_or_hangs_now(text: str, problems: tuple[str, ...]) -> None:
    assert queue_state(text).problems == problems


def test_a_jobs_alerts_are_its_own_and_no_others() -> None:
    text = "zebra-1  root  1024  Wed\n\tStatus: \n\tAlerts: job-a\n\tqueued for zebra\n"
    text += "zebra-12  root  9  Wed\n\tAlerts: job-b\n"
    assert (job_alerts(text, "zebra-1"), job_alerts(text, "zebra-12"), job_alerts(text, "zebra-2")) == (
        "job-a",
        "job-b",
        None,
    )


def test_without_the_programs_nothing_was_printed_and_the_packages_name_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    printer = registry.load("printers", "cups", {"queue": "zebra"}, where="printer.cups")
    result = printer.print(DATA, label_id="1", within=Deadline(5))
    assert isinstance(result, NotPrinted)
    assert "needs the program lpstat" in result.reason
    assert printer.status(within=Deadline(5)).ready is False


@pytest.fixture(scope="module")
def cups() -> Iterator[Cups]:
    made = Cups(Path(tempfile.mkdtemp(prefix="cups", dir="/tmp")))
    yield made
    made.close()


def printer_of(cups: Cups, **settings: Any) -> Printer:  # noqa: ANN401 - fields of Settings
    wanted = {"queue": "zebra", "server": str(cups.socket), **settings}
    return registry.load("printers", "cups", wanted, where="printer.cups")


@real
def test_a_label_goes_through_byte_for_byte_and_over_is_not_printed(cups: Cups) -> None:
    result = printer_of(cups).print(DATA, label_id="bench-01-000001", within=Deadline(20))
    assert result == Unknown("bench-01-000001", "printer.cups: handed over; a queue does not say what came out")
    assert cups.out("bench-01-000001") == DATA
    assert printer_of(cups).status(within=Deadline(5)).ready is None


@real
def test_paper_out_is_unknown_at_the_deadline_and_the_job_is_cancelled(cups: Cups) -> None:
    (cups.folder / "paper-out").touch()
    result = printer_of(cups).print(DATA, label_id="3", within=Deadline(3))
    assert isinstance(result, Unknown)
    assert "media-empty-error" in result.reason
    cups.wait(lambda: cups.waiting() == "")
    (cups.folder / "paper-out").unlink()
    cups.wait(cups.idle)
    assert not (cups.folder / "out" / "3").exists()
    assert isinstance(printer_of(cups).print(DATA, label_id="4", within=Deadline(20)), Unknown)
    assert cups.out("4") == DATA


@real
def test_behind_a_job_that_hangs_nothing_is_queued(cups: Cups) -> None:
    (cups.folder / "paper-out").touch()
    job = cups.run("lp", "-d", "zebra", "-o", "raw", "-t", "other", "/etc/hostname").split()[3]
    cups.wait(lambda: "media-empty-error" in cups.run("lpstat", "-l", "-p", "zebra"))
    result = printer_of(cups).print(DATA, label_id="5", within=Deadline(5))
    assert result == NotPrinted("5", "printer.cups: media-empty-error, Paper out")
    cups.run("cancel", job)
    (cups.folder / "paper-out").unlink()
    cups.wait(cups.idle)


@real
def test_a_job_that_its_backend_broke_off_is_unknown_and_never_printed(cups: Cups) -> None:
    (cups.folder / "fails").touch()
    result = printer_of(cups).print(DATA, label_id="6", within=Deadline(20))
    (cups.folder / "fails").unlink()
    assert isinstance(result, Unknown)
    assert not (cups.folder / "out" / "6").exists()


@real
@pytest.mark.parametrize("how", ["disabled", "rejecting", "missing"])
def test_a_queue_that_takes_nothing_gets_nothing(cups: Cups, how: str) -> None:
    off, on = {"disabled": ("cupsdisable", "cupsenable"), "rejecting": ("cupsreject", "cupsaccept")}.get(how, ("", ""))
    if off:
        cups.run(f"/usr/sbin/{off}", "zebra")
    printer = printer_of(cups, queue="nosuch" if how == "missing" else "zebra")
    result = printer.print(DATA, label_id="7", within=Deadline(5))
    assert isinstance(result, NotPrinted)
    assert cups.waiting() == ""
    if on:
        cups.run(f"/usr/sbin/{on}", "zebra")
