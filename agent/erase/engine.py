"""One job from its first pass to its outcome: every pass, every checkpoint, the read-back, and what may be claimed."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from agent.certificates.clock import utc_now
from agent.certificates.outcome import Aborted, Failed, Outcome, Refused, Work, conclude, no_capacity, written_by_others
from agent.certificates.record import Interruption, PassRecord, Sample, Verification
from agent.erase.beginning import Beginning
from agent.erase.buffers import Layout
from agent.erase.expected_hash import MeantHash, StreamHash, begin_hash, end_hash
from agent.erase.heat_watch import Thermometer
from agent.erase.methods import METHODS, pattern_name
from agent.erase.monitor import Emit, Halt, Monitor
from agent.erase.overwrite import Overwrite
from agent.erase.pattern import Fill, fill_for
from agent.erase.presence import gone, look_for
from agent.erase.ranges import Span, bound, unreached
from agent.erase.readback import Asked, Grid, ReadBack
from agent.erase.salvage import Bad
from agent.erase.sample import SamplePlan
from agent.erase.signals import Stop
from agent.erase.spec import Area, EraseSpec, Limits, ResumePoint
from agent.erase.streams import STREAMS, fastest, rates
from agent.erase.time_left import read_back
from drivers.drives.base import OpenDrive
from drivers.drives.drive import Drive, Writes

log = logging.getLogger("benchwipe.erase")

MOST_ASIDE = 256  # ranges in one checkpoint: it is one row of the ledger, and written every half minute


def erase(
    drive: OpenDrive,
    spec: EraseSpec,
    emit: Emit,
    stop: Stop,
    *,
    celsius: Thermometer | None = None,
    heat_limits: Callable[[], Limits] | None = None,
) -> Outcome:
    """Overwrite the drive by the method, read it back, and say what that proves.

    Blocks until the end; emits from the calling thread only. Whatever the drive does is an outcome. ValueError only
    for a `spec.resume` that does not fit the drive and the method. While a request hangs in the kernel this does not
    return (it emits "stalled"): nobody may close the descriptor under a request.
    `celsius` is asked every ten seconds, in a thread of its own; `heat_limits` are those of the spec, if not given.
    """
    if reason := no_capacity(drive.drive):
        return Refused(reason)
    resume = _fitting(spec, drive.drive)
    with Monitor(
        drive,
        job=spec.job,
        passes=len(METHODS[spec.method].passes),
        limits=spec.limits,
        emit=emit,
        stop=stop,
        celsius=celsius,
        heat_limits=heat_limits,
        errors=resume.errors,
        seconds=resume.seconds,
        reads_back=read_back(spec.verify),
    ) as monitor:
        job = _Job(monitor, spec, resume)
        try:
            return job.run()
        finally:
            job.close()


def _fitting(spec: EraseSpec, drive: Drive) -> ResumePoint:
    """The point to start from. ValueError where it cannot be one of this job."""
    point = spec.resume
    if point is None:
        return ResumePoint(pass_number=1, offset=0, stream=spec.stream)
    passes = METHODS[spec.method].passes
    expected = tuple(pattern_name(p) for p in passes[: point.pass_number - 1])
    fits = (
        1 <= point.pass_number <= len(passes) + 1
        and 0 <= point.offset <= drive.capacity_bytes
        and point.offset % drive.logical_block_bytes == 0
        and tuple(p.pattern for p in point.completed) == expected
        and (point.stream in STREAMS or None not in passes)
    )
    if not fits:
        raise ValueError(f"job {spec.job} cannot go on from pass {point.pass_number}, offset {point.offset}")
    return point


class _Job:
    """The mutable middle of one erase."""

    def __init__(self, monitor: Monitor, spec: EraseSpec, resume: ResumePoint) -> None:
        self.monitor, self.spec, self.drive = monitor, spec, monitor.drive
        self.capacity = self.drive.drive.capacity_bytes
        self.passes = METHODS[spec.method].passes
        self.layout = Layout.plan(spec.drives_at_once)
        self.stream = resume.stream or spec.stream or (fastest() if None in self.passes else "")
        if self.stream:
            log.info("job %s: random passes by %s, measured %s", spec.job, self.stream, _figures())
        self.verification = Verification(kind=spec.verify.kind, result="not-run")
        self.meant: MeantHash | None = None
        self.writes: Writes | None = None
        self.untried: list[Span] = []
        self.resume = resume
        self.start = Beginning(monitor, spec, resume, (*resume.interruptions, *self._interruption()))
        self._go_on_from(self.start.point)

    def _go_on_from(self, point: ResumePoint) -> None:
        self.resume = point
        self.done = list(point.completed)
        self.bad: list[Bad] = [(u.offset, u.bytes, u.reason) for u in point.unreached]

    def close(self) -> None:
        """Let go of what other jobs may share."""
        if self.meant is not None:
            end_hash(self.meant)

    def run(self) -> Outcome:
        """Passes, then the read-back; ends early where the monitor halts. No drive is blamed that is gone."""
        outcome = self._erased()
        if isinstance(outcome, Failed):
            # Where no request failed, the drive was there to its last answer; it may have been another by then.
            self.monitor.run(partial(look_for, self.monitor) if self.monitor.errors else self.monitor.check_identity)
            if self.monitor.halt is not None and gone(self.monitor):
                return self._halted(self.monitor.halt)
        return outcome

    def _erased(self) -> Outcome:
        self.monitor.run(self.drive.count_writes)
        self._begin()
        if self.monitor.halt is not None:
            return self._halted(self.monitor.halt)
        if self.start.lacking is not None:
            self.monitor.run(self._read_count)
            work = self._work()
            return Failed(work, written_by_others(work) or self.start.lacking)
        for number in range(self.resume.pass_number, len(self.passes) + 1):
            self._overwrite(number)
            if self.monitor.halt is not None:
                return self._halted(self.monitor.halt)
        if self.start.marker.withheld and self.spec.verify.kind != "full":
            self._cover_withheld()
        if self.spec.verify.kind != "none":
            self._verify()
        if self.monitor.halt is not None:
            return self._halted(self.monitor.halt)
        self.monitor.run(self._read_count)
        planned, before = len(self.passes), self._written_before()
        return conclude(self._work(), capacity_bytes=self.capacity, passes_planned=planned, written_before=before)

    def _written_before(self) -> int:
        """How much of the drive an earlier run gave its last pass."""
        if self.resume.pass_number > len(self.passes):
            return self.capacity
        return self.resume.offset if self.resume.pass_number == len(self.passes) else 0

    def _begin(self) -> None:
        first = self.start.run(lambda: [self._fill(n) for n, p in enumerate(self.passes, 1) if p is None])
        self._go_on_from(self.start.point)
        if first:
            self.monitor.reached(self._point(1, 0, (), None))
            self.monitor.emit_points()
        elif self.resume.pass_number > len(self.passes):  # what still holds the marker of the last pass
            self.start.marker.withheld = self.start.marker.slots

    # --- passes -------------------------------------------------------------------------------------------

    def _overwrite(self, number: int) -> None:
        resumed = self.resume if number == self.resume.pass_number else ResumePoint(pass_number=number, offset=0)
        started = resumed.pass_started_at or utc_now()
        fill = self._fill(number)
        tail = self.start.marker.all if self.passes[number - 1] is not None else ()
        end = tail[0][0] if tail else self.capacity
        sweep = Overwrite(
            self.monitor,
            fill,
            self.layout,
            number=number,
            offset=min(resumed.offset, end),
            aside=[(a.offset, a.bytes) for a in resumed.aside if not a.flush_each],
            flush_each=[(a.offset, a.bytes) for a in resumed.aside if a.flush_each],
            avoid=[(offset, length) for offset, length, _ in self.bad],
            reached=partial(self._reached, number, started),
            hashed=self._hashed_by_writers(fill, number, resumed.offset),
            end=end,
        )
        sweep.run()
        self.bad += sweep.bad
        self.untried = [*sweep.untried, *tail]
        self.done.append(
            PassRecord(
                number=number,
                pattern=pattern_name(self.passes[number - 1]),
                bytes=sweep.written,
                started_at=started,
                finished_at=None,
            )
        )
        if self.monitor.halt is None:
            self.untried = []
            if tail:
                last, full = number == len(self.passes), self.spec.verify.kind == "full"
                self._cover(partial(self.start.marker.end_pass, fill, last=last, withhold=full))
        elif tail and self.monitor.halt.kind == "failed":  # given up: nobody goes on with it
            self.untried = sweep.untried
            self._cover(partial(self.start.marker.cover_at_once, fill))
        self._pass_ended(number)

    def _cover(self, work: Callable[[], None]) -> None:
        """What a pass of a constant pattern writes last: the marker's slots."""
        marker = self.start.marker
        self.monitor.run(work)
        self.bad += marker.bad
        self.untried += marker.left
        self.done[-1] = msgspec.structs.replace(self.done[-1], bytes=self.done[-1].bytes + marker.covered)

    def _cover_withheld(self) -> None:
        self._cover(partial(self.start.marker.cover_withheld, self._fill(len(self.passes))))
        if self.monitor.halt is None:
            self.done[-1] = msgspec.structs.replace(self.done[-1], finished_at=utc_now())

    def _pass_ended(self, number: int) -> None:
        """One that withholds a slot for its marker goes over into the reading back, and ends there."""
        if self.monitor.halt is None:
            self.monitor.run(self.monitor.check_identity)
        if self.monitor.halt is not None:
            return
        if not self.start.marker.withheld:
            self.done[-1] = msgspec.structs.replace(self.done[-1], finished_at=utc_now())
        self.monitor.reached(self._point(number + 1, 0, (), None))
        self.monitor.emit_points()

    def _reached(
        self, number: int, started: str, offset: int, aside: Sequence[Span], each: Sequence[Span], bad: Sequence[Bad]
    ) -> None:
        self._read_count()
        self.monitor.reached(self._point(number, offset, _areas(aside, each), started, bad=bad))

    def _hashed_by_writers(self, fill: Fill, number: int, offset: int) -> StreamHash | None:
        """With the last pass its hash begins; a pass that goes on in its middle has nothing to offer to it."""
        if number < len(self.passes) or self.spec.verify.kind != "full":
            return None
        meant = self.meant = self._begin_hash(fill)
        return meant if isinstance(meant, StreamHash) and offset == 0 else None

    def _begin_hash(self, fill: Fill) -> MeantHash:
        return begin_hash(fill, self.capacity, known=self.spec.known_hash, anew=self.spec.hash_anew)

    def _fill(self, number: int) -> Fill:
        return fill_for(
            self.passes[number - 1],
            block=self.layout.block,
            root_key=self.start.root_key,
            stream=self.stream,
            fingerprint=self.drive.drive.likeness,
            pass_number=number,
        )

    def _point(
        self, number: int, offset: int, aside: tuple[Area, ...], started: str | None, *, bad: Sequence[Bad] = ()
    ) -> ResumePoint:
        """`bad`: what the pass under way has given up; forgotten, it would be taken for written.

        Where somebody else writes, nothing that we wrote can be relied on: then it begins anew.
        """
        proof = self.start.point.capacity_proof
        if self.writes is not None and self.writes.foreign:
            number, offset, aside, started, proof = 1, 0, (), None, None
        return ResumePoint(
            pass_number=number,
            offset=offset,
            completed=tuple(self.done[: number - 1]),
            pass_started_at=started,
            unreached=unreached([*self.bad, *bad]),
            aside=aside,
            interruptions=self.start.interruptions,
            capacity_proof=proof,
            resumed=self.start.point.resumed,
            life=self.start.point.life,
            stream=self.stream,
            errors=self.monitor.errors,
            seconds=round(self.monitor.seconds, 1),
        )

    def _interruption(self) -> tuple[Interruption, ...]:
        """A resumed job always shows that it was interrupted."""
        if self.spec.resume is None:
            return () if self.spec.interruption is None else (self.spec.interruption,)
        offset = self.resume.offset
        given = self.spec.interruption or Interruption(at=utc_now(), reason="interrupted", resumed_at_offset=offset)
        return (msgspec.structs.replace(given, resumed_at_offset=offset),)

    # --- reading back -------------------------------------------------------------------------------------

    def _verify(self) -> None:
        verify, number = self.spec.verify, len(self.passes)
        asked = Asked(max_mismatches=verify.max_mismatches, stop_at_first=verify.stop_at_first_mismatch)
        if verify.kind == "sample":
            # Drawn after the last pass: nothing that happened before could know the places.
            plan = SamplePlan(
                seed=self.spec.sample_seed or secrets.token_hex(16),
                fraction=verify.fraction,
                capacity=self.capacity,
                unit=self.drive.drive.logical_block_bytes,
            )
            reading = ReadBack(self.monitor, self._fill(number), self.layout, plan, asked=asked)
            reading.run(number=number, total=sum(length for _, length in plan))
            sample = Sample(seed=plan.seed, locations=len(plan), fraction=plan.fraction, confidence=plan.confidence)
        else:
            grid, sample, fill = Grid(self.capacity, self.layout.block), None, self._fill(number)
            self.meant = self.meant or self._begin_hash(fill)
            reading = ReadBack(self.monitor, fill, self.layout, grid, asked=asked, meant=self.meant)
            withheld = self.start.marker.withheld
            first = (withheld[0][0] // self.layout.block, self._cover_withheld) if withheld else None
            reading.run(number=number, total=self.capacity, first=first)
        self.bad += reading.bad
        self.untried = reading.untried
        halt = self.monitor.halt
        if halt is None or halt.kind == "failed":
            self.verification = reading.result(sample=sample)

    # --- the end ------------------------------------------------------------------------------------------

    def _read_count(self) -> None:
        self.writes = self.drive.written()

    def _halted(self, halt: Halt) -> Outcome:
        self.monitor.run(self._read_count)
        if halt.kind == "aborted":
            return Aborted(self._work(), halt.reason)
        left = (*self.untried, *self.start.marker.withheld)
        self.bad += [(offset, length, f"not tried: {halt.reason.text}") for offset, length in left]
        work = self._work()
        return Failed(work, written_by_others(work) or halt.reason)

    def _work(self) -> Work:
        return Work(
            passes=tuple(self.done),
            verification=msgspec.structs.replace(self.verification, writes=self.writes),
            unreached=unreached(self.bad),
            interruptions=self.start.interruptions,
            capacity_proof=self.start.point.capacity_proof,
            resumed=self.start.point.resumed,
        )


def _figures() -> str:
    return ", ".join(f"{name} {rate:.0f} MB/s" for name, rate in rates().items())


def _areas(aside: Sequence[Span], flush_each: Sequence[Span]) -> tuple[Area, ...]:
    """Bounded; ranges that cover too much only mean that more is written twice."""
    return tuple(
        Area(offset=offset, bytes=length, flush_each=each)
        for each, spans in ((False, aside), (True, flush_each))
        for found in bound(spans, MOST_ASIDE)
        for offset, length in found
    )
