"""Worker threads: one for each job, from opening the drive to its outcome, and the bay's power off and on between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from agent.bench.events import DriveCycled, Worked, WorkEnded
from agent.bench.inbox import Inbox
from agent.certificates.outcome import Failed, Outcome, Reason, Work
from agent.devices.bay_power import BayPower
from agent.devices.watcher import Watcher
from agent.erase import Checkpoint, EraseSpec, Progress, Renewed
from agent.erase.signals import Stop
from agent.jobs.job import Job
from agent.settings import BaySettings
from drivers.deadline import Deadline
from drivers.drives.base import DriveSource

APPEAR_S = 60.0  # a disk that turns takes up to 30 s
DIED = Reason("BW-E90", "The station broke down: the worker died", "Erase it again.")


class Workers:
    """Begins workers; what they report goes to the engine."""

    def __init__(
        self,
        bays: Iterable[BaySettings],
        sources: Mapping[str, DriveSource],
        watchers: Mapping[str, Watcher],
        power: BayPower,
        inbox: Inbox,
    ) -> None:
        """`watchers`: by source; each looks away while a worker has its bay's power off."""
        self._places = {bay.name: bay for bay in bays}
        self._sources, self._watchers, self._power, self._inbox = sources, watchers, power, inbox

    def start(self, bay: str, started: Job, spec: EraseSpec, stop: Stop) -> None:
        """Start the worker of a bay, in a thread of its own. RuntimeError when there is none to be had."""
        place = self._places[bay]
        source = self._sources[place.source]

        def emit(report: Progress | Checkpoint | Renewed) -> None:
            self._inbox.put(Worked(bay, started.id, report))

        def run() -> None:
            outcome: Outcome = Failed(Work(), DIED)
            cycle = self._cycler(place, started.id)
            try:
                from agent.erase.worker import run_job  # the erase engine, with the first job: 1 MB

                outcome = run_job(started.drive, spec, lambda: source.open(place.port), emit, stop, cycle=cycle)
            finally:  # whatever kills this thread: the engine hears that nobody holds the drive any more
                self._inbox.put(WorkEnded(bay, started.id, outcome))

        threading.Thread(target=run, name=f"work-{bay}", daemon=True).start()

    def _cycler(self, place: BaySettings, job: str) -> Callable[[], None] | None:
        """Power off and on, for the bay's worker. The watcher looks away meanwhile: this is no drive that left."""
        switch = self._power.cycler(place.name)
        if switch is None:
            return None
        source, watcher = self._sources[place.source], self._watchers.get(place.source)

        def cycle() -> None:
            token = ""
            if watcher is not None:
                watcher.look_away(place.port)
            try:
                switch()
                token = _appeared(source, place.port)
            finally:
                if watcher is not None:
                    watcher.look_back(place.port, token)
            if token:
                self._inbox.put(DriveCycled(place.name, job, token))

        return cycle


def _appeared(source: DriveSource, port: str) -> str:
    """The token of the drive that appears at the port; empty if none does in time."""
    until = Deadline(APPEAR_S)
    while not (token := source.present(frozenset((port,))).get(port, "")) and not until.passed:
        time.sleep(0.25)
    return token
