"""The technician of the shift: does what the table says, reads what the bench says, and turns to whatever can go on.

Nothing here sleeps for a time: a step is taken when the bench shows that it can be, and a scan is over when its answer
was read. An answer that is not the expected one ends the shift.
"""

from __future__ import annotations

import random
import re
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from agent.phrases import keys
from tests.patience import SOON_S
from tests.shift.table import Row

LOOK_S = 0.005
BUSY = frozenset({"cycling", "erasing", "verifying", "stalled"})
RESULTS = ("erased", "failed", "aborted")
BADGE, LOTS = "BADGE-IDA", {"Q": "LOT-Q", "C": "LOT-C"}

SCANS: Mapping[str, tuple[tuple[str, str], ...]] = {
    # what the table says      (what is scanned, what the bench must answer: phrases, "|" between them) ...
    "tag": (("{tag}", "scan_bay"),),
    "other tag": (("{trap_tag}", "scan_bay"),),
    "tag not YES": (("{trap_tag}", "scan_yes_or_no"),),
    "product code": (("5701234567899", "unknown_code"),),
    "torn tag": (("KK-00", "unknown_code"),),
    "bay": (("BAY-{bay}", "assigned"),),
    "bay again": (("BAY-{bay}", "bay_starts_soon|scan_grade"),),
    "bay too early": (("BAY-{bay}", "scan_asset_first"),),
    "no such bay": (("BAY-Z9", "unknown_bay"),),
    "other's bay": (("BAY-{trap_bay}", "assigned"),),
    "empty bay": (("BAY-{empty_bay}", "bay_is_empty"),),
    "busy bay": (("BAY-{busy_bay}", "bay_is_busy"),),
    "drive label": (("{serial}", "serial_right"),),
    "other label": (("{trap_serial}", "serial_wrong"),),
    "YES": (("YES", "confirmed"),),
    "YES again": (("YES", "scan_asset"),),
    "NO": (("NO", "undone_bay"),),
    "UNDO": (("UNDO", "undone_bay"),),
    "CANCEL": (("CANCEL", "scan_bay_to_cancel"), ("BAY-{bay}", "cancelled")),
    "CANCEL the wrong bay": (("CANCEL", "scan_bay_to_cancel"), ("BAY-{trap_bay}", "nothing_to_cancel")),
    "grade": (("GRADE-B", "grade_kept"),),
    "rate": (("BAY-{bay}", "scan_grade"), ("GRADE-C", "graded")),
    "REPRINT": (("REPRINT", "scan_to_reprint"), ("BAY-{bay}", "printing_label")),
}
"""`trap`: the drive that stands in its bay for the whole shift, and must not be touched by any of this."""


def tag_of(number: int) -> str:
    """What stands on the device that the drive came from."""
    return f"KK-{number:06}"


def serial_of(number: int) -> str:
    """What the drive says of itself, and what is printed on it."""
    return f"SHIFT-{number:04}"


def spoken(key: str) -> re.Pattern[str]:
    """A sentence of the bench, whatever it names."""
    parts = string.Formatter().parse(keys("phrases", "en")[key])
    return re.compile("".join(re.escape(text) + (".+" if name else "") for text, name, _, _ in parts))


TROUBLE = re.compile(f"{spoken('label_not_printed').pattern}|{spoken('scan_label').pattern}")


@dataclass(frozen=True)
class Shown:
    """What the bench shows of a bay."""

    state: str
    outcome: str | None = None


