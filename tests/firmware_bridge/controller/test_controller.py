"""What the controller does with its bays: limits, lease, spin-up, pulses, refusals. On a clock of its own."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager

import pytest

from firmware_bridge import messages
from firmware_bridge.controller import wire
from firmware_bridge.controller.bays import OVERCURRENT_SWEEPS, SWEEP_MS
from firmware_bridge.frames import Frame
from firmware_bridge.link import REASONS, Link, RequestRefused, VersionMismatch
from tests.firmware_bridge.controller.bench import UID, Bench, KindLine, link_over


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def link(bench: Bench) -> Link:
    made = link_over(KindLine(bench))
    made.open(2000, busy_hold_s=30)
    return made


def set_bay(link: Link, bay: int, mask: int, value: int) -> int:
    return link.set_bay(bay, mask, value, link.bays()[bay].rev)


def power(link: Link, bay: int, on: bool = True) -> int:
    return set_bay(link, bay, wire.POWER, wire.POWER if on else 0)


def refused(error: int) -> AbstractContextManager[object]:
    return pytest.raises(RequestRefused, match=re.escape(REASONS[error]))


def keep(bench: Bench, link: Link, seconds: float) -> None:
    for _ in range(round(seconds)):
        bench.run(1)
        link.heartbeat()


def whats(link: Link) -> list[tuple[int, int, int]]:
    link.listen(0)
    found = [(event.what, event.bay, event.value) for event in link.events]
    link.events.clear()
    return found


def test_hello_says_who_it_is(bench: Bench) -> None:
    info = link_over(KindLine(bench)).hello()
    assert (info.lowest, info.highest, info.firmware, info.uid) == (1, 1, "1.1.0", UID)
    assert (info.bays, info.reset_cause) == (3, wire.RESET_POWER_ON)


def test_another_version_is_refused_before_anything_moves(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.controller.session.wire.VERSION", 1)
    info = messages.Info(2, 3, 2, 0, 0, 1, UID, 3, 0, 0)
    bench.controller._info = info.to_body  # type: ignore[method-assign]
    with pytest.raises(VersionMismatch, match="speaks protocol 2 to 3, this station 1"):
        link_over(KindLine(bench)).hello()
    assert [lines.on for lines in bench.lines] == [0, 0, 0]


def test_a_frame_of_another_version_is_answered_with_an_error(bench: Bench) -> None:
    bench.controller.receive(Frame(wire.HELLO, 0, 9, version=2).to_bytes(), 0)
    reply = Frame.from_bytes(bench.take())
    assert (reply.kind, reply.seq, messages.Error.from_body(reply.body).error) == (wire.ERROR, 9, wire.E_VERSION)


def test_nothing_is_switched_outside_of_a_session(bench: Bench) -> None:
    stranger = link_over(KindLine(bench))
    with refused(wire.E_SESSION):
        stranger.set_bay(0, wire.POWER, wire.POWER, 0)
    assert bench.lines[0].on == 0


def test_the_same_request_again_gets_the_same_reply_and_is_not_carried_out_again(bench: Bench, link: Link) -> None:
    body = messages.SetBay(0, wire.POWER, wire.POWER, 0).to_body()
    request = Frame(wire.SET_BAY, link.session, 60000, body).to_bytes()
    bench.controller._last_seq = 59999
    bench.controller.receive(request, bench.ms)
    first = bench.take()
    bench.controller.receive(request, bench.ms)
    assert bench.take() == first
    assert bench.controller.bays[0].rev == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (messages.SetBay(3, 1, 1, 0), wire.E_BAY),
        (messages.SetBay(0, 1, 1, 7), wire.E_REV),
        (messages.Pulse(0, 0, 100), wire.E_BODY),
        (messages.Pulse(0, 7, 100), wire.E_BODY),
        (messages.Pulse(0, 2, 2001), wire.E_BODY),
        (messages.EnterBoot(wire.BOOT_MAGIC, bytes(12)), wire.E_UID),
        (messages.EnterBoot(1, UID), wire.E_UID),
    ],
)
def test_what_makes_no_sense_is_refused(link: Link, bench: Bench, body: messages.Body, error: int) -> None:
    with refused(error):
        link._ask(body)
    assert [lines.on for lines in bench.lines] == [0, 0, 0]


def test_a_wrong_body_or_type_is_refused(bench: Bench, link: Link) -> None:
    for kind, body, error in ((wire.SET_BAY, b"\1\2", wire.E_BODY), (0x42, b"", wire.E_TYPE)):
        link._seq += 1
        bench.controller.receive(Frame(kind, link.session, link._seq, body).to_bytes(), bench.ms)
        assert messages.Error.from_body(Frame.from_bytes(bench.take()).body).error == error


def test_too_much_current_cuts_the_power_until_it_is_switched_off(bench: Bench, link: Link) -> None:
    power(link, 0)
    bench.lines[0].current = 4500
    bench.run(SWEEP_MS * OVERCURRENT_SWEEPS / 1000)
    assert bench.lines[0].on & wire.POWER == 0
    assert (wire.SAW_OVERCURRENT, 0, 4500) in whats(link)
    assert link.bays()[0].inputs & wire.OVERCURRENT
    assert link.heartbeat().faults == wire.FAULT_OVERCURRENT
    with refused(wire.E_TRIPPED):
        power(link, 0)
    power(link, 0, False)
    bench.lines[0].current = 500
    power(link, 0)
    assert bench.lines[0].on & wire.POWER


def test_a_short_peak_while_a_disk_spins_up_cuts_nothing_and_a_short_circuit_at_once(bench: Bench, link: Link) -> None:
    power(link, 0)
    bench.lines[0].current = 4500
    bench.run(SWEEP_MS * (OVERCURRENT_SWEEPS - 2) / 1000)
    bench.lines[0].current = 600
    bench.run(0.1)
    assert bench.lines[0].on & wire.POWER
    bench.lines[0].current = 9000
    bench.run(SWEEP_MS / 1000)
    assert bench.lines[0].on & wire.POWER == 0


def test_a_busy_bay_is_under_the_limits_too(bench: Bench, link: Link) -> None:
    set_bay(link, 1, wire.POWER | wire.BUSY, wire.POWER | wire.BUSY)
    bench.lines[1].heat = 660
    bench.run(0.1)
    assert bench.lines[1].on & wire.POWER == 0
    power(link, 1, False)
    with refused(wire.E_TRIPPED):  # still too hot
        power(link, 1)
    bench.lines[1].heat = 400
    bench.run(0.1)
    power(link, 1, False)
    power(link, 1)


def test_a_session_may_lower_the_limits_and_never_lift_them(bench: Bench) -> None:
    link = link_over(KindLine(bench))
    assert link.open(2000, max_milliamps=1000, max_decicelsius=500).max_milliamps == 1000
    power(link, 0)
    bench.lines[0].current = 1200
    bench.run(0.2)
    assert bench.lines[0].on & wire.POWER == 0
    opened = link.open(2000, max_milliamps=9999, max_decicelsius=999)
    assert (opened.max_milliamps, opened.max_decicelsius) == (4000, 650)


def test_without_heartbeats_idle_bays_go_off_and_busy_ones_hold(bench: Bench, link: Link) -> None:
    power(link, 0)
    set_bay(link, 1, 0xFF, wire.POWER | wire.LOCK | wire.BUSY)
    keep(bench, link, 5)
    assert bench.lines[0].on & wire.POWER
    bench.run(2.1)
    assert [lines.on for lines in bench.lines] == [0, wire.POWER | wire.LOCK, 0]
    assert (wire.SAW_LEASE_EXPIRED, wire.WHOLE_DOCK, 0) in whats(link)
    with refused(wire.E_SESSION):
        link.heartbeat()
    bench.run(28)
    assert bench.lines[1].on & wire.POWER
    bench.run(4)
    assert bench.lines[1].on == 0


def test_a_restarted_host_finds_what_is_on_and_goes_on(bench: Bench, link: Link) -> None:
    set_bay(link, 1, 0xFF, wire.POWER | wire.BUSY)
    bench.run(10)
    again = link_over(KindLine(bench), seed=7)
    again.open(2000, busy_hold_s=30)
    assert again.bays()[1].outputs == wire.POWER | wire.BUSY
    keep(bench, again, 60)
    assert bench.lines[1].on & wire.POWER


def test_only_one_drive_spins_up_at_a_time() -> None:
    bench = Bench(spin_up_ms=700)
    link = link_over(KindLine(bench))
    link.open(2000)
    power(link, 0)
    with refused(wire.E_SPIN_UP):
        power(link, 1)
    bench.run(0.7)
    power(link, 1)
    power(link, 0, False)
    set_bay(link, 1, wire.LOCK, wire.LOCK)  # nothing to do with spinning up


def test_a_pulse_ends_and_never_opens_the_lock_of_a_busy_bay(bench: Bench, link: Link) -> None:
    link.pulse(0, 2, 500)
    assert bench.lines[0].on == wire.LOCK
    bench.run(0.5)
    assert bench.lines[0].on == 0
    set_bay(link, 0, wire.BUSY | wire.LOCK, wire.BUSY | wire.LOCK)
    with refused(wire.E_BUSY):
        link.pulse(0, 2, 500)


def test_lamps_are_dimmed_all_alike_and_by_nothing_that_makes_no_sense(bench: Bench, link: Link) -> None:
    link.dim(25)
    for percent in (0, 101):
        with refused(wire.E_BODY):
            link.dim(percent)
    assert [lines.percent for lines in bench.lines] == [25] * 3
    bench.board.capabilities = wire.LINES
    with refused(wire.E_TYPE):
        link.dim(50)
    assert [lines.percent for lines in bench.lines] == [25] * 3


def test_the_boot_loader_is_refused_while_a_bay_is_busy(bench: Bench, link: Link) -> None:
    set_bay(link, 2, wire.POWER | wire.BUSY, wire.POWER | wire.BUSY)
    with refused(wire.E_BUSY):
        link.enter_boot(UID)
    assert not bench.controller.boot_asked
    set_bay(link, 2, wire.BUSY, 0)
    link.enter_boot(UID)
    assert bench.controller.boot_asked
    with refused(wire.E_BUSY):
        power(link, 0)
    link.enter_boot(UID)  # a lost reply is asked for again
    assert [lines.on for lines in bench.lines] == [0, 0, 0]


def test_contacts_count_when_they_have_settled(bench: Bench, link: Link) -> None:
    bench.lines[0].inputs = wire.PRESENT
    bench.run(SWEEP_MS / 1000)
    assert whats(link) == []
    bench.run(SWEEP_MS / 1000)
    assert whats(link) == [(wire.SAW_PRESENCE, 0, 1)]
    bench.lines[0].inputs = wire.PRESENT | wire.DOOR | wire.BUTTON
    bench.run(0.1)
    assert whats(link) == [(wire.SAW_DOOR, 0, 1), (wire.SAW_BUTTON, 0, 1)]
    assert link.bays()[0].inputs == wire.PRESENT | wire.DOOR | wire.BUTTON


def test_missed_events_are_noticed_at_the_next_heartbeat(bench: Bench, link: Link) -> None:
    link.heartbeat()
    link.bays()
    assert not link.missed_events
    bench.lines[0].inputs = wire.PRESENT
    bench.run(0.1)
    bench.take()  # lost
    link.heartbeat()
    assert link.missed_events
    assert link.bays()[0].inputs == wire.PRESENT
    assert not link.missed_events


def test_an_output_that_does_not_follow_is_refused_and_never_left_on(bench: Bench, link: Link) -> None:
    bench.lines[0].stuck = True
    with refused(wire.E_HARDWARE):
        power(link, 0)
    assert link.heartbeat().faults == wire.FAULT_OUTPUT
    bench.lines[0].stuck = False
    bench.run(0.1)
    assert bench.lines[0].on == 0
    assert link.heartbeat().faults == 0


def test_a_line_that_could_not_be_switched_off_is_tried_until_it_is(bench: Bench, link: Link) -> None:
    power(link, 0)
    bench.lines[0].stuck = True
    with refused(wire.E_HARDWARE):
        power(link, 0, False)
    assert link.bays()[0].outputs & wire.POWER  # the truth
    bench.lines[0].stuck = False
    bench.run(SWEEP_MS / 1000)
    assert bench.lines[0].on == 0


def test_power_that_an_expander_lost_is_not_given_back_by_itself(bench: Bench, link: Link) -> None:
    power(link, 0)
    before = link.bays()[0].rev
    bench.lines[0].on = 0
    bench.run(0.1)
    assert bench.lines[0].on == 0
    assert link.bays()[0].rev > before


def test_a_dead_sensor_switches_nothing_on_and_nothing_off(bench: Bench, link: Link) -> None:
    power(link, 0)
    for lines in bench.lines:
        lines.deaf = True
    keep(bench, link, 3)
    assert link.bays()[0].milliamps == wire.NO_MILLI
    assert link.heartbeat().faults == wire.FAULT_SENSOR
    assert bench.lines[0].on & wire.POWER
    with refused(wire.E_HARDWARE):
        power(link, 1)


def test_a_reset_switches_everything_off(bench: Bench, link: Link) -> None:
    set_bay(link, 0, 0xFF, wire.POWER | wire.BUSY)
    bench.reset()
    assert [lines.on for lines in bench.lines] == [0, 0, 0]
    with refused(wire.E_SESSION):
        link.bays()
