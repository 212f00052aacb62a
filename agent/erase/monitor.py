"""Watches over one job's threads: progress, limits, stops, stalls. The caller's thread never touches the drive.

Workers ask `go` before each request and report `moved` or `failed` after it; the caller's thread sits in `run` and
is the only one that emits. So a drive that does not answer holds up its own workers and nobody else.
Whether it is too hot says heat_watch.py.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.certificates.outcome import (
    DRIVE_EXCHANGED,
    NEVER_COOL,
    PULLED_OUT,
    TOO_HOT,
    TOO_LONG,
    TOO_MANY_ERRORS,
    TOO_SLOW,
    Reason,
)
from agent.erase import Checkpoint
from agent.erase.bus import BUSES
from agent.erase.heat_watch import HeatWatch, Thermometer
from agent.erase.signals import Stop
from agent.erase.spec import Limits, Phase, Progress, ResumePoint
from agent.erase.time_left import TimeLeft
from drivers.drives.base import DriveChanged, DriveError, DriveGone, OpenDrive

log = logging.getLogger("benchwipe.erase")

Emit = Callable[[Progress | Checkpoint], None]

GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM})
TICK_S = 0.1
PROGRESS_S = 0.25
STALLED_S = 1.0
STOPPED_BY_DEFECT = Reason("BW-E93", "The station broke down", "Erase the drive again.")  # an exception goes with it


@dataclass(frozen=True)
class Halt:
    """Why no further request may be issued."""

    kind: Literal["aborted", "failed"]
    reason: Reason


class Monitor:
    """The shared state of one job's threads."""

    def __init__(
        self,
        drive: OpenDrive,
        *,
        job: str,
        passes: int,
        limits: Limits,
        emit: Emit,
        stop: Stop,
        celsius: Thermometer | None = None,
        heat_limits: Callable[[], Limits] | None = None,
        errors: int = 0,
        seconds: float = 0.0,
        reads_back: float = 0.0,
    ) -> None:
        """`reads_back`: which part of the drive is read after its last pass, for the time that is left."""
        self.drive = drive
        self.limits = limits
        self.errors = errors
        self.halt: Halt | None = None
        self.receipts = stop.receipts
        self._job, self._passes, self._emit, self._stop = job, passes, emit, stop
        self._heat = HeatWatch(heat_limits or (lambda: limits), celsius)
        self._share = BUSES.share(drive.bus)
        self._changed = threading.Condition()
        self._identity = threading.Lock()
        self._began = self._active = self._told = self._window_from = time.monotonic()
        self._before = seconds
        self._checked = float("-inf")
        self._crash: BaseException | None = None
        self._points: deque[tuple[ResumePoint, int | None]] = deque()
        self._phase: Phase = "pass"
        self._number = 1
        self._done = self._total = self._moved = self._window_moved = self._running = 0
        self._samples: deque[tuple[float, int]] = deque([(self._began, 0)])
        self._untold: tuple[float, float | None] | None = None
        self._time_left = TimeLeft(passes, reads_back)

    # --- what workers call --------------------------------------------------------------------------------

    def go(self) -> bool:
        """Say whether the next request may be issued. Waits while the job is paused, or others have the bus."""
        if self.halt is None and not self._waits:
            return True
        with self._changed:
            while self.halt is None and self._waits:
                self._changed.wait(TICK_S if self._share.held else 1.0)
        return self.halt is None

    def moved(self, length: int, *, done: int | None = None) -> None:
        """Count `length` bytes that went over the wire; `done` of them are progress (default: all)."""
        now = time.monotonic()
        self._share.moved(length)
        with self._changed:
            self._moved += length
            self._done += length if done is None else done
            self._active = now

    def failed(self, error: OSError, *, counted: bool = True) -> None:
        """Note that a request failed: the drive may be gone, or be given up."""
        with self._changed:
            self._active = time.monotonic()
            self.errors += counted
            errors = self.errors
        if error.errno in GONE:
            self.stop_for(Halt("aborted", PULLED_OUT))
            return
        most = self.limits.give_up_after_errors
        give_up = bool(most) and errors >= most and counted
        # A pulled drive often answers EIO before it answers ENODEV: ask it who it is before blaming its medium.
        self.check_identity(at_once=give_up or errors <= 1)
        if give_up:
            self.stop_for(Halt("failed", TOO_MANY_ERRORS))

    def check_identity(self, *, at_once: bool = True) -> None:
        """Halt where the drive is gone, or another one answers. At most once a second unless `at_once`."""
        with self._identity:
            if not at_once and time.monotonic() - self._checked < 1.0:
                return
            self._checked = time.monotonic()
            try:
                found = self.drive.identify_again()
            except DriveGone:
                self.stop_for(Halt("aborted", PULLED_OUT))
            except DriveChanged:
                self.stop_for(Halt("aborted", DRIVE_EXCHANGED))
            except (DriveError, OSError) as error:
                if isinstance(error, OSError) and error.errno in GONE:
                    self.stop_for(Halt("aborted", PULLED_OUT))
            else:
                if found.fingerprint != self.drive.drive.fingerprint:
                    gone = found.capacity_bytes == 0
                    self.stop_for(Halt("aborted", PULLED_OUT if gone else DRIVE_EXCHANGED))

    def reached(self, point: ResumePoint, receipt: int | None = None) -> None:
        """Note that a flush was acknowledged: the caller's thread emits this checkpoint."""
        with self._changed:
            self._points.append((point, receipt))
            self._changed.notify_all()

    def works_untold(self, estimate_s: float | None) -> None:
        """Note that the drive is at a command that tells no progress, until the next phase.

        With its own estimate, if it has one.
        """
        with self._changed:
            self._untold = (time.monotonic(), estimate_s)

    def expect_silence(self, seconds: float) -> None:
        """Expect silence: a request is about to be sent that may take so long.

        Until then the drive has not stalled.
        """
        with self._changed:
            self._active = time.monotonic() + seconds

    def stop_for(self, halt: Halt) -> None:
        """Stop issuing requests. The first halt stays, but that a drive is gone outweighs that it was given up."""
        with self._changed:
            if self.halt is None or (self.halt.kind == "failed" and halt.kind == "aborted"):
                self.halt = halt
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait, for workers that wait for their turn: returns early on any change."""
        with self._changed:
            if self.halt is None:
                self._changed.wait(seconds)

    # --- what the caller's thread does --------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Time spent on this job so far, with that before an interruption.

        Pauses for heat, and for others on the same bus, are not counted.
        """
        with self._changed:
            now = time.monotonic()
            return self._before + now - self._began - self._heat.paused_s(now) - self._share.waited_s(now)

    def phase(self, phase: Phase, *, number: int, done: int, total: int) -> None:
        """Begin a new phase: its pass, and where in it we stand."""
        with self._changed:
            self._phase, self._number, self._done, self._total = phase, number, done, total
            self._untold = None
            self._active = time.monotonic()
        self._share.enter(writing=phase == "pass")

    def run(self, *workers: Callable[[], None]) -> None:
        """Run the workers to their end, each in a thread of its own, and watch over them meanwhile."""
        threads = [threading.Thread(target=self._guarded, args=(w,), name=self._job, daemon=True) for w in workers]
        self._running = len(threads)
        for thread in threads:
            thread.start()
        try:
            while self._running:
                with self._changed:
                    if self._running:
                        self._changed.wait(TICK_S)
                self._tick(time.monotonic())
        except BaseException:  # `emit` broke, or Ctrl-C
            self.stop_for(Halt("aborted", STOPPED_BY_DEFECT))
            raise
        finally:
            # Whatever happened: nobody may close the drive while a worker could still write through it.
            for thread in threads:
                thread.join()
        self.emit_points()
        if self._crash is not None:
            raise self._crash

    def __enter__(self) -> Monitor:
        self._heat.start(self._job)
        return self

    def __exit__(self, *_: object) -> None:
        self._heat.stop()
        self._share.leave()

    @property
    def _waits(self) -> bool:
        return self._heat.paused_at is not None or self._share.held

    def _guarded(self, worker: Callable[[], None]) -> None:
        try:
            worker()
        except DriveGone:
            self.stop_for(Halt("aborted", PULLED_OUT))
        except BaseException as error:  # noqa: BLE001 - a thread's outermost edge: a defect of ours: `run` raises it in the caller's thread
            self._crash = self._crash or error
            self.stop_for(Halt("aborted", STOPPED_BY_DEFECT))
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _tick(self, now: float) -> None:
        if (reason := self._stop.requested) is not None:
            self.stop_for(Halt("aborted", reason))
        self.emit_points()
        self._mind_heat(now)
        self._share.mind()
        if self._share.held:  # it neither stalls nor crawls
            self._active = self._window_from = now
            self._window_moved = self._moved
        self._mind_limits(now)
        stalled = now - self._active > self.limits.stall_after_s > 0 and self._heat.paused_at is None
        if now - self._told >= (STALLED_S if stalled else PROGRESS_S):
            self._told = now
            self._emit(self._progress(now, stalled=stalled))

    def emit_points(self) -> None:
        """Emit what was reached; in the caller's thread only."""
        while self._points:
            point, receipt = self._points.popleft()
            self._emit(Checkpoint(job=self._job, point=point, receipt=receipt))

    def _progress(self, now: float, *, stalled: bool) -> Progress:
        with self._changed:
            self._samples.append((now, self._moved))
            while len(self._samples) > 2 and now - self._samples[0][0] > 3.0:
                self._samples.popleft()
            (since, before), paused = self._samples[0], self._heat.paused_at is not None
            rate = (self._moved - before) / max(now - since, 1e-6) / 1e6
            began, estimate = self._untold or (None, None)
            wall = time.time()
            ends_at = None if stalled or paused else self._ends_at(now, wall)
            if stalled or paused:
                self._time_left.interrupted()
            return Progress(
                job=self._job,
                phase="stalled" if stalled else "paused" if paused else self._phase,
                pass_number=self._number,
                passes=self._passes,
                bytes_done=min(self._done, self._total),
                bytes_total=self._total,
                mb_per_s=round(0.0 if stalled or paused else rate, 1),
                errors=self.errors,
                celsius=self._heat.celsius,
                paused_s=None if self._heat.paused_at is None else round(now - self._heat.paused_at, 1),
                works_s=None if began is None else round(now - began, 1),
                estimate_s=estimate,
                ends_at=ends_at,
                left_s=None if ends_at is None else max(0.0, ends_at - wall),
            )

    def _ends_at(self, now: float, wall: float) -> float | None:
        if self._untold is not None:
            return self._time_left.ends_untold(*self._untold, self._total, now=now, wall=wall)
        done = min(self._done, self._total)
        return self._time_left.ends(self._phase, self._number, done, self._total, now=now, wall=wall)

    def _mind_limits(self, now: float) -> None:
        limits = self.limits
        if self._heat.paused_at is not None or self.halt is not None:
            return
        if 0 < limits.give_up_after_s < self.seconds:
            self.stop_for(Halt("failed", TOO_LONG))
        if self._phase == "proof":  # single blocks far apart: how fast the drive is, they do not tell
            self._window_from, self._window_moved = now, self._moved
        if limits.minimum_mb_per_s <= 0 or not 0 < limits.window_s <= now - self._window_from:
            return
        moved, self._window_moved = self._moved - self._window_moved, self._moved
        window, self._window_from = now - self._window_from, now
        if moved / window / 1e6 < limits.minimum_mb_per_s:
            self.stop_for(Halt("failed", TOO_SLOW))

    def _mind_heat(self, now: float) -> None:
        if self.halt is not None:
            return
        with self._changed:
            match self._heat.judge(now):
                case "too hot":
                    self.stop_for(Halt("aborted", TOO_HOT))
                case "never cool":
                    self.stop_for(Halt("aborted", NEVER_COOL))
                case "pause":
                    log.warning("%s is at %.0f C, and waits to cool", self.drive.drive.device, self._heat.celsius)
                case "go on":
                    self._window_from, self._active = now, now
                    self._window_moved = self._moved
                    self._changed.notify_all()
