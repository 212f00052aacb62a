"""Random days at the bench: whatever comes in whatever order, the wrong drive is never erased and nothing is lost.

The real engine, registrar and ledger; the test plays the drives, the people, the workers, the disk and the power cuts.
The profile is fixed, so that a run repeats itself; HYPOTHESIS_EXAMPLES=2000 looks further, elsewhere each time.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.certificates.certificate import Certificate, read_unverified
from agent.certificates.outcome import PULLED_OUT, STALLED, Aborted, Outcome, Refused
from agent.erase.worker import ANOTHER_DRIVE
from agent.jobs.bay import BayState
from agent.jobs.job import ENDED, Job, JobState
from tests.agent.engine_rig import Rig, Worker, drive, erased, failed
from tests.agent.engine_rig import settings as bench

FAST = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
BAYS = ("A1", "A2", "A3")
# Two drives that cannot be told apart, as some USB bridges make them, beside two honest ones.
DRIVES = {"one": drive("S1"), "two": drive("S2"), "twin": drive("TWIN"), "other-twin": drive("TWIN")}
WORDS = ("YES", "NO", "UNDO", "START", "CANCEL", "REPRINT", "GRADE-A", "GRADE-B", "DEST-SHOP", "S1", "S2", "TWIN")
LOTS = ("BADGE-7", "LOT-1", "LOT-2", "LOT-3")
CODES = (*LOTS, "KK-0001", "KK-0002", "BAY-A1", "BAY-A2", "BAY-A3", "nonsense", *WORDS)
AGREE: dict[BayState, set[JobState | None]] = {
    BayState.EMPTY: {None},
    BayState.WAITING: {None},
    BayState.BLOCKED: {None},
    BayState.COUNTDOWN: {JobState.PLANNED, JobState.INTERRUPTED},
    BayState.ERASING: {JobState.ERASING},
    BayState.VERIFYING: {JobState.VERIFYING},
    BayState.STALLED: {JobState.STALLED},
    BayState.CERTIFYING: {*JobState} - ENDED,
    BayState.FINISHED: {state for state in ENDED if state is not JobState.CANCELLED},
    BayState.QUARANTINED: {JobState.FAILED},
}

bays = st.sampled_from(BAYS)


class Day(RuleBasedStateMachine):
    """`standing`: what really stands in each bay. `ends`: how each job's worker said that it ended."""

    def __init__(self) -> None:
        super().__init__()
        logging.getLogger("benchwipe").setLevel(logging.CRITICAL + 1)  # a broken uplink logs a traceback each time
        self.folder = Path(tempfile.mkdtemp(prefix="benchwipe-day-", dir=FAST))
        self.mode = "scan"
        self.standing: dict[str, tuple[str, str]] = {}
        self.ends: dict[str, set[str]] = {}
        self.seen: dict[str, Certificate] = {}
        self.delivered: set[str] = set()
        self.checked_workers = 0
        self.rig = Rig(self.folder / "state", bench(mode="scan"))
        self.given: dict[str, str] = {}

    # Drives

    @rule(bay=bays, name=st.sampled_from(sorted(DRIVES)))
    def put_in(self, bay: str, name: str) -> None:
        """Into an empty bay, or in the place of another within one look; a drive is in one place at a time."""
        if any(name == who for who, _ in self.standing.values()):
            return
        if bay in self.standing:
            self.take_out(bay)
        self.standing[bay] = (name, self.rig.arrive(bay, DRIVES[name]))

    @rule(bay=bays)
    def take_out(self, bay: str) -> None:
        """In the middle of whatever happens."""
        if self.standing.pop(bay, None):
            self.rig.leave(bay)

    @rule(bay=bays, to=bays)
    def move_over(self, bay: str, to: str) -> None:
        """The other bay's look is quicker: it arrives there before it has left here."""
        if bay in self.standing and to not in self.standing:
            name, _ = self.standing[bay]
            self.standing[to] = (name, self.rig.arrive(to, DRIVES[name]))
            self.take_out(bay)

    # People and time

    @rule(code=st.sampled_from(CODES))
    def scan(self, code: str) -> None:
        """Anything, at any time; twice, now and then, as scanners do."""
        self.hear(code)

    @rule(code=st.sampled_from(CODES))
    def scan_twice(self, code: str) -> None:
        """A scanner that was held too long."""
        self.hear(code, code)

    @rule(bay=bays, tag=st.sampled_from(("KK-0001", "KK-0002")))
    def assign(self, bay: str, tag: str) -> None:
        """As it is meant to be done; what the bay asks is answered now and then."""
        self.hear("UNDO", tag, f"BAY-{bay}")

    @rule(bay=bays)
    def answer(self, bay: str) -> None:
        """The right label, and YES."""
        if bay in self.standing:
            self.hear("UNDO", f"BAY-{bay}", str(DRIVES[self.standing[bay][0]].serial), "YES")

    def hear(self, *codes: str) -> None:
        """Scans, and what each drive's job was answered: its own label, YES. Both bind to the job that was asked."""
        for code in codes:
            before = dict(self.rig.engine.bays)
            self.rig.scan(code)
            for name, bay in self.rig.engine.bays.items():
                was = before[name].job
                if bay.job and was and bay.job.id == was.id and bay.asks != before[name].asks:
                    self.given[bay.job.id] = self.given.get(bay.job.id, "") + f"{before[name].asks}={code} "

    @rule(bay=bays)
    def cancel(self, bay: str) -> None:
        """From the command line."""
        self.rig.cancel(bay)

    @rule(seconds=st.sampled_from((0.3, 5.1, 11.0, 61.0, 130.0)))
    def wait(self, seconds: float) -> None:
        """Time goes by, and the engine looks at its clock."""
        self.rig.wait(seconds)

    # Workers

    @precondition(lambda self: self.workers())
    @rule(data=st.data(), phase=st.sampled_from(("pass", "retry", "verify", "paused", "stalled")))
    def progress(self, data: st.DataObject, phase: str) -> None:
        """Any phase at any time."""
        self.rig.progress(data.draw(st.sampled_from(self.workers())).bay, phase)

    @precondition(lambda self: self.workers())
    @rule(data=st.data(), offset=st.integers(0, 2048).map(lambda n: n * 512))
    def checkpoint(self, data: st.DataObject, offset: int) -> None:
        """Flushed so far."""
        self.rig.checkpoint(data.draw(st.sampled_from(self.workers())).bay, offset)

    @precondition(lambda self: self.workers())
    @rule(data=st.data(), how=st.sampled_from(("erased", "failed", "stopped", "refused")))
    def end(self, data: st.DataObject, how: str) -> None:
        """A worker that was asked to stop stops, or had finished just then; only erasing an identified drive erases."""
        worker = data.draw(st.sampled_from(self.workers()))
        asked = worker.stop.requested
        outcome: Outcome
        there = self.standing.get(worker.bay)
        if how == "stopped" or (asked and how == "refused"):
            outcome = Aborted(erased().work, asked or PULLED_OUT)  # type: ignore[union-attr]  # an Erased has work
        elif how == "refused" and worker.job.state is JobState.ERASING and not worker.spec.resume:
            held = self.rig.engine.bays[worker.bay].state
            outcome = Refused(ANOTHER_DRIVE) if held in (BayState.ERASING, BayState.STALLED) else failed()
        elif how == "erased" and there is not None:
            outcome = erased()
        else:
            outcome = failed()
        self.ends.setdefault(worker.job.id, set()).add(type(outcome).__name__.lower())
        self.rig.end(worker.bay, outcome)

    @rule()
    def a_worker_that_was_given_up_comes_back(self) -> None:
        """With a success that nobody may use."""
        from agent.bench.events import WorkEnded

        for worker in self.rig.effects.workers:
            if worker.live and worker.stop.requested == STALLED and not self.rig.engine.bays[worker.bay].busy:
                worker.live = False
                self.rig.engine.handle(WorkEnded(worker.bay, worker.job.id, erased()))

    # The machine

    @rule()
    def crash(self) -> None:
        """SIGKILL in the same boot: the watcher sees every drive in the stay that it was in."""
        self.rig.restart()
        self._sees_all()

    @rule()
    def power_cut(self) -> None:
        """After a boot nobody knows whether a drive was out meanwhile."""
        self.rig.restart()
        for bay, (name, _) in list(self.standing.items()):
            self.standing[bay] = (name, self.rig.arrive(bay, DRIVES[name]))

    @rule()
    def stop_and_start(self) -> None:
        """SIGTERM: workers let go, or do not in time."""
        self.rig.engine.stop("SIGTERM")
        for worker in self.workers()[:2]:
            reason = worker.stop.requested
            assert reason is not None
            self.rig.end(worker.bay, Aborted(erased().work, reason))  # type: ignore[union-attr]
            self.ends.setdefault(worker.job.id, set()).add("aborted")
        self.rig.engine._workforce.leave_behind()
        assert not any(bay.busy for bay in self.rig.engine.bays.values())
        self.rig.restart()
        self._sees_all()

    @rule(tables=st.sampled_from((("job",), ("certificate",), ("checkpoint", "job", "certificate"))))
    def the_disk_is_full(self, tables: tuple[str, ...]) -> None:
        """Parts of the ledger cannot be written."""
        self.rig.break_ledger(*tables)

    @rule()
    def there_is_room_again(self) -> None:
        """And the engine tries again."""
        self.rig.mend_ledger()
        self.rig.wait(5.1)

    @rule(broken=st.booleans())
    def the_uplink_breaks(self, broken: bool) -> None:
        """Whatever shows things raises."""
        self.rig.effects.broken = broken

    @rule(count=st.integers(1, 3))
    def the_collector_answers(self, count: int) -> None:
        """Receipts for the oldest; until then the broker is lost."""
        self.rig.mend_ledger()
        for row in self.rig.ledger.outbox.waiting(count):
            self.rig.ledger.outbox.delivered(row.id)
            self.delivered.add(row.id)

    # What must hold after every step

    @invariant()
    def only_an_identified_planned_drive_in_its_bay_is_worked_on(self) -> None:
        for worker in self.rig.effects.workers[self.checked_workers :]:
            if worker.live:
                here = self.standing.get(worker.bay)
                assert here is not None, "a worker on an empty bay"
                assert DRIVES[here[0]].fingerprint == worker.job.drive.fingerprint
                assert worker.job.drive.identified
                written = self.rig.ledger.job(worker.job.id)
                assert written is not None, "a worker on a job that nobody wrote down"
                assert written.state in (JobState.ERASING, JobState.VERIFYING, JobState.STALLED, JobState.INTERRUPTED)
        self.checked_workers = len(self.rig.effects.workers)

    @invariant()
    def what_the_policy_asks_was_answered_before_a_worker_began(self) -> None:
        for worker in self.rig.effects.workers:
            plan = worker.job.plan
            if plan is None or plan.policy != "asking" or worker.job.resumes or worker.spec.interruption:
                continue
            answers = self.given.get(worker.job.id, "").split()
            assert any(f"serial={worker.job.drive.serial}" == answer for answer in answers), answers
            assert {"confirm=YES", "confirm=START"} & set(answers), answers

    @invariant()
    def a_bay_that_asks_never_counts_down(self) -> None:
        for bay in self.rig.engine.bays.values():
            assert not (bay.asks and bay.due is not None)
            assert not bay.asks or bay.state in (BayState.COUNTDOWN, BayState.FINISHED)

    @invariant()
    def one_worker_for_a_bay_and_for_a_drive(self) -> None:
        working = self.workers()
        assert len({w.bay for w in working}) == len(working)
        assert len({w.job.drive.fingerprint for w in working}) == len(working)
        for name, bay in self.rig.engine.bays.items():
            assert bay.busy == any(w.bay == name for w in working)

    @invariant()
    def bays_and_jobs_agree(self) -> None:
        for bay in self.rig.engine.bays.values():
            assert (bay.job.state if bay.job else None) in AGREE[bay.state], bay
            if bay.state not in (BayState.EMPTY, BayState.CERTIFYING, BayState.QUARANTINED) and not bay.busy:
                assert bay.drive_present
                assert bay.name in self.standing

    @invariant()
    def one_unfinished_job_for_a_drive(self) -> None:
        prints = [job.drive.fingerprint for job in self.rig.ledger.unfinished()]
        assert len(set(prints)) == len(prints)

    @invariant()
    def no_certificate_is_lost_or_doubled_or_false(self) -> None:
        ledger, files = self.rig.ledger, self._read_new_certificates()
        assert files == self.seen.keys() == ledger.chain.certificate_ids()
        assert {row.id for row in ledger.outbox.waiting(10_000) if row.kind == "cert"} == files - self.delivered
        chain = sorted(self.seen.values(), key=lambda c: c.record.sequence)
        assert [c.record.sequence for c in chain] == list(range(1, len(chain) + 1))
        assert [c.record.previous for c in chain] == [None, *(c.id for c in chain)][: len(chain)]
        assert len({c.record.job for c in chain}) == len(chain), "two certificates for one job"
        for certificate in chain:
            self._tells_the_truth(certificate, ledger.job(certificate.record.job))

    def _tells_the_truth(self, certificate: Certificate, job: Job | None) -> None:
        assert job is not None
        assert (job.state.value, job.certificate_id) == (certificate.record.outcome, certificate.id)
        if certificate.record.disposition:
            assert job.disposition is not None
            assert certificate.record.disposition.grade in ("", "A", "B")
        if certificate.record.outcome == "erased":
            assert "erased" in self.ends[job.id], "erased without evidence"

    @invariant()
    def every_end_has_a_certificate_or_waits_for_one(self) -> None:
        self._read_new_certificates()
        certified = {c.record.job for c in self.seen.values()}
        open_jobs = {job.id for job in self.rig.ledger.unfinished()}
        assert self.ends.keys() <= certified | open_jobs

    def teardown(self) -> None:
        """In the end everything can be written down, and the alarms of the ledger are over."""
        logging.getLogger("benchwipe").setLevel(logging.NOTSET)
        self.rig.mend_ledger()
        self.rig.effects.broken = False
        for worker in self.workers():
            self.ends.setdefault(worker.job.id, set()).add("failed")
            self.rig.end(worker.bay, failed())
        self.rig.wait(5.1)
        self.no_certificate_is_lost_or_doubled_or_false()
        assert not any(bay.state is BayState.CERTIFYING for bay in self.rig.engine.bays.values())
        assert "certificate" not in self.rig.effects.alarms
        assert "engine" not in self.rig.effects.alarms, self.rig.effects.alarms["engine"]
        self.rig.close()
        shutil.rmtree(self.folder)

    # Helpers

    def workers(self) -> list[Worker]:
        """Workers that the engine has not given up."""
        return [w for w in self.rig.effects.workers if w.live and w.stop.requested != STALLED]

    def _read_new_certificates(self) -> set[str]:
        folder = self.rig.ledger.certificates_dir
        files = {path.stem for path in folder.glob("*.jws")}
        for new in files - self.seen.keys():
            self.seen[new] = read_unverified((folder / f"{new}.jws").read_bytes())
        return files

    def _sees_all(self) -> None:
        for bay, (name, token) in self.standing.items():
            self.rig.arrive(bay, DRIVES[name], token=token)


class AutomaticDay(Day):
    """The same in automatic mode."""

    def __init__(self) -> None:
        super().__init__()
        self.rig.close()
        self.rig = Rig(self.folder / "automatic", bench(mode="automatic"))


FIXED = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "20")),
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestDay = Day.TestCase
TestDay.settings = FIXED
TestAutomaticDay = AutomaticDay.TestCase
TestAutomaticDay.settings = FIXED
