"""Bytes -> whether they are a genuine certificate, step by step, each with a line for people. Pure, never raises.

The bytes may be anything: a file that somebody posted, or a row that somebody changed. What agent/certificates
verifies counts; the steps only say how far that came, and refuse two things more, over which readers differ: a field
that stands twice, and JSON nested deeper than any certificate is.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import certificate as certificates
from agent.certificates import jws
from agent.certificates.certificate import Certificate
from agent.certificates.record import Record
from agent.errors import CertificateProblem
from collector.text import visible

StepName = Literal["form", "key", "signature", "contents", "claims"]
STEPS: tuple[StepName, ...] = ("form", "key", "signature", "contents", "claims")
Verdict = Literal["holds", "does_not_hold", "unknown_key", "no_certificate"]
DEEPEST = 32  # levels of JSON; a record has seven, with what smartctl said in it
Keys = Mapping[str, Ed25519PublicKey]
# A text without its end goes to the end of all: looked for anew from each quote within, 64 KiB would take minutes.
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*\\?"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True)
class Step:
    """One thing that was looked at. `holds` is None where the work ended before it. `told` is one visible line."""

    name: StepName
    holds: bool | None
    told: str = ""


@dataclass(frozen=True)
class Examined:
    """What was found. `certificate` is there only if every step holds.

    `unverified`: what the bytes say of themselves, for which nobody vouches; None where they say nothing readable.
    """

    id: str
    key_id: str
    steps: tuple[Step, ...]
    certificate: Certificate | None
    unverified: Record | None

    @property
    def verdict(self) -> Verdict:
        """One word for all of it."""
        failed = self.failed
        if failed is None:
            return "holds"
        by_step: Mapping[str, Verdict] = {"form": "no_certificate", "key": "unknown_key"}
        return by_step.get(failed.name, "does_not_hold")

    @property
    def failed(self) -> Step | None:
        """The first step that does not hold."""
        return next((step for step in self.steps if not step.holds), None)

    @property
    def problem(self) -> str:
        """Why it does not hold, in one line; empty where it does."""
        return "" if self.failed is None else self.failed.told


def examine(compact: bytes, keys: Keys) -> Examined:
    """Examine bytes that may be anything, against these keys (thumbprint -> key)."""
    work = _Work(compact, keys)
    steps: list[Step] = []
    for name in STEPS:
        if steps and not steps[-1].holds:
            steps.append(Step(name, None))
            continue
        problem = _problem_of(work.looks[name])
        steps.append(Step(name, problem is None, problem or ""))
    whole = work.certificate if all(step.holds for step in steps) else None
    read = work.certificate.record if work.certificate is not None else None
    return Examined(certificates.certificate_id(compact), work.key_id, tuple(steps), whole, read)


class _Work:
    """The steps over one file; each raises CertificateProblem where it does not hold."""

    def __init__(self, compact: bytes, keys: Keys) -> None:
        self._compact, self._keys = compact, keys
        self.key_id = ""
        self.certificate: Certificate | None = None
        self.looks: Mapping[StepName, Callable[[], object]] = {
            "form": self._form,
            "key": self._key,
            "signature": lambda: jws.verify(compact, keys, typ=certificates.TYPE),
            "contents": self._contents,
            "claims": self._claims,
        }

    def _form(self) -> None:
        parts = self._compact.split(b".", 3)[:2]
        if len(self._compact) <= jws.MAX_BYTES and len(parts) == 2:
            for part, word in zip(parts, ("header", "payload"), strict=True):
                refuse_odd_json(_decoded(part), word)
        self.key_id = jws.read_unverified(self._compact, typ=certificates.TYPE).key_id
        try:  # what it says can be shown, whoever signed it; whether it may be said is a later step
            self.certificate = certificates.read_unverified(self._compact)
        except CertificateProblem:
            self.certificate = None

    def _key(self) -> None:
        if self.key_id not in self._keys:
            raise CertificateProblem(problem=f"it is signed with a key that is not known here: {self.key_id}")

    def _claims(self) -> None:
        assert self.certificate is not None  # its contents were read
        certificates.refuse_empty_claims(self.certificate.record)

    def _contents(self) -> None:
        if self.certificate is None:
            self.certificate = certificates.read_unverified(self._compact)
        try:
            _read_strictly(certificates.payload_bytes(self._compact))
        except ValueError:
            raise CertificateProblem(problem="its payload is no JSON that every reader reads alike") from None


def refuse_odd_json(data: bytes, word: str) -> None:
    """Raise CertificateProblem where JSON is nested too deep, or says a field twice. What is no JSON is left alone."""
    if _depth(data) > DEEPEST:
        raise CertificateProblem(problem=f"its {word} is nested deeper than {DEEPEST} levels")
    try:
        doubled = _read_strictly(data)
    except (ValueError, RecursionError):
        return
    if doubled:
        raise CertificateProblem(problem=f"its {word} says {doubled[0]!r} twice")


def _read_strictly(data: bytes) -> list[str]:
    """Read JSON as RFC 8259 has it (UTF-8, no NaN, no half characters), else ValueError. The names that stand twice.

    The station's reader steps over a field that it does not know, whatever stands in it; other readers do not. Figures
    stay texts, so that no length of one ends the reading.
    """
    doubled: list[str] = []

    def gather(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled.append(next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1))
        return found

    text = data.decode("utf-8")
    value = json.loads(text, object_pairs_hook=gather, parse_int=str, parse_float=str, parse_constant=_refuse)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return doubled


def _refuse(name: str) -> object:
    raise ValueError(name)


def _depth(data: bytes) -> int:
    """The deepest nesting, with no reader's stack: brackets within texts do not count."""
    depth = deepest = 0
    for bracket in _TEXT.sub(b"", data).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _decoded(part: bytes) -> bytes:
    """What stands in a part, as well as it can be read: a part that is not base64url is the form's own problem."""
    try:
        return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def _problem_of(look: Callable[[], object]) -> str | None:
    try:
        look()
    except CertificateProblem as problem:
        return visible(str(problem.fields["problem"]))
    except (RecursionError, ValueError, OverflowError) as error:  # a figure of four thousand digits, a nest of brackets
        return visible(f"it cannot be read: {error}")
    return None
