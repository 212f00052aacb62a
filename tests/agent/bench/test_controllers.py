"""A controller's commands at the bench: taken once, written down before anything happens, answered always."""

from __future__ import annotations

import ast
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agent
from agent.bench.books import NOT_WRITTEN
from agent.bench.events import CommandArrived
from agent.certificates.outcome import CANCELLED, Aborted, Work
from agent.messages import CommandStatus, Request
from agent.phrases import phrase
from tests.agent.engine_rig import Rig, erased
from tests.agent.uplink.test_controller_command import KEYS, STRANGER, command

ROOT = Path(agent.__file__).parent


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A bench that obeys one controller, with a drive in A1 that counts down."""
    made = Rig(tmp_path / "state")
    made.controllers.update(KEYS)
    made.restart()
    made.arrive("A1")
    yield made
    made.close()


def ask(
    rig: Rig,
    command_id: str = "c1",
    *,
    kind: str = "cancel",
    retained: bool = False,
    **facts: Any,  # noqa: ANN401 - of command()
) -> CommandStatus:
    """Send a command for what stands in A1; the last answer."""
    topic = f"er/1/bench-01/cmd/{kind}/{command_id}"
    facts.setdefault("job", job_id(rig))
    payload = command(topic=topic, **facts)
    request = Request(type=kind, id=command_id, topic=topic, payload=payload, retained=retained)
    rig.engine.handle(CommandArrived(request))
    assert rig.effects.answers[-1][0] == command_id
    return rig.effects.answers[-1][1]


def job_id(rig: Rig) -> str:
    job = rig.engine.bays["A1"].job
    return job.id if job else "none"


def rev(rig: Rig) -> int:
    return rig.engine.bays["A1"].rev


def test_a_countdown_is_cancelled(rig: Rig) -> None:
    ask(rig)
    rig.engine.tick()
    assert rig.state("A1") == "waiting"
    assert [status.state for _, status in rig.effects.answers] == ["accepted", "running", "succeeded"]


def test_work_is_cancelled_and_the_answer_waits_for_its_end(rig: Rig) -> None:
    rig.wait(10.1)
    assert ask(rig).state == "running"
    assert rig.worker("A1").stop.requested == CANCELLED
    rig.end("A1", Aborted(Work(), CANCELLED))
    assert rig.effects.answers[-1][1] == CommandStatus(state="succeeded", reason="the job ended: aborted")
    assert rig.certificates()[-1].record.outcome == "aborted"


def test_a_drive_that_erases_itself_cannot_be_stopped(rig: Rig) -> None:
    rig.wait(10.1)
    rig.progress("A1", "firmware")
    assert ask(rig) == CommandStatus(
        state="rejected", reason=phrase("en", "drive_erases_itself", bay="A1"), rev=rev(rig)
    )
    assert rig.worker("A1").stop.requested is None


def test_a_repeat_is_answered_and_not_done_again(rig: Rig) -> None:
    old = job_id(rig)
    ask(rig)
    rig.engine.tick()
    rig.leave("A1")
    rig.arrive("A1")
    assert ask(rig, job=old).state == "succeeded"
    assert ask(rig).state == "succeeded"  # even where it names the new job: the id was used
    assert rig.state("A1") == "countdown"


def test_a_command_for_another_job_stops_nothing(rig: Rig) -> None:
    assert ask(rig, job="another").state == "failed"
    assert rig.state("A1") == "countdown"


def test_cancelling_what_has_ended_is_done(rig: Rig) -> None:
    ended = job_id(rig)
    rig.erase("A1", erased())
    assert ask(rig, job=ended) == CommandStatus(state="succeeded", reason="the job ended: erased")


def test_a_bay_that_has_changed_is_left_alone(rig: Rig) -> None:
    now = rev(rig)
    status = ask(rig, rev=now - 1)
    assert (status.state, status.rev, rig.state("A1")) == ("rejected", now, "countdown")
    assert ask(rig, "c2", rev=now).state == "running"


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"key": STRANGER}, "rejected"),
        ({"retained": True}, "rejected"),
        ({"minutes": -1}, "expired"),
        ({"kind": "erase"}, "rejected"),
        ({"args": {"job": "x", "bay": "A1"}}, "rejected"),
    ],
)
def test_what_is_not_to_be_obeyed_is_answered_and_stops_nothing(
    rig: Rig, facts: dict[str, Any], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.bench.controllers.clock_is_right", lambda: True)
    assert ask(rig, **facts).state == state
    assert rig.state("A1") == "countdown"


def test_a_stranger_cannot_use_up_an_id(rig: Rig) -> None:
    assert ask(rig, key=STRANGER).state == "rejected"
    assert ask(rig).state == "running"


def test_a_restart_ends_what_was_running(rig: Rig) -> None:
    rig.wait(10.1)
    ask(rig)
    rig.restart()
    ((command_id, status),) = rig.effects.answers
    assert (command_id, status.state) == ("c1", "failed")
    assert rig.ledger.commands.open() == []


def test_only_the_newest_commands_are_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.jobs.command_rows.MOST_COMMANDS", 3)
    for number in range(5):
        ask(rig, f"c{number}", job="another")
    assert [rig.ledger.commands.find(f"c{number}") is not None for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_without_room_in_the_ledger_nothing_is_done_and_the_controller_and_a_person_hear_of_it(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.break_ledger("command")
    status = ask(rig)
    assert (status.state, rig.state("A1")) == ("rejected", "countdown")
    assert status.reason.startswith(NOT_WRITTEN)
    assert "disk is full" in status.reason
    assert (rig.effects.alarms["ledger"].code, rig.effects.alarms["ledger"].severity) == ("BW-A04", "critical")
    assert [r.levelname for r in caplog.records if "c1 is not carried out" in r.getMessage()] == ["ERROR"]


def test_a_command_that_met_a_full_ledger_may_be_sent_again_with_its_id(rig: Rig) -> None:
    rig.break_ledger("command")
    ask(rig)
    rig.mend_ledger()
    assert ask(rig).state == "running"
    rig.engine.tick()
    assert rig.state("A1") == "waiting"
    assert rig.effects.alarms == {}


@pytest.mark.parametrize("facts", [{"minutes": -1}, {"kind": "erase"}, {"job": "another"}])
def test_every_signed_command_that_meets_a_full_ledger_is_answered(
    rig: Rig, facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.bench.controllers.clock_is_right", lambda: True)
    rig.break_ledger("command")
    assert ask(rig, **facts).state == "rejected"
    assert "ledger" in rig.effects.alarms


def test_a_ledger_that_cannot_even_be_read_is_answered_too(rig: Rig) -> None:
    with sqlite3.connect(rig.ledger.path) as db:
        db.execute("ALTER TABLE command RENAME TO gone")
    assert ask(rig).state == "rejected"
    assert "ledger" in rig.effects.alarms


def test_a_ledger_that_fills_up_behind_a_command_loses_its_end_for_nobody(rig: Rig) -> None:
    rig.wait(10.1)
    assert ask(rig).state == "running"
    rig.break_ledger("command")
    rig.end("A1", Aborted(Work(), CANCELLED))
    ended = CommandStatus(state="succeeded", reason="the job ended: aborted")
    assert rig.effects.answers[-1] == ("c1", ended)
    assert ask(rig) == ended  # from memory
    rig.mend_ledger()
    rig.wait(6.0)
    assert rig.ledger.commands.find("c1") == ("cancel", ended)


def test_the_books_alone_touch_the_ledger_in_the_engines_room() -> None:
    """A wall with a gap is none: what climbs over meets a full disk that nobody is told of."""
    room = list((ROOT / "bench").glob("*.py"))
    climbs = {p.name for p in room for n in ast.walk(ast.parse(p.read_text("utf-8"))) if _reaches_over(n)}
    assert len(room) > 15
    assert climbs == {"books.py"}


def _reaches_over(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("registrar", "ledger", "_ledger")


def test_who_asked_for_it_stands_on_the_certificate(rig: Rig) -> None:
    rig.wait(10.1)
    assert ask(rig, more={"by": "Ida Holm"}).state == "running"
    reason = rig.worker("A1").stop.requested
    assert reason is not None
    assert (reason.code, reason.text) == (CANCELLED.code, "Ida Holm cancelled it at the collector")
    rig.end("A1", Aborted(Work(), reason))
    assert "Ida Holm" in str(rig.certificates()[-1].record.reason)


def test_a_name_that_is_none_stops_nothing(rig: Rig) -> None:
    rig.wait(10.1)
    for number, by in enumerate((7, "x" * 101, "a\nb", "\u202e", None)):
        assert ask(rig, command_id=f"c{number}", more={"by": by}).state == "rejected"
    assert rig.worker("A1").stop.requested is None
