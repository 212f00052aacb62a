"""How a simulated device is told to misbehave while it runs: one word in a file, then the bays that it is about.

echo "stuck 2" > dock.control        echo > dock.control     (all is well again)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from drivers.errors import BadDriverSettings

NONE = "none"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a simulated device; `bays` empty means all of it."""

    kind: str = NONE
    bays: frozenset[int] = frozenset()

    def hits(self, kind: str, bay: int | None = None) -> bool:
        """Say whether this very thing is wrong, with this bay if one is named."""
        return self.kind == kind and (bay is None or not self.bays or bay in self.bays)


def fault_now(control_file: str, otherwise: Fault, known: Collection[str]) -> Fault:
    """Read the fault that the control file names; `otherwise` without a file.

    Raise BadDriverSettings for a word not known.
    """
    if not control_file:
        return otherwise
    try:
        words = Path(control_file).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return otherwise
    if not words:
        return Fault()
    if words[0] not in known or not all(w.isdecimal() for w in words[1:]):
        problem = f"{' '.join(words)[:40]!r}: allowed is one of {', '.join(known)}, then bay numbers"
        raise BadDriverSettings(where=control_file, problem=problem)
    return Fault(words[0], frozenset(int(w) for w in words[1:]))
