"""What was agreed with a customer about its erasures, told by the room that knows agreements. Pure.

A room that stands below this one adds its source when the program starts. Where nothing was agreed, who decides and
how much is checked again are as strict as can be, and a decision is asked for, but no unit waits for it: nobody is
paid, and nothing is sold, without an agreement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

R2_SAMPLE_BP = 500
"""R2v3, appendix B: at least 5 % of what was logically sanitized is checked by somebody else."""


@dataclass(frozen=True)
class Policy:
    """Whether a person has to accept each erasure, whether it must be another one, and how much is checked again."""

    validation: bool = True
    validator_differs: bool = True
    sample_bp: int = R2_SAMPLE_BP
    unread_allowed: bool = False
    """Whether what was written over and not read back counts as erased."""
    agreed: bool = True

    @property
    def asks_a_person(self) -> bool:
        """Say whether erasures are shown to a person who decides about them."""
        return self.validation or not self.agreed


NOTHING_AGREED = Policy(validation=False, agreed=False)
Source = Callable[[int, date], Policy | None]
"""(customer's row, day) -> what was agreed for that day; None where nothing was."""
SOURCES: list[Source] = []


def policy_of(customer: int | None, day: date) -> Policy:
    """Say what was agreed with a customer for a day."""
    if customer is not None:
        for source in SOURCES:
            found = source(customer, day)
            if found is not None:
                return found
    return NOTHING_AGREED
