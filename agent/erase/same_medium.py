"""Whether a job that goes on has the medium that it began with: by what only this job can have written to it.

Model, serial and capacity do not tell: two drives may have the same. What tells is the job's marker
(agent/erase/marker.py), or the data of one of its random passes, wherever a place still holds any. Zeros prove
nothing: a blank twin has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from agent.certificates.clock import utc_now
from agent.certificates.record import Resumed
from agent.erase.buffers import PAGE, ROOM, aligned
from agent.erase.marker import Marker
from agent.erase.monitor import Monitor
from agent.erase.pattern import Fill
from agent.erase.spec import ResumePoint
from agent.erase.transfer import read_all

PLACES = 16  # below the point that the job goes on from, and as many over the whole drive: some may not be readable


def claims(point: ResumePoint) -> bool:
    """Say whether a job that goes on from there takes anything for done that is true of one medium only."""
    return point.pass_number > 1 or point.offset > 0 or bool(point.unreached) or point.capacity_proof is not None


class SameMedium:
    """One look. `record` is what the certificate says of it."""

    def __init__(self, monitor: Monitor, marker: Marker, point: ResumePoint, random_fills: Sequence[Fill]) -> None:
        self._monitor, self._marker, self._point, self._fills = monitor, marker, point, random_fills
        self._unit = monitor.drive.drive.logical_block_bytes
        self._read = 0
        self.shown = False

    def look(self) -> None:
        """Read, in the job's working thread, until a place shows it."""
        self._marker.look()
        self._read = len(self._marker.all)
        buffer, wanted = aligned(max(self._unit, PAGE))[: self._unit], aligned(max(self._unit, PAGE) + ROOM)
        self.shown = bool(self._marker.slots)
        for offset in self._places() if self._fills else ():
            if self.shown or not self._monitor.go():
                return
            try:
                read_all(self._monitor.drive, buffer, offset)
            except OSError as error:
                self._monitor.failed(error, counted=False)
                continue
            self._read += 1
            self._monitor.moved(self._unit, done=0)
            self.shown = any(fill.at(offset, self._unit, wanted) == buffer for fill in self._fills)

    @property
    def record(self) -> Resumed:
        """What was read, and what it showed."""
        result: Literal["passed", "failed"] = "passed" if self.shown else "failed"
        return Resumed(at=utc_now(), offset=self._point.offset, places=self._read, result=result)

    def _places(self) -> Iterator[int]:
        capacity = self._monitor.drive.drive.capacity_bytes
        for until in (self._point.offset, capacity):
            blocks = until // self._unit
            yield from dict.fromkeys(blocks * n // PLACES * self._unit for n in range(PLACES if blocks else 0))
