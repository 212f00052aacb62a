"""The daemon and `benchwipe erase` certify the same story in the same words: the worker is played, the rest is real."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.bench.arrival import Block, decide
from agent.bench.events import DriveArrived, Worked
from agent.certificates.certificate import read_unverified
from agent.certificates.clock import utc_now
from agent.certificates.outcome import (
    NAMELESS,
    PULLED_OUT,
    STALLED,
    Aborted,
    Erased,
    Evidence,
    Failed,
    Outcome,
    Refused,
    Work,
)
from agent.certificates.record import Interruption, PassRecord, Unreached
from agent.commands.work import erase as command
from agent.commands.work.erase_request import Candidate, EraseRequest
from agent.commands.work.erase_result import Result
from agent.erase import Checkpoint, EraseSpec, Progress, Renewed, ResumePoint
from agent.erase.signals import Stop
from agent.jobs.registrar import Registrar
from agent.jobs.running import STATION_LOST
from agent.planning.plan import Plan, plan
from agent.planning.policy import NIST_CLEAR
from agent.settings import Settings
from drivers.drives.drive import Drive
from drivers.drives.facts import Facts
from tests.agent.engine_rig import CAPACITY, NOW, SICK, Rig, Worker, drive, erased, settings
from tests.agent.erase.drives import MemoryDrive
from tests.agent.erase.jobs import MIB, run_job

GIVE_UP_S = 1.0
FAR_TOO_LONG_S = 60.0  # half of what the command waited when its limit was no setting
STATIONS_OWN = {"clock", "finished_at", "job", "started_at", "station"}
DONE = PassRecord(number=1, pattern="00", bytes=CAPACITY, started_at=NOW, finished_at=NOW)
HOLE = Unreached(offset=4096, bytes=512, reason="write: EIO")
MANY = tuple(Unreached(offset=n * 1024, bytes=512, reason="write: EIO") for n in range(3000))
ERASED = erased()
assert isinstance(ERASED, Erased)
GROWN = msgspec.structs.replace(drive(), capacity_bytes=2 * CAPACITY)

Step = Progress | Checkpoint | Renewed | None
"""What the worker says; None: nothing more, until it is given up."""


@dataclass(frozen=True)
class Story:
    """What a worker does from its beginning. `end` is what it says at last, if it is heard."""

    steps: tuple[str, ...]
    end: Outcome
    full: bool = False  # nothing can be written to the table of checkpoints


def told(name: str, spec: EraseSpec) -> Step:
    """One step as a worker tells it."""
    before = spec.resume.interruptions if spec.resume else ()
    since = (spec.interruption,) if spec.interruption else ()
    if name == "flushed":
        point = ResumePoint(
            pass_number=2, offset=0, completed=(DONE,), unreached=(HOLE,), interruptions=(*before, *since)
        )
        return Checkpoint(job=spec.job, point=point, receipt=1)
    if name == "grown":
        return Renewed(job=spec.job, drive=GROWN)
    if name == "silent":
        return None
    at = {"pass_number": 1, "passes": 1, "bytes_done": 0, "bytes_total": CAPACITY, "mb_per_s": 1.0}
    return msgspec.convert({"job": spec.job, "phase": name, **at}, Progress)


STORIES = {
    "erased": Story(("pass", "flushed", "stalled", "pass", "verify"), erased()),
    "failed": Story(("pass", "flushed", "verify"), Failed(Work(passes=(DONE,), unreached=(HOLE,)), SICK)),
    "pulled out": Story(("pass", "flushed"), Aborted(Work(passes=(DONE,)), PULLED_OUT)),
    "shown more": Story(("cycling", "grown", "pass"), Failed(Work(drive=GROWN), SICK)),
    "given up": Story(("pass", "flushed", "stalled", "silent"), erased()),
    "given up at once": Story(("stalled", "silent"), erased()),
    "given up on a full disk": Story(("pass", "flushed", "stalled", "silent"), erased(), full=True),
    "too large": Story(("pass",), Failed(Work(unreached=MANY), SICK)),
    "too large to be erased": Story(("verify",), Erased(Evidence(replace(ERASED.work, unreached=MANY)))),
}


def station() -> Settings:
    """The same station for both."""
    return settings(stalled_power_off_s=GIVE_UP_S)


def fill(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as db, db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON checkpoint BEGIN SELECT RAISE(FAIL, 'disk is full'); END")


class ByDaemon:
    """The engine, whose clock the test moves."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig(folder, station())

    def play(self, story: Story) -> None:
        """From the arrival to the certificate."""
        self.rig.arrive("A1")
        self.rig.wait(10.1)
        if story.full:
            fill(self.rig.ledger.path)
        worker = self.rig.worker("A1")
        for name in story.steps:
            self._say(worker, told(name, worker.spec))
        self.rig.end("A1", story.end)

    def begin_and_die(self, *steps: str) -> None:
        """SIGKILL after these steps, and the next start."""
        self.rig.arrive("A1")
        self.rig.wait(10.1)
        worker = self.rig.worker("A1")
        for name in steps:
            self._say(worker, told(name, worker.spec))
        self.rig.restart()

    def _say(self, worker: Worker, step: Step) -> None:
        if step is None:
            self.rig.wait(GIVE_UP_S + 0.1)
            return
        self.rig.engine.handle(Worked("A1", worker.job.id, step))

    def records(self) -> list[dict[str, Any]]:
        """What it certified."""
        return [msgspec.to_builtins(one.record) for one in self.rig.certificates()]

    def close(self) -> None:
        """Let go of the ledger."""
        self.rig.close()


