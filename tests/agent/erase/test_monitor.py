"""Limits, heat, stalls: the job says so, and nothing waits for a drive that does not answer."""

from __future__ import annotations

import threading
import time
from unittest import mock

import pytest

from agent.certificates.outcome import NEVER_COOL, TOO_HOT, TOO_LONG, TOO_SLOW, Aborted, Erased, Failed, Reason
from agent.erase import Checkpoint, Limits, Progress, VerifySpec
from agent.erase.signals import Stop
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, last_point, run_job

NONE = VerifySpec(kind="none")


def test_a_drive_that_crawls_is_given_up() -> None:
    drive = MemoryDrive(64 * MIB, faults=Faults(delay_s=0.02))
    outcome, _ = run_job(drive, limits=Limits(minimum_mb_per_s=1000, window_s=0.5))
    assert isinstance(outcome, Failed)
    assert outcome.reason == TOO_SLOW
    assert sum(u.bytes for u in outcome.work.unreached) >= 32 * MIB
    assert all("not tried" in u.reason for u in outcome.work.unreached)


def test_a_drive_that_is_fast_enough_is_not_given_up() -> None:
    drive = MemoryDrive(8 * MIB, faults=Faults(delay_s=0.005))
    outcome, _ = run_job(drive, limits=Limits(minimum_mb_per_s=0.02, window_s=0.5))
    assert isinstance(outcome, Erased)


def test_without_a_window_no_rate_is_too_low() -> None:
    drive = MemoryDrive(MIB, faults=Faults(delay_s=0.02))
    outcome, _ = run_job(drive, limits=Limits(minimum_mb_per_s=1000, window_s=0), block=32 * KIB)
    assert isinstance(outcome, Erased)


def test_a_job_that_takes_too_long_is_given_up_counting_what_went_before() -> None:
    drive = MemoryDrive(64 * MIB, faults=Faults(delay_s=0.02))
    outcome, _ = run_job(drive, limits=Limits(give_up_after_s=0.4))
    assert isinstance(outcome, Failed)
    assert outcome.reason == TOO_LONG


def test_a_stalled_drive_is_reported_while_it_hangs_and_goes_on_when_it_wakes() -> None:
    wake, phases = threading.Event(), []
    drive = MemoryDrive(MIB, faults=Faults(block_writes=wake))

    def see(event: Progress | Checkpoint) -> None:
        if isinstance(event, Progress):
            phases.append(event.phase)
            if event.phase == "stalled":
                wake.set()

    outcome, _ = run_job(drive, limits=Limits(stall_after_s=0.2), on_event=see)
    assert "stalled" in phases
    assert isinstance(outcome, Erased)


def test_a_hot_drive_pauses_and_goes_on_when_it_is_cool() -> None:
    readings = iter([30.0, 61.0, 58.0, 54.0] + [40.0] * 1000)
    phases: list[str] = []
    drive = MemoryDrive(8 * MIB, faults=Faults(delay_s=0.002))
    with mock.patch("agent.erase.heat_watch.CELSIUS_S", 0.25), mock.patch("agent.erase.monitor.PROGRESS_S", 0.05):
        outcome, events = run_job(
            drive,
            limits=Limits(pause_at_c=60, resume_at_c=55, stall_after_s=0.1),
            celsius=lambda: next(readings),
            on_event=lambda e: phases.append(e.phase) if isinstance(e, Progress) else None,
            block=8 * KIB,
        )
    assert isinstance(outcome, Erased)
    assert "paused" in phases
    assert "stalled" not in phases
    assert phases[-1] != "paused"
    assert any(isinstance(e, Progress) and e.celsius == 61.0 for e in events)


@pytest.mark.parametrize("asleep", [None, OSError("no answer")])
def test_a_drive_that_falls_asleep_in_its_pause_and_tells_no_temperature_goes_on(asleep: OSError | None) -> None:
    readings = iter([61.0, asleep, 61.0, *[asleep] * 1000])
    phases: list[str] = []

    def read() -> float | None:
        reading = next(readings)
        if isinstance(reading, OSError):
            raise reading
        return reading

    stop = Stop()
    enough = threading.Timer(10, stop.request, args=(Reason("BW-T1", "it would pause for ever"),))
    enough.start()
    with mock.patch("agent.erase.heat_watch.CELSIUS_S", 0.3), mock.patch("agent.erase.monitor.PROGRESS_S", 0.05):
        outcome, _ = run_job(
            MemoryDrive(8 * MIB, faults=Faults(delay_s=0.005)),
            limits=Limits(pause_at_c=60),
            celsius=read,
            stop=stop,
            on_event=lambda e: phases.append(e.phase) if isinstance(e, Progress) else None,
        )
    enough.cancel()
    assert "paused" in phases
    assert isinstance(outcome, Erased)


