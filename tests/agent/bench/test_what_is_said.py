"""Whatever the screen names is what the next code acts on, or nothing moves: random bays, people and orders.

The real engine, dialogue, registrar and ledger. The screen is read as a person reads it: by its characters, in the
language of whoever is signed in; what moved is told by the bay table and the certificates. The profile is fixed, so
that a run repeats itself; HYPOTHESIS_EXAMPLES=2000 looks further, elsewhere each time.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from agent.bench.events import DockReported, LabelResult, Scanned, Told
from agent.certificates.outcome import CANCELLED, NAMELESS, Aborted, Work
from agent.jobs.bay import Bay, BayState
from agent.jobs.label_proof import LabelState
from agent.scan import dialogue
from agent.scan.actions import Action, BeginBay, TakeBack
from agent.scan.command_words import command_words
from agent.scan.context import Context
from agent.scan.flow import Do, Seen, Step
from agent.settings import Device, OperatorSettings, Settings
from agent.views.bay import bay_row
from agent.views.cells import wrapped
from agent.views.people import sentences
from agent.views.screen import Size, frame, places
from tests.agent.engine_rig import Rig, drive, erased, failed
from tests.agent.engine_rig import settings as station

FAST = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
BAYS = ("A1", "A2", "B01", "B12", "B24")
SERIALS = {bay: f"SN{n}0077{n}" for n, bay in enumerate(BAYS, start=1)}
SCANNERS = ("", "left", "right")
PHONE, TABLET = "490154203237518", "352099001761481"
TAGS = ("KK-0001", "KK-0002", "kk-0001")
PEOPLE = ("BADGE-7", "BADGE-8", "LOT-1", "LOT-2", "LOT-3", "LOT-4")
ANSWERS = ("YES", "START", "NO", "UNDO", "GRADE-A", "GRADE-B", "DEST-SHOP")
DEVICES = ("DRIVES-2", "NODRIVE", "DESTROY", "LOGOUT")
OTHERS = (*DEVICES, "CANCEL", "REPRINT", "TABLET", "nonsense", "bench-01-000001", "BADGE-404", "BAY-Z9", "A" * 32)
CODES = (*PEOPLE, *TAGS, *ANSWERS, *ANSWERS, *OTHERS, PHONE, TABLET, *SERIALS.values(), *(f"BAY-{b}" for b in BAYS))
SIZES = (Size(80, 24), Size(40, 20), Size(200, 60))
BAY_NAMED = re.compile(r"\b[Bb](?:ay|ås) ([AB]\d+)\b")
SIGNED_IN = ("CANCEL", "UNDO", "BADGE-7")

WAYS: Mapping[Step, tuple[str, ...]] = {
    Step.BADGE: (),
    Step.LOT: ("BADGE-7",),
    Step.TAG: (*SIGNED_IN, "LOT-4"),
    Step.BAY: (*SIGNED_IN, "LOT-4", "KK-0001"),
    Step.SERIAL: (*SIGNED_IN, "LOT-3", "KK-0001", "BAY-A1"),
    Step.CONFIRM: (*SIGNED_IN, "LOT-3", "KK-0001", "BAY-A1", SERIALS["A1"]),
    Step.GRADE: (*SIGNED_IN, "LOT-4", "BAY-B12"),
    Step.WHICH: (*SIGNED_IN, "LOT-4", "GRADE-B"),
    Step.STOP: (*SIGNED_IN, "CANCEL"),
    Step.PRINT: (*SIGNED_IN, "REPRINT"),
    Step.DEVICE: (*SIGNED_IN, "LOT-4", PHONE),
    Step.CHECK: (*SIGNED_IN, "LOT-4", PHONE, "KK-0002"),
    Step.COUNT: (*SIGNED_IN, "LOT-4", "KK-0009"),
    Step.NODRIVE: (*SIGNED_IN, "LOT-4", "KK-0008", "NODRIVE"),
    Step.BOX: (*SIGNED_IN, "LOT-4", "BAY-B24"),
}
"""How a person comes to each step, where a drive waits in A1 and one is erased in B12."""


def bench(**about: Any) -> Settings:  # noqa: ANN401 - fields of the station
    made = station(*BAYS, **about)
    rules = msgspec.structs.replace(made.scanning, ask_grade=True)
    return msgspec.structs.replace(made, scanning=rules, printer=(Device(name="labels", driver="simulated"),))


def screen(rig: Rig, size: Size) -> str:
    """What stands above the bays and what is beside them, as one line of text: answer and instruction."""
    language = rig.effects.language or rig.settings.station.language
    told = sentences(rig.engine.shown, language, command_words(rig.settings.scanning, language))
    bays = [bay_row(bay, now=rig.clock) for bay in rig.engine.bays.values()]
    answer: dict[str, Any] = {
        "station": "bench-01",
        "next": told,
        "happened": [],
        "bays": bays,
        "labels": [],
        "uplink": None,
        "alarms": {},
    }
    rows = ["".join(cell[0] for cell in row).rstrip() for row in frame(answer, size, language)]
    share = places(size)
    deep = max(share.next, len(wrapped(told[-1], size.columns)))
    return " ".join(row for row in rows[1 : 1 + deep] if row)


def named(text: str) -> str:
    """The bay that a person would believe to be meant: the last that is named."""
    found = BAY_NAMED.findall(text)
    return str(found[-1]) if found else ""


def facts(bay: Bay) -> tuple[object, ...]:
    """All of a bay that a scan may move."""
    job = bay.job
    asset = job.asset.tag if job and job.asset else None  # how many drives it has is of the device, not of the bay
    about = (job.id, job.state, asset, job.disposition, job.operator, job.customer, job.plan) if job else ()
    return (bay.state, bay.asks, bay.due, bay.drive, bay.boxed, *about)


class Bench(RuleBasedStateMachine):
    """A bench in scan mode. Every scan goes through `hear`, which compares the screen with what comes of it."""

    made = staticmethod(lambda: bench(mode="scan"))

    def __init__(self) -> None:
        super().__init__()
        logging.getLogger("benchwipe").setLevel(logging.CRITICAL + 1)  # a full disk is logged each time
        self.folder = Path(tempfile.mkdtemp(prefix="benchwipe-said-", dir=FAST))
        self.rig = Rig(self.folder / "state", self.made())
        self.size = SIZES[0]
        self.rig.sign_in()
        for bay in ("B12", *BAYS[:3]):
            self.put_in(bay)
        self.rig.scan("KK-0009", "BAY-B12")
        self.rig.erase("B12")

    # What is compared

    def hear(self, code: str, scanner: str = "") -> None:
        """A scan: the screen before it, the bays before and behind it.

        A scanner goes with a person: where the screen is turned to another one, it turns first.
        """
        if scanner:
            self.rig.engine.handle(Scanned("nonsense", scanner=scanner))
        text, before = screen(self.rig, self.size), dict(self.rig.engine.bays)
        certified = len(self.rig.certificates())
        who = self.rig.engine.context.operator
        self.rig.engine.handle(Scanned(code, scanner=scanner))
        after = self.rig.engine.bays
        moved = {name for name in BAYS if facts(before[name]) != facts(after[name])}
        allowed = {code.removeprefix("BAY-")} if code.startswith("BAY-") else {named(text)}
        if code == "DESTROY":  # a label names its drive as well as a bay does
            allowed |= {name for name in BAYS if (before[name].certificate_number or "-") in text}
        elif code.startswith("KK-") or code in (*PEOPLE, *TAGS, *OTHERS, PHONE, TABLET):
            allowed = set()
        assert moved <= allowed, f"{code} moved {moved}, and the screen said: {text}"
        for name in moved & {bay for bay in BAYS if code in ("YES", "START")}:
            assert SERIALS[name][-6:] in text, f"no drive was named: {text}"
            assert re.search(rf"{name}: scan (YES or NO|JA eller NEJ)", text), text
        self._certificates_name_what_was_asked(text, certified, who)
        self.rig.engine.tick()

    def _certificates_name_what_was_asked(self, text: str, before: int, person: OperatorSettings | None) -> None:
        for certificate in self.rig.certificates()[before:]:
            about = certificate.record
            if about.attestation is not None:
                assert about.asset is not None
                assert about.asset.tag in text, text
                assert person is not None
                assert about.attestation.by == person.id

    # People

    @rule(code=st.sampled_from(CODES))
    def scan(self, code: str) -> None:
        """Anything, at any time."""
        self.hear(code)

    @rule(
        codes=st.lists(st.sampled_from(CODES), min_size=1, max_size=3),
        scanner=st.sampled_from(SCANNERS),
        other=st.sampled_from(SCANNERS),
        answer=st.sampled_from(ANSWERS),
    )
    def at_two_scanners(self, codes: list[str], scanner: str, other: str, answer: str) -> None:
        """One person at one scanner, and an answer at another one."""
        for code in codes:
            self.hear(code, scanner)
        self.hear(answer, other)

    @rule(badge=st.sampled_from(("BADGE-7", "BADGE-8")), scanner=st.sampled_from(SCANNERS))
    def sit_down(self, badge: str, scanner: str) -> None:
        """Somebody comes to a scanner."""
        self.hear(badge, scanner)
        self.hear("LOT-3", scanner)

    @rule(bay=st.sampled_from(BAYS))
    def put_in_something_nameless(self, bay: str) -> None:
        """A drive that does not say who it is."""
        if self.rig.engine.bays[bay].state is BayState.EMPTY:
            self.rig.arrive_unreadable(bay, NAMELESS)

    @rule(code=st.sampled_from(CODES), answer=st.sampled_from(ANSWERS))
    def scan_and_answer(self, code: str, answer: str) -> None:
        """And an answer that may be meant for something else."""
        self.hear(code)
        self.hear(answer)

    @rule(code=st.sampled_from(CODES))
    def scan_twice(self, code: str) -> None:
        """A scanner that reads twice."""
        self.hear(code)
        self.hear(code)

    @rule(
        step=st.sampled_from(sorted(WAYS)),
        codes=st.lists(st.sampled_from(CODES), min_size=1, max_size=3),
        answer=st.sampled_from(ANSWERS),
    )
    def come_to(self, step: Step, codes: list[str], answer: str) -> None:
        """The usual way to a step, then something that does not belong there, then an answer."""
        for each in (*WAYS[step], *codes, answer):
            self.hear(each)

    @rule(code=st.sampled_from(CODES), word=st.sampled_from(("UNDO", "NO", "GRADE-B")))
    def rate(self, code: str, word: str) -> None:
        """A grade, something else, and a word that would change it."""
        for each in (*WAYS[Step.GRADE], "GRADE-A", code, word):
            self.hear(each)

    @rule(lot=st.sampled_from(("LOT-3", "LOT-4")), bays=st.permutations(BAYS), far=st.booleans())
    def plan_two(self, lot: str, bays: list[str], far: bool) -> None:
        """Two drives that ask, or count down, at the same time; of one the label was scanned already."""
        self.plan(lot, bays[:2], far=far)

    @rule(lot=st.sampled_from(("LOT-3", "LOT-4")), bays=st.permutations(BAYS), answer=st.sampled_from(ANSWERS))
    def answer_one_of_two(self, lot: str, bays: list[str], answer: str) -> None:
        """The one that is turned to gets the answer, whichever it is."""
        self.plan(lot, bays[:2], far=True)
        self.hear(f"BAY-{bays[0]}")
        self.hear(answer)

    def plan(self, lot: str, bays: list[str], *, far: bool) -> None:
        """Put drives in, and scan what they are planned by."""
        for bay, tag in zip(bays, ("KK-0003", "KK-0004"), strict=True):
            self.put_in(bay)
            for code in (*SIGNED_IN, lot, tag, f"BAY-{bay}", *((SERIALS[bay],) if far else ())):
                self.hear(code)

    @rule(bay=st.sampled_from(BAYS))
    def press(self, bay: str) -> None:
        """A bay's button."""
        self.rig.engine.handle(DockReported("cradle", bay, "button"))

    @rule(size=st.sampled_from(SIZES))
    def another_screen(self, size: Size) -> None:
        """Of another size."""
        self.size = size

    # What else happens at a bench, and may stand between two scans

    @rule(bay=st.sampled_from(BAYS))
    def put_in(self, bay: str) -> None:
        """A drive, where there is none."""
        if self.rig.engine.bays[bay].state is BayState.EMPTY:
            self.rig.arrive(bay, drive(SERIALS[bay]))

    @rule(bay=st.sampled_from(BAYS))
    def pull(self, bay: str) -> None:
        """Whatever stands there."""
        self.rig.leave(bay)

    @rule(seconds=st.sampled_from((1.0, 10.1)))
    def wait(self, seconds: float) -> None:
        """Countdowns end."""
        self.rig.wait(seconds)

    @precondition(lambda self: any(worker.live for worker in self.rig.effects.workers))
    @rule(data=st.data(), how=st.sampled_from(("erased", "failed", "stopped")))
    def end(self, data: st.DataObject, how: str) -> None:
        """A worker is done."""
        live = sorted({worker.bay for worker in self.rig.effects.workers if worker.live})
        bay = data.draw(st.sampled_from(live))
        outcome = {"erased": erased(), "failed": failed(), "stopped": Aborted(Work(), CANCELLED)}[how]
        self.rig.end(bay, outcome)

    @rule(state=st.sampled_from((LabelState.PRINTED, LabelState.NOT_PRINTED, LabelState.UNKNOWN)))
    def a_label_comes(self, state: LabelState) -> None:
        """Or does not."""
        for number, copy in self.rig.effects.labels[-1:]:
            self.rig.engine.handle(LabelResult(number, "labels", copy, state))

    @rule(key=st.sampled_from(("scan_again", "dock_silent")))
    def a_device_has_something_to_say(self, key: str) -> None:
        """From its own thread."""
        self.rig.engine.handle(Told(key, {"dock": "cradle"}))

    @rule(bay=st.sampled_from(BAYS))
    def cancel(self, bay: str) -> None:
        """From the command line."""
        self.rig.cancel(bay)

    @rule(full=st.booleans())
    def the_disk(self, full: bool) -> None:
        """Is full, or has room again."""
        self.rig.mend_ledger()
        if full:
            self.rig.break_ledger()

    @rule()
    def the_power_is_cut(self) -> None:
        """Everybody is signed out, and the drives are seen anew."""
        self.rig.mend_ledger()
        there = [bay.name for bay in self.rig.engine.bays.values() if bay.drive_present]
        self.rig.restart()
        for bay in there:
            self.rig.arrive(bay, drive(SERIALS[bay]))

    def teardown(self) -> None:
        """Nothing broke down meanwhile."""
        logging.getLogger("benchwipe").setLevel(logging.NOTSET)
        assert "engine" not in self.rig.effects.alarms, self.rig.effects.alarms["engine"]
        self.rig.close()
        shutil.rmtree(self.folder)


