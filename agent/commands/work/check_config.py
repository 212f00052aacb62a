"""A configuration with mistakes in it: all of them are told, and what is right of it is still used. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from agent.settings import Settings, contradictions
from drivers.options import convert

MOST_ROUNDS = 100
STEP = re.compile(r"([\w-]+)|\[(\d+)\]")
REFERS = re.compile(r"\.(dock|source|policy|customer) = ")


class Pruned:
    """A document without what is wrong in it. `kept`: the numbers that the items of a table have in the file."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = copy.deepcopy(data)
        self.kept = {key: list(range(len(value))) for key, value in data.items() if isinstance(value, list)}
        self.cut: set[str] = set()

    def remove(self, problem: str) -> None:
        """Take out the key that a problem names, or the table that lacks it."""
        try:
            self._remove(problem)
        except (LookupError, TypeError, ValueError):  # it names no key of its own
            self.data = {}

    def _remove(self, problem: str) -> None:
        steps = [int(number) if number else name for name, number in STEP.findall(problem.split(" ", 1)[0].rstrip(":"))]
        if " is missing" in problem:
            steps.pop()
        self.cut.add(str(steps[0]))
        place: Any = self.data
        for step in steps[:-1]:
            place = place[step]
        del place[steps[-1]]
        if len(steps) == 2 and isinstance(steps[1], int):
            del self.kept[str(steps[0])][steps[1]]

    def as_in_the_file(self, problem: str) -> str:
        """Return the same problem with the numbers that the file has."""

        def number(match: re.Match[str]) -> str:
            kept = self.kept.get(match[1], [])
            at = int(match[2])
            return f"{match[1]}[{kept[at] if at < len(kept) else at}]"

        return re.sub(r"\b(\w+)\[(\d+)\]", number, problem)


def usable(data: dict[str, Any]) -> tuple[Settings, list[str], Pruned]:
    """Find the settings that are left, every problem of the document, and what was cut out of it."""
    pruned = Pruned(data)
    settings, problems = convert(pruned.data, Settings)
    told = list(problems)
    for _ in range(MOST_ROUNDS):
        if settings is not None:
            break
        for problem in reversed(problems):  # the last item of a table first: the numbers of the others stay
            pruned.remove(problem)
        settings, problems = convert(pruned.data, Settings)
    left = settings or Settings()
    told += [pruned.as_in_the_file(problem) for problem in _own(left, pruned)]
    return left, told, pruned


def _own(settings: Settings, pruned: Pruned) -> Iterator[str]:
    """Contradictions of what is left, without those that only follow from what was cut."""
    for problem in contradictions(settings):
        refers = REFERS.search(problem)
        if refers is None or refers[1] not in pruned.cut:
            yield problem
