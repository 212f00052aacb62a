"""SANITIZE from the question whether one goes on already to the drive's word that ours is completed.

It goes on by itself: through resets, power cuts and in another port. So nothing is sent while one is at work. A job
that comes back attaches to the one that it had seen to be accepted. Of one that ended meanwhile NVMe's log says which
command it was, and whether anything was written since; ATA's status says that the last one succeeded, whichever it was;
SCSI says nothing, and it is done again.
"""

from __future__ import annotations

import time

from agent.certificates.outcome import (
    COMMAND_REFUSED,
    FIRMWARE_FAILED,
    FROZEN,
    NO_ANSWER,
    NOT_JOURNALLED,
    TOO_LONG,
    Reason,
)
from agent.erase.firmware.dialogues import DIALOGUES, Dialogue
from agent.erase.firmware.machine import Machine, Stopped
from agent.erase.firmware.steps import ENDS, REASONS, Answer, FirmwareStep, advance
from agent.erase.firmware.talk import Talk
from agent.erase.spec import EraseSpec
from agent.erase.techniques import Technique

TRIES = 5  # answers in a row that cannot be read
MARGIN_S = 600.0


class Sanitizing(Machine):
    """See the module."""

    def __init__(self, talk: Talk, how: Technique, spec: EraseSpec) -> None:
        super().__init__(talk, how, spec)
        self.dialogue: Dialogue = DIALOGUES[how.speaks](talk, how)
        self._stale = False
        self._too_long = False

    # --- before -----------------------------------------------------------------------------------------------

    def prepare(self) -> Stopped | None:
        """See Machine. One that failed leaves the drive closed: another one opens it, and does not count yet."""
        answer = self._readable()
        if answer is None:
            return Stopped(NO_ANSWER, untouched=True)
        if answer.said == "another" and answer.ours:
            return Stopped(self._closed(answer), untouched=True)
        if answer.said == "running":
            answer = self._join(answer)
            if self.done_before:
                return None
        elif self._ended_meanwhile(answer):
            self.done_before = True
            self.talk.heard(
                "sanitize status", self.dialogue.question, f"{answer.text} (it had ended before)", answer.raw
            )
            return None
        if answer is not None and answer.frozen:
            return Stopped(FROZEN, untouched=True)
        if answer is not None and answer.said == "failed":
            if not self.talk.write_down(self.point("prepared", b"")):
                return Stopped(NOT_JOURNALLED, untouched=True)
            answer = self._open_again()
            if answer is not None and answer.said not in ("completed", self.dialogue.afterwards):
                return Stopped(FIRMWARE_FAILED)
        if answer is None:
            return Stopped(TOO_LONG if self._too_long else NO_ANSWER)
        self._stale = answer.said == "completed" and answer.ours
        return None

    def _closed(self, answer: Answer) -> Reason:
        """Why a drive that speaks of something else gets no sanitize. ATA: it aborts the very question."""
        if answer.frozen:
            return FROZEN
        return COMMAND_REFUSED if self.how.speaks == "ata" else NO_ANSWER

    def _readable(self) -> Answer | None:
        for _ in range(TRIES):
            answer = self.dialogue.status()
            if answer.said != "unreadable":
                return answer
            self.talk.heard("sanitize status", self.dialogue.question, answer.text, answer.raw)
            if not self.talk.wait():
                return None
        return None

    def _join(self, answer: Answer) -> Answer | None:
        """Wait for the end of what is at work. It counts where we had seen this very command to be accepted."""
        before = self.before
        seen = before is not None and before.step == "accepted"  # one that we saw finished is not this one
        shown = before is not None and before.step == "sent" and self.dialogue.knows_ours and not before.stale
        if (seen or shown) and answer.ours and before is not None and before.command == self.dialogue.command.hex():
            self.talk.heard("sanitize status", self.dialogue.question, f"attached: {answer.text}", answer.raw)
            self.done_before = self._follow(FirmwareStep.RUNNING) is FirmwareStep.FINISHED
            return self._readable() if self.talk.goes_on and not self._too_long else None
        self.talk.heard(
            "sanitize status", self.dialogue.question, f"waited for, and not counted: {answer.text}", answer.raw
        )
        return self._outlast()

    def _outlast(self) -> Answer | None:
        """The answer when nothing is at work any more; None where the job ends before."""
        until = time.monotonic() + self.how.patience_s
        self.at_work = True
        self.talk.hurry()
        while self.talk.goes_on and time.monotonic() < until:
            answer = self._readable()
            if answer is None:
                return None
            if answer.said != "running":
                self.at_work = False
                return answer
            self.talk.show(answer)
            self.talk.wait()
        self._too_long = self.talk.goes_on
        return None

    def _ended_meanwhile(self, answer: Answer) -> bool:
        """Whether what ended while nobody looked was our command, and nothing was written since."""
        before = self.before
        if before is None or before.command != self.dialogue.command.hex() or answer.said != self.dialogue.afterwards:
            return False
        if self.dialogue.knows_ours:
            return before.step != "prepared" and answer.ours and not before.stale and answer.fresh
        # Seen to its end, and interrupted while it was read back; or accepted, when nothing was completed before, and
        # completed now: ours, or one that somebody sent behind it. A full reading of what must be the same everywhere
        # finds whatever was written meanwhile. Of a lost key nobody can say what belongs there.
        told = self.dialogue.tells_last and before.step == "accepted" and not before.stale
        return (before.step == "finished" or told) and self.how.leaves != "anything" and self.spec.verify.kind == "full"

    def _open_again(self) -> Answer | None:
        answer = self.dialogue.start()
        self.talk.note(
            "SANITIZE, to open a drive whose last one failed", self.dialogue.command, answer.text, answer.raw
        )
        self.talk.wait()
        return self._outlast()

    # --- our own ----------------------------------------------------------------------------------------------

    def run(self) -> Stopped | None:
        """See Machine."""
        command = self.dialogue.command
        if not self.talk.write_down(self.point("sent", command, stale=self._stale)):
            return Stopped(NOT_JOURNALLED)
        if not self.talk.goes_on:
            return None
        answer = self.dialogue.start()
        self.talk.note(f"SANITIZE {self.how.kind}", command, answer.text, answer.raw)
        step = advance(FirmwareStep.READY, answer.said)
        self.at_work = step not in ENDS
        if step is FirmwareStep.ACCEPTED:
            self.talk.write_down(self.point("accepted", command, stale=self._stale))
        if step not in ENDS:
            step = self._follow(step)
        if step is FirmwareStep.FINISHED:
            self.talk.write_down(self.point("finished", command))
            return None
        if self._too_long:
            return Stopped(TOO_LONG)
        return Stopped(REASONS[step]) if step in REASONS else None

    def _follow(self, step: FirmwareStep) -> FirmwareStep:
        """To the end of our command, or of the job."""
        estimate = self.dialogue.estimate_s()
        until = time.monotonic() + (self.how.patience_s if estimate is None else 4 * estimate + MARGIN_S)
        unread, self.at_work = 0, True
        self.talk.hurry()
        while True:
            answer = self.dialogue.status()
            if answer.said == "idle" and step is FirmwareStep.ACCEPTED:
                answer = self.dialogue.confirm() or answer
            unread = unread + 1 if answer.said == "unreadable" else 0
            step = FirmwareStep.UNKNOWN if unread >= TRIES else advance(step, answer.said if answer.ours else "another")
            self.talk.heard("sanitize status", self.dialogue.question, answer.text, answer.raw)
            self.talk.show(answer)
            if step in ENDS:
                self.at_work = False
                return step
            if time.monotonic() > until:
                self._too_long = True
                return step
            if not self.talk.wait():
                return step
