"""The real engine, registrar and ledger, with effects and a clock that the test controls. No threads, no devices."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.bench.books import Books
from agent.bench.engine import Engine
from agent.bench.events import CancelRequested, DriveArrived, DriveLeft, DriveUnreadable, Scanned, Worked, WorkEnded
from agent.bench.inbox import Inbox
from agent.certificates.certificate import Certificate, read_unverified
from agent.certificates.outcome import Failed, Outcome, Reason, Work, conclude
from agent.certificates.record import Disposition, PassRecord, Verification
from agent.erase import Checkpoint, EraseSpec, PatternSpan, Progress, ResumePoint
from agent.erase.signals import Stop
from agent.jobs.bay import Bay
from agent.jobs.job import Job
from agent.jobs.registrar import Registrar
from agent.messages import Alarm, CommandStatus, ReportedConfig
from agent.phrases import Spoken
from agent.settings import Settings, parse
from drivers.drives.drive import Drive

NOW = "2026-11-22T20:00:00.000Z"
CAPACITY = 1 << 20
NOTHING_DONE = Work()
SICK = Reason("BW-E02", "Parts of the drive could not be written or read", "Destroy it.")


def settings(*bays: str, **station: Any) -> Settings:  # noqa: ANN401 - fields of the station
    """A station with these bays (A1 to A3 unless they are named)."""
    return parse(
        {
            "station": {"id": "bench-01", "countdown_s": 10, "mode": "automatic", **station},
            "bay": [{"name": name, "port": f"port-{name}"} for name in bays or ("A1", "A2", "A3")],
            "operator": [
                {"badge": "BADGE-7", "id": "ida", "name": "Ida"},
                {"badge": "BADGE-8", "id": "bo", "name": "Bo", "language": "en"},
            ],
            "destination": [{"code": "DEST-SHOP", "name": "Web shop"}],
            "customer": [{"name": "Kolding", "policy": "thorough"}],
            "lot": [
                {"code": "LOT-1", "customer": "Kolding"},
                {"code": "LOT-2", "customer": "Kolding", "policy": "quick", "reference": "4711"},
                {"code": "LOT-3", "customer": "Kolding", "policy": "asking"},
                {"code": "LOT-4", "customer": "Kolding", "policy": "nist-clear"},
            ],
            "policy": [
                {"name": "thorough", "method": "dod-5220.22-m"},
                {"name": "quick", "method": "zero", "verify": {"kind": "sample"}},
                {"name": "accepting", "hidden_area": "accept"},
                {"name": "asking", "method": "zero", "confirm": True, "match_serial": True},
            ],
        },
        where="test",
    )


def drive(serial: str | None = "S1", **facts: Any) -> Drive:  # noqa: ANN401 - fields of Drive
    """A drive that says who it is."""
    return Drive(
        **{"device": f"/dev/{serial}", "model": "Wheel", "serial": serial, "capacity_bytes": CAPACITY, **facts}
    )


def erased(passes: int = 1) -> Outcome:
    """The one way to an Erased: work that proves it."""
    done = tuple(
        PassRecord(number=n, pattern="00", bytes=CAPACITY, started_at=NOW, finished_at=NOW)
        for n in range(1, passes + 1)
    )
    read = Verification(kind="full", result="passed", bytes=CAPACITY, blake3="ab" * 32, expected_blake3="ab" * 32)
    return conclude(Work(passes=done, verification=read), capacity_bytes=CAPACITY, passes_planned=passes)


def failed(work: Work = NOTHING_DONE) -> Failed:
    """A drive that goes to destruction."""
    return Failed(work, SICK)


@dataclass
class Worker:
    """A worker that the test plays."""

    bay: str
    job: Job
    spec: EraseSpec
    stop: Stop
    live: bool = True


class FakeEffects:
    """Remembers every wish. `broken` makes showing things fail, as a defect of the uplink would."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self.shown: dict[str, list[Bay]] = {}
        self.told: list[Bay] = []
        self.said: list[str] = []
        self.spoken: list[tuple[Spoken, Spoken | None]] = []
        self.reported: list[Spoken] = []
        self.language = ""
        self.alarms: dict[str, Alarm] = {}
        self.certificates: list[Certificate] = []
        self.labels: list[tuple[str, int]] = []
        self.grades: list[str] = []
        self.whole: list[bool] = []
        self.power: list[tuple[str, bool]] = []
        self.beats = 0
        self.rests = 0
        self.ahead: PatternSpan | None = None
        self.answers: list[tuple[str, CommandStatus]] = []
        self.broken = False
        self.no_threads = False
        self.reports: list[ReportedConfig] = []
        self.dock = False

    def work(self, bay: Bay, started: Job, spec: EraseSpec, stop: Stop) -> None:
        """A worker begins."""
        if self.no_threads:
            raise RuntimeError("can't start new thread")
        self.workers.append(Worker(bay.name, started, spec, stop))

    def bay_changed(self, bay: Bay) -> None:
        """Shown."""
        self.shown.setdefault(bay.name, []).append(bay)
        self._break()

    def progressed(self, bay: Bay) -> None:
        """Shown."""
        self.told.append(bay)
        self._break()

    def say(self, key: str, values: Mapping[str, str], then: Spoken | None = None) -> None:
        """Said."""
        self.said.append(key)
        self.spoken.append(((key, values), then))
        self._break()

    def report(self, key: str, values: Mapping[str, str]) -> None:
        """Said beside it."""
        self.said.append(key)
        self.reported.append((key, values))
        self._break()

    def speak(self, language: str) -> None:
        """In this language."""
        self.language = language

    def certified(self, ended: Job | None, certificate: Certificate, *, whole: bool = True) -> None:
        """Printed."""
        self.certificates.append(certificate)
        self.print_label(certificate, 0, whole=whole)

    def print_label(
        self,
        certificate: Certificate,
        copy: int,
        given: Disposition | None = None,
        bay: str = "",
        *,
        whole: bool = True,
    ) -> None:
        """Sent to the printers."""
        self.whole.append(whole)
        self.grades.append(given.grade if given else "")
        self.labels.append((certificate.record.number, copy))
        self._break()

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raised or cleared."""
        if alarm is None:
            self.alarms.pop(name, None)
        else:
            self.alarms[name] = alarm
        self._break()

    def config_report(self, report: ReportedConfig) -> None:
        self.reports.append(report)

    def command_status(self, kind: str, command: str, status: CommandStatus) -> None:
        """Answered."""
        self.answers.append((command, status))

    def can_cycle(self, bay: str) -> bool:
        """Whether the bay hangs on a dock with power."""
        return self.dock

    def abandon(self, bay: Bay) -> None:
        """Power off."""
        self.power.append((bay.name, False))

    def restore(self, bay: Bay) -> None:
        """Power on."""
        self.power.append((bay.name, True))

    def hash_ahead(self, place: PatternSpan | None) -> None:
        """Asked for, or told to rest."""
        self.ahead = place

    def rest(self) -> None:
        """Told that nothing has happened for a while."""
        self.rests += 1

    def beat(self) -> None:
        """Alive."""
        self.beats += 1

    def _break(self) -> None:
        if self.broken:
            raise ConnectionError("the broker is gone, and the uplink has a defect")


class Rig:
    """An engine on a state folder. `restart` is a crash: nothing of the old engine is used again."""

    def __init__(self, state_dir: Path, made: Settings | None = None) -> None:
        self.state_dir, self.settings = state_dir, made or settings()
        self.controllers: dict[str, Ed25519PublicKey] = {}
        self.clock = 1000.0
        self.tokens = 0
        self._start()

    def _start(self) -> None:
        self.registrar = Registrar(self.settings, self.state_dir)
        self.ledger = self.registrar.ledger
        self.effects = FakeEffects()
        self.engine = Engine(
            self.settings,
            functools.partial(Books, self.registrar),
            self.effects,
            Inbox(),
            controllers=self.controllers,
            now=lambda: self.clock,
        )
        self.engine.recover()

    def restart(self) -> None:
        """SIGKILL, and the next start."""
        self.registrar.close()
        self._start()

    # The bench

    def arrive(self, bay: str, who: Drive | None = None, *, token: str = "", refusals: tuple[Reason, ...] = ()) -> str:
        """A drive goes into a bay; returns the token of this stay."""
        self.tokens += 1
        token = token or f"stay-{self.tokens}"
        self.engine.handle(DriveArrived(bay, token, who or drive(), refusals))
        self.engine.tick()
        return token

    def arrive_unreadable(self, bay: str, reason: Reason) -> None:
        """Something goes into a bay that does not say who it is."""
        self.tokens += 1
        self.engine.handle(DriveUnreadable(bay, f"stay-{self.tokens}", reason))

    def leave(self, bay: str) -> None:
        """The drive is pulled out."""
        self.engine.handle(DriveLeft(bay))
        self.engine.tick()

    def scan(self, *codes: str) -> str:
        """Scans; returns what was said last."""
        for code in codes:
            self.engine.handle(Scanned(code))
            self.engine.tick()
        return self.effects.said[-1]

    def cancel(self, bay: str) -> None:
        """`benchwipe cancel`."""
        self.engine.handle(CancelRequested(bay, "test"))

    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.clock += seconds
        self.engine.tick()

    def sign_in(self, lot: str = "LOT-4") -> None:
        """Ida, and a delivery that asks for nothing: in scan mode nothing is erased before."""
        self.scan("BADGE-7", lot)

    # The workers

    def worker(self, bay: str) -> Worker:
        """The live worker of a bay."""
        return next(w for w in reversed(self.effects.workers) if w.bay == bay and w.live)

    def working(self, bay: str) -> bool:
        """Whether a worker holds the drive there."""
        return any(w.bay == bay and w.live for w in self.effects.workers)

    def progress(self, bay: str, phase: Any = "pass", done: int = 0, paused_s: float | None = None) -> None:  # noqa: ANN401 - a Phase
        """A worker tells how far it is; one that `paused_s` long waits to cool is at 64 C."""
        at = Progress(
            job=self.worker(bay).job.id,
            phase=phase,
            pass_number=1,
            passes=1,
            bytes_done=done,
            bytes_total=CAPACITY,
            mb_per_s=1.0,
            celsius=64.0 if paused_s is not None else None,
            paused_s=paused_s,
        )
        self.engine.handle(Worked(bay, self.worker(bay).job.id, at))

    def checkpoint(self, bay: str, offset: int) -> None:
        """A worker's flush was acknowledged."""
        name = self.worker(bay).job.id
        self.engine.handle(Worked(bay, name, Checkpoint(job=name, point=ResumePoint(pass_number=1, offset=offset))))

    def end(self, bay: str, outcome: Outcome) -> None:
        """A worker lets go."""
        worker = self.worker(bay)
        worker.live = False
        self.engine.handle(WorkEnded(bay, worker.job.id, outcome))
        self.engine.tick()

    def erase(self, bay: str, outcome: Outcome | None = None) -> Certificate:
        """From the countdown to the certificate."""
        self.wait(10.1)
        self.end(bay, outcome or erased())
        return self.effects.certificates[-1]

    # What there is

    def state(self, bay: str) -> str:
        """A bay's state."""
        return self.engine.bays[bay].state.value

    def job_of(self, bay: str) -> Job:
        """A bay's job, as the ledger has it."""
        held = self.engine.bays[bay].job
        assert held is not None
        found = self.ledger.job(held.id)
        assert found is not None
        return found

    def certificates(self) -> list[Certificate]:
        """All certificate files, in the order of the chain."""
        found = [read_unverified(path.read_bytes()) for path in self.ledger.certificates_dir.glob("*.jws")]
        return sorted(found, key=lambda c: c.record.sequence)

    def age_keys(self, *, days: int) -> None:
        """So many days go by for keys and checkpoints."""
        with sqlite3.connect(self.ledger.path) as db:
            for table in ("job_key", "checkpoint"):
                db.execute(f"UPDATE {table} SET made = made - ?", (days * 86400,))
        db.close()

    def break_ledger(self, *tables: str) -> None:
        """From now on nothing can be written to these tables: a full disk."""
        with sqlite3.connect(self.ledger.path) as db:
            for table in tables or ("job", "checkpoint", "certificate"):
                for what in ("INSERT", "UPDATE"):
                    db.execute(
                        f"CREATE TRIGGER IF NOT EXISTS full_{table}_{what} BEFORE {what} ON {table} "
                        "BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
                    )
        db.close()

    def mend_ledger(self) -> None:
        """There is room again."""
        with sqlite3.connect(self.ledger.path) as db:
            names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
            for name in names:
                db.execute(f"DROP TRIGGER {name}")
        db.close()

    def close(self) -> None:
        """Let go of the ledger."""
        self.registrar.close()
