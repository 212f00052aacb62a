"""The uplink's pure parts: pending uploads, the board, the seldom log. Time is a number that the test turns."""

from __future__ import annotations

import logging
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.errors import SettingsError
from agent.settings import parse
from agent.uplink.board import Board, Post
from agent.uplink.log import Seldom
from agent.uplink.pending import MOST_REMEMBERED, WINDOW, Pending
from tests.patience import SOON_S


def pending(base: float = 30.0, longest: float = 900.0) -> Pending:
    """Without jitter."""
    return Pending(base, longest, jitter=lambda: 0.0)


def test_a_row_is_due_again_after_30_s_then_60_then_120_up_to_15_minutes() -> None:
    rows, now, waits = pending(), 1000.0, []
    for _ in range(8):
        rows.sent("a", now)
        assert "a" in rows.not_now(now)
        rows.release_places(now + 30.0)
        turn = rows.next_moment()
        assert turn is not None
        assert not rows.due(turn - 0.01) or turn == now + 30.0
        waits.append(turn - now)
        now = turn
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_jitter_never_sends_earlier() -> None:
    for jitter in (0.0, 0.5, 1.0):
        rows = Pending(30.0, 900.0, jitter=lambda jitter=jitter: jitter)  # type: ignore[misc]
        rows.sent("a", 0.0)
        rows.release_places(30.0)
        turn = rows.next_moment()
        assert turn == pytest.approx(30.0 * (1 + 0.2 * jitter))


def test_a_receipt_after_a_silence_gives_the_silent_ones_their_turn_and_a_poisoned_one_does_not_race() -> None:
    rows = pending()
    for row in ("a", "b"):
        rows.sent(row, 0.0)
    rows.release_places(30.0)
    for row in ("a", "b"):
        rows.sent(row, 31.0)
    rows.release_places(61.0)
    assert not rows.due(62.0)
    rows.answered("a", 62.0)
    assert rows.due(62.0)
    rows.sent("b", 62.0)
    rows.release_places(92.0)
    rows.sent("c", 93.0)
    rows.answered("c", 94.0)  # the first receipt since b went out: one more try
    rows.sent("b", 94.0)
    rows.sent("c", 95.0)
    rows.answered("c", 96.0)
    rows.sent("c", 97.0)
    rows.answered("c", 98.0)
    assert not rows.due(99.0)


def test_after_a_lost_connection_what_the_broker_had_not_is_due_and_what_it_had_waits_for_its_receipt() -> None:
    rows = pending()
    rows.sent("had", 0.0)
    rows.sent("had not", 0.0)
    rows.acknowledged("had")
    rows.connection_lost(5.0)
    assert rows.not_now(5.0) == {"had"}
    assert rows.not_now(30.0) == frozenset()


def test_rows_that_left_the_outbox_by_other_hands_are_forgotten() -> None:
    rows = pending()
    for row in ("gone", "there", "under way"):
        rows.sent(row, 0.0)
    rows.refused("gone", -100.0)
    rows.refused("there", -100.0)
    rows.forget_all_but(["there"], 1.0)
    assert [row in rows for row in ("gone", "there", "under way")] == [False, True, True]


def test_memory_is_bounded() -> None:
    rows = pending()
    for number in range(MOST_REMEMBERED):
        assert rows.may_send(str(number))
        rows.sent(str(number), 0.0)
    assert not rows.may_send("one more")
    assert rows.may_send("7")


