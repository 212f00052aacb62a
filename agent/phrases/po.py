"""gettext catalogues: the text form that people edit (.po) and the form that programs read (.mo).

`python -m agent.phrases` compiles locale/<language>/LC_MESSAGES/benchwipe.po to the benchwipe.mo beside it, as msgfmt
does. A sentence's msgctxt is its table ("phrases", "hints", "reasons", "pdf"), its msgid is its key. Source: the manual
of GNU gettext, "The Format of PO Files" and "The Format of GNU MO Files".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).with_name("locale")
DOMAIN = "benchwipe"
CONTEXT_END = "\x04"
Entries = dict[tuple[str, str], str]
"""(table, key) -> sentence."""

_LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr\[\d\]|msgstr)?\s*"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
HEADER = "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"


def place(language: str, ending: str) -> Path:
    """Tell where a language's catalogue is."""
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def read_po(text: str) -> Entries:
    """Read its entries, in order. ValueError for a line that is none, and for a key that stands twice."""
    found: Entries = {}
    for number, entry in enumerate(_entries(text), start=1):
        key, told = (entry.get("msgctxt", ""), entry.get("msgid", "")), entry.get("msgstr")
        if "msgid_plural" in entry:  # one and many are one key and one sentence in the .mo, each with a zero between
            key = (key[0], f"{key[1]}\0{entry['msgid_plural']}")
            many = [entry[form] for form in ("msgstr[0]", "msgstr[1]") if form in entry]
            told = "\0".join(many) if len(many) == 2 else None
        if told is None or key in found:
            raise ValueError(f"entry {number}, {key}: it has no msgstr, or stands twice")
        found[key] = told
    found.pop(("", ""), None)
    return found


def _entries(text: str) -> Iterator[Mapping[str, str]]:
    for block in re.split(r"\n\s*\n", text):
        entry: dict[str, str] = {}
        word = ""
        for line in block.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise ValueError(f"not a line of a PO file: {line!r}")
            word = match[1] or word
            entry[word] = entry.get(word, "") + re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match[2])
        if entry:
            yield entry


def mo_bytes(entries: Entries) -> bytes:
    """Compile the catalogue: sorted keys and sentences, each with its length and place; no hash table."""
    texts = {"": HEADER} | {
        (f"{table}{CONTEXT_END}{key}" if table else key): text for (table, key), text in entries.items()
    }
    ids, at = sorted(texts, key=str.encode), 28 + 16 * len(texts)
    tables, pool = [b"", b""], b""
    for column, words in enumerate((ids, [texts[i] for i in ids])):
        for word in words:
            data = word.encode()
            tables[column] += struct.pack("<II", len(data), at + len(pool))
            pool += data + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(ids), 28, 28 + 8 * len(ids), 0, at)
    return head + tables[0] + tables[1] + pool
