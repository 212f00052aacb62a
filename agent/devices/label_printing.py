"""Labels on their way to paper: drawn and printed in each printer's own thread, which tells what came of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from agent.bench.events import LabelResult
from agent.bench.inbox import Inbox
from agent.certificates.certificate import Certificate
from agent.certificates.record import Disposition
from agent.devices.device_thread import DeviceThread
from agent.jobs.label_proof import LabelState
from agent.settings import StationSettings
from drivers.deadline import Deadline
from drivers.printers.base import NotPrinted, Printed, Printer, PrintResult, Unknown

PRINT_S = 30.0


class LabelPrinting:
    """Prints on every printer; each label's end is a LabelResult."""

    def __init__(
        self, about: StationSettings, printers: Mapping[str, Printer], threads: Mapping[str, DeviceThread], inbox: Inbox
    ) -> None:
        """`printers` by their names in the configuration, `threads` by those of the devices."""
        self._about, self._printers, self._threads, self._inbox = about, printers, threads, inbox

    def print(self, certificate: Certificate, copy: int, given: Disposition | None, bay: str, *, whole: bool) -> None:
        """Queue a certificate's label at every printer. `given`: grade and destination as they are now.

        `whole`: all drives of its device are erased.
        """
        for name, printer in self._printers.items():
            task = functools.partial(self._print, name, certificate, copy, given, bay, whole=whole)
            if not self._threads[printer.name].call(task):
                behind = f"{name} is too far behind"
                self._inbox.put(LabelResult(certificate.record.number, name, copy, LabelState.NOT_PRINTED, behind))

    def _print(
        self, name: str, certificate: Certificate, copy: int, given: Disposition | None, bay: str, *, whole: bool
    ) -> None:
        number = certificate.record.number
        from agent.certificates import label  # with the first label: an idle station does without fonts and layouts

        about, printer = self._about, self._printers[name]
        state, detail = LabelState.NOT_PRINTED, f"{name} failed"
        try:
            data = label.write_label(
                certificate,
                printer.media,
                copy=copy,
                language=about.language,
                certificate_url=about.certificate_url,
                given=given,
                bay=bay,
                whole=whole,
            )
            state = LabelState.UNKNOWN  # a printer that breaks down may have printed something
            state, detail = _came_of(printer.print(data, label_id=number, within=Deadline(PRINT_S)))
        finally:
            self._inbox.put(LabelResult(number, name, copy, state, detail))


def _came_of(result: PrintResult) -> tuple[LabelState, str]:
    match result:
        case Printed():
            return LabelState.PRINTED, ""
        case NotPrinted(reason=reason):
            return LabelState.NOT_PRINTED, reason
        case Unknown(reason=reason):
            return LabelState.UNKNOWN, reason
