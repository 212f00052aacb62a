"""Lines of a TOML file's keys, so that a problem can be shown where it stands. Pure.

Python's parser tells no lines. The text has been parsed before: what is looked for here is where each key begins, so
that nothing has to be refused. A key inside an inline table has the line of that table.
"""

from __future__ import annotations

import re
from collections import Counter

HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$""")
PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|(?P<unclosed>"""|\'\'\')'
    r'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|\#[^\n]*|[\[\]]',
    re.DOTALL,
)
PATH = re.compile(r"[A-Za-z_][\w-]*(?:\[\d+\])?(?:\.[\w-]+(?:\[\d+\])?)*")


def lines_of(text: str) -> dict[str, int]:
    """Find the line of each table and key, by the path that problems name it with: bay[0].port."""
    found: dict[str, int] = {}
    counted: Counter[str] = Counter()
    table, pending = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        if pending:  # within a value of several lines
            pending = _unfinished(pending + "\n" + line)
        elif header := HEADER.match(line):
            table = _table(header, counted)
            found.setdefault(table, number)
        elif key := KEY.match(line):
            name = ".".join(PART.findall(key[1])).replace('"', "").replace("'", "")
            found.setdefault(f"{table}.{name}" if table else name, number)
            pending = _unfinished(key[2])
    return found


def _table(header: re.Match[str], counted: Counter[str]) -> str:
    """The table's path. `[[policy]]` begins another one, and `[policy.verify]` belongs to the newest."""
    parts = [part.strip("\"'") for part in PART.findall(header[2])]
    path = ""
    for at, part in enumerate(parts):
        path = f"{path}.{part}" if path else part
        last = at == len(parts) - 1
        if header[1] == "[[" and last:
            counted[path] += 1
        if counted[path]:
            path = f"{path}[{counted[path] - 1}]"
    return path


def _unfinished(value: str) -> str:
    """The value, if it goes on in the next line; else empty."""
    depth = 0
    for token in TOKEN.finditer(value):
        if token["unclosed"]:
            return value
        depth += {"[": 1, "]": -1}.get(token[0], 0)
    return value if depth > 0 else ""


def line_of(problem: str, lines: dict[str, int]) -> tuple[str, int | None]:
    """Find (key's path, line) of what a problem's text begins with; the nearest table where the key is missing."""
    match = PATH.match(problem)
    key = match[0] if match else ""
    place = key
    while place and place not in lines:
        shorter = re.sub(r"(?:\.[^.\[\]]+|\[\d+\])$", "", place)
        place = "" if shorter == place else shorter
    return (key, lines[place]) if place else ("", None)
