"""One job by a drive's own firmware: sentinels, the command and its end, what reads back, and what that proves."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec

from agent.certificates.clock import utc_now
from agent.certificates.outcome import (
    DRIVE_EXCHANGED,
    GOES_ON_BY_ITSELF,
    NO_SENTINELS,
    NO_SUCH_TECHNIQUE,
    NOT_JOURNALLED,
    NOT_UNLOCKED,
    PULLED_OUT,
    STATION_STOPPED,
    Aborted,
    Failed,
    Outcome,
    Reason,
    Refused,
    Work,
    conclude,
    lacking,
    no_capacity,
    written_by_others,
)
from agent.certificates.record import (
    CommandRecord,
    Interruption,
    PassRecord,
    Resumed,
    Sample,
    SentinelRecord,
    Verification,
)
from agent.erase.before import done_before
from agent.erase.buffers import Layout
from agent.erase.capacity import Proof, skipped
from agent.erase.expected_hash import begin_hash, end_hash
from agent.erase.firmware.formatting import Formatting
from agent.erase.firmware.machine import Machine, Stopped
from agent.erase.firmware.sanitizing import Sanitizing
from agent.erase.firmware.securing import Securing, look, take_off
from agent.erase.firmware.sentinels import Found, Sentinels, repeated_in
from agent.erase.firmware.talk import Talk
from agent.erase.monitor import GONE, Emit, Halt, Monitor
from agent.erase.overwrite import Overwrite
from agent.erase.pattern import FixedFill
from agent.erase.presence import gone, look_for
from agent.erase.ranges import unreached
from agent.erase.readback import Asked, Grid, ReadBack
from agent.erase.salvage import Bad
from agent.erase.sample import SamplePlan
from agent.erase.signals import Stop
from agent.erase.spec import EraseSpec, FirmwarePoint, ResumePoint
from agent.erase.techniques import TECHNIQUES, Technique, supported
from agent.erase.time_left import read_back
from drivers.drives.base import OpenDrive
from drivers.drives.drive import Drive, Writes
from drivers.drives.firmware_port import FirmwarePort

MACHINES: dict[str, type[Machine]] = {"sanitize": Sanitizing, "security": Securing, "format": Formatting}
ZEROS = b"\0"


def erase_by_firmware(drive: OpenDrive, spec: EraseSpec, emit: Emit, stop: Stop) -> Outcome:
    """Have the drive erase itself by `spec.technique`, and say what proves it.

    Blocks until the end, as `erase` does. Checkpoints carry a receipt: nothing is sent that the ledger does not have.
    What the drive is asked while it works is bounded by its own estimates and by `limits.give_up_after_s`; neither
    slowness nor heat ends it, since nothing but its own end does.
    """
    how, port = TECHNIQUES[spec.technique], drive.firmware
    refusal = _obstacle(drive.drive, how, port)
    if refusal or port is None:
        return _untouched(spec, refusal or _no_such(drive.drive, how))
    limits = msgspec.structs.replace(spec.limits, minimum_mb_per_s=0, pause_at_c=None, abort_at_c=None)
    seconds = spec.resume.seconds if spec.resume else 0.0
    with Monitor(
        drive,
        job=spec.job,
        passes=1,
        limits=limits,
        emit=emit,
        stop=stop,
        seconds=seconds,
        reads_back=read_back(spec.verify),
    ) as monitor:
        return _FirmwareJob(monitor, spec, how, port).run()


def take_off_own_password(
    drive: OpenDrive, spec: EraseSpec, emit: Emit, stop: Stop
) -> tuple[Reason | None, tuple[CommandRecord, ...]]:
    """Take its password off a drive that our own crash left with one, before any job.

    (why it did not, what was sent).
    """
    can, port = drive.drive.capabilities, drive.firmware
    if can is None or not (can.security_enabled or can.security_locked) or not spec.passwords or port is None:
        return None, ()
    told: list[Reason | None] = []
    with Monitor(drive, job=spec.job, passes=1, limits=spec.limits, emit=emit, stop=stop) as monitor:
        talk = Talk(port, monitor, lambda *_: None)

        def work() -> None:
            found = look(talk)
            if found is not None and found.enabled:
                told.append(take_off(talk, found, [bytes.fromhex(text) for text in spec.passwords]))

        monitor.run(work)
    reason = told[0] if told else None
    # Of a drive that is as it was, questions are no work.
    return reason, tuple(talk.commands) if reason in (None, NOT_UNLOCKED) else ()


def _obstacle(drive: Drive, how: Technique, port: FirmwarePort | None) -> Reason | None:
    can = drive.capabilities
    if reason := no_capacity(drive):
        return reason
    if port is None or can is None or how.name not in supported(drive):
        return _no_such(drive, how)
    return None


def _no_such(drive: Drive, how: Technique) -> Reason:
    has = ", ".join(supported(drive)) or "none"
    return Reason(NO_SUCH_TECHNIQUE, f"no such technique: {drive.device} has no {how.name}", f"It has: {has}.")


def _untouched(spec: EraseSpec, reason: Reason) -> Refused | Aborted:
    if spec.resume is None and spec.interruption is None:
        return Refused(reason)
    return Aborted(replace(done_before(spec.resume), interruptions=_interruptions(spec)), reason)


def _interruptions(spec: EraseSpec) -> tuple[Interruption, ...]:
    before = spec.resume.interruptions if spec.resume else ()
    if spec.interruption is not None:
        return (*before, spec.interruption)
    if spec.resume is None:
        return before
    return (*before, Interruption(at=utc_now(), reason="interrupted", resumed_at_offset=0))


class _FirmwareJob:
    """The mutable middle. Stages run in a thread of the monitor's; the read-back in several."""

    def __init__(self, monitor: Monitor, spec: EraseSpec, how: Technique, port: FirmwarePort) -> None:
        self.monitor, self.spec, self.how = monitor, spec, how
        self.capacity = monitor.drive.drive.capacity_bytes
        self.interruptions = _interruptions(spec)
        before = spec.resume.firmware if spec.resume else None
        self.talk = Talk(port, monitor, self._journal, before.commands if before else ())
        self.machine = MACHINES[how.machine](self.talk, how, spec)
        self.sentinels = Sentinels(monitor, bytes.fromhex(spec.key_hex))
        self.missing = before.missing if before else ()
        self.proof = spec.resume.capacity_proof if spec.resume else None
        self.resumed = spec.resume.resumed if spec.resume else ()
        self.found = Found()
        self.stopped: Stopped | None = None
        self.passes: list[PassRecord] = []
        self.bad: list[Bad] = []
        self.verification = Verification(kind=spec.verify.kind, result="not-run")
        self.writes: Writes | None = None

    def run(self) -> Outcome:
        """Each stage once; the first that does not succeed is the end. No drive is blamed that is gone."""
        outcome = self._carried_out()
        if isinstance(outcome, Failed):
            self.monitor.run(partial(look_for, self.monitor))
            if gone(self.monitor):
                return self._ended()
        return outcome

    def _carried_out(self) -> Outcome:
        self.monitor.run(self.monitor.drive.count_writes)
        for stage in (self._prepare, self._plant, self._send, self._look):
            self.monitor.run(partial(self._guarded, stage))
            if self.monitor.halt is not None or self.stopped is not None:
                return self._ended()
        if self.found.unreadable and not self.found.survived and self.how.leaves != "pattern":
            self._write_what_cannot_be_read()
        if self.monitor.halt is None and self.spec.verify.kind != "none" and not self.found.survived:
            self._read_back()
        if self.monitor.halt is not None:
            return self._ended()
        self.monitor.run(self._read_count)
        planned = len(self.passes)
        return conclude(self._work(), capacity_bytes=self.capacity, passes_planned=planned, by_firmware=True)

    # --- stages -----------------------------------------------------------------------------------------------

    def _guarded(self, stage: Callable[[], Stopped | None]) -> None:
        try:
            self.stopped = stage()
        except OSError as error:
            if error.errno in GONE:
                self.monitor.stop_for(Halt("aborted", PULLED_OUT))
                return
            name = errno.errorcode.get(error.errno or 0, "unknown error")
            text = f"The drive's firmware cannot be asked: {error.strerror or error} ({name})"
            self.stopped = Stopped(Reason("BW-E44", text, "It needs root, or CAP_SYS_RAWIO and CAP_SYS_ADMIN."))

    def _prepare(self) -> Stopped | None:
        return self.machine.prepare()

    def _plant(self) -> Stopped | None:
        if self.machine.done_before:
            # Its own erasure takes everything that could show which medium it is: it is known by its word alone.
            self.resumed += (Resumed(at=utc_now(), offset=0, places=0, result="not-run"),)
            return None
        if not self.talk.write_down(FirmwarePoint(step="prepared", commands=tuple(self.talk.commands))):
            return Stopped(NOT_JOURNALLED, untouched=True)
        if (less := self._prove()) is not None:
            return Stopped(less)
        self.monitor.phase("firmware", number=1, done=0, total=self.capacity)
        self.missing = self.sentinels.plant()
        return None if self.sentinels.enough(self.missing) or not self.talk.goes_on else Stopped(NO_SENTINELS)

    def _prove(self) -> Reason | None:
        """Why nothing is sent. Sentinels at drawn places tell a drive that drops, and one that wraps by luck only."""
        if self.spec.skip_proof:
            self.proof = skipped(self.monitor.drive.drive.transport)
            return None
        proof = Proof(self.monitor)
        proof.prove()
        self.proof = proof.record
        return lacking(proof.record, self.capacity) if proof.counterfeit else None

    def _send(self) -> Stopped | None:
        return None if self.machine.done_before else self.machine.run()

    def _look(self) -> Stopped | None:
        self.monitor.phase("verify", number=1, done=0, total=self.capacity)
        self.found = self.sentinels.check(self.missing)
        return None

    def _journal(self, point: FirmwarePoint, receipt: int) -> None:
        self.monitor.reached(self._point(msgspec.structs.replace(point, missing=self.missing)), receipt)

    def _point(self, point: FirmwarePoint) -> ResumePoint:
        return ResumePoint(
            pass_number=1,
            offset=0,
            interruptions=self.interruptions,
            capacity_proof=self.proof,
            resumed=self.resumed,
            seconds=round(self.monitor.seconds, 1),
            firmware=point,
        )

    # --- reading back -------------------------------------------------------------------------------------------

    def _write_what_cannot_be_read(self) -> None:
        """Some drives answer errors until a block is written anew: that proves nothing, and helps nobody."""
        layout, started = Layout.plan(self.spec.drives_at_once), utc_now()
        sweep = Overwrite(self.monitor, FixedFill(ZEROS, layout.block), layout, number=1, reached=lambda *_: None)
        sweep.run()
        self.bad += sweep.bad
        finished = None if self.monitor.halt is not None else utc_now()
        self.passes.append(
            PassRecord(number=1, pattern=ZEROS.hex(), bytes=sweep.written, started_at=started, finished_at=finished)
        )

    def _read_back(self) -> None:
        verify, layout = self.spec.verify, Layout.plan(self.spec.drives_at_once)
        expected = self._expected()
        fill = None if expected is None else FixedFill(expected, layout.block)
        asked = Asked(max_mismatches=verify.max_mismatches, stop_at_first=verify.stop_at_first_mismatch)
        sample: Sample | None = None
        if verify.kind == "sample":
            unit = self.monitor.drive.drive.logical_block_bytes
            seed = self.spec.sample_seed or secrets.token_hex(16)
            plan = SamplePlan(seed=seed, fraction=verify.fraction, capacity=self.capacity, unit=unit)
            sample = Sample(seed=seed, locations=len(plan), fraction=plan.fraction, confidence=plan.confidence)
            reading = ReadBack(self.monitor, fill, layout, plan, asked=asked)
            reading.run(number=1, total=sum(length for _, length in plan))
        else:
            meant = None if fill is None else begin_hash(fill, self.capacity)
            reading = ReadBack(self.monitor, fill, layout, Grid(self.capacity, layout.block), asked=asked, meant=meant)
            try:
                reading.run(number=1, total=self.capacity)
            finally:
                if meant is not None:
                    end_hash(meant)
        self.bad += reading.bad
        if self.monitor.halt is None or self.monitor.halt.kind == "failed":
            self.verification = reading.result(sample=sample)

    def _expected(self) -> bytes | None:
        """What the whole drive must hold. None: whatever a lost key makes of it."""
        if self.passes or self.how.leaves == "pattern":
            return ZEROS
        if self.how.leaves == "anything":
            return None
        # What this drive leaves, its first block tells: zeros, ones, or a maker's pattern. It must be so everywhere,
        # and it is no data of before: a sentinel stood there.
        first = self.found.first
        repeated = repeated_in(first) if first is not None else ZEROS
        noise = first is not None and len(repeated) == len(first)
        return None if noise and self.how.leaves == "either" else repeated

    # --- the end ------------------------------------------------------------------------------------------------

    def _read_count(self) -> None:
        self.writes = self.monitor.drive.written()

    def _ended(self) -> Outcome:
        self.monitor.run(self._read_count)
        halt, work = self.monitor.halt, self._work()
        if halt is not None and halt.kind == "aborted":
            told = halt.reason in (PULLED_OUT, DRIVE_EXCHANGED, STATION_STOPPED)
            return Aborted(work, halt.reason if told or not self.machine.at_work else GOES_ON_BY_ITSELF)
        if halt is not None:
            return Failed(work, written_by_others(work) or halt.reason)
        assert self.stopped is not None
        if self.stopped.reason is NOT_JOURNALLED and not self.stopped.untouched:
            return Aborted(work, NOT_JOURNALLED)
        if self.stopped.untouched:
            return _untouched(self.spec, self.stopped.reason)
        return Failed(work, written_by_others(work) or self.stopped.reason)

    def _work(self) -> Work:
        found = self.found
        record = SentinelRecord(count=found.count, survived=found.survived, unreadable=found.unreadable)
        verification = msgspec.structs.replace(
            self.verification,
            sentinels=record if found.count else None,
            content=_content(found) if found.count else None,
            note=self._note() if found.count else None,
            writes=self.writes,
        )
        return Work(
            passes=tuple(self.passes),
            commands=tuple(self.talk.commands),
            verification=verification,
            unreached=unreached(self.bad),
            interruptions=self.interruptions,
            capacity_proof=self.proof,
            resumed=self.resumed,
        )

    def _note(self) -> str | None:
        """What the reading cannot prove, for whoever reads the certificate."""
        notes = []
        if self.found.unreadable:
            notes.append(f"{self.found.unreadable} places read as errors after the erasure: proves nothing by itself")
            if self.passes:
                notes.append("so the drive was overwritten with zeros afterwards")
        elif self.how.leaves == "anything" or (self.how.leaves == "either" and _content(self.found) == "other"):
            notes.append("what a lost key leaves is arbitrary: the sentinels are the proof, beside the drive's word")
        if _content(self.found) == "zeros" and self.how.leaves != "pattern":
            notes.append("a drive that deallocates reads as zeros whatever it did: they are no proof by themselves")
        return "; ".join(notes) or None


def _content(found: Found) -> str:
    """What stands at the sentinels' places now."""
    if len(found.blocks) != 1:
        return "other" if found.blocks else "unreadable"
    repeated = repeated_in(next(iter(found.blocks)))
    return {b"\0": "zeros", b"\xff": "ones"}.get(repeated, "pattern")