class Bench(Protocol):
    """Hands and eyes: whatever the shift is worked on."""

    def put_in(self, number: int, bay: str, *, held: bool) -> None:
        """Put a drive in; one that is held stands still as soon as it is at work, until it is let go."""

    def pull(self, bay: str) -> None:
        """Take out what stands there, whatever it does."""

    def let_go(self, number: int) -> None:
        """A drive that was held works on. Harmless for others."""

    def spoil(self, number: int) -> None:
        """From now on it has bad sectors."""

    def at_work(self, number: int) -> bool:
        """Whether a drive that is held has come so far."""

    def scan(self, code: str) -> None:
        """What the scanner sends."""

    def said(self) -> str:
        """All that the bench has said so far."""

    def shown(self) -> Mapping[str, Shown]:
        """What the bays show."""

    def alarms(self) -> Sequence[str]:
        """What stands on the screen until somebody mends it."""

    def open_labels(self) -> Sequence[str]:
        """Numbers of the labels that nobody has proved."""

    def came_out(self, *words: str) -> bool:
        """Whether a label with all these words on it came out of the printer."""

    def paper(self, *, there: bool) -> None:
        """Of the label printer."""

    def cable(self, *, plugged: bool) -> None:
        """Of the dock."""

    def cut_power(self) -> None:
        """The station's power goes and comes back; returns when it answers."""


@dataclass
class Drive:
    """A row under way. `heard`: what was said before is old. `held`: it was, once."""

    row: Row
    bay: str = ""
    at: int = 0
    heard: int = 0
    held: bool = False

    @property
    def step(self) -> tuple[str, ...]:
        """What comes next; nothing at its end."""
        return () if self.over else self.row.steps[self.at]

    @property
    def over(self) -> bool:
        """Whether its story is told."""
        return self.at >= len(self.row.steps)


