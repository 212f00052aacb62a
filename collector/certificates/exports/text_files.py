"""CSV for people (BOM, semicolons, words) and for programs (commas, names), and JSON Lines, piece by piece. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from agent.certificates.certificate import Certificate, payload_bytes
from collector.certificates.exports.cells import harmless, shown
from collector.certificates.exports.columns import Audience, Cell, Column, Language, columns_for
from collector.certificates.rules import Shown

PIECE = 64 * 1024
BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's old code page


def people_csv(rows: Iterable[Shown], *, audience: Audience, language: Language) -> Iterator[bytes]:
    """Write CSV for a spreadsheet of that language: semicolons, a BOM, words; decimal commas in Danish."""
    columns = columns_for(audience)
    head = [column.heading(language) for column in columns]
    body = ([_spoken(column, row, language) for column in columns] for row in rows)
    return _separated(head, body, delimiter=";", begin=BOM)


def machine_csv(rows: Iterable[Shown], *, audience: Audience) -> Iterator[bytes]:
    """Write CSV for programs (RFC 4180): commas, names, values as they were signed; whole numbers without quotes."""
    columns = columns_for(audience)
    body = ([_signed(column.value(row)) for column in columns] for row in rows)
    return _separated([column.name for column in columns], body, delimiter=",", begin="")


def json_lines(rows: Iterable[Shown], *, audience: Audience) -> Iterator[bytes]:
    """Write one JSON object a line; for those who may read it all with the whole record as it was signed."""
    columns = columns_for(audience)
    piece = bytearray()
    for row in rows:
        document: dict[str, Any] = {column.name: _plain(column.value(row)) for column in columns}
        if audience == "full":
            document["record"] = None if row.certificate is None else _on_one_line(row.certificate)
        piece += msgspec.json.encode(document) + b"\n"
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _on_one_line(certificate: Certificate) -> msgspec.Raw:
    """The payload itself, with figures that no program holds. An end of line in JSON that verified is only space."""
    return msgspec.Raw(payload_bytes(certificate.compact).replace(b"\n", b" ").replace(b"\r", b" "))


def _separated(head: list[str], body: Iterable[list[Cell]], *, delimiter: str, begin: str) -> Iterator[bytes]:
    piece = io.StringIO(newline="")
    piece.write(begin)
    writer = csv.writer(piece, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(head)
    for row in body:
        writer.writerow(row)
        if piece.tell() >= PIECE:
            yield piece.getvalue().encode("utf-8")
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue().encode("utf-8")


def _spoken(column: Column, row: Shown, language: Language) -> Cell:
    cell = column.value(row)
    if column.spoken is not None:
        cell = column.spoken(cell, language)
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if isinstance(cell, float):
        return str(cell).replace(".", ",") if language == "da" else str(cell)
    return _signed(cell)


def _signed(cell: Cell) -> Cell:
    return harmless(cell) if isinstance(cell, str) else "" if cell is None else cell


def _plain(cell: Cell) -> Cell:
    return shown(cell) if isinstance(cell, str) else cell
