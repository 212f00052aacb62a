"""What stands on the command sheet: each code that a scanner needs, as the station's own patterns take it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from agent.errors import AgentError
from agent.pdf.words import Words
from agent.scan.codes import Code, Kind, read
from agent.scan.command_words import command_word, literal
from agent.settings import Scanning, Settings


class Shape(StrEnum):
    """The shape beside a code: it means the same without its colour, and none is an outcome's."""

    YES = "yes"
    NO = "no"
    BACK = "back"
    STOP = "stop"
    PAPER = "paper"
    BAY = "bay"
    LETTER = "letter"
    ARROW = "arrow"
    DEVICE = "device"
    DOOR = "door"
    DISK = "disk"
    BIN = "bin"


@dataclass(frozen=True)
class Entry:
    """One code. `mark`: what stands in its shape, large."""

    text: str
    word: str
    does: str
    shape: Shape
    mark: str = ""


@dataclass(frozen=True)
class Group:
    """Codes that belong together, under a title."""

    title: str
    entries: tuple[Entry, ...]


class NoCodeForPattern(AgentError):
    """A pattern of the configuration that no code of the sheet could be found for."""

    code = "BW-A26"
    message = "scanning.{key} = {pattern!r}: no code is found that it takes"
    hint = "Write the pattern as a plain word, with the named group where it needs one."


COMMANDS = (
    (Kind.YES, Shape.YES),
    (Kind.NO, Shape.NO),
    (Kind.UNDO, Shape.BACK),
    (Kind.CANCEL, Shape.STOP),
    (Kind.REPRINT, Shape.PAPER),
    (Kind.LOGOUT, Shape.DOOR),
)
"""`start` is the same as `yes` and is not on the sheet: one code for one answer."""


BOX = "DESTROY"
MOST_DRIVES = 4
"""In one device, that the sheet has codes for; one drive needs none."""


def groups(settings: Settings, language: str) -> tuple[Group, ...]:
    """List all codes of this configuration.

    NoCodeForPattern where one of its patterns is too wild to be printed.
    """
    words = Words(language)
    made = (
        Group(words("sheet_commands"), tuple(_commands(settings, words))),
        Group(words("sheet_devices"), tuple(_devices(settings, words))),
        Group(words("sheet_grades"), tuple(_grades(settings, words))),
        Group(words("sheet_bays"), tuple(_bays(settings, words))),
        Group(words("sheet_destinations"), tuple(_destinations(settings, words))),
    )
    return tuple(group for group in made if group.entries)


def _commands(settings: Settings, words: Words) -> Iterator[Entry]:
    for kind, shape in COMMANDS:
        text, word = _example(settings, kind, ""), command_word(settings.scanning, kind, words.language)
        mark = word if shape in (Shape.YES, Shape.NO) else ""
        yield Entry(text, word, words(f"sheet_{kind.value}"), shape, mark)


def _devices(settings: Settings, words: Words) -> Iterator[Entry]:
    """What is told of a device beside its number, and the box that a failed drive is laid into."""
    for kind, shape, mark in ((Kind.NODRIVE, Shape.DISK, "0"), (Kind.TABLET, Shape.DEVICE, "")):
        word = command_word(settings.scanning, kind, words.language)
        yield Entry(_example(settings, kind, ""), word, words(f"sheet_{kind.value}"), shape, mark)
    for count in map(str, range(2, MOST_DRIVES + 1)):
        text = _example(settings, Kind.DRIVES, count)
        yield Entry(text, words("sheet_drives", count=count), words("sheet_drives_does"), Shape.DISK, count)
    yield Entry(_example(settings, Kind.BOX, BOX), words("sheet_box"), words("sheet_box_does"), Shape.BIN)


def _grades(settings: Settings, words: Words) -> Iterator[Entry]:
    for letter in "ABCD":
        text = _example(settings, Kind.GRADE, letter)
        yield Entry(text, words("sheet_grade", grade=letter), text, Shape.LETTER, letter)


def _bays(settings: Settings, words: Words) -> Iterator[Entry]:
    for bay in settings.bay:
        text = _example(settings, Kind.BAY, bay.name)
        yield Entry(text, words("sheet_bay", bay=bay.name), text, Shape.BAY, bay.name)


def _destinations(settings: Settings, words: Words) -> Iterator[Entry]:
    for place in settings.destination:
        if read(place.code, None, settings).kind is not Kind.DESTINATION:
            raise NoCodeForPattern(key="destination", pattern=place.code)
        yield Entry(place.code, place.name, words("sheet_destination", destination=place.name), Shape.ARROW)


def _example(settings: Settings, kind: Kind, value: str) -> str:
    """The code of that value, which the station reads as just that."""
    pattern: str = getattr(settings.scanning, kind.value)
    default: str = getattr(Scanning(), kind.value)
    for source in (pattern, default):
        text = literal(source, kind.value, value)
        if read(text, None, settings) == Code(kind, value or text):
            return text
    raise NoCodeForPattern(key=kind.value, pattern=pattern)
