"""ZPL II, for Zebra printers and the many that understand it. Source: Zebra, ZPL Programming Guide (P1099958).

Text is UTF-8 (^CI28) in the scalable font 0; field data are escaped (^FH), so that nothing in a serial number or an
asset tag can become a command.
"""

from __future__ import annotations

from collections.abc import Iterator

from drivers.printers.languages import Language
from drivers.printers.languages.dialogue import Dialogue, PrinterStatus
from drivers.printers.languages.label import Label, Media
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.marks import Box, Code128, Diagonal, Drawing, Mark, Qr, Text

QR_DROP = 10  # dots by which ^BQ prints below its ^FO: no word of it in the guide, yet printers and renderers agree


def render(label: Label, media: Media) -> bytes:
    """Render one format, ^XA to ^XZ. May raise LabelDoesNotFit."""
    return write(lay_out(label, media))


def write(drawing: Drawing) -> bytes:
    """Write a drawing in ZPL: character set, size, home position, one copy."""
    head = f"^XA^CI28^PW{drawing.width}^LL{drawing.height}^LH0,0^PQ1"
    lines = (head, *(field for mark in drawing.marks for field in _fields(mark)), "^XZ")
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _fields(mark: Mark) -> Iterator[str]:
    at = f"^FO{mark.x},{mark.y}"
    match mark:
        case Text():
            reverse = "^FR" if mark.reverse else ""
            yield f"{at}^A0N,{mark.height},{mark.height}{reverse}^FH^FD{escape(mark.text)}^FS"
        case Box():
            line = min(mark.width, mark.height) if mark.full else mark.line
            yield f"{at}^GB{mark.width},{mark.height},{line},B,0^FS"
        case Diagonal():
            lean = "R" if mark.rising else "L"
            yield f"{at}^GD{mark.width - mark.line},{mark.height},{mark.line},B,{lean}^FS"
        case Qr():  # error level, M for manual: B, count and bytes, so that the version is the one laid out for
            data = f"{mark.level}M,B{len(mark.data):04}{escape(mark.data)}"
            yield f"^FO{mark.x},{mark.y - QR_DROP}^BQN,2,{mark.module}^FH^FD{data}^FS"
        case Code128():  # ">:" starts in code set B; ">0" is a ">" of the data
            data = ">:" + escape(mark.data.replace(">", ">0"))
            yield f"{at}^BY{mark.module}^BCN,{mark.height},N,N,N,N^FH^FD{data}^FS"


def escape(text: str) -> str:
    """Escape field data for ^FH.

    What ZPL could take for a command, an escape or a control character becomes _XX (UTF-8).
    """
    return "".join(
        c if c not in "^~_\\" and " " <= c != "\x7f" else "".join(f"_{b:02X}" for b in c.encode("utf-8")) for c in text
    )


def parse_host_status(reply: bytes) -> PrinterStatus | None:
    """Parse the reply to ~HS: three strings, STX..ETX CR LF each. None while it is not whole."""
    strings = [part.split(b"\x03")[0].split(b",") for part in reply.split(b"\x02")[1:] if b"\x03" in part]
    if len(strings) < 3 or len(strings[0]) < 12 or len(strings[1]) < 9:
        return None
    first, second = strings[0], strings[1]
    flags = (
        (first[1], "paper out"),
        (first[2], "paused"),
        (first[5], "buffer full"),
        (first[10], "too cold"),
        (first[11], "too hot"),
        (second[2], "head open"),
        (second[3], "ribbon out"),
    )
    problems = tuple(words for flag, words in flags if flag.strip() == b"1")
    waiting = _number(first[4]) + _number(first[7]) + _number(second[8])  # formats, one that has no end yet, labels
    return PrinterStatus(ready=not problems, problems=problems, waiting=waiting)


def _number(field: bytes) -> int:
    return int(field) if field.strip().isdigit() else 0


LANGUAGE = Language(
    name="zpl",
    extension="zpl",
    render=render,
    dialogue=Dialogue(b"~HS", parse_host_status, "out of paper or ribbon, head open, or switched off"),
)
