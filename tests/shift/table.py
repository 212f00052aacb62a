"""The shift: which drive meets what, and what must come of it. Data alone; technician.py knows what the words mean.

A story is told in steps. Between semicolons the technician may turn to another bay; what stands between commas is done
in one go. `tag`, `bay` and `drive label` are the right ones of this drive; everything else is a mistake or a mishap.
Lot Q is begun as soon as tag and bay are scanned. Lot C asks for the label on the drive and for YES. Two people work at
one scanner, each on drives of their own. Drives 4 and 5 came out of one device.

Certificates: the outcomes that a drive must have, in this order and no others; "-" for none. Its medium, when all is
over: erased, untouched to the last byte, or begun: nobody claims anything of it, and it may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

MediumIs = Literal["erased", "untouched", "begun"]

TABLE = """
drive | lot | certificates    | medium    | what happens
----- | --- | --------------- | --------- | ------------
# forgotten in their bays to the end
    1 | Q   | -               | untouched | put in; end of shift, take out
    2 | C   | -               | untouched | put in; tag, bay, drive label, tag not YES, NO; end of shift, take out
# nothing special
    3 | Q   | erased          | erased    | put in; own badge, tag, keyed bay; erased; take out
    4 | Q   | erased          | erased    | put in; tag, 2 drives, bay; erased; take out
    5 | Q   | erased          | erased    | put in; tag, 2 drives, bay; erased; take out
    6 | Q   | erased          | erased    | put in; break, tag, bay; erased; take out
    7 | Q   | erased          | erased    | put in; tag, grade, bay; erased; take out
    8 | Q   | erased          | erased    | put in; tag, bay; erased, late grade; take out
    9 | C   | erased          | erased    | put in; tag, bay, drive label, colleague's YES, keyed YES; erased; take out
# the wrong bay
   10 | Q   | erased          | erased    | put in; no drive, tag, empty bay, bay; erased; take out
   11 | Q   | erased          | erased    | put in; phone, tag, no such bay, bay; erased; take out
   12 | Q   | erased          | erased    | put in; tag, busy bay, bay; erased; take out
   13 | C   | erased          | erased    | put in; tag, other's bay, UNDO, tag, bay, drive label, YES; erased; take out
   14 | Q   | erased          | erased    | put in; bay too early, tag, bay; erased; take out
# the wrong drive for the tag, the wrong tag for the drive
   15 | C   | erased          | erased    | put in; tag, bay, other label, drive label, YES; erased; take out
   16 | C   | -               | untouched | put in; tag, bay, other label, NO; take out
   17 | C   | erased          | erased    | put in; other tag, bay, UNDO, tag, bay, drive label, YES; erased; take out
# scanned twice
   18 | Q   | erased          | erased    | put in; tag, tag, bay; erased; take out
   19 | Q   | erased          | erased    | put in; tag, bay, bay again; erased; take out
   20 | C   | erased          | erased    | put in; tag, bay, drive label, YES, YES again; erased; take out
# an unknown tag
   21 | Q   | erased          | erased    | put in; product code, tag, bay; erased; take out
   22 | Q   | -               | untouched | put in; torn tag; take out
# undone, and cancelled
   23 | C   | -               | untouched | put in; tag, bay, UNDO; take out
   24 | C   | -               | untouched | put in; tag, bay, UNDO, tag, bay, drive label, NO; take out
   25 | C   | -               | untouched | put in; tag, bay, drive label, CANCEL; take out
   26 | Q   | aborted         | begun     | put in; tag, bay; begun, CANCEL, stopped; aborted; take out
   27 | Q   | aborted         | begun     | put in; tag, bay; begun, CANCEL, CANCEL, stopped; aborted; take out
   28 | Q   | aborted, erased | erased    | put in; tag, bay; begun, CANCEL, stopped; aborted; take out;
      |     |                 |           | put in; tag, bay; erased; take out
   29 | Q   | erased          | erased    | put in; tag, bay; begun, CANCEL the wrong bay; erased; take out
# pulled out
   30 | Q   | erased          | erased    | put in; pull; put in; tag, bay; erased; take out
   31 | C   | -               | untouched | put in; tag, bay, pull
   32 | Q   | aborted         | begun     | put in; tag, bay; begun, pull
   33 | Q   | aborted, erased | erased    | put in; tag, bay; begun, pull; put back; erased; take out
   34 | Q   | aborted, erased | erased    | put in; tag, bay; begun, pull; put into another bay; erased; take out
# paper, cable, power
   35 | Q   | erased          | erased    | put in; tag, bay; begun, paper out; no label, paper in, REPRINT; take out
   36 | Q   | erased          | erased    | put in; tag, bay; begun, cable out; erased; cable in; take out
   37 | Q   | erased          | erased    | put in; tag, bay; begun, power cut; erased; take out
# a drive that cannot be erased
   38 | Q   | failed          | begun     | bad sectors, put in; tag, bay; failed, in the box; take out
# and on it goes
   39 | Q   | erased          | erased    | put in; tag, bay; erased, take out
   40 | C   | erased          | erased    | put in; tag, bay, drive label, YES; erased, take out
"""


@dataclass(frozen=True)
class Row:
    """A drive: a line of the table."""

    number: int
    lot: str
    certificates: tuple[str, ...]
    medium: MediumIs
    story: str

    @property
    def steps(self) -> tuple[tuple[str, ...], ...]:
        """The story's words: groups that are done in one go."""
        return tuple(tuple(word.strip() for word in step.split(",")) for step in self.story.split(";"))


def _rows() -> Iterator[Row]:
    """A line without a number goes on with the story before it."""
    lines = (line for line in TABLE.splitlines()[3:] if not line.startswith("#"))
    for line in "\n".join(lines).replace(";\n      |     |                 |           |", ";").splitlines():
        number, lot, outcomes, medium, story = (cell.strip() for cell in line.split("|"))
        certificates = () if outcomes == "-" else tuple(outcomes.split(", "))
        yield Row(int(number), lot, certificates, cast(MediumIs, medium), story)


SHIFT = tuple(_rows())
SHORT = tuple(row for row in SHIFT if row.number in (1, 13, 16, 18, 21, 26, 33, 35, 36, 37))
"""Each kind of mistake once, where a drive costs seconds."""
