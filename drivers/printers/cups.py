"""A label printer behind a CUPS queue: `lp -o raw`, and `lpstat` for what becomes of the job.

No label is ever Printed here. A job that is over was handed to the printer, and whether paper came out no queue says;
of CUPS 2.4.2 lpstat says the same of a job that was completed and of one that its backend broke off. So each label that
was sent is unknown, and its scan is the proof.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.errors import DeviceSilent, DriverError
from drivers.printers.base import NotPrinted, Printer, PrinterSettings, PrintResult, Unknown
from drivers.printers.languages.dialogue import PrinterStatus
from drivers.program import run

ASK_S = 10.0  # for one answer of lpstat: it asks a local daemon, and gives up by itself later than we do
ASK_AGAIN_S = 0.3


class Settings(PrinterSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`queue`: a raw one (`lpadmin -p NAME -E -v URI`). `server`: HOST[:PORT] or a socket; empty: this machine's."""

    queue: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}$")]
    server: str = ""


@dataclass(frozen=True)
class QueueState:
    """What `lpstat -l -p` says: disabled, or at work, and the printer's alerts in CUPS' words."""

    disabled: bool
    printing: bool
    alerts: tuple[str, ...]
    message: str

    @property
    def problems(self) -> tuple[str, ...]:
        """Alerts that hold a label back; those of an idle queue may be left over from the last job."""
        found = tuple(alert for alert in self.alerts if alert.endswith("-error") or alert == "offline")
        return ("the queue is disabled", *found) if self.disabled else found if self.printing else ()


class Driver(Printer):
    """Each step is a program with a deadline; nothing is kept open."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.media = settings.media()
        self._settings = settings

    def print(self, data: bytes, *, label_id: str, within: Deadline) -> PrintResult:
        """Print by asking before, handing the label to the queue, and following it.

        What is not done at the deadline is cancelled.
        """
        try:
            before = self._queue(within)
            if before.problems:
                return NotPrinted(label_id, f"{self.name}: {self._why(before)}")
        except DriverError as error:
            return NotPrinted(label_id, f"{self.name}: {error}")
        try:
            said = self._run(
                "lp", "-d", self._settings.queue, "-o", "raw", "-t", label_id, "-", within=within, data=data
            )
        except DeviceSilent as error:  # the scheduler may have taken it
            return Unknown(label_id, f"{self.name}: {error}")
        except DriverError as error:
            return NotPrinted(label_id, f"{self.name}: {error}")
        job = re.search(rf"\b{re.escape(self._settings.queue)}-[0-9]+\b", said)
        if job is None:
            return Unknown(label_id, f"{self.name}: CUPS names no job")
        return self._follow(job[0], label_id, within)

    def status(self, *, within: Deadline) -> PrinterStatus:
        """Ask the queue. An idle one says nothing of its printer: ready is None then."""
        try:
            state = self._queue(within)
        except DriverError as error:
            return PrinterStatus(ready=False, problems=(str(error),))
        return PrinterStatus(ready=False, problems=state.problems) if state.problems else PrinterStatus(ready=None)

    def _follow(self, job: str, label_id: str, within: Deadline) -> PrintResult:
        """Until the job is over. A fault in asking is no word about the label."""
        last = "no time was left to ask"
        while not within.passed:
            try:
                if self._job("not-completed", job, within) is None:
                    return self._over(job, label_id, within)
                last = self._why(self._queue(within))
            except DriverError as error:
                last = last if within.passed else str(error)  # what it said in time tells more
            time.sleep(min(ASK_AGAIN_S, within.left()))
        self._cancel(job)
        return Unknown(label_id, f"{self.name}: sent, and then: {last}")

    def _over(self, job: str, label_id: str, within: Deadline) -> PrintResult:
        """Cancelled is said by CUPS; anything else is not told apart."""
        alerts = self._job("completed", job, within) or ""
        if "cancel" in alerts:
            return Unknown(label_id, f"{self.name}: somebody cancelled the job in CUPS")
        return Unknown(label_id, f"{self.name}: handed over; a queue does not say what came out")

    def _cancel(self, job: str) -> None:
        """A label that comes out hours later would be put on another drive."""
        try:
            self._run("cancel", job, within=Deadline(ASK_S))
        except DriverError:
            return

    def _queue(self, within: Deadline) -> QueueState:
        return queue_state(self._run("lpstat", "-l", "-p", self._settings.queue, within=within))

    def _job(self, which: str, job: str, within: Deadline) -> str | None:
        told = self._run("lpstat", "-l", "-W", which, "-o", self._settings.queue, within=within)
        return job_alerts(told, job)

    def _why(self, state: QueueState) -> str:
        return ", ".join(filter(None, (*state.problems, state.message))) or "it is not done"

    def _run(self, *words: str, within: Deadline, data: bytes = b"") -> str:
        server = {"CUPS_SERVER": self._settings.server} if self._settings.server else None
        deadline = Deadline(min(ASK_S, within.left()))
        return run(words, device=self.name, within=deadline, kind="printers", data=data, environment=server)


def queue_state(text: str) -> QueueState:
    """Parse `lpstat -l -p QUEUE` of CUPS 2, in English: a line that is not indented, then indented ones."""
    first, _, rest = text.partition("\n")
    alerts = re.search(r"^\tAlerts: (.*)$", rest, re.MULTILINE)
    words = tuple(word for word in (alerts[1].split() if alerts else ()) if word != "none")
    message = rest.split("\n")[0].strip()
    return QueueState(
        disabled=" disabled since " in first,
        printing=" now printing " in first,
        alerts=words,
        message="" if message.endswith(":") or message.startswith("Form mounted") else message,
    )


def job_alerts(text: str, job: str) -> str | None:
    """Find the alerts of one job in `lpstat -l -o QUEUE`. None where the list does not have it."""
    found = re.search(rf"^{re.escape(job)} .*\n((?:\t.*\n?)*)", text, re.MULTILINE)
    if found is None:
        return None
    alerts = re.search(r"^\tAlerts: (.*)$", found[1], re.MULTILINE)
    return alerts[1].strip() if alerts else ""
