"""One drive, from open to outcome, in a thread of its own. Knows no engine, no ledger and no bay table.

`run_job` takes plain data and reports through `emit`, so that it could move to a process of its own.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from typing import Any

import msgspec

from agent.certificates.outcome import (
    OTHERS_UNKNOWN,
    PULLED_OUT,
    SILENT,
    Aborted,
    Erased,
    Failed,
    Outcome,
    Reason,
    Refused,
    Work,
    Writers,
    with_word,
)
from agent.certificates.record import OPEN_TO_OTHERS, Health
from agent.erase import Checkpoint, EraseSpec, Progress, Renewed
from agent.erase.before import done_before
from agent.erase.engine import erase
from agent.erase.prepare import BayServices, Preparation
from agent.erase.presence import who_answers
from agent.erase.signals import Stop
from agent.erase.techniques import everything_at_once
from agent.erase.thermometer import Thermometer
from drivers.deadline import Deadline
from drivers.drives.base import DriveError, DriveGone, OpenDrive
from drivers.drives.drive import Capabilities, Drive

log = logging.getLogger("benchwipe.worker")

Emit = Callable[[Progress | Checkpoint | Renewed], None]
Doctor = Callable[[Drive], dict[str, Any] | None]

HEALTH_S = 10.0
ANOTHER_DRIVE = Reason(
    "BW-S20", "Another drive stands where the planned one stood", "Take it out, and put it in again on its own."
)
WRITTEN_HINT = "Close that program, then erase it again."
EXCHANGED = Reason("BW-S21", "The drive changed its identity while it was erased", "Destroy it.")


def ask_health(drive: Drive) -> dict[str, Any] | None:
    """Ask smartctl what it tells of a real drive within ten seconds.

    None where it tells nothing, or is not installed.
    """
    if not drive.number or drive.transport in ("loop", "simulated"):
        return None
    if drive.transport == "usb" and drive.capabilities is None:
        return None  # its bridge does not pass ATA commands on
    from drivers.drives.smartctl import read_health

    path = os.path.realpath(drive.device)
    try:
        found = os.stat(path).st_rdev
    except OSError:
        return None
    # We hold the drive, so its number is not given to another; a path may lead elsewhere by now.
    if f"{os.major(found)}:{os.minor(found)}" != drive.number:
        return None
    through, scsi = "sat" if drive.transport == "usb" else "", drive.transport in ("sas", "scsi")
    return read_health(path, within=Deadline(HEALTH_S), through=through, scsi=scsi)


def run_job(
    planned: Drive,
    spec: EraseSpec,
    open_drive: Callable[[], OpenDrive],
    emit: Emit,
    stop: Stop,
    *,
    doctor: Doctor = ask_health,
    cycle: Callable[[], None] | None = None,
) -> Outcome:
    """Open, identify, prepare, erase, verify. Never raises: whatever goes wrong is an outcome.

    `open_drive` refuses what is in use, and `planned` what is another drive than the one that was looked at. `doctor`
    asks the drive for its health; it must return in reasonable time, and is asked for the temperature while it works.
    `cycle` switches the drive's power off and on, where somebody can.
    """
    try:
        opened = open_drive()
    except DriveGone:
        return Aborted(_before(spec), PULLED_OUT)
    except (DriveError, OSError) as error:
        return _untouched(spec, _reason(error))
    except Exception as error:  # noqa: BLE001 - the edge of the thread, as below: it is logged with its place
        return _broke_down(spec, error)
    ready = Preparation(opened, spec, BayServices(open_drive, cycle, emit, stop))
    try:
        if opened.drive.silent and not (planned.silent and spec.hidden_accepted):
            return _untouched(spec, SILENT)
        if not _the_same(opened.drive, planned):
            return _untouched(spec, ANOTHER_DRIVE)
        if reason := _prepared(ready):
            return _unprepared(spec, planned, ready, reason)
        return _work(planned, ready, doctor)
    except Exception as error:  # noqa: BLE001 - the edge of the thread: a defect must not pass for silence
        return _broke_down(spec, error)
    finally:
        ready.opened.close()


def _prepared(ready: Preparation) -> Reason | None:
    """Why it cannot begin. A command that reaches other devices of the drive takes hold of them too."""
    try:
        if reason := ready.run():
            return reason
        if everything_at_once(ready.spec.technique, ready.opened.drive):
            ready.opened.hold_all()
    except DriveGone:
        return PULLED_OUT
    except (DriveError, OSError) as error:
        return _reason(error)
    return None


def _unprepared(spec: EraseSpec, planned: Drive, ready: Preparation, reason: Reason) -> Outcome:
    """Not erased: refused while nothing was changed, else aborted, with what was. Who answers now is not believed."""
    asked_to_stop = ready.station.stop.requested == reason or reason == PULLED_OUT
    outcome = Aborted(_before(spec), reason) if ready.changed or asked_to_stop else _untouched(spec, reason)
    drive = msgspec.structs.replace(planned, hidden_area=ready.hidden or planned.hidden_area)
    return with_word(outcome, health=Health(), drive=drive, commands=tuple(ready.commands))


def _work(planned: Drive, ready: Preparation, doctor: Doctor) -> Outcome:
    opened, station = ready.opened, ready.station
    outcome, health = _erase(opened, ready.spec, station.emit, station.stop, doctor)
    outcome = _still_the_same(opened, opened.drive, outcome)
    outcome, writers = _alone_to_the_end(opened, outcome)
    if isinstance(outcome, Refused) and ready.changed:
        outcome = Aborted(_before(ready.spec), outcome.reason)
    removed = planned.hidden_area if planned.hidden_area and planned.hidden_area.outcome == "removed" else None
    return with_word(
        outcome,
        health=health,
        drive=msgspec.structs.replace(opened.drive, hidden_area=ready.hidden or removed),
        capable_after=_after(opened, outcome),
        commands=tuple(ready.commands),
        writers=writers,
    )


def _erase(drive: OpenDrive, spec: EraseSpec, emit: Emit, stop: Stop, doctor: Doctor) -> tuple[Outcome, Health]:
    before = doctor(drive.drive)
    if spec.technique != "overwrite":
        from agent.erase.firmware.work import erase_by_firmware  # a station that only overwrites does without it

        outcome = erase_by_firmware(drive, spec, emit, stop)
        after = doctor(drive.drive) if before is not None and not isinstance(outcome, Aborted) else None
        return outcome, Health(before=before, after=after)
    heat = Thermometer(drive.drive, lambda: doctor(drive.drive), before, spec.limits)
    outcome = erase(drive, spec, emit, stop, celsius=heat, heat_limits=lambda: heat.limits)
    # A drive that was pulled or cancelled is let go of at once: somebody waits for it.
    after = doctor(drive.drive) if heat.protection is not None and not isinstance(outcome, Aborted) else None
    return outcome, Health(before=before, after=after, heat_protection=heat.protection)


def _after(opened: OpenDrive, outcome: Outcome) -> Capabilities | None:
    """What its firmware says when it is done with; a drive that was pulled or cancelled is let go of at once."""
    if opened.drive.capabilities is None or isinstance(outcome, Aborted):
        return None
    try:
        return opened.look_again().capabilities
    except (DriveError, OSError) as error:
        log.warning("%s was not asked again: %s", opened.drive.device, error)
        return None


def _the_same(found: Drive, planned: Drive) -> bool:
    """The planned drive, and where the kernel numbers appearances the very one that was looked at."""
    known = planned.disk_sequence is None or found.disk_sequence in (None, planned.disk_sequence)
    return known and found.fingerprint == planned.fingerprint


def _untouched(spec: EraseSpec, reason: Reason) -> Refused | Aborted:
    """Nothing was touched this time. Of a job that goes on, earlier work stands: that is no refusal."""
    if spec.resume is None and spec.interruption is None:
        return Refused(reason)
    return Aborted(_before(spec), reason)


def _before(spec: EraseSpec) -> Work:
    return done_before(spec.resume, spec.interruption)


def _broke_down(spec: EraseSpec, error: Exception) -> Failed:
    log.error("job %s: the worker broke down", spec.job, exc_info=error)
    text = f"The station broke down: {type(error).__name__}"
    return Failed(_before(spec), Reason("BW-E90", text, "Erase it again."))


def _still_the_same(opened: OpenDrive, planned: Drive, outcome: Outcome) -> Outcome:
    """An "erased" holds only for the drive that still answers on this descriptor."""
    if not isinstance(outcome, Erased):
        return outcome
    try:
        now = who_answers(opened)
    except DriveGone:
        return Aborted(outcome.work, PULLED_OUT)
    except (DriveError, OSError) as error:
        return Failed(outcome.work, _reason(error))
    if now.fingerprint != planned.fingerprint:
        return Failed(outcome.work, EXCHANGED)
    return outcome


def _alone_to_the_end(opened: OpenDrive, outcome: Outcome) -> tuple[Outcome, Writers | None]:
    """An "erased" holds only for a drive that nobody else can have written to since it was read back.

    The second value: what stands on the certificate of those who may have written to it; None where nobody was asked.
    """
    if not isinstance(outcome, Erased):
        return outcome, None
    try:
        others = opened.others()
    except (DriveError, OSError) as error:
        return Failed(outcome.work, _reason(error)), "unknown"
    if others is None:
        return outcome, None
    known: Writers = "unknown" if others.unseen else "none"
    if others.users:
        reason = Reason(OPEN_TO_OTHERS, f"Somebody else uses the drive: {'; '.join(others.users)}", WRITTEN_HINT)
        return Failed(outcome.work, reason), known
    undecided = others.unseen and outcome.work.verification.writes is None  # nobody saw them, and nothing was counted
    return (Failed(outcome.work, OTHERS_UNKNOWN) if undecided else outcome), known


def _reason(error: DriveError | OSError) -> Reason:
    if isinstance(error, DriveError):
        return Reason(error.code, str(error), error.hint)
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return Reason("BW-B05", f"The drive cannot be opened: {error.strerror or error} ({name})")