class ByCommand:
    """EraseCommand with its threads and its queue; a drive that cannot be opened is not needed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.registrar = Registrar(station(), folder)
        self.results: list[Result] = []
        self._patch = monkeypatch
        monkeypatch.setattr(command, "open_device", lambda *_: _Opened())

    def play(self, story: Story, request: EraseRequest = EraseRequest()) -> None:  # noqa: B008 - frozen
        """From the open device to the certificate."""

        def played(
            _: Drive, spec: EraseSpec, __: object, emit: Callable[[Progress | Checkpoint | Renewed], None], stop: Stop
        ) -> Outcome:
            if story.full:
                fill(self.registrar.ledger.path)
            for name in story.steps:
                step = told(name, spec)
                if step is not None:
                    emit(step)
                    continue
                until = time.monotonic() + FAR_TOO_LONG_S
                while stop.requested is None and time.monotonic() < until:
                    time.sleep(0.01)
            return story.end

        self._patch.setattr(command, "run_job", played)
        planned = plan(drive(), NIST_CLEAR)
        assert isinstance(planned, Plan)
        work = command.EraseCommand(self.registrar, folder=None, show=lambda _: None)
        self.results = work.run([Candidate("/dev/S1", drive=drive(), plan=planned)], request)

    def begin_and_die(self, *steps: str) -> None:
        """SIGKILL after these steps: what the ledger has is a job at work, and its checkpoint."""
        self._patch.setattr(command.EraseCommand, "_settle", _killed)
        with pytest.raises(KeyboardInterrupt):
            self.play(Story(steps, Aborted(Work(), PULLED_OUT)))
        self._patch.undo()
        folder, settings_ = self.registrar.state_dir, self.registrar.settings
        self.registrar.close()
        self.registrar = Registrar(settings_, folder)
        self._patch.setattr(command, "open_device", lambda *_: _Opened())

    def records(self) -> list[dict[str, Any]]:
        """What it certified."""
        found = [read_unverified(p.read_bytes()) for p in self.registrar.ledger.certificates_dir.glob("*.jws")]
        return [msgspec.to_builtins(one.record) for one in sorted(found, key=lambda c: c.record.sequence)]

    def close(self) -> None:
        """Let go of the ledger."""
        self.registrar.close()


class _Opened:
    def close(self) -> None:
        """Nothing is open."""


def _killed(_: command.EraseCommand, run: command._Run) -> None:
    if run.running.outcome is not None:
        raise KeyboardInterrupt


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[ByDaemon]:
    made = ByDaemon(tmp_path / "daemon")
    yield made
    made.close()


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ByCommand]:
    made = ByCommand(tmp_path / "command", monkeypatch)
    yield made
    made.close()


def of_the_story(record: dict[str, Any]) -> dict[str, Any]:
    """A certificate without what each station and each minute gives it."""
    kept = {name: value for name, value in record.items() if name not in STATIONS_OWN}
    times = [{**one, "at": "then"} for one in kept["interruptions"]]
    return {**kept, "interruptions": times}


@pytest.mark.parametrize("name", STORIES)
def test_the_same_story_has_the_same_certificate(daemon: ByDaemon, cli: ByCommand, name: str) -> None:
    daemon.play(STORIES[name])
    cli.play(STORIES[name])
    (here,), (there,) = daemon.records(), cli.records()
    assert of_the_story(here) == of_the_story(there)
    assert cli.results[0].outcome == there["outcome"]
    assert re.search(r"\(BW-\w+\)$", cli.results[0].reason or "") or there["outcome"] == "erased"


def test_a_drive_that_was_given_up_keeps_what_was_flushed_and_not_what_its_worker_says_later(
    daemon: ByDaemon, cli: ByCommand
) -> None:
    for one in (daemon, cli):
        one.play(STORIES["given up on a full disk"])
        (record,) = one.records()
        assert (record["outcome"], record["reason"]["code"]) == ("failed", STALLED.code)
        assert [p["bytes"] for p in record["sanitization"]["passes"]] == [CAPACITY]
        assert list(record["unreached"]) == [msgspec.to_builtins(HOLE)]


def test_a_certificate_that_would_be_too_large_is_condensed_and_never_an_erased_one(
    daemon: ByDaemon, cli: ByCommand
) -> None:
    for one in (daemon, cli):
        one.play(STORIES["too large to be erased"])
        (record,) = one.records()
        assert (record["outcome"], record["reason"]["code"]) == ("failed", "BW-E91")
        assert "3000 ranges" in record["unreached"][0]["reason"]
    assert cli.results[0].reason is not None
    assert "BW-E91" in cli.results[0].reason


@pytest.mark.parametrize("name", ["erased", "given up at once"])
def test_a_job_that_went_on_after_a_crash_says_so_in_the_same_words(
    daemon: ByDaemon, cli: ByCommand, name: str
) -> None:
    daemon.begin_and_die("pass", "flushed")
    daemon.play(STORIES[name])
    cli.begin_and_die("pass", "flushed")
    cli.play(STORIES[name], EraseRequest(resume=True))
    (here,), (there,) = daemon.records(), cli.records()
    assert of_the_story(here) == of_the_story(there)
    if name != "erased":  # the end of an erased one is its worker's to say
        assert [msgspec.convert(i, Interruption).reason for i in there["interruptions"]] == [STATION_LOST]


def test_the_command_gives_a_drive_up_when_its_station_is_set_to(cli: ByCommand) -> None:
    began = time.monotonic()
    cli.play(STORIES["given up"])
    assert time.monotonic() - began >= GIVE_UP_S
    assert cli.records()[0]["reason"]["code"] == STALLED.code


def test_all_times_of_one_certificate_are_equally_fine() -> None:
    point: list[ResumePoint] = []
    run_job(MemoryDrive(MIB), "dod-5220.22-m", on_event=lambda e: point.extend(_points(e)))
    between = next(p for p in point if p.pass_number == 2)
    outcome, _ = run_job(MemoryDrive(MIB), "dod-5220.22-m", resume=between)
    assert not isinstance(outcome, Refused)
    work = outcome.work
    times = [at for one in work.passes for at in (one.started_at, one.finished_at)]
    times += [*(one.at for one in work.interruptions), *(one.at for one in work.resumed), utc_now()]
    assert len(times) > 4
    assert all(at is not None and re.fullmatch(r"[-0-9]{10}T[:0-9]{8}\.[0-9]{3}Z", at) for at in times), times


def _points(event: Progress | Checkpoint) -> list[ResumePoint]:
    return [event.point] if isinstance(event, Checkpoint) else []


def test_a_drive_without_a_name_is_refused_with_the_same_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = drive(None)
    here = decide(
        DriveArrived("A1", "stay-1", nobody),
        insertion="boot:stay-1",
        newest=None,
        elsewhere=None,
        others=[],
        mode="automatic",
        allow_unidentified=False,
    )
    monkeypatch.setattr(command, "look", lambda *_, **__: (Facts(path="/dev/x", kind="block", drive=None), ()))
    there = command.examine("/dev/x", NIST_CLEAR, state_dir=tmp_path)
    assert here == Block(NAMELESS)
    assert there.refusal == NAMELESS
