"""The bay table for people and programs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from agent.certificates.outcome import Reason
from agent.commands.work.terminal import progress_line
from agent.erase import Progress
from agent.jobs.bay import Bay, BayState
from agent.jobs.job import Job
from agent.planning.plan import Plan, plan
from agent.planning.policy import Policy
from agent.views.bay import bay_lines, bay_row, ends_about, percent, table
from agent.views.screen import look
from drivers.drives.drive import Capabilities
from tests.agent.engine_rig import drive

NOW = 1000.0  # monotonic seconds
AT = Progress(job="j", phase="pass", pass_number=1, passes=1, bytes_done=25, bytes_total=100, mb_per_s=1.0)
BAY = Bay(name="A1", state=BayState.ERASING, drive=drive(), progress=AT)


@pytest.mark.parametrize(("done", "total", "shown"), [(0, 100, 0), (999, 1000, 99), (1000, 1000, 100), (0, 0, 100)])
def test_a_hundred_percent_is_only_said_when_all_is_done(done: int, total: int, shown: int) -> None:
    assert percent(done, total) == shown


@pytest.mark.parametrize("state", list(BayState))
@pytest.mark.parametrize("language", ["en", "da"])
def test_every_state_has_one_instruction_with_all_its_values(state: BayState, language: str) -> None:
    first = bay_lines(replace(BAY, state=state, due=NOW + 9), language, now=NOW)[0]
    assert "A1" in first
    assert not {"?", "{", "bay_"} & set(first.split())
    assert "?" not in first


@pytest.mark.parametrize(
    ("code", "language", "told"),
    [("BW-E02", "en", "DESTROY"), ("BW-E60", "en", "Put it back in."), ("BW-E60", "da", "Sæt det i igen.")],
)
def test_a_failed_drive_is_to_be_destroyed_unless_its_reason_says_otherwise(
    code: str, language: str, told: str
) -> None:
    done = replace(BAY, state=BayState.FINISHED, outcome="failed", reason=Reason(code, "why"))
    first = bay_lines(done, language, now=NOW)[0]
    assert told in first
    assert ("DESTR" in first) is (code != "BW-E60")


def test_a_countdown_is_told_in_seconds_and_a_reason_with_its_code() -> None:
    counting = Bay(name="A1", state=BayState.COUNTDOWN, drive=drive(), due=NOW + 9.2)
    assert "9 s" in bay_lines(counting, "en", now=NOW)[0]
    assert bay_row(counting, now=NOW)["countdown_s"] == pytest.approx(9.2, abs=0.3)
    blocked = Bay(name="A1", state=BayState.BLOCKED, reason=Reason("BW-S04", "It is mounted", "Unmount it first."))
    assert "BW-S04" in bay_lines(blocked, "en", now=NOW)[1]


def test_a_countdown_says_what_is_less_than_asked_for_and_what_dies_beside_the_drive() -> None:
    purge = Policy(name="own", method="nist-purge", fallback="nist-clear")
    for capabilities, words in (
        (Capabilities(format=False, namespaces=2), "The drive cannot do nist-purge. It gets zero."),
        (Capabilities(format=False, namespaces=2, sanitize=("block",)), "All parts of the drive are erased."),
    ):
        who = drive(media="nvme", capabilities=capabilities)
        made = plan(who, purge)
        assert isinstance(made, Plan)
        job = Job(id="j", bay="A1", drive=who, plan=made, created_at="2026-11-22T20:00:00Z")
        counting = Bay(name="A1", state=BayState.COUNTDOWN, drive=who, job=job, due=NOW + 9)
        assert words in bay_lines(counting, "en", now=NOW)
        row = bay_row(counting, now=NOW)["plan"]
        assert (row["technique"], row["asked_level"]) == (made.technique, "purge")


def test_a_row_has_progress_only_while_somebody_works() -> None:
    assert (bay_row(BAY, now=NOW)["bytes_done"], bay_row(BAY, now=NOW)["mb_per_s"]) == (25, 1.0)
    done = bay_row(replace(BAY, state=BayState.FINISHED, outcome="erased"), now=NOW)
    assert (done["bytes_done"], done["phase"], done["outcome"]) == (None, None, "erased")
    assert "25 %" in table([bay_row(BAY, now=NOW)])[1]


@pytest.fixture
def _in_denmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Copenhagen")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_denmark")
@pytest.mark.parametrize(
    ("at", "left_s", "told"),
    [
        ("2026-11-30T13:16:01Z", 3600, "færdig ca. 14:20"),
        ("2026-11-30T13:20:00Z", 60, "færdig ca. 14:20"),
        ("2026-11-30T22:58:00Z", 600, "færdig ca. 01/12 00:00"),
        ("2026-12-02T08:00:00Z", 2 * 86400, "færdig ca. 02/12 09:00"),
        ("2026-11-30T13:16:01Z", None, "tiden beregnes"),
    ],
)
def test_the_end_of_the_whole_job_is_told_as_the_clock_on_the_wall_will_show_it(
    at: str, left_s: float | None, told: str
) -> None:
    ends_at = datetime.fromisoformat(at).timestamp()
    assert ends_about("da", ends_at, left_s) == told
    working = replace(BAY, progress=msgspec.structs.replace(AT, ends_at=ends_at, left_s=left_s))
    assert bay_lines(working, "da", now=NOW)[0] == f"Bås A1: sletter, 25 %, {told}."
    assert " left" not in progress_line("/dev/sda", msgspec.structs.replace(AT, ends_at=ends_at, left_s=left_s))


@pytest.mark.parametrize(
    ("language", "told"), [("en", "checking how much the drive holds, 25 %"), ("da", "måler, hvor")]
)
def test_a_bay_whose_drive_proves_its_capacity_says_so(language: str, told: str) -> None:
    proving = replace(BAY, progress=msgspec.structs.replace(AT, phase="proof"))
    assert told in bay_lines(proving, language, now=NOW)[0]
    assert bay_row(proving, now=NOW)["phase"] == "proof"
    assert look(bay_row(proving, now=NOW)).word == "word_proving"
    assert look(bay_row(BAY, now=NOW)).word == "word_erasing"
    assert "how much it holds" in progress_line("/dev/sda", msgspec.structs.replace(AT, phase="proof"))


def test_a_drive_that_tells_no_progress_shows_its_time_and_whose_estimate_it_is() -> None:
    alone = replace(BAY, progress=msgspec.structs.replace(AT, phase="firmware", bytes_done=0, works_s=720.4))
    assert "erases itself, 12 min so far." in bay_lines(alone, "en", now=NOW)[0]
    assert table([bay_row(alone, now=NOW)])[1].split()[-2:] == ["12", "min"]
    assert alone.progress is not None
    told = replace(alone, progress=msgspec.structs.replace(alone.progress, estimate_s=2400.0))
    assert "erases itself, 12 min of about 40 min." in bay_lines(told, "en", now=NOW)[0]
    assert "12 min of about 40 min" in table([bay_row(told, now=NOW)])[1]
    assert "%" not in table([bay_row(told, now=NOW)])[1]