class AutomaticBench(Bench):
    """The same where drives begin by themselves."""

    made = staticmethod(lambda: bench(mode="automatic"))


class AskingBench(Bench):
    """The same where they are planned by themselves, and wait for their label and YES."""

    made = staticmethod(lambda: bench(mode="automatic", policy="asking"))


FIXED = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "15")),
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    stateful_step_count=20,
    deadline=None,
    phases=(Phase.generate,),  # a failure is told as it was found: to shrink it takes minutes
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestBench = Bench.TestCase
TestBench.settings = FIXED
TestAutomaticBench = AutomaticBench.TestCase
TestAutomaticBench.settings = FIXED
TestAskingBench = AskingBench.TestCase
TestAskingBench.settings = FIXED


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A bench in scan mode: drives wait in A1 and A2, one is erased in B12."""
    made = Rig(tmp_path / "state", bench(mode="scan"))
    made.sign_in()
    for bay in ("A1", "A2", "B12"):
        made.arrive(bay, drive(SERIALS[bay]))
    made.scan("KK-0009", "BAY-B12")
    made.erase("B12")
    made.arrive_unreadable("B24", NAMELESS)
    yield made
    made.close()


ANSWERED = {"YES": "due", "START": "due", "NO": "job", "UNDO": "job", "GRADE-B": "job", "DEST-SHOP": "job"}
"""What of the bay is another afterwards."""


@pytest.mark.parametrize(("told", "other"), [("A1", "B01"), ("B01", "A1")])
@pytest.mark.parametrize("answer", sorted(ANSWERED))
def test_of_two_bays_that_ask_the_one_that_is_named_gets_the_answer(answer: str, told: str, other: str) -> None:
    bench = Bench()
    bench.plan("LOT-3", [told, other], far=True)
    bench.hear(f"BAY-{told}")
    before = {bay: getattr(bench.rig.engine.bays[bay], ANSWERED[answer]) for bay in (told, other)}
    bench.hear(answer)
    after = {bay: getattr(bench.rig.engine.bays[bay], ANSWERED[answer]) for bay in (told, other)}
    bench.teardown()
    assert (before[told] != after[told], before[other] == after[other]) == (True, True)


def first_that_asks(context: Context, bays: Mapping[str, Bay]) -> Bay:
    return next(bay for bay in bays.values() if bay.asks == "confirm")


def last_that_asks(context: Context, bays: Mapping[str, Bay]) -> Bay:
    return next(bay for bay in reversed(list(bays.values())) if bay.asks == "confirm")


def another_that_asks(context: Context, bays: Mapping[str, Bay]) -> Bay:
    return next(bay for bay in bays.values() if bay.asks == "confirm" and bay.name != context.bay)


@pytest.mark.parametrize("which", [first_that_asks, last_that_asks, another_that_asks])
@pytest.mark.parametrize("do", [Do.BEGIN, Do.TAKE_BACK])
def test_the_comparison_sees_an_answer_that_acts_on_another_bay_than_the_named(
    monkeypatch: pytest.MonkeyPatch, do: Do, which: Callable[[Context, Mapping[str, Bay]], Bay]
) -> None:
    wish: Callable[[str, str], Action] = BeginBay if do is Do.BEGIN else TakeBack

    def wrong(context: Context, seen: Seen, value: str, bays: Mapping[str, Bay], known: Settings) -> dialogue.Did:
        bay = which(context, bays)
        return context, wish(bay.name, bay.job.id if bay.job else "")

    monkeypatch.setattr(dialogue, "_DOING", {**dialogue._DOING, do: wrong})
    found = []
    for told, other in (("A1", "B01"), ("B01", "A1")):
        bench = Bench()
        bench.plan("LOT-3", [told, other], far=True)
        bench.hear(f"BAY-{told}")
        with contextlib.suppress(AssertionError):
            bench.hear("YES" if do is Do.BEGIN else "UNDO")
            found.append(told)
        bench.teardown()
    assert len(found) < 2, "not seen in either order"


@pytest.mark.parametrize("step", list(Step))
def test_every_step_is_come_to(rig: Rig, step: Step) -> None:
    if step in (Step.BADGE, Step.LOT):
        rig.restart()
    for code in WAYS[step]:
        rig.scan(code)
    assert rig.engine.context.step is step
