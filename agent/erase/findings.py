"""What a capacity proof found where it did not read back what it had written, and what that says of the drive. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd
from typing import Literal

from agent.certificates.outcome import FOLDED
from agent.erase.proof_plan import MIB, ProofPlan
from agent.erase.ranges import Span, merge, subtract, total

Kind = Literal["nothing", "damaged", "other"]
"""Of a place that lost its block: one byte over and over, or something else each time; most of it; something else."""

SLACK = 2 * MIB  # requests in flight overtake each other: what is remembered of them is not quite the newest
MOST_KEPT = 4096  # of each list, of a drive that loses everything


class Findings:
    """False where every block was there."""

    def __init__(self, plan: ProofPlan) -> None:
        self._plan = plan
        self._folds: list[Span] = []
        self._distance = 0
        self._lost: list[Span] = []
        self._kinds: set[Kind] = set()

    def __bool__(self) -> bool:
        return bool(self._lost)

    def folded(self, at: int, written: int) -> None:
        """Note that at this address stands what was written to that one."""
        self._distance = gcd(self._distance, abs(at - written))
        if len(self._folds) < MOST_KEPT:
            self._folds.append((at, written))

    def lost(self, span: Span, kind: Kind) -> None:
        """Note that here stands something else than what was written."""
        self._kinds.add(kind)
        self._lost.append(span)
        if len(self._lost) > MOST_KEPT:
            self._lost = merge(self._lost)

    @property
    def why(self) -> str:
        """In words, for the certificate."""
        if self._folds and (self.wraps or self._distance >= self._plan.window):
            return FOLDED
        return f"{total(self._lost)} of {self._plan.bytes} bytes did not read back as they were written"

    @property
    def certain(self) -> bool:
        """Whether it is a counterfeit, whatever else is wrong with it: it wraps, or holds nothing beyond an address."""
        return self.wraps or (not self._folds and self.bounds is not None and self._kinds == {"nothing"})

    @property
    def wraps(self) -> bool:
        """Whether the first window, which was written last, stands at higher addresses too."""
        start, length = self._plan.first
        return any(at > written and start <= written < start + length for at, written in self._folds)

    @property
    def wraps_at(self) -> int | None:
        """The drive's real size, where its addresses wrap."""
        return self._distance if self.wraps else None

    @property
    def bounds(self) -> Span | None:
        """(the drive holds all below, it holds nothing from there on), where there is such an address between them.

        Above it all must be lost; only the very newest writes may be remembered.
        """
        if self._folds or not self._lost or "damaged" in self._kinds:
            return None
        lost = merge(self._lost)
        begin = lost[0][0]
        kept = subtract(_above(begin, self._written()), lost)
        newest = self._newest(begin, total(kept) + SLACK if kept else 0)
        gone = subtract(_above(begin, [self._plan.last]), kept)
        if subtract(kept, newest) or not gone or (kept and "other" in self._kinds):
            return None
        return max((min(o + n, begin) for o, n in self._written() if o < begin), default=0), begin

    @property
    def remembers(self) -> bool:
        """Whether some of the newest writes read back although the drive does not hold them."""
        return bool(subtract([self._plan.last], self._lost))

    def _newest(self, begin: int, length: int) -> list[Span]:
        """So many bytes of what was written last above an address."""
        newest: list[Span] = []
        for offset, size in reversed(_above(begin, self._written())):
            part = min(size, length)
            newest.append((offset + size - part, part))
            length -= part
        return merge(newest)

    def _written(self) -> list[Span]:
        return [*self._plan.places, self._plan.last, self._plan.first]


def _above(begin: int, spans: Iterable[Span]) -> list[Span]:
    """What of the spans lies at this address or above, in their order."""
    return [(max(o, begin), o + n - max(o, begin)) for o, n in spans if o + n > begin]
