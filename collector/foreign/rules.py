"""The reports of nwipe, ShredOS and Blancco -> what they say of each drive. Pure, bounded, and believes nothing.

Facts: nwipe ends its log with a table "Device | Status | Thru-put | HH:MM:SS | Model/Serial Number", in which a drive
with errors has an exclamation mark; before it stand lines "Found /dev/sda, ATA, MODEL, SIZE, S/N=SERIAL". Blancco's XML
has nested `entries` and `entry` elements, named by an attribute, an erasure with a target in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from collector.text import visible

LARGEST = 8 << 20
MOST_RECORDS, DEEPEST, MOST_NODES, LONGEST_LINE = 2000, 64, 200_000, 400
NWIPE, SHREDOS, BLANCCO = "nwipe", "ShredOS", "Blancco"
_FOUND = re.compile(r"Found /dev/([\w/-]{1,60}),\s*([^,]{0,40}),\s*([^,]{1,200}),\s*([^,]{0,40}),\s*S/N=\s*(\S{1,100})")
_ROW = re.compile(
    r"^[! ]\s*([\w/-]{1,60})\s*\|\s*([^|]{1,40}?)\s*\|[^|]{0,40}\|\s*([\d:]{1,12})\s*\|\s*(.{0,200}?)\s*$"
)
_TIME = re.compile(r"^\[(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d)\]")
_STAMP = re.compile(rb"\[\d{4}/")  # a line of a log, and no list
_METHOD = re.compile(r"Invoking method '([^'\n]{1,80})'|method\s*=\s*([^\n]{1,80})")
SERIALS = (
    "serial",
    "serial_number",
    "serialnumber",
    "serial_no",
    "serialno",
    "device_serial",
    "drive_serial",
    "disk_serial",
)
MODELS = ("model", "device_model", "drive_model", "model_name", "disk_model", "product")
WORDS = ("status", "result", "erase_status", "wipe_status", "erasure_status", "state")
METHODS = ("method", "erase_method", "wipe_method", "algorithm", "standard")
TIMES = ("end_time", "finished", "finished_at", "end", "completed", "timestamp", "date")


class NoReport(ValueError):
    """It is no report that can be read."""


@dataclass(frozen=True)
class Said:
    """What a program says of one drive: texts, as it wrote them."""

    model: str = ""
    serial: str = ""
    said: str = ""
    method: str = ""
    finished: str = ""


@dataclass(frozen=True)
class Report:
    """A report: which program made it, and its drives."""

    tool: str
    records: tuple[Said, ...]


def read(data: bytes) -> Report:
    """Read a report of any of the known programs. Raise NoReport."""
    if len(data) > LARGEST:
        raise NoReport(f"it has more than {LARGEST >> 20} MiB")
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        if head.startswith(b"<"):
            tool, found = BLANCCO, list(_blancco(data))
        elif head.startswith((b"{", b"[")) and not _STAMP.match(head):
            tool, found = SHREDOS, list(_json(data))
        else:
            tool, found = NWIPE, list(_nwipe(data.decode("utf-8", "replace")))
    except (expat.ExpatError, RecursionError, ValueError) as error:
        raise NoReport(visible(str(error))) from None
    if not found:
        raise NoReport("no drive is named in it")
    if len(found) > MOST_RECORDS:
        raise NoReport(f"it names more than {MOST_RECORDS} drives")
    return Report(tool, tuple(found))


def _said(**texts: object) -> Said:
    return Said(**{name: visible(" ".join(str(text or "").split()), 200) for name, text in texts.items()})


# --- nwipe ----------------------------------------------------------------------------------------------------------


def _nwipe(text: str) -> Iterator[Said]:
    if "nwipe" not in text.lower() and not _FOUND.search(text):
        raise NoReport("it is none of the known reports")
    drives = {found[1]: (found[3].strip(), found[5]) for found in _FOUND.finditer(text)}
    methods = [one[1] or one[2] for one in _METHOD.finditer(text)]
    method, finished = (methods[-1] if methods else ""), _last_time(text)
    rows = {}
    for line in _table(text):
        if (found := _ROW.match(line)) is not None:
            rows[found[1]] = (found[2].strip("- "), found[3])
    for name in dict.fromkeys([*drives, *rows]):
        said, named = rows.get(name, ("no result", ""))
        model, serial = drives.get(name, ("", ""))
        if named:
            first, mark, second = named.rpartition("/")
            model, serial = (model or first, serial or second) if mark else (model or named, serial)
        yield _said(model=model, serial=serial, said=said, method=method, finished=finished if name in rows else "")


def _table(text: str) -> Iterator[str]:
    """The lines of the last table of drives."""
    begin = text.rfind("| Status | Thru-put |")
    for line in text[begin:].splitlines()[1:] if begin >= 0 else ():
        if line.startswith("***"):
            return
        yield line[:LONGEST_LINE]


def _last_time(text: str) -> str:
    found = [one for line in text.splitlines() if (one := _TIME.match(line)) is not None]
    return f"{found[-1][1]}-{found[-1][2]}-{found[-1][3]} {found[-1][4]}" if found else ""


# --- ShredOS --------------------------------------------------------------------------------------------------------


def _json(data: bytes) -> Iterator[Said]:
    yield from _drives(json.loads(data.decode("utf-8-sig")), 0)


def _drives(told: Any, depth: int) -> Iterator[Said]:  # noqa: ANN401 - JSON
    """Every object that has a drive's serial number, wherever it stands: the forms of versions differ."""
    if depth > DEEPEST:
        raise NoReport(f"it is nested deeper than {DEEPEST} levels")
    if isinstance(told, list):
        for one in told:
            yield from _drives(one, depth + 1)
    elif isinstance(told, dict):
        facts = {str(name).lower().replace("-", "_"): value for name, value in told.items()}
        word = _first(facts, WORDS)
        if (serial := _first(facts, SERIALS)) and (word or _first(facts, METHODS)):
            yield _said(
                model=_first(facts, MODELS), serial=serial, said=word, method=_first(facts, METHODS),
                finished=_first(facts, TIMES),
            )  # fmt: skip
            return
        for one in told.values():
            yield from _drives(one, depth + 1)


