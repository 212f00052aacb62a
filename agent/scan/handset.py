"""A phone or tablet on its way through the scans: what is known of it after each. Pure. Its rows: agent/scan/flow.py.

    badge -> IMEI -> (TABLET) -> asset tag -> (second IMEI) -> the vendor's reset -> YES or NO to each check -> attested

All of it is one person's: it stays in their place while another badge is at work, and over a power cut; another person
who scans the same IMEI begins it anew. A bay that is scanned in between, CANCEL and REPRINT leave it waiting until it
is scanned again; UNDO forgets it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from agent.certificates.attestation import QUESTIONS, Handset, imei_problem, second_imei_problem
from agent.certificates.record import AssetKind
from agent.scan.flow import Seen


@dataclass(frozen=True)
class Attempt:
    """A device that is not attested yet. `answers` go by QUESTIONS, from the first. `began`: when, in UTC.

    `second`: the IMEI of its other SIM card.
    """

    serial: str
    tag: str = ""
    kind: AssetKind = "phone"
    answers: tuple[bool, ...] = ()
    began: str = ""
    second: str = ""

    @property
    def asks(self) -> str:
        """The phrase of the next question; after the last one its own again."""
        return asked_phrase(QUESTIONS[min(len(self.answers), len(QUESTIONS) - 1)])

    def handset(self) -> Handset:
        """Describe the device, for its certificate."""
        return Handset(self.serial, self.tag, self.kind, second=self.second)

    def known(self) -> dict[str, Any]:
        """List all that is known of it, by name."""
        return asdict(self)

    def given(self) -> dict[str, bool]:
        """Map the answers by their question."""
        return dict(zip(QUESTIONS, self.answers, strict=False))


def check_phrase(question: str) -> str:
    """Name the phrase's key of a question."""
    return f"check_{question.replace('-', '_')}"


def asked_phrase(question: str) -> str:
    """Name the phrase's key of a question as the screen asks it.

    That is of which device, and by which codes it is answered.
    """
    return f"ask_{question.replace('-', '_')}"


def imei_seen(text: str, *, signed_in: bool) -> Seen:
    """Judge an IMEI: it begins something only of a named person, and only if its check digit fits."""
    if imei_problem(text):
        return Seen.BAD_IMEI
    return Seen.IMEI if signed_in else Seen.NOBODYS_IMEI


def is_second(attempt: Attempt, text: str) -> bool:
    """Say whether an IMEI is the device's other one: scanned before its first answer, of the same type of device."""
    return not attempt.answers and attempt.second in ("", text) and not second_imei_problem(attempt.serial, text)


def answer_seen(attempt: Attempt | None, *, yes: bool) -> Seen:
    """Judge an answer: the last yes is another thing than those before it."""
    if not yes:
        return Seen.NO
    last = attempt is not None and len(attempt.answers) == len(QUESTIONS) - 1
    return Seen.LAST_YES if last else Seen.YES


def known_after(attempt: Attempt | None, seen: Seen, value: str, tag: str) -> Attempt:
    """Tell what is known of the device now. `tag`: one that was scanned before its IMEI."""
    if seen is Seen.IMEI or attempt is None:
        return Attempt(value, tag)
    if seen is Seen.SECOND_IMEI:
        return replace(attempt, second=value)
    if seen is Seen.TABLET:
        return replace(attempt, kind="tablet")
    if seen in (Seen.TAG, Seen.USED_TAG, Seen.COUNTED_TAG):
        return replace(attempt, tag=value)
    return replace(attempt, answers=(*attempt.answers, seen is not Seen.NO))
