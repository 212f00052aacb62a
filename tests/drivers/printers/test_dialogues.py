"""Sent is not printed, in every language: answers are read bit by bit, and only the printer's own word is believed."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import registry
from drivers.deadline import Deadline
from drivers.printers import _channel
from drivers.printers.base import NotPrinted, Printed, PrintResult, Unknown
from drivers.printers.languages import brother_ql, epl, escpos, language, render, tspl
from drivers.printers.languages.dialogue import Completion, Dialogue, PrinterStatus
from drivers.printers.languages.label import Media
from tests.drivers.printers.labels import ERASED

ASKED = ("tspl", "epl", "escpos", "brother-ql")
TSPL_BITS = (  # TSC manual, <ESC>!?
    "head open",
    "paper jam",
    "paper out",
    "ribbon out",
    "paused",
    "",
    "cover open",
    "too hot or too cold",
)


def dialogue(name: str) -> Dialogue:
    found = language(name).dialogue
    assert found is not None
    return found


def read(status: PrinterStatus | None) -> PrinterStatus:
    assert status is not None
    return status


def ql(*, first: int = 0, second: int = 0, kind: int = 0, phase: int = 0) -> bytes:
    """The 32 bytes of a status (Raster Command Reference, ESC i S): 80 20 42 34 36 30 .., errors at 8 and 9."""
    head = bytes.fromhex("8020423436303000")
    return head + bytes([first, second, 62, 0x0A, 0, 0, 0x3F, 0, 0, 0, kind, phase]) + bytes(12)


def test_each_status_byte_of_tspl_is_read_bit_by_bit() -> None:
    for value in range(256):
        status = read(tspl.parse_status(bytes([value])))
        assert status.problems == tuple(words for bit, words in enumerate(TSPL_BITS) if words and value & 1 << bit)
        assert status.ready is not bool(value & 0b11011111)
        assert status.waiting == (value >> 5 & 1)


@pytest.mark.parametrize(
    ("reply", "problems"),
    [
        (b"00\r\n", ()),
        (b"$00\r\n", ()),
        (b"\x0600\r\n", ()),
        (b"$11\r\n", ("head open",)),
        (b"07P001\r\n", ("paper or ribbon out",)),
        (b"01,11\r\n", ("it did not understand a command", "head open")),
        (b"\x1507R002,12\n", ("paper or ribbon out", "paused")),
        (b"99\r\n", ("error 99",)),
    ],
)
def test_reports_of_epl_are_read_code_by_code(reply: bytes, problems: tuple[str, ...]) -> None:
    assert read(epl.parse_report(reply)) == PrinterStatus(ready=not problems, problems=problems)
    assert epl.parse_report(reply[:-2]) is None


def test_the_answers_of_esc_pos_are_read_bit_by_bit() -> None:
    meanings = {(0, 3): "offline", (1, 2): "cover open", (1, 5): "paper out, it stopped", (1, 6): "error"}
    meanings |= {(2, 5): "paper out", (2, 6): "paper out"}
    for which, bit in itertools.product(range(3), (2, 3, 5, 6)):
        answers = bytearray(b"\x12\x12\x12")
        answers[which] |= 1 << bit
        expected = meanings.get((which, bit))
        assert read(escpos.parse_status(bytes(answers))).problems == ((expected,) if expected else ())
    assert escpos.parse_status(b"\x12\x12") is None
    assert read(escpos.parse_status(b"\x11\x13\x00\x12\x12\x12")).ready is True  # XON, XOFF and others are no answers


def test_the_status_of_a_brother_is_read_bit_by_bit() -> None:
    assert read(brother_ql.parse_status(ql())) == PrinterStatus(ready=True, waiting=0)
    assert read(brother_ql.parse_status(ql(first=0x01))).problems == ("no media",)
    assert read(brother_ql.parse_status(ql(first=0x02, second=0x11))).problems == (
        "end of media",
        "wrong media",
        "cover open",
    )
    assert read(brother_ql.parse_status(ql(kind=2))).problems == ("error",)
    assert read(brother_ql.parse_status(ql(kind=4))).problems == ("turned off",)
    assert read(brother_ql.parse_status(ql(kind=6, phase=1))) == PrinterStatus(ready=True, waiting=1)
    assert all(brother_ql.parse_status(ql()[:cut]) is None for cut in range(32))


@pytest.mark.parametrize("field", ["first", "second", "kind", "phase"])
def test_no_byte_of_a_brothers_status_is_ready_by_accident(field: str) -> None:
    fine: Mapping[str, set[int]] = {
        "first": {0},
        "second": {0},
        "kind": {0, 1, 5, 6},
        "phase": set(range(256)),
    }
    ready = {value for value in range(256) if read(brother_ql.parse_status(ql(**{field: value}))).ready}
    assert ready == fine[field]


@pytest.mark.parametrize("name", [*ASKED, "zpl"])
@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"\x80\x20B" + tail))
def test_garbage_never_breaks_a_reader_of_answers(name: str, data: bytes) -> None:
    dialogue(name).parse(data)
    for end in range(0, len(data), 7):
        dialogue(name).parse(data[end:])
    completion = dialogue(name).completion
    if completion is not None:
        completion.parse(data)


@pytest.mark.parametrize(
    ("name", "undecided", "done", "broken"),
    [
        ("epl", [b"", b"$00\r\n"], [b"\x06", b"$00\r\n\x06"], [b"$11\r\n", b"07P001\r\n"]),
        ("escpos", [b"", b"\x12", b"\x13\x11"], [b"\x00", b"\x12\x03"], [b"\x0c"]),
        (
            "brother-ql",
            [b"", ql(kind=6, phase=1), ql(kind=1)[:31], ql()],
            [ql(kind=1), ql(kind=6, phase=1) + ql(kind=1)],
            [ql(kind=2, first=2), ql(kind=6, phase=1) + ql(kind=2, second=0x10), ql(kind=4)],
        ),
    ],
)
def test_the_word_that_a_label_is_done(
    name: str, undecided: list[bytes], done: list[bytes], broken: list[bytes]
) -> None:
    completion = dialogue(name).completion
    assert isinstance(completion, Completion)
    assert [completion.parse(reply) for reply in undecided] == [None] * len(undecided)
    assert [read(completion.parse(reply)).ready for reply in done] == [True] * len(done)
    assert [read(completion.parse(reply)).ready for reply in broken] == [False] * len(broken)


Way = Literal["prints", "silent", "keeps", "breaks", "not-ready", "busy", "busy for long"]
DATA = {name: render(ERASED, Media(language=name)) for name in ASKED}


class Fake(threading.Thread):
    """A printer's end of a line. keeps: takes the label and says no more of it; breaks: an error in the middle."""

    def __init__(self, name: str, way: Way) -> None:
        super().__init__(daemon=True)
        self.way, self.got, self.polls = way, b"", 0
        self.label, self.query = DATA[name], dialogue(name).query
        self.answer = {"tspl": self.tspl, "epl": self.epl, "escpos": self.escpos, "brother-ql": self.brother}[name]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.start()

    def run(self) -> None:
        try:
            fd = self.listener.accept()[0].detach()
            while data := os.read(fd, 65536):
                self.got += data
                if self.way != "silent":
                    os.write(fd, self.answer())
        except OSError:
            return

    def asked(self, ready: bytes, otherwise: bytes) -> bytes:
        if not self.got.endswith(self.query):
            return b""
        return otherwise if self.way == "not-ready" else ready

    def ended(self, end: bytes, *, prints: bytes, breaks: bytes) -> bytes:
        return {"prints": prints, "breaks": breaks}.get(self.way, b"") if self.got.endswith(end) else b""

    def tspl(self) -> bytes:
        if self.way.startswith("busy") and self.label not in self.got:
            self.polls += 1
            return b"\x00" if self.polls == 3 and self.way == "busy" else b"\x20"
        if self.label not in self.got or self.way in ("keeps", "busy"):
            return self.asked(b"\x00", b"\x04")
        self.polls += 1
        return self.asked(b"\x20" if self.polls < 4 else (b"\x04" if self.way == "breaks" else b"\x00"), b"")

    def epl(self) -> bytes:
        return self.asked(b"\x0600\r\n", b"\x0611\r\n") + self.ended(self.label, prints=b"\x06", breaks=b"$07\r\n")

    def escpos(self) -> bytes:
        done = self.ended(b"\x1dr\x01", prints=b"\x00", breaks=b"\x0c")
        return self.asked(b"\x12\x12\x12", b"\x1a\x16\x12") + done

    def brother(self) -> bytes:
        begins = ql(kind=6, phase=1)
        prints, breaks = begins + ql(kind=1) + ql(kind=6), begins + ql(kind=2, first=2)
        return self.asked(ql(), ql(first=1)) + self.ended(self.label, prints=prints, breaks=breaks)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Fake]]:
    monkeypatch.setattr(_channel, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(_channel, "ASK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(_channel, "LOOK_AGAIN_SECONDS", 0.01)
    made: list[Fake] = []
    yield made
    for fake in made:
        fake.listener.close()


def printed(fakes: list[Fake], name: str, way: Way, *, seconds: float) -> PrintResult:
    fakes.append(Fake(name, way))
    settings = {"language": name, "host": "127.0.0.1", "port": fakes[-1].listener.getsockname()[1]}
    printer = registry.load("printers", "tcp", settings, where="printer")
    return printer.print(DATA[name], label_id="1", within=Deadline(seconds))


@pytest.mark.parametrize("name", ASKED)
def test_a_label_is_printed_when_the_printer_says_that_it_is_done(name: str, fakes: list[Fake]) -> None:
    assert printed(fakes, name, "prints", seconds=10) == Printed("1")
    assert fakes[-1].got.count(DATA[name]) == 1


def test_a_printing_that_began_before_is_not_taken_for_ours(fakes: list[Fake]) -> None:
    assert isinstance(printed(fakes, "tspl", "busy for long", seconds=0.4), NotPrinted)
    assert DATA["tspl"] not in fakes[-1].got
    result = printed(fakes, "tspl", "busy", seconds=2.0)
    assert isinstance(result, Unknown)
    assert "not seen printing" in result.reason


@pytest.mark.parametrize("way", ["keeps", "breaks"])
@pytest.mark.parametrize("name", ASKED)
def test_a_label_that_was_taken_and_not_seen_done_is_unknown(name: str, way: Way, fakes: list[Fake]) -> None:
    result = printed(fakes, name, way, seconds=0.6)
    assert isinstance(result, Unknown)
    reasons = {"tspl": ("not seen printing", "paper out"), "epl": ("no word", "paper or ribbon out")}
    reasons |= {"escpos": ("no word", "paper out"), "brother-ql": ("no word", "end of media")}
    assert reasons[name][way == "breaks"] in result.reason


@pytest.mark.parametrize("way", ["silent", "not-ready"])
@pytest.mark.parametrize("name", ASKED)
def test_a_printer_that_is_not_ready_gets_nothing(name: str, way: Way, fakes: list[Fake]) -> None:
    result = printed(fakes, name, way, seconds=10)
    assert isinstance(result, NotPrinted)
    assert DATA[name] not in fakes[-1].got
    reasons = {"tspl": "paper out", "epl": "head open", "escpos": "offline, cover open", "brother-ql": "no media"}
    assert ("no answer" if way == "silent" else reasons[name]) in result.reason
