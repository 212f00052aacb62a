"""Ports of bays, written into a station's configuration as text: comments, order and everything else stay. Pure.

The `[[bay]]` tables are edited line by line. What comes out is parsed and compared with what it should say: a file
written in a way that this does not understand (inline tables, say) is refused, and never half changed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.errors import AgentError

BAY = re.compile(r"""\s*\[\[\s*(?:bay|"bay"|'bay')\s*\]\]\s*(?:\#.*)?$""", re.VERBOSE)
TABLE = re.compile(r"\s*\[")
PORT = re.compile(r"""(\s*(?:port|"port"|'port')\s*=\s*)("(?:[^"\\]|\\.)*"|'[^']*')(.*)""", re.DOTALL)


class NotEditable(AgentError):
    """The file is valid, and written in a way that only a person can edit."""

    code = "BW-A18"
    message = "{where} cannot be edited by a program; write into it: {lines}"


@dataclass(frozen=True)
class Place:
    """A port, and the source that it belongs to."""

    source: str
    port: str


def with_ports(text: str, learned: Mapping[str, Place], *, where: str) -> str:
    """Write these bays' ports into the text; a bay that it lacks gets a table at its end. NotEditable."""
    wanted = _expected(tomllib.loads(text), learned)
    lines = text.splitlines(keepends=True)
    known = set()
    for name, first, end in _bays(lines):
        known.add(name)
        if name in learned:
            _set_port(lines, first, end, learned[name].port)
    new = "".join(lines)
    ending = "\r\n" if "\r\n" in text else "\n"
    for name in (name for name in learned if name not in known):
        new += ("" if new.endswith("\n") or not new else ending) + ending + _table(name, learned[name], ending)
    try:
        same = tomllib.loads(new) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        said = "; ".join(f"bay {name}: port = {_quoted(place.port)}" for name, place in learned.items())
        raise NotEditable(where=where, lines=said)
    return new


def _expected(document: dict[str, Any], learned: Mapping[str, Place]) -> dict[str, Any]:
    bays = [dict(bay) for bay in document.get("bay", [])]
    for name, place in learned.items():
        mine = [bay for bay in bays if bay.get("name") == name]
        if not mine:
            mine = [{"name": name, **({} if place.source == "block" else {"source": place.source})}]
            bays += mine
        mine[0]["port"] = place.port
    return {**document, "bay": bays} if bays else document


def _bays(lines: list[str]) -> Iterator[tuple[str, int, int]]:
    """(name, line after the header, line after the table) of each `[[bay]]`."""
    for at, line in enumerate(lines):
        if BAY.match(line):
            end = next((n for n in range(at + 1, len(lines)) if TABLE.match(lines[n])), len(lines))
            try:
                (bay,) = tomllib.loads("".join(lines[at:end]))["bay"]
            except (tomllib.TOMLDecodeError, ValueError):
                continue  # the comparison at the end says whether that mattered
            yield str(bay.get("name", "")), at + 1, end


def _set_port(lines: list[str], first: int, end: int, port: str) -> None:
    for n in range(first, end):
        if (found := PORT.fullmatch(lines[n])) is not None:
            lines[n] = found[1] + _quoted(port) + found[3]


def _table(name: str, place: Place, ending: str) -> str:
    keys = {"name": name, "port": place.port, **({} if place.source == "block" else {"source": place.source})}
    return ending.join(["[[bay]]", *(f"{key} = {_quoted(value)}" for key, value in keys.items()), ""])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # for printable text, a JSON string is a TOML basic string