def _first(facts: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(facts[n]) for n in names if isinstance(facts.get(n), str | int) and facts[n] != ""), "")


# --- Blancco --------------------------------------------------------------------------------------------------------


@dataclass
class _Node:
    tag: str
    name: str
    text: str = ""
    inner: list[_Node] = field(default_factory=list)

    def all(self) -> Iterator[_Node]:
        yield self
        for one in self.inner:
            yield from one.all()

    def facts(self) -> dict[str, str]:
        """The entries that stand in it directly: name -> text."""
        return {one.name: one.text.strip() for one in self.inner if one.tag == "entry"}


def _blancco(data: bytes) -> Iterator[Said]:
    root = _tree(data)
    if not any(one.tag.startswith("blancco") for one in root.all()):
        raise NoReport("it is XML, and no report of Blancco's")
    for erasure in root.all():
        if erasure.tag != "entries" or erasure.name != "erasure":
            continue
        facts = erasure.facts()
        target = next((one.facts() for one in erasure.all() if one.name == "target"), {})
        yield _said(
            model=" ".join(part for part in (target.get("vendor"), target.get("model")) if part),
            serial=target.get("serial", ""),
            said=facts.get("state", ""),
            method=facts.get("erasure_standard_name", ""),
            finished=facts.get("end_time") or facts.get("timestamp", ""),
        )


def _tree(data: bytes) -> _Node:
    """Read XML without a document type: no entity is declared, so that none can be expanded or fetched."""
    root = _Node("", "")
    open_, count = [root], 0

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MOST_NODES or len(open_) > DEEPEST:
            raise NoReport("it has more elements, or deeper ones, than any report")
        node = _Node(tag, attributes.get("name", ""))
        open_[-1].inner.append(node)
        open_.append(node)

    def text(part: str) -> None:
        if len(open_[-1].text) < 4096:
            open_[-1].text += part

    def refuse(*_told: object) -> None:
        raise NoReport("it declares a document type or entities: no report does")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = begin, text
    parser.EndElementHandler = lambda _tag: open_.pop()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.Parse(data, True)
    return root