def test_a_pause_for_heat_does_not_count_for_a_job_that_goes_on_after_an_interruption() -> None:
    readings = iter([61.0] * 24 + [40.0] * 1000)
    drive = MemoryDrive(MIB, faults=Faults(delay_s=0.005))
    with mock.patch("agent.erase.heat_watch.CELSIUS_S", 0.25):
        began = time.monotonic()
        outcome, events = run_job(
            drive, limits=Limits(pause_at_c=60, give_up_after_s=5), celsius=lambda: next(readings)
        )
        spent = time.monotonic() - began
    assert isinstance(outcome, Erased)
    point = last_point(events)
    assert point is not None
    assert spent > 5.75  # 23 intervals of a quarter of a second: more than the job may take
    assert point.seconds < spent - 5.5


def test_a_sensor_that_is_stuck_above_the_pause_ends_the_job_in_time_and_writes_nothing_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    drive = MemoryDrive(8 * MIB, faults=Faults(delay_s=0.005))
    with mock.patch("agent.erase.monitor.PROGRESS_S", 0.05):
        outcome, events = run_job(drive, limits=Limits(pause_at_c=60, pause_longest_s=1), celsius=lambda: 64.0)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == NEVER_COOL
    paused = [e for e in events if isinstance(e, Progress) and e.phase == "paused"]
    assert (paused[-1].paused_s or 0) > 0.5
    assert paused[-1].bytes_done - paused[3].bytes_done == 0
    assert "is at 64 C, and waits to cool" in caplog.text


def test_a_drive_that_gets_far_too_hot_is_aborted() -> None:
    drive = MemoryDrive(16 * MIB, faults=Faults(delay_s=0.01))
    outcome, _ = run_job(drive, limits=Limits(abort_at_c=70), celsius=lambda: 71.0)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == TOO_HOT


def test_a_stop_ends_a_pause() -> None:
    stop = Stop()
    drive = MemoryDrive(16 * MIB, faults=Faults(delay_s=0.005))
    timer = threading.Timer(0.5, stop.request, args=(Reason("BW-T1", "enough"),))
    timer.start()
    outcome, _ = run_job(drive, limits=Limits(pause_at_c=60), celsius=lambda: 65.0, stop=stop)
    assert isinstance(outcome, Aborted)
    assert outcome.reason.code == "BW-T1"


def test_progress_is_told_a_few_times_a_second_and_only_grows_within_a_phase() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(delay_s=0.01))
    start = time.monotonic()
    outcome, events = run_job(drive, verify=NONE)
    spent = time.monotonic() - start
    told = [e for e in events if isinstance(e, Progress)]
    assert isinstance(outcome, Erased)
    assert 1 <= len(told) <= 1 + spent * 4
    done = [e.bytes_done for e in told]
    assert done == sorted(done)
    assert all(e.bytes_total == 4 * MIB and e.passes == 1 for e in told)


def test_a_thermometer_that_fails_holds_up_nothing() -> None:
    def broken() -> float:
        raise OSError("no such sensor")

    outcome, _ = run_job(MemoryDrive(MIB), limits=Limits(pause_at_c=50), celsius=broken)
    assert isinstance(outcome, Erased)


def test_no_write_is_under_way_when_a_listener_breaks() -> None:
    """The caller closes the drive as soon as `erase` is over, however it ends."""
    drive = MemoryDrive(16 * MIB, faults=Faults(delay_s=0.01))

    def broken(_: object) -> None:
        raise RuntimeError("nobody listens")

    with pytest.raises(RuntimeError, match="nobody listens"):
        run_job(drive, on_event=broken)
    writes = drive.writes
    time.sleep(0.1)
    assert drive.writes == writes
    assert writes < 1024


def test_only_the_calling_thread_emits() -> None:
    threads = set()
    run_job(MemoryDrive(MIB), "random", on_event=lambda _: threads.add(threading.get_ident()))
    assert threads <= {threading.get_ident()}
