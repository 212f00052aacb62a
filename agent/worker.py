"""One drive, from open to outcome, in a thread of its own. Knows no engine, no ledger and no bay table.

`run_job` takes plain data and reports through `emit`, so that it could move to a process of its own.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from agent.erase import Checkpoint, EraseSpec, Progress, Stop, erase
from agent.outcome import PULLED_OUT, Aborted, Erased, Failed, Outcome, Reason, Refused, Work
from drivers.drives.base import Drive, DriveError, DriveGone, OpenDrive

log = logging.getLogger("benchwipe.worker")

Emit = Callable[[Progress | Checkpoint], None]

ANOTHER_DRIVE = Reason(
    "BW-S20", "Another drive stands where the planned one stood", "Take it out, and put it in again on its own."
)
EXCHANGED = Reason("BW-S21", "The drive changed its identity while it was erased", "Destroy it.")


def run_job(planned: Drive, spec: EraseSpec, open_drive: Callable[[], OpenDrive], emit: Emit, stop: Stop) -> Outcome:
    """Open, identify, erase, verify. Never raises: whatever goes wrong is an outcome.

    `open_drive` refuses what is in use, and `planned` what is another drive than the one that was looked at.
    """
    try:
        opened = open_drive()
    except DriveGone:
        return Aborted(Work(), PULLED_OUT)
    except (DriveError, OSError) as error:
        return Refused(_reason(error))
    with opened:
        if opened.drive.fingerprint != planned.fingerprint:
            return Refused(ANOTHER_DRIVE)
        try:
            outcome = erase(opened, spec, emit, stop)
        except Exception as error:  # the edge of the thread: a defect of ours must not pass for silence
            log.exception("job %s: the worker broke down", spec.job)
            return Failed(
                Work(), Reason("BW-E90", f"The station broke down: {type(error).__name__}", "Erase it again.")
            )
        return _still_the_same(opened, planned, outcome)


def _still_the_same(opened: OpenDrive, planned: Drive, outcome: Outcome) -> Outcome:
    """An "erased" holds only for the drive that still answers on this descriptor."""
    if not isinstance(outcome, Erased):
        return outcome
    try:
        now = opened.identify_again()
    except DriveGone:
        return Aborted(outcome.work, PULLED_OUT)
    except (DriveError, OSError) as error:
        return Failed(outcome.work, _reason(error))
    if now.fingerprint != planned.fingerprint:
        return Failed(outcome.work, EXCHANGED)
    return outcome


def _reason(error: DriveError | OSError) -> Reason:
    if isinstance(error, DriveError):
        return Reason(error.code, str(error), error.hint)
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return Reason("BW-B05", f"The drive cannot be opened: {error.strerror or error} ({name})")
