"""Who is at the bench, and what each of them is told: the same as the screen says when it turns to them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.jobs.bay import Bay
from agent.phrases import Spoken
from agent.scan.command_words import command_words
from agent.scan.context import Context
from agent.scan.prompt import prompt
from agent.settings import Settings


@dataclass(frozen=True)
class Person:
    """A person's place and what is said to them, last what is expected. `turned_to`: the screen shows theirs.

    `commands`: what the commands are called in their language.
    """

    place: Context
    lines: tuple[Spoken, ...]
    language: str
    commands: Mapping[str, str]
    turned_to: bool


def people(context: Context, bays: Mapping[str, Bay], settings: Settings) -> tuple[Person, ...]:
    """List everybody who is signed in, whom the screen is turned to first."""
    found = []
    for place in (context, *context.away):
        if place.operator is not None and place.since:
            here, lines = prompt(place, bays, settings)
            language = place.language(settings)
            words = command_words(settings.scanning, language)
            found.append(Person(here, lines, language, words, turned_to=place is context))
    return tuple(found)


def unfinished(context: Context) -> tuple[Context, ...]:
    """List the places of people who are not signed in, and have something to finish."""
    return tuple(place for place in context.away if not place.since and place.unfinished)
