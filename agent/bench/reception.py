"""Drives come, are planned and counted down to, and leave: their side of the bay table. The engine's thread only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from agent.bench import arrival
from agent.bench.bay_table import BayTable
from agent.bench.books import Books, taken_up
from agent.bench.conversation import Terms
from agent.bench.events import DriveArrived, DriveCycled, DriveLeft, DriveUnreadable
from agent.bench.pending import PendingDesk
from agent.bench.workforce import Workforce
from agent.certificates import record
from agent.certificates.clock import utc_now
from agent.certificates.outcome import CANCELLED, PULLED_OUT, Aborted, Reason, Refused
from agent.jobs import job
from agent.jobs.bay import HELD, Asks, Bay, BayState, changed, emptied, move
from agent.jobs.job import Job, JobState
from agent.jobs.new_job import new_job
from agent.planning.plan import Plan, plan
from agent.settings import Settings


class Reception:
    """What stands in the bays, and what is to be done with it."""

    def __init__(
        self,
        settings: Settings,
        table: BayTable,
        books: Books,
        workforce: Workforce,
        pending: PendingDesk,
        *,
        terms: Callable[[], Terms],
        now: Callable[[], float],
        boot_id: str,
    ) -> None:
        """`terms`: who is signed in, for whom, and by which policy."""
        self.settings, self.table, self.books, self.workforce, self.now = settings, table, books, workforce, now
        self.pending, self._terms = pending, terms
        self.closed = False
        self._boot_id = boot_id
        self._standing: dict[str, DriveArrived | DriveUnreadable] = {}

    def use(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        self.settings = settings

    def arrived(self, event: DriveArrived | DriveUnreadable | DriveCycled) -> None:
        """Receive a drive that stands in a bay, is judged anew, or is back after its worker had its power off."""
        if isinstance(event, DriveCycled):
            self._back(event)
            return
        self._standing[event.bay] = event
        self.settle(event.bay)

    def left(self, event: DriveLeft) -> None:
        """Note that a bay is empty."""
        self._standing.pop(event.bay, None)
        self.pending.done_about("label", bay=event.bay)  # whoever took the drive has its label
        bay = self.table[event.bay]
        if bay.state in HELD:
            self.table.put(changed(bay, drive_present=False))
            if bay.busy and bay.state is not BayState.CYCLING:  # its power is off: its worker knows
                self.workforce.stop(bay.name, PULLED_OUT)
        elif bay.state is not BayState.EMPTY:
            self._vacate(bay)
        self.settle_all()

    def _back(self, event: DriveCycled) -> None:
        """It is the same stay, by another name."""
        bay = self.table[event.bay]
        if bay.job is None or bay.job.id != event.job or not bay.busy:
            return
        standing = self._standing.get(event.bay)
        if standing is not None:
            self._standing[event.bay] = replace(standing, token=event.token)
        insertion = f"{self._boot_id}:{event.token}"
        same = msgspec.structs.replace(bay.job, insertion=insertion)
        self.table.put(changed(bay, job=same, insertion=insertion, drive_present=True))
        self.books.keep(same)

    def settle(self, name: str) -> None:
        """Deal with what stands in a bay, as soon as nobody works on what stood there before. Idempotent."""
        bay, event = self.table[name], self._standing.get(name)
        if event is None or bay.state in HELD or self.closed:
            return
        insertion = f"{self._boot_id}:{event.token}"
        if bay.insertion == insertion and bay.state is not BayState.BLOCKED:
            return
        if bay.state is not BayState.EMPTY and bay.insertion != insertion:
            bay = self._vacate(bay)
        act = arrival.decide(
            event,
            insertion=insertion,
            newest=self.books.newest(event.drive) if isinstance(event, DriveArrived) else None,
            elsewhere=self._elsewhere(event),
            others=self.table.others(name),
            mode=self.settings.station.mode,
            allow_unidentified=self.settings.allow_unidentified,
        )
        if isinstance(act, arrival.Hold) or (isinstance(act, arrival.Block) and bay.reason == act.reason):
            return
        bay = self._vacate(bay) if bay.state is not BayState.EMPTY else bay
        drive = event.drive if isinstance(event, DriveArrived) else None
        if drive is not None:
            self.pending.done("put_back", drive.fingerprint)
        self._welcome(replace(bay, insertion=insertion, drive=drive, drive_present=True), act)

    def _elsewhere(self, event: DriveArrived | DriveUnreadable) -> Reason | None:
        """Why it is not touched here: another bay that works on this drive is not "elsewhere"."""
        if not isinstance(event, DriveArrived) or any(
            bay.busy and bay.drive is not None and bay.drive.fingerprint == event.drive.fingerprint
            for bay in self.table.bays.values()
        ):
            return None
        running = self.books.elsewhere(event.drive)
        return Reason(running.code, str(running), running.hint) if running is not None else None

    def _welcome(self, bay: Bay, act: arrival.Act) -> None:
        """`bay` is not in the table yet: if the ledger fails, the table stays, and the drive is settled later."""
        match act:
            case arrival.Block(reason):
                self.table.put(move(bay, BayState.BLOCKED, reason=reason))
            case arrival.Show(ended):
                self._show(bay, ended)
            case arrival.TakeUp(old):
                assert bay.drive is not None
                self._arm(bay, self.books.save(taken_up(old, bay=bay.name, insertion=bay.insertion, drive=bay.drive)))
            case arrival.GoOn(old):
                assert bay.drive is not None
                new = new_job(bay.drive, bay=bay.name, insertion=bay.insertion)
                same = {key: getattr(old, key) for key in ("plan", "asset", "operator", "customer", "disposition")}
                self._arm(bay, self.books.go_on(msgspec.structs.replace(new, **same), old))
            case arrival.AskAgain(stale):
                self._ask_again(bay, stale)
            case arrival.Begin(stale) | arrival.Wait(stale) if stale is not None:
                self.cancel_planned(stale)
                self._welcome(bay, replace(act, stale=None))
            case arrival.Begin() if not self._terms().complete:
                self.table.put(move(bay, BayState.WAITING))
            case arrival.Begin():
                self._assign(bay, None)
            case arrival.Wait():
                self.table.put(move(bay, BayState.WAITING))

    def _ask_again(self, bay: Bay, old: Job) -> None:
        """Plan anew what a person had planned before the power was cut. It begins when a person answers."""
        assert bay.drive is not None
        assert old.plan is not None
        self.cancel_planned(old)
        policy = self.settings.find_policy(old.plan.policy)
        power = self.table.effects.can_cycle(bay.name)
        planned = plan(self.books.as_ours(bay.drive), policy, power=power) if policy else None
        if not isinstance(planned, Plan):
            self.table.put(move(bay, BayState.WAITING))
            return
        new = new_job(bay.drive, bay=bay.name, insertion=bay.insertion)
        same = {key: getattr(old, key) for key in ("asset", "operator", "customer", "disposition")}
        job = self.books.open(msgspec.structs.replace(new, plan=planned, **same))
        self.table.put(move(bay, BayState.COUNTDOWN, job=job, due=None, asks=self._asks(job) or "confirm"))

    def _show(self, bay: Bay, ended: Job) -> None:
        self.table.put(move(bay, BayState.FINISHED, job=ended, outcome=ended.state.value, reason=ended.reason))

    def settle_all(self) -> None:
        """Settle every bay: a drive that waited for another bay may have its turn now."""
        for name in self.table.bays:
            self.table.guarded(self.settle, name)

    def _vacate(self, bay: Bay) -> Bay:
        """The bay without its drive. A job that never began is cancelled; one that was interrupted waits on."""
        if bay.state is BayState.COUNTDOWN and bay.job and bay.job.state is JobState.PLANNED and not bay.job.resumes:
            self.cancel_planned(bay.job)
        return self.table.put(emptied(bay))

    # From assignment to countdown

    def assign_scanned(self, bay: Bay, tag: str, given: record.Disposition | None = None) -> str:
        """Assign a scanned tag, and return what to say of it.

        A drive that goes on with an interrupted job keeps that job, and gets the tag.
        """
        if bay.drive is None or bay.state not in (BayState.COUNTDOWN, BayState.WAITING):
            return _NOT_READY.get(bay.state, "bay_is_busy")
        asset = self.books.asset(tag, bay.drive)
        if asset is None:
            return "too_many_drives"
        if bay.state is BayState.COUNTDOWN and bay.job:
            going_on = bay.job.state is JobState.INTERRUPTED or bay.job.resumes
            if going_on:
                who = self._terms().operator
                same = msgspec.structs.replace(
                    bay.job, asset=asset, operator=who or bay.job.operator, disposition=given or bay.job.disposition
                )
                self.table.put(changed(bay, job=self.books.save(same)))
                return "assigned"
            self.cancel_planned(bay.job)
            bay = self.table.put(move(bay, BayState.WAITING, job=None, due=None, asks=""))
        self._assign(bay, asset, given)
        return "assigned"

    def plan_again(self, bay: Bay) -> None:
        """Plan what has not begun anew, by what the scans have set since."""
        assert bay.job is not None
        asset, given = bay.job.asset, bay.job.disposition
        self.cancel_planned(bay.job)
        bay = self.table.put(move(bay, BayState.WAITING, job=None, due=None, asks=""))
        self._assign(bay, asset, given)

    def _assign(self, bay: Bay, asset: record.Asset | None, given: record.Disposition | None = None) -> None:
        """Plan the erasure of the drive that stands in this bay, and count down to it."""
        assert bay.drive is not None
        terms = self._terms()
        new = new_job(
            bay.drive,
            bay=bay.name,
            operator=terms.operator,
            customer=terms.customer,
            insertion=bay.insertion,
        )
        new = msgspec.structs.replace(new, asset=asset, disposition=given)
        policy = self.settings.policy_named(terms.policy)
        planned = plan(self.books.as_ours(bay.drive), policy, power=self.table.effects.can_cycle(bay.name))
        if isinstance(planned, Reason):
            self.workforce.conclude(replace(bay, job=self.books.open(new)), Refused(planned))
        else:
            standing = self._standing.get(bay.name)
            writers = standing.writers if isinstance(standing, DriveArrived) else None
            planned = msgspec.structs.replace(planned, writers=writers)
            self._arm(bay, self.books.open(msgspec.structs.replace(new, plan=planned)))

    def _arm(self, bay: Bay, planned: Job) -> None:
        asks = self._asks(planned)
        self.table.put(move(bay, BayState.COUNTDOWN, job=planned, due=self._due(asks), asks=asks))

    def answered(self, bay: Bay) -> None:
        """Move on where a person gave what the bay asked for: it asks for the next thing, or counts down."""
        assert bay.job is not None
        asks: Asks = "confirm" if bay.asks == "serial" and self._asks(bay.job, known=True) else ""
        self.table.put(changed(bay, asks=asks, due=self._due(asks)))

    def _asks(self, planned: Job, *, known: bool = False) -> Asks:
        """What the policy wants of a person before it begins. What began before, and goes on, is not asked for again.

        A policy that the configuration does not have any more asks for YES.
        """
        if planned.state is JobState.INTERRUPTED or planned.resumes or planned.plan is None:
            return ""
        found = self.settings.find_policy(planned.plan.policy)
        if found is not None and found.match_serial and not known:
            return "serial"
        return "confirm" if found is None or found.confirm else ""

    def _due(self, asks: Asks) -> float | None:
        return None if asks else self.now() + self.settings.station.countdown_s

    # Back

    def cancel(self, bay: Bay, by: str = "") -> str:
        """Stop what a bay counts down to or works at, and return what to say of it. `by`: who, for the certificate.

        Idempotent: a bay where nothing counts down or works stays as it is. A quarantined one is used again.
        """
        why = msgspec.structs.replace(CANCELLED, text=f"{by} cancelled it at the collector") if by else CANCELLED
        if bay.busy and bay.progress is not None and bay.progress.phase == "firmware":
            return "drive_erases_itself"
        if bay.busy:
            self.workforce.stop(bay.name, why)
        elif bay.state is BayState.COUNTDOWN and bay.job:
            if bay.job.state is JobState.PLANNED:
                self.table.put(move(bay, BayState.WAITING, job=None, due=None, asks=""))
                self.cancel_planned(bay.job)
            else:
                self.workforce.conclude(bay, Aborted(self.books.work_done(bay.job.id), why))
        elif bay.state is BayState.QUARANTINED:
            self.table.alarm(f"bay-{bay.name}", None)
            self.table.tell(self.table.effects.restore, bay)
            self.table.put(emptied(bay))
            self.settle(bay.name)
        else:
            return "nothing_to_cancel"
        return "cancelled"

    def cancel_and_say(self, bay: Bay, by: str = "") -> str:
        """Cancel, and tell the technician what came of it."""
        said = self.cancel(bay, by)
        self.table.report(said, bay=bay.name)
        return said

    def cancel_planned(self, planned: Job) -> None:
        """Cancel a job that never began: it ends without a certificate, for nothing was done."""
        self.books.keep(job.advance(planned, JobState.CANCELLED, finished_at=utc_now()))


_NOT_READY: Mapping[BayState, str] = {BayState.EMPTY: "bay_is_empty", BayState.FINISHED: "bay_is_done"}
