"""The technician of the shift: does what the table says, reads what the bench says, and turns to whatever can go on.

Nothing here sleeps for a time: a step is taken when the bench shows that it can be, and a scan is over when its answer
was read. An answer that is not the expected one ends the shift.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from agent.bench.scan_desk import MOMENT_S
from agent.phrases import keys
from drivers.inputs._keys import KeyEvent, Keypad
from drivers.inputs._readings import Scan
from drivers.inputs.hid import KEYS
from tests.patience import SOON_S
from tests.shift.bench import Bench, Shown
from tests.shift.checker import Checker
from tests.shift.scans import (
    BADGES,
    KEYED,
    LOTS,
    PHONES,
    SCANS,
    SIBLINGS,
    TROUBLE,
    person_of,
    serial_of,
    spoken,
    tag_of,
)
from tests.shift.table import Row

LOOK_S = 0.005
BUSY = frozenset({"cycling", "erasing", "verifying", "stalled"})
RESULTS = ("erased", "failed", "aborted")
STARTS = ("tag", "other tag", "phone", "no drive", "own badge")  # with these, somebody's work on a drive begins
TOP_ROW, ENTER = (11, 2, 3, 4, 5, 6, 7, 8, 9, 10), 28  # key codes of a keyboard's digits, from 0


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
    """Two people at one scanner, who give up after `patience_s`. `reactions`: seconds from each scan to its answer.

    `checker`: compares the screen before each scan with what the scan does.
    """

    bench: Bench
    dice: random.Random
    patience_s: float = SOON_S
    checker: Checker | None = None
    reactions: list[float] = field(default_factory=list)
    _coming: list[Drive] = field(default_factory=list)
    _here: list[Drive] = field(default_factory=list)
    _person: str = ""
    _lots: dict[str, str] = field(default_factory=dict)
    _last: tuple[str, float] = ("", 0.0)
    _paper: bool = True

    def work(self, rows: Sequence[Row]) -> None:
        """The whole shift. Drives that stay to its end come first; the others in any order."""
        staying = [row for row in rows if "end of shift" in row.story]
        others = [row for row in rows if row not in staying]
        self.dice.shuffle(others)
        self._coming = [Drive(row) for row in (*staying, *others)]
        self._trap = self._coming[0]
        self._take_place(self._trap.row)
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
        words = keys("phrases", "en")
        serial, part = serial_of(drive.row.number), drive.row.number in {*SIBLINGS, *SIBLINGS.values()}
        whole = self.bench.came_out(serial, words[f"label_{outcome}"])
        return whole or (part and self.bench.came_out(serial, words["label_part"]))

    # --- what is done ------------------------------------------------------------------------------------------

    def _do(self, drive: Drive, word: str) -> None:
        """One word of a story."""
        if word in KEYED:
            self._type(drive, word)
        elif word in SCANS:
            if word in STARTS:
                self._take_place(drive.row)
            for code, answers in SCANS[word]:
                self._scan(code.format_map(self._names(drive)), *answers.split("|"))
        else:
            _DOING[word](self, drive)

    def _take_place(self, row: Row) -> None:
        """Whoever works on this drive turns the bench to their place, and to the drive's delivery."""
        person = person_of(row.number)
        if person != self._person:
            self._scan(BADGES[person], "hello")
            self._person = person
        if row.lot != self._lots.get(person):
            self._scan(LOTS[row.lot], "lot_set")
            self._lots[person] = row.lot

    def _take_a_break(self, drive: Drive) -> None:
        """Nobody is signed in meanwhile, and nobody's YES does anything."""
        self._take_place(drive.row)
        self._scan("LOGOUT", "logged_out")
        self._scan("YES", "scan_badge")
        self._lots.pop(self._person, None)
        self._person = ""
        self._take_place(drive.row)

    def _type(self, drive: Drive, word: str) -> None:
        """The keys go through the keypad's own reader; what it makes of them is what the daemon hears."""
        pad = Keypad(KEYS, "BAY-{number}", 2)
        digits = drive.bay[1:] if word == "keyed bay" else ""
        typed = [*(TOP_ROW[int(digit)] for digit in digits), ENTER]
        read = [pad.feed(KeyEvent(code, 1, at)) for at, code in enumerate(typed)]
        (reading,) = (each for each in read if each is not None)
        assert isinstance(reading, Scan)
        self._scan(reading.text, KEYED[word])

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
        self._person, self._lots = "", {}
        self._take_place(drive.row)

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
            "badge": BADGES[self._person or "ida"],
            "other_badge": BADGES["ida" if self._person == "bo" else "bo"],
            "label": self._shown(drive).label if drive.bay else "",
            "imei": PHONES.get(drive.row.number, ""),
            "phone_tag": f"KK-9{drive.row.number:05}",
            "spare_tag": f"KK-8{drive.row.number:05}",
            "busy_bay": next(iter(self._busy(drive)), ""),
        }

    def _scan(self, code: str, *answers: str) -> None:
        """Scan, and read the answer; a code that did not arrive whole is scanned again."""
        again = spoken("scan_again")
        wanted = re.compile("|".join((*(spoken(key).pattern for key in answers), again.pattern)))
        heard: re.Match[str] | None = None
        while heard is None or again.match(heard[0]):
            if code == self._last[0]:  # meant twice, and not read twice
                time.sleep(max(0.0, self._last[1] + MOMENT_S + 0.1 - time.monotonic()))
            before, began = len(self.bench.said()), time.monotonic()
            if self.checker:
                self.checker.look()
            self.bench.scan(code)
            self._last = (code, time.monotonic())
            self._wait(partial(self._hears, wanted, before), f"{code} is answered: {wanted.pattern}")
            self.reactions.append(time.monotonic() - began)
            heard = self._hears(wanted, before)
            if self.checker:
                self.checker.compare(code)

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
    "break": Technician._take_a_break,
}
"""The other words of the table; a word that nobody knows is a KeyError."""