class PendingMachine(RuleBasedStateMachine):
    """Any order of sending, answers, refusals and losses keeps the window and loses no row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.now, self.open = pending(), 0.0, set[str]()

    @rule(row=st.integers(0, 60).map(str))
    def send(self, row: str) -> None:
        """As the courier does: only what is not in hand, only where there is room."""
        if self.rows.room() and row not in self.rows.not_now(self.now):
            self.rows.sent(row, self.now)
            self.open.add(row)

    @rule(row=st.integers(0, 60).map(str))
    def answer(self, row: str) -> None:
        """A receipt, for whatever row."""
        self.rows.answered(row, self.now)
        self.open.discard(row)

    @rule(row=st.integers(0, 60).map(str))
    def acknowledge(self, row: str) -> None:
        """A PUBACK is no answer."""
        self.rows.acknowledged(row)

    @rule(row=st.integers(0, 60).map(str))
    def refuse(self, row: str) -> None:
        """The broker did not take it."""
        self.rows.refused(row, self.now)

    @rule()
    def lose(self) -> None:
        """The connection is gone."""
        self.rows.connection_lost(self.now)

    @rule()
    def collector(self) -> None:
        """A collector came."""
        self.rows.collector_came(self.now)

    @rule(seconds=st.floats(0.0, 1000.0))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.rows.release_places(self.now)

    @invariant()
    def holds(self) -> None:
        """Every open row is in hand and has its turn within 15 minutes; the window is never overdrawn."""
        in_hand = {row for row in map(str, range(61)) if row in self.rows}
        assert in_hand == self.open
        assert 0 <= self.rows.room() <= WINDOW
        assert not self.open or self.rows.next_moment() is not None
        later = self.now + 900.0
        assert all(row not in self.rows.not_now(later) or self.rows.room() < WINDOW for row in self.open)


TestPending = PendingMachine.TestCase
TestPending.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def board() -> Board:
    """As in the contract."""
    return Board(progress_every_s=5.0, progress_expiry_s=30.0)


def test_the_board_says_the_latest_word_once_and_all_of_it_on_a_new_connection() -> None:
    words = board()
    words.show("bay/A1/state", b"1")
    words.show("bay/A1/state", b"2")
    words.show("alarm/x", b"!")
    words.show("alarm/x", b"")
    said = [Post("bay/A1/state", b"2", retain=True), Post("alarm/x", b"", retain=True)]
    assert words.take(0.0) == said
    assert words.take(0.0) == []
    assert words.next_moment() is None
    words.all_due()
    assert words.take(0.0) == said


def test_a_refused_word_is_said_again_later_unless_a_newer_one_comes_first() -> None:
    words = board()
    words.show("a", b"1")
    words.take(0.0)
    words.again("a", 300.0)
    words.again("never said", 300.0)
    assert words.take(299.0) == []
    assert words.next_moment() == 300.0
    words.show("a", b"2")
    assert [p.payload for p in words.take(299.5)] == [b"2"]
    assert words.take(301.0) == []


def test_progress_goes_out_at_most_once_in_five_seconds_for_each_bay_and_never_stale() -> None:
    words = board()
    sent = []
    for tick in range(300):
        now = tick / 10
        words.progress("bay/A1/progress", b"%d" % tick, now)
        words.progress("bay/A2/progress", b"%d" % tick, now)
        sent += [(now, post) for post in words.take(now)]
    for bay in ("A1", "A2"):
        times = [now for now, post in sent if post.suffix == f"bay/{bay}/progress"]
        assert times == [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]
    assert not any(post.retain for _, post in sent)
    assert words.take(60.0) == []  # 30 s old: nobody wants it any more
    assert words.next_moment() is None


def test_the_seldom_log_says_a_kind_once_and_then_how_many_were_left_out(caplog: pytest.LogCaptureFixture) -> None:
    seldom = Seldom(logging.getLogger("benchwipe.uplink"), every_s=0.05)
    for _ in range(5):
        seldom.say(logging.WARNING, "broker", "no connection")
    seldom.say(logging.WARNING, "ledger", "locked")
    assert [r.getMessage() for r in caplog.records] == ["no connection", "locked"]
    end = time.monotonic() + SOON_S
    while len(caplog.records) < 3 and time.monotonic() < end:
        seldom.say(logging.WARNING, "broker", "no connection")
    assert "more like this were not logged" in caplog.records[2].getMessage()
    seldom.over("broker")
    seldom.say(logging.WARNING, "broker", "no connection")
    assert caplog.records[-1].getMessage() == "no connection"


@pytest.mark.parametrize(
    ("mqtt", "problem"),
    [
        ({"password_file": "p"}, "mqtt.username is missing: mqtt.password_file needs it"),
        ({"tls": {"ca": "a", "key": "k"}}, "mqtt.tls.certificate is missing: mqtt.tls.key needs it"),
        ({"tls": {"ca": "a", "certificate": "c"}}, "mqtt.tls.key is missing: mqtt.tls.certificate needs it"),
    ],
)
def test_half_of_a_pair_of_settings_is_named(mqtt: dict[str, object], problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"mqtt": {"host": "broker", **mqtt}}, where="station.toml")
    assert caught.value.problems == (f"station.toml: {problem}",)
