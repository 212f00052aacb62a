"""What a running job is told from outside, by any thread: to stop, and which of its checkpoints were kept."""

from __future__ import annotations

import threading

from agent.certificates.outcome import Reason


class Receipts:
    """Which checkpoints are on the ledger's medium. The job asks by number, whoever keeps the checkpoint answers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked = 0
        self._kept: dict[int, bool] = {}

    def ask(self) -> int:
        """Draw the number of the next checkpoint that the job waits for."""
        with self._changed:
            self._asked += 1
            return self._asked

    def tell(self, number: int | None, kept: bool) -> None:
        """Say that a checkpoint is there, or could not be written. None: nobody waits for it."""
        if number is None:
            return
        with self._changed:
            self._kept[number] = kept
            self._changed.notify_all()

    def wait(self, number: int, seconds: float) -> bool | None:
        """Return whether a checkpoint was kept; None where nobody said so in that time."""
        with self._changed:
            self._changed.wait_for(lambda: number in self._kept, seconds)
            return self._kept.pop(number, None)


class Stop:
    """A request to stop, from any thread; the first reason stays. `receipts`: what else the job is told."""

    def __init__(self) -> None:
        self.receipts = Receipts()
        self._reason: Reason | None = None
        self._lock = threading.Lock()

    def request(self, reason: Reason) -> None:
        """Ask the job to stop at the next request's end."""
        with self._lock:
            self._reason = self._reason or reason

    @property
    def requested(self) -> Reason | None:
        """Why the job should stop; None while it should not."""
        return self._reason
