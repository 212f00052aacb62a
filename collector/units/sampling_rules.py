"""How a sample is drawn: so that neither the house nor the checker chooses it, and anybody can draw it again. Pure.

The house commits to a number by its hash, in a signed statement that also freezes what is drawn from. Then the checker
gives one. The seed is made of both, and of the lot's closing statement: each side would have to know the other's
number first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

SHORTEST_NUMBER, LONGEST_NUMBER = 8, 200


def size(count: int, sample_bp: int) -> int:
    """Say how many are drawn: the share rounded up, one at least; none of none."""
    return min(count, max(1, -(-count * sample_bp // 10_000))) if count else 0


def population_sha256(ids: Iterable[str]) -> str:
    """Name what is drawn from: the hash of the sorted certificate ids, a line each."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(ids)).encode()).hexdigest()


def commitment(number: str) -> str:
    """Commit to a number without telling it."""
    return hashlib.sha256(number.encode()).hexdigest()


def seed(closing: str, checker: str, house: str) -> str:
    """Make the seed: SHA-256 of the closing statement's hash, the checker's number and the house's, a line each."""
    return hashlib.sha256(f"{closing}\n{checker}\n{house}\n".encode()).hexdigest()


def draw(ids: Iterable[str], seed_: str, count: int) -> Sequence[str]:
    """Draw: the ids in the order of SHA-256(seed, id), the first `count`."""
    order = sorted(set(ids), key=lambda one: hashlib.sha256(f"{seed_}\n{one}\n".encode()).digest())
    return sorted(order[:count])


def number_problem(text: str) -> str:
    """Say why this is no number for a checker to give; empty where it is one."""
    if not text.isprintable() or not SHORTEST_NUMBER <= len(text) <= LONGEST_NUMBER:
        return f"the checker's number has {SHORTEST_NUMBER} to {LONGEST_NUMBER} printable characters"
    return ""
