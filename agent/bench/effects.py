"""What the engine wants to happen in the world. agent/devices/station_effects.py does it; the tests have their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from agent.certificates.certificate import Certificate
from agent.certificates.record import Disposition
from agent.erase import EraseSpec, PatternSpan
from agent.erase.signals import Stop
from agent.jobs.bay import Bay
from agent.jobs.job import Job
from agent.messages import Alarm, CommandStatus, ReportedConfig
from agent.phrases import Spoken


class Effects(Protocol):
    """Each call returns at once: the engine never waits for a device."""

    def work(self, bay: Bay, started: Job, spec: EraseSpec, stop: Stop) -> None:
        """Start the worker of a bay. RuntimeError when there is no thread for it."""

    def bay_changed(self, bay: Bay) -> None:
        """Show it: lamps, displays, MQTT."""

    def progressed(self, bay: Bay) -> None:
        """Show how far it is, or how long until it begins."""

    def say(self, key: str, values: Mapping[str, str], then: Spoken | None = None) -> None:
        """Tell the technician at the bench what came of a scan, and then what is expected next."""

    def report(self, key: str, values: Mapping[str, str]) -> None:
        """Tell what happened, beside what is expected."""

    def speak(self, language: str) -> None:
        """Say and show everything in this language from now on. Labels stay in the station's."""

    def certified(self, ended: Job | None, certificate: Certificate, *, whole: bool = True) -> None:
        """Print its label, and let the uplink know of it. `ended` is None where a person attested, and no job was.

        `whole`: as for `print_label`.
        """

    def print_label(
        self,
        certificate: Certificate,
        copy: int,
        given: Disposition | None = None,
        bay: str = "",
        *,
        whole: bool = True,
    ) -> None:
        """Print a certificate's label on every printer; each puts a LabelResult.

        `given`: grade and destination as they are now. `bay`: where its drive was erased. `whole`: all drives of its
        device are erased.
        """

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raise or clear an alarm."""

    def can_cycle(self, bay: str) -> bool:
        """Say whether the bay's power can be switched. Asks no device."""

    def abandon(self, bay: Bay) -> None:
        """Abandon a drive that does not answer: cut its power where the dock can."""

    def restore(self, bay: Bay) -> None:
        """Give power to a bay that is in use (again), where the dock can."""

    def config_report(self, report: ReportedConfig) -> None:
        """Say over MQTT what became of a controller's directory."""

    def command_status(self, kind: str, command: str, status: CommandStatus) -> None:
        """Tell the controller what became of its command."""

    def hash_ahead(self, place: PatternSpan | None) -> None:
        """Make this hash behind everything else, and put a HashMade; None: rest at once. Absolute."""

    def rest(self) -> None:
        """Give back what only starting or a job needed: no bay has worked for a while."""

    def beat(self) -> None:
        """Tell that the engine is alive."""
