"""The ZPL that zpl.py writes -> the Drawing that it was made of: what the simulated printer "prints".

A small reader of our own dialect, not a renderer of ZPL at large; the tests hold zpl.py against an independent one.
"""

from __future__ import annotations

import re

from drivers.printers.languages.marks import Box, Code128, Diagonal, Drawing, Mark, Qr, Text, qr_version
from drivers.printers.languages.zpl import QR_DROP

_SIZE = re.compile(r"\^PW(\d+)\^LL(\d+)")
_FIELD = re.compile(r"\^FO(\d+),(\d+)(.*?)\^FS", re.DOTALL)
_TEXT = re.compile(r"\^A0N,(\d+),\d+(\^FR)?\^FH\^FD(.*)", re.DOTALL)
_BOX = re.compile(r"\^GB(\d+),(\d+),(\d+),B,0")
_DIAGONAL = re.compile(r"\^GD(\d+),(\d+),(\d+),B,([RL])")
_QR = re.compile(r"\^BQN,2,(\d+)\^FH\^FD([LM])M,B(\d{4})(.*)", re.DOTALL)
_CODE128 = re.compile(r"\^BY(\d+)\^BCN,(\d+),N,N,N,N\^FH\^FD>:(.*)", re.DOTALL)


def read(data: bytes) -> Drawing:
    """Read the drawing back. Raise ValueError for anything that zpl.py does not write."""
    text = data.decode("utf-8")
    size = _SIZE.search(text)
    if size is None or not text.startswith("^XA") or not text.rstrip().endswith("^XZ"):
        raise ValueError("not one whole ZPL format with its size")
    marks = tuple(_mark(int(x), int(y), rest) for x, y, rest in _FIELD.findall(text))
    return Drawing(int(size[1]), int(size[2]), marks)


def _mark(x: int, y: int, field: str) -> Mark:
    if m := _TEXT.fullmatch(field):
        return Text(x, y, int(m[1]), _unescape(m[3]), reverse=bool(m[2]))
    if m := _BOX.fullmatch(field):
        return Box(x, y, int(m[1]), int(m[2]), int(m[3]))
    if m := _DIAGONAL.fullmatch(field):
        return Diagonal(x, y, int(m[1]) + int(m[3]), int(m[2]), int(m[3]), m[4] == "R")
    if m := _CODE128.fullmatch(field):
        return Code128(x, y, int(m[1]), int(m[2]), _unescape(m[3]).replace(">0", ">"))
    if m := _QR.fullmatch(field):
        content = _unescape(m[4])
        version = qr_version(content, m[2])
        if version is None or len(content) != int(m[3]):
            raise ValueError(f"a QR code of {m[3]} bytes holds {len(content)}")
        return Qr(x, y + QR_DROP, int(m[1]), m[2], version, content)
    raise ValueError(f"a field that nobody here writes: {field[:40]!r}")


def _unescape(text: str) -> str:
    return re.sub(r"(?:_[0-9A-F]{2})+", lambda m: bytes.fromhex(m[0].replace("_", "")).decode("utf-8"), text)
