"""station.toml with the tables of an enrolment in it: everything else, comments too, stays as it was. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

_TABLE = re.compile(r"^\s*\[{1,2}\s*([A-Za-z0-9_.\"' -]+?)\s*\]{1,2}\s*(?:#.*)?$")
_OURS = ("mqtt", "mqtt.tls")
MARK = "# Written by `benchwipe enrol`, which writes [mqtt] anew when it is run again."


def with_tables(text: str, station: Mapping[str, str], mqtt: Mapping[str, Any]) -> str:
    """Return the text with these values of [station], and this [mqtt] in the place of any other.

    ValueError where that would change anything else: then a person has to do it.
    """
    before = tomllib.loads(text)
    lines = _without(text.splitlines(), _OURS)
    for key, value in station.items():
        lines = _with_value(lines, "station", key, value)
    tls = mqtt["tls"]
    written = [MARK, "[mqtt]", *_rows({k: v for k, v in mqtt.items() if k != "tls"}), "", "[mqtt.tls]", *_rows(tls)]
    while lines and not lines[-1].strip():
        lines.pop()
    found = "\n".join([*lines, "", *written]).lstrip("\n") + "\n"
    try:
        after = tomllib.loads(found)
    except tomllib.TOMLDecodeError:
        after = {}
    wanted = {**before, "mqtt": dict(mqtt), "station": {**before.get("station", {}), **station}}
    if after != wanted:
        raise ValueError(
            "[station] or [mqtt] in it is written in a way that no program changes: make them plain tables"
        )
    return found


def _without(lines: Sequence[str], tables: Sequence[str]) -> list[str]:
    """Leave these tables out. Comments above the next table's header belong to that one."""
    kept: list[str] = []
    held: list[str] = []
    ours = False
    for line in lines:
        header = _TABLE.match(line)
        if header is not None:
            ours = header[1] in tables
            kept += held
            held = []
        if line == MARK:
            continue
        if not ours:
            kept.append(line)
        elif header is None and (not line.strip() or line.lstrip().startswith("#")):
            held.append(line)  # of whom they are shows at what follows
        else:
            held = []
    return kept + held


def _with_value(lines: Sequence[str], table: str, key: str, value: str) -> list[str]:
    """Put a value into a table: in the place of the one that it has, else under its header."""
    row = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    found, begins, here = list(lines), None, ""
    for i, line in enumerate(lines):
        if (header := _TABLE.match(line)) is not None:
            here = header[1]
            begins = i if here == table and begins is None else begins
        elif here == table and (old := re.match(rf"^\s*{key}\s*=\s*(?:\"[^\"\\]*\"|'[^']*')(\s*#.*|\s*)$", line)):
            found[i] = (row + old[1]).rstrip()
            return found
    if begins is None:
        return [*found, "", f"[{table}]", row]
    found.insert(begins + 1, row)
    return found


def _rows(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