@dataclass
class Technician:
    """One person at one bench, who gives up after `patience_s`. `reactions`: seconds from each scan to its answer."""

    bench: Bench
    dice: random.Random
    patience_s: float = SOON_S
    reactions: list[float] = field(default_factory=list)
    _coming: list[Drive] = field(default_factory=list)
    _here: list[Drive] = field(default_factory=list)
    _lot: str = ""
    _paper: bool = True

    def work(self, rows: Sequence[Row]) -> None:
        """The whole shift. Drives that stay to its end come first; the others in any order."""
        staying = [row for row in rows if "end of shift" in row.story]
        others = [row for row in rows if row not in staying]
        self.dice.shuffle(others)
        self._coming = [Drive(row) for row in (*staying, *others)]
        self._trap = self._coming[0]
        self._scan(BADGE, "hello")
        self._take_lot("Q")
        last = time.monotonic()
        while self._here or self._coming:
            if self._one_round():
                last = time.monotonic()
            assert time.monotonic() < last + self.patience_s, f"nothing goes on: {self._told()}"
            time.sleep(LOOK_S)
        self._put_in_order()

    # --- where to go -------------------------------------------------------------------------------------------

    def _one_round(self) -> bool:
        """Wherever something can be done, it is done; whether anything was."""
        done = [self._turn_to(drive) for drive in self.dice.sample(self._here, len(self._here))]
        self._here = [drive for drive in self._here if not drive.over]
        while self._coming and self._free():
            self._here.append(self._coming.pop(0))
            done.append(self._turn_to(self._here[-1]))
        return any(done)

    def _turn_to(self, drive: Drive) -> bool:
        """The drive's next step, if it can be taken."""
        needs_others = [word for word in drive.step if word in ("empty bay", "busy bay", "power cut")]
        if not all(self._ready(drive, word) for word in (drive.step[0], *needs_others)) or self._holds_back(drive):
            return False
        for word in drive.step:
            self._do(drive, word)
        if "begun" in drive.step:
            self.bench.let_go(drive.row.number)
        drive.at += 1
        return True

    def _ready(self, drive: Drive, word: str) -> bool:
        here = self.bench.shown()[drive.bay] if drive.bay else Shown("empty")
        match word:
            case "put in" | "bad sectors":
                return bool(self._free(drive))
            case "put into another bay" | "empty bay":
                return bool(self._free())
            case "busy bay":
                return bool(self._busy(drive))
            case "power cut":  # drives that are done are forgotten with it; those that stand still or wait are not
                return not any({*RESULTS, "no label"} & set(other.step) - {"begun"} for other in self._here)
            case "cable in":
                return bool(spoken("dock_silent").search(self.bench.said(), drive.heard))
            case "put back":
                return here.state == "empty"
            case "begun":
                return here.state in BUSY and self.bench.at_work(drive.row.number)
            case _ if word in RESULTS:
                return here.state == "finished" and self._label_is_told(drive, word)
            case "no label":
                return here.state == "finished" and bool(TROUBLE.search(self.bench.said(), drive.heard))
            case "end of shift":
                return not self._coming and all(o.over or "end of shift" in o.step for o in self._here)
            case "take out":
                return True
        return here.state == "waiting"

    def _free(self, drive: Drive | None = None) -> list[str]:
        """Empty bays that nobody's drive comes back to, but this one's."""
        taken = {other.bay for other in self._here if other is not drive and not other.over}
        return [bay for bay, shown in self.bench.shown().items() if shown.state == "empty" and bay not in taken]

    def _holds_back(self, drive: Drive) -> bool:
        """Nothing is begun while a drive waits for the power cut."""
        waiting = (other for other in self._here if "power cut" in other.step and other is not drive)
        return "bay" in drive.step and any(self._ready(other, "begun") for other in waiting)

    def _busy(self, drive: Drive) -> list[str]:
        """Bays of other drives that are at work, and stay so."""
        others = [other for other in self._here if other is not drive and "begun" in other.step]
        return [other.bay for other in others if self._ready(other, "begun")]

    def _label_is_told(self, drive: Drive, outcome: str) -> bool:
        """Its label came out; or the bench says that one did not, and there is paper now."""
        if self._label_is_there(drive, outcome):
            return True
        return self._paper and bool(TROUBLE.search(self.bench.said(), drive.heard))

    def _label_is_there(self, drive: Drive, outcome: str) -> bool:
        return self.bench.came_out(serial_of(drive.row.number), keys("phrases", "en")[f"label_{outcome}"])

    # --- what is done ------------------------------------------------------------------------------------------

    def _do(self, drive: Drive, word: str) -> None:
        """One word of a story."""
        if word in SCANS:
            if word in ("tag", "other tag"):
                self._take_lot(drive.row.lot)
            for code, answers in SCANS[word]:
                self._scan(code.format_map(self._names(drive)), *answers.split("|"))
        else:
            _DOING[word](self, drive)

    def _take_lot(self, lot: str) -> None:
        if lot != self._lot:
            self._scan(LOTS[lot], "lot_set")
            self._lot = lot

    def _look(self, drive: Drive) -> None:
        """It was there to be seen: that the step could be taken says it all."""

    def _put_in(self, drive: Drive) -> None:
        self._put(drive, self.dice.choice(self._free(drive)))

    def _put_elsewhere(self, drive: Drive) -> None:
        self._put(drive, self.dice.choice(self._free()))

    def _put_back(self, drive: Drive) -> None:
        self._put(drive, drive.bay)

    def _put(self, drive: Drive, bay: str) -> None:
        drive.bay, drive.heard = bay, len(self.bench.said())
        self.bench.put_in(drive.row.number, bay, held="begun" in drive.row.story and not drive.held)
        drive.held = True

    def _pull(self, drive: Drive) -> None:
        """And wait until the bench has seen it: the next drive is another."""
        self.bench.pull(drive.bay)
        self._wait(lambda: self._shown(drive).state == "empty", f"bay {drive.bay} is empty")

    def _see_it_stop(self, drive: Drive) -> None:
        self.bench.let_go(drive.row.number)
        self._wait(lambda: self._shown(drive).state == "finished", f"bay {drive.bay} has stopped")

    def _read_result(self, drive: Drive) -> None:
        """And take the label."""
        word = next(word for word in drive.step if word in RESULTS)
        assert self._shown(drive).outcome == word, f"bay {drive.bay} shows {self._shown(drive)}; {self._told()}"
        if not self._label_is_there(drive, word):
            self._do(drive, "REPRINT")
        self._wait(lambda: self._label_is_there(drive, word), f"the label of drive {drive.row.number}")

    def _spoil(self, drive: Drive) -> None:
        self.bench.spoil(drive.row.number)

    def _take_paper_out(self, drive: Drive) -> None:
        self._paper = False
        self.bench.paper(there=False)

    def _put_paper_in(self, drive: Drive) -> None:
        self._paper = True
        self.bench.paper(there=True)

    def _pull_cable(self, drive: Drive) -> None:
        self.bench.cable(plugged=False)

    def _plug_cable(self, drive: Drive) -> None:
        self.bench.cable(plugged=True)

    def _lose_power(self, drive: Drive) -> None:
        """Who was signed in must sign in again."""
        self.bench.cut_power()
        self._lot = ""
        self._scan(BADGE, "hello")
        self._take_lot(drive.row.lot)

    def _names(self, drive: Drive) -> Mapping[str, str]:
        """What a scan may name."""
        return {
            "tag": tag_of(drive.row.number),
            "bay": drive.bay,
            "serial": serial_of(drive.row.number),
            "trap_tag": tag_of(self._trap.row.number),
            "trap_bay": self._trap.bay,
            "trap_serial": serial_of(self._trap.row.number),
            "empty_bay": next(iter(self._free()), ""),
            "busy_bay": next(iter(self._busy(drive)), ""),
        }

    def _scan(self, code: str, *answers: str) -> None:
        """Scan, and read the answer; a code that did not arrive whole is scanned again."""
        again = spoken("scan_again")
        wanted = re.compile("|".join((*(spoken(key).pattern for key in answers), again.pattern)))
        heard: re.Match[str] | None = None
        while heard is None or again.match(heard[0]):
            before, began = len(self.bench.said()), time.monotonic()
            self.bench.scan(code)
            self._wait(partial(self._hears, wanted, before), f"{code} is answered: {wanted.pattern}")
            self.reactions.append(time.monotonic() - began)
            heard = self._hears(wanted, before)

    def _hears(self, wanted: re.Pattern[str], since: int) -> re.Match[str] | None:
        return wanted.search(self.bench.said(), since)

    def _put_in_order(self) -> None:
        """At the end of the day: labels that the bench asks for are scanned or printed, and no alarm stands."""
        for number in self.bench.open_labels():
            if self.bench.came_out(number):
                self._scan(number, "put_label")
            else:
                self._scan("REPRINT", "scan_to_reprint")
                self._scan(number, "printing_label")
        self._wait(lambda: not self.bench.open_labels(), "every label is proved")
        self._wait(lambda: not self.bench.alarms(), "no alarm stands")

    # --- reading -----------------------------------------------------------------------------------------------

    def _shown(self, drive: Drive) -> Shown:
        return self.bench.shown()[drive.bay]

    def _wait(self, true: Callable[[], object], what: str) -> None:
        end = time.monotonic() + self.patience_s
        while not true():
            assert time.monotonic() < end, f"in vain: {what}; {self._told()}"
            time.sleep(LOOK_S)

    def _told(self) -> str:
        """Where everything stands, for whoever must find out why it does not go on."""
        bays = self.bench.shown()
        here = [
            f"drive {d.row.number} in {d.bay} ({bays.get(d.bay)}) before {d.step}" for d in self._here if not d.over
        ]
        return "\n".join([*here, f"alarms: {self.bench.alarms()}", self.bench.said()[-2000:]])


_DOING: Mapping[str, Callable[[Technician, Drive], None]] = {
    "put in": Technician._put_in,
    "put back": Technician._put_back,
    "put into another bay": Technician._put_elsewhere,
    "pull": Technician._pull,
    "take out": Technician._pull,
    "begun": Technician._look,
    "stopped": Technician._see_it_stop,
    **dict.fromkeys(RESULTS, Technician._read_result),
    "no label": Technician._look,
    "paper out": Technician._take_paper_out,
    "paper in": Technician._put_paper_in,
    "cable out": Technician._pull_cable,
    "cable in": Technician._plug_cable,
    "power cut": Technician._lose_power,
    "bad sectors": Technician._spoil,
    "end of shift": Technician._look,
}
"""The other words of the table; a word that nobody knows is a KeyError."""
