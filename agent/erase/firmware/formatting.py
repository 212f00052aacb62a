"""NVMe Format NVM of one namespace: its completion is its end, and the namespace is as it was formatted before."""

from __future__ import annotations

from typing import Literal, cast

from agent.certificates.outcome import FORMAT_CHANGED, NO_ANSWER, NOT_JOURNALLED
from agent.erase.firmware.dialogues import entry, send, silent
from agent.erase.firmware.machine import Machine, Stopped
from agent.erase.firmware.steps import REASONS, FirmwareStep, advance
from agent.erase.firmware.talk import ASK_S
from firmware_bridge import nvme
from firmware_bridge.nvme import Namespace
from firmware_bridge.reply import Unreadable


class Formatting(Machine):
    """LBA format, metadata and protection stay. One that nobody saw the end of is done again."""

    _now: Namespace

    def prepare(self) -> Stopped | None:
        """See Machine."""
        found = self._namespace()
        if found is None:
            return Stopped(NO_ANSWER, untouched=True)
        self._now = found
        return None

    def run(self) -> Stopped | None:
        """See Machine."""
        erase = cast(Literal["user-data", "crypto"], self.how.kind)
        command = nvme.format_nvm(self.talk.port.namespace, self._now, erase=erase)
        if not self.talk.write_down(self.point("sent", entry(command))):
            return Stopped(NOT_JOURNALLED)
        if not self.talk.goes_on:
            return None
        self.talk.waits(None)
        answer = send(self.talk, command, self.how.patience_s)
        step = advance(FirmwareStep.READY, answer.said)
        if step is not FirmwareStep.ACCEPTED:
            self.talk.note(command.name, entry(command), answer.text, answer.raw)
            return Stopped(REASONS.get(step, REASONS[FirmwareStep.UNKNOWN]))
        self.talk.note(command.name, entry(command), "completed", answer.raw)
        after = self._namespace()
        if after is None:
            return Stopped(NO_ANSWER)
        return None if after == self._now else Stopped(FORMAT_CHANGED)

    def _namespace(self) -> Namespace | None:
        command = nvme.identify_namespace(self.talk.port.namespace)
        try:
            reply = self.talk.port.nvme(command, within=ASK_S)
        except OSError as error:
            self.talk.note(command.name, entry(command), silent(error).text)
            return None
        found = nvme.parse_namespace(reply.data) if reply.good else Unreadable("no answer")
        return None if isinstance(found, Unreadable) else found
