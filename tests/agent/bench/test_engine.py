"""The engine, situation by situation: what a technician, a dying drive, a full disk or a restart does to a bay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bench.arrival import TWIN
from agent.bench.engine import DAY_S, SHUTDOWN_S
from agent.bench.events import CertificateRejected, DeviceFault, DockReported, WorkEnded
from agent.bench.workforce import RETRY_S
from agent.certificates.outcome import CANCELLED, PULLED_OUT, STATION_STOPPED, Aborted, Reason, Refused, Work
from agent.jobs.job import JobState
from agent.jobs.running import SILENT_S
from drivers.drives.drive import HiddenArea
from tests.agent.engine_rig import Rig, drive, erased, failed, settings

MOUNTED = Reason("BW-S04", "It is mounted", "Unmount it first.")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A bench in automatic mode."""
    made = Rig(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
def scanning(tmp_path: Path) -> Iterator[Rig]:
    """A bench that waits for scans."""
    made = Rig(tmp_path / "state", settings(mode="scan"))
    yield made
    made.close()


# The usual way


def test_a_drive_is_erased_after_a_visible_countdown_and_certified(rig: Rig) -> None:
    rig.arrive("A1")
    assert rig.state("A1") == "countdown"
    rig.wait(4)
    assert rig.effects.told[-1].due == pytest.approx(1010)  # told anew as the seconds go by
    rig.wait(5.9)
    assert (rig.state("A1"), rig.working("A1")) == ("countdown", False)
    rig.wait(0.2)
    assert (rig.state("A1"), rig.job_of("A1").state) == ("erasing", JobState.ERASING)
    rig.progress("A1", "verify")
    assert (rig.state("A1"), rig.job_of("A1").state) == ("verifying", JobState.VERIFYING)
    rig.end("A1", erased())
    (certificate,) = rig.certificates()
    assert (certificate.record.outcome, certificate.record.drive.serial) == ("erased", "S1")
    assert (rig.state("A1"), rig.engine.bays["A1"].certificate_number) == ("finished", "bench-01-000001")
    assert rig.effects.certificates == [certificate]
    assert [row.id for row in rig.ledger.outbox.waiting(9)] == [certificate.id]
    rig.leave("A1")
    assert rig.state("A1") == "empty"


def test_scan_mode_waits_for_badge_lot_tag_and_bay(scanning: Rig) -> None:
    scanning.arrive("A1")
    scanning.wait(60)
    assert scanning.state("A1") == "waiting"
    assert scanning.scan("BADGE-7", "LOT-2", "KK-0001", "BAY-A1") == "assigned"
    record = scanning.erase("A1").record
    assert (record.asset and record.asset.tag, record.operator and record.operator.id) == ("KK-0001", "ida")
    assert record.customer is not None
    assert (record.customer.lot, record.sanitization.method) == ("LOT-2", "zero")
    spec = scanning.effects.workers[0].spec
    assert (spec.method, spec.verify.kind) == ("zero", "sample")


def test_a_customers_policy_holds_for_its_lots(scanning: Rig) -> None:
    scanning.arrive("A1")
    scanning.scan("BADGE-7", "LOT-1", "KK-0001", "BAY-A1")
    scanning.wait(10.1)
    assert scanning.worker("A1").spec.method == "dod-5220.22-m"


def test_the_scan_of_a_busy_or_empty_bay_keeps_the_tag(scanning: Rig) -> None:
    scanning.sign_in()
    scanning.arrive("A1")
    scanning.scan("KK-0001", "BAY-A1")
    scanning.wait(10.1)
    assert scanning.scan("KK-0002", "BAY-A1") == "bay_is_busy"
    assert scanning.scan("BAY-A2") == "bay_is_empty"
    scanning.arrive("A3", drive("S3"))
    assert scanning.scan("BAY-A3") == "assigned"
    assert scanning.job_of("A3").asset is not None
    assert scanning.job_of("A1").asset != scanning.job_of("A3").asset


def test_a_tag_scanned_anew_during_the_countdown_replaces_the_first(scanning: Rig) -> None:
    scanning.sign_in()
    scanning.arrive("A1")
    scanning.scan("KK-0001", "BAY-A1", "KK-0002", "BAY-A1")
    record = scanning.erase("A1").record
    assert record.asset is not None
    assert record.asset.tag == "KK-0002"
    assert len(scanning.certificates()) == 1


# Cancel


def test_a_countdown_is_cancelled_by_scans_and_nothing_begins_by_itself_again(rig: Rig) -> None:
    token = rig.arrive("A1")
    assert rig.scan("CANCEL", "BAY-A1") == "cancelled"
    assert rig.state("A1") == "waiting"
    rig.wait(60)
    rig.restart()
    rig.arrive("A1", token=token)
    rig.wait(60)
    assert (rig.state("A1"), rig.effects.workers, rig.certificates()) == ("waiting", [], [])
    assert rig.scan("KK-0001", "BAY-A1") == "assigned"


def test_cancelling_an_erasure_certifies_what_was_done_as_aborted(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.cancel("A1")
    assert rig.worker("A1").stop.requested == CANCELLED
    rig.end("A1", Aborted(Work(), CANCELLED))
    assert rig.certificates()[0].record.outcome == "aborted"
    assert rig.state("A1") == "finished"
    rig.cancel("A1")
    assert rig.effects.said[-1] == "nothing_to_cancel"


def test_cancelling_an_interrupted_job_before_it_goes_on_certifies_it_as_aborted(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.checkpoint("A1", 4096)
    rig.restart()
    rig.arrive("A1")
    rig.cancel("A1")
    assert [c.record.outcome for c in rig.certificates()] == ["aborted"]
    assert rig.ledger.unfinished() == []


def test_a_cancel_holds_even_while_the_ledger_cannot_be_written(rig: Rig) -> None:
    rig.arrive("A1")
    rig.break_ledger()
    rig.cancel("A1")
    rig.wait(60)
    assert (rig.state("A1"), rig.effects.workers) == ("waiting", [])
    assert "ledger" in rig.effects.alarms
    rig.mend_ledger()
    rig.wait(RETRY_S)
    assert rig.ledger.unfinished() == []
    assert "ledger" not in rig.effects.alarms


# Drives that come and go


def test_a_drive_swapped_during_the_countdown_is_planned_anew(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(9)
    rig.leave("A1")
    rig.arrive("A1", drive("S2"))
    rig.wait(9)
    assert rig.effects.workers == []
    rig.wait(1.1)
    assert rig.worker("A1").job.drive.serial == "S2"
    assert [c.record.outcome for c in rig.certificates()] == []


def test_a_finished_drive_is_left_alone_while_it_stays_also_over_a_restart(rig: Rig) -> None:
    token = rig.arrive("A1")
    rig.erase("A1")
    rig.wait(3600)
    rig.restart()
    rig.arrive("A1", token=token)
    rig.wait(3600)
    assert (rig.state("A1"), rig.engine.bays["A1"].outcome) == ("finished", "erased")
    assert rig.effects.workers == []
    rig.leave("A1")
    rig.arrive("A1")
    assert rig.state("A1") == "countdown"


def test_pulled_and_put_back_within_one_look_goes_on_where_it_was(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.checkpoint("A1", 4096)
    rig.leave("A1")
    rig.arrive("A1")
    assert rig.state("A1") == "erasing"  # the first worker still holds on
    assert rig.worker("A1").stop.requested == PULLED_OUT
    rig.end("A1", Aborted(Work(), PULLED_OUT))
    assert rig.state("A1") == "countdown"
    rig.wait(10.1)
    spec = rig.worker("A1").spec
    assert spec.resume is not None
    assert spec.resume.offset == 4096
    assert spec.interruption is not None
    assert spec.interruption.reason == PULLED_OUT.text


def test_a_pulled_drive_goes_on_in_another_bay_after_the_first_has_let_go(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.leave("A1")
    rig.arrive("A2")
    assert rig.state("A2") == "empty"  # two workers on one drive must never be
    rig.end("A1", Aborted(Work(), PULLED_OUT))
    assert (rig.state("A1"), rig.state("A2")) == ("empty", "countdown")
    rig.wait(10.1)
    spec = rig.worker("A2").spec  # from the start, because nothing was flushed; and its certificate will say why
    assert (spec.resume, spec.interruption and spec.interruption.reason) == (None, PULLED_OUT.text)


def test_two_drives_with_one_identity_are_never_worked_on_together(rig: Rig) -> None:
    rig.arrive("A1", drive("WD-WCC4E0000001"))
    rig.arrive("A2", drive("WD-WCC4E0000001"))
    reason = rig.engine.bays["A2"].reason
    assert (rig.state("A2"), reason and reason.code) == ("blocked", TWIN)
    rig.erase("A1")
    assert rig.state("A2") == "blocked"
    rig.leave("A1")
    assert rig.state("A2") == "countdown"


def test_what_is_blocked_is_judged_anew_when_it_changed(rig: Rig) -> None:
    token = rig.arrive("A1", refusals=(MOUNTED,))
    assert (rig.state("A1"), rig.engine.bays["A1"].reason) == ("blocked", MOUNTED)
    rig.wait(60)
    rev = rig.engine.bays["A1"].rev
    rig.arrive("A1", token=token, refusals=(MOUNTED,))
    assert rig.engine.bays["A1"].rev == rev
    rig.arrive("A1", token=token)
    assert rig.state("A1") == "countdown"


def test_what_does_not_say_who_it_is_is_blocked(rig: Rig) -> None:
    rig.arrive_unreadable("A1", MOUNTED)
    rig.arrive("A2", drive(serial=None))
    rig.wait(60)
    assert (rig.state("A1"), rig.state("A2"), rig.effects.workers) == ("blocked", "blocked", [])


def test_a_drive_that_no_plan_reaches_is_certified_as_refused_also_after_a_crash_in_between(rig: Rig) -> None:
    hiding = drive("S9", hidden_area=HiddenArea(kind="hpa", bytes=4096))
    rig.break_ledger("certificate")
    token = rig.arrive("A1", hiding)
    assert rig.state("A1") == "certifying"
    rig.restart()
    rig.mend_ledger()
    rig.arrive("A1", hiding, token=token)
    assert [c.record.outcome for c in rig.certificates()] == ["refused"]
    assert (rig.state("A1"), rig.effects.workers, rig.ledger.unfinished()) == ("finished", [], [])


def test_a_countdown_to_a_drive_that_the_command_line_took_over_ends_without_a_start(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.checkpoint("A1", 4096)
    rig.restart()
    rig.arrive("A1")
    rig.registrar.supersede(drive())  # what `benchwipe erase` does, in a process of its own
    rig.wait(10.1)
    assert (rig.state("A1"), rig.effects.workers) == ("waiting", [])
    assert [c.record.outcome for c in rig.certificates()] == ["aborted"]


# Interruptions


def test_a_killed_job_goes_on_from_its_checkpoint_in_any_bay_and_says_so(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.checkpoint("A1", 8192)
    before = rig.worker("A1").spec
    rig.restart()
    assert [j.state for j in rig.ledger.unfinished()] == [JobState.INTERRUPTED]
    rig.arrive("A3")
    rig.wait(10.1)
    spec = rig.worker("A3").spec
    assert (spec.job, spec.key_hex) == (before.job, before.key_hex)
    assert spec.resume is not None
    assert spec.interruption is not None
    assert (spec.resume.offset, spec.interruption.resumed_at_offset) == (8192, 8192)


def test_a_job_killed_before_its_first_checkpoint_says_so_too(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.restart()
    rig.arrive("A1")
    rig.wait(10.1)
    spec = rig.worker("A1").spec
    assert spec.resume is None
    assert spec.interruption is not None
    assert spec.interruption.resumed_at_offset == 0


def test_a_countdown_goes_on_after_a_restart_only_if_the_drive_never_left(scanning: Rig) -> None:
    scanning.sign_in()
    token = scanning.arrive("A1")
    scanning.scan("KK-0001", "BAY-A1")
    scanning.restart()
    scanning.arrive("A1", token=token)
    assert scanning.state("A1") == "countdown"
    scanning.restart()
    scanning.arrive("A1")
    bay = scanning.engine.bays["A1"]
    assert (bay.state, bay.asks, bay.due, len(scanning.ledger.unfinished())) == ("countdown", "confirm", None, 1)
    scanning.wait(100_000)
    assert scanning.effects.workers == [], "whoever had planned it is asked first"


def test_an_interrupted_job_keeps_its_place_when_its_tag_is_scanned_again(scanning: Rig) -> None:
    scanning.sign_in()
    scanning.arrive("A1")
    scanning.scan("KK-0001", "BAY-A1")
    scanning.wait(10.1)
    scanning.checkpoint("A1", 4096)
    scanning.restart()
    scanning.sign_in()
    scanning.arrive("A1")
    assert scanning.scan("KK-0002", "BAY-A1") == "assigned"
    scanning.wait(10.1)
    worker = scanning.worker("A1")
    assert worker.spec.resume is not None
    assert worker.job.asset is not None
    assert (worker.spec.resume.offset, worker.job.asset.tag) == (4096, "KK-0002")


def test_a_job_whose_key_was_forgotten_by_age_begins_anew_with_another(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.checkpoint("A1", 4096)
    old = rig.worker("A1").spec.key_hex
    rig.age_keys(days=29)
    rig.restart()
    rig.age_keys(days=2)
    rig.wait(DAY_S + 1)
    rig.arrive("A1")
    rig.wait(10.1)
    spec = rig.worker("A1").spec
    assert spec.resume is None
    assert spec.interruption is not None
    assert len(spec.key_hex) == 64
    assert spec.key_hex != old
    rig.age_keys(days=400)
    rig.wait(DAY_S + 1)  # at work: its key is of use
    assert rig.ledger.key(rig.worker("A1").job.id) is not None


def test_old_keys_are_forgotten_at_the_start(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    name = rig.worker("A1").job.id
    rig.end("A1", Aborted(Work(), CANCELLED))
    assert rig.ledger.key(name) is not None
    rig.age_keys(days=31)
    rig.restart()
    assert rig.ledger.key(name) is None


def test_a_stop_asks_every_worker_and_leaves_interrupted_jobs(rig: Rig) -> None:
    rig.arrive("A1")
    rig.arrive("A2", drive("S2"))
    rig.wait(10.1)
    rig.arrive("A3", drive("S3"))
    rig.engine.ask_to_stop("SIGTERM")
    clock = rig.clock

    def tick(seconds: float = SHUTDOWN_S) -> float:
        rig.clock += seconds / 10
        return rig.clock

    rig.engine.inbox.put(WorkEnded("A1", rig.worker("A1").job.id, Aborted(Work(), STATION_STOPPED)))
    rig.engine.now = tick
    rig.engine.run()  # A2 does not let go; A3 still counted down
    assert rig.clock - clock <= SHUTDOWN_S * 1.5
    assert rig.worker("A2").stop.requested == STATION_STOPPED
    found = {j.drive.serial: j.state for j in rig.ledger.unfinished()}
    assert found == {"S1": JobState.INTERRUPTED, "S2": JobState.INTERRUPTED, "S3": JobState.PLANNED}
    assert rig.certificates() == []


# A ledger that cannot be written


def test_a_certificate_that_cannot_be_written_is_written_later_and_nothing_is_shown_before(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.break_ledger("certificate")
    rig.end("A1", erased())
    assert (rig.state("A1"), rig.engine.bays["A1"].outcome, rig.effects.certificates) == ("certifying", None, [])
    assert "certificate" in rig.effects.alarms
    rig.leave("A1")
    rig.arrive("A1", drive("S2"))
    rig.wait(60)
    assert rig.state("A1") == "certifying"  # the next drive waits
    rig.mend_ledger()
    rig.wait(RETRY_S)
    assert [c.record.drive.serial for c in rig.certificates()] == ["S1"]
    assert "certificate" not in rig.effects.alarms
    assert rig.state("A1") == "countdown"


def test_a_drive_that_cannot_be_written_down_is_not_begun(rig: Rig) -> None:
    rig.break_ledger("job")
    rig.arrive("A1")
    rig.wait(60)
    assert (rig.state("A1"), rig.effects.workers) == ("empty", [])
    rig.mend_ledger()
    rig.wait(RETRY_S)
    assert rig.state("A1") == "countdown"
    rig.break_ledger("job")
    rig.wait(10.1)
    assert (rig.state("A1"), rig.effects.workers) == ("countdown", [])
    rig.mend_ledger()
    rig.wait(RETRY_S + 0.1)
    assert (rig.state("A1"), "ledger" in rig.effects.alarms) == ("erasing", False)


def test_one_bays_trouble_does_not_hold_up_the_others(rig: Rig) -> None:
    rig.arrive("A1")
    rig.arrive("A2", drive("S2"))
    rig.ledger._db.execute("UPDATE job_key SET key = 'text' WHERE job = ?", (rig.job_of("A1").id,))  # A1 cannot begin
    rig.wait(10.1)
    assert (rig.state("A1"), rig.state("A2")) == ("countdown", "erasing")
    assert "engine" in rig.effects.alarms


def test_a_lost_checkpoint_stops_nothing(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.break_ledger("checkpoint")
    rig.checkpoint("A1", 4096)
    assert (rig.state("A1"), "ledger" in rig.effects.alarms) == ("erasing", True)
    rig.mend_ledger()
    rig.checkpoint("A1", 8192)
    assert "ledger" not in rig.effects.alarms
    rig.end("A1", erased())
    assert rig.state("A1") == "finished"


# Stalled drives


def test_a_stalled_drive_loses_its_power_and_its_bay_waits_for_a_person(rig: Rig) -> None:
    token = rig.arrive("A1")
    rig.wait(10.1)
    rig.progress("A1", "stalled")
    assert (rig.state("A1"), "bay-A1" in rig.effects.alarms) == ("stalled", True)
    worker = rig.worker("A1")
    rig.wait(119)
    assert rig.effects.power[-1] != ("A1", False)
    rig.wait(2)
    assert (rig.state("A1"), rig.effects.power[-1]) == ("quarantined", ("A1", False))
    assert [c.record.outcome for c in rig.certificates()] == ["failed"]
    rig.engine.handle(WorkEnded("A1", worker.job.id, erased()))  # it comes back all the same
    rig.leave("A1")
    rig.arrive("A1", drive("S2"))
    assert rig.state("A1") == "quarantined"
    assert len(rig.certificates()) == 1
    rig.cancel("A1")
    assert (rig.state("A1"), rig.effects.power[-1]) == ("countdown", ("A1", True))
    assert "bay-A1" not in rig.effects.alarms
    assert token


def test_a_stalled_drive_that_answers_again_goes_on_where_it_was(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.progress("A1", "verify")
    rig.progress("A1", "stalled")
    rig.progress("A1", "paused")  # too hot, and waiting: it answers
    assert (rig.state("A1"), "bay-A1" in rig.effects.alarms) == ("verifying", False)
    rig.progress("A1", "retry")
    assert rig.state("A1") == "verifying"
    rig.wait(50)
    rig.progress("A1", "paused")
    rig.wait(50)
    assert rig.state("A1") == "verifying"


def test_a_worker_that_says_nothing_at_all_has_stalled(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.wait(SILENT_S + 1)
    assert rig.state("A1") == "stalled"
    rig.wait(121)
    assert rig.state("A1") == "quarantined"


def test_a_worker_without_a_thread_is_a_failure_and_no_hanging_bay(rig: Rig) -> None:
    rig.effects.no_threads = True
    rig.arrive("A1")
    rig.wait(10.1)
    assert (rig.state("A1"), rig.certificates()[0].record.outcome) == ("finished", "failed")


# Alarms and defects


def test_alarms_are_raised_and_cleared_by_what_they_tell_of(rig: Rig) -> None:
    rig.engine.handle(DeviceFault("dock", "BW-D05", "no answer"))
    assert "device-dock" in rig.effects.alarms
    rig.engine.handle(DeviceFault("dock", "BW-D00", None))
    assert "device-dock" not in rig.effects.alarms


@pytest.mark.parametrize(("what", "code"), [("overcurrent", "BW-D32"), ("hot", "BW-D33")])
def test_a_dock_that_cut_the_power_is_an_alarm_until_that_is_over(rig: Rig, what: str, code: str) -> None:
    rig.engine.handle(DockReported("cradle", "A1", what))
    assert rig.effects.alarms["dock-A1"].code == code
    rig.engine.handle(DockReported("cradle", "A1", "well"))
    assert "dock-A1" not in rig.effects.alarms


def test_sensors_that_do_not_answer_are_an_alarm_and_stop_no_work(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    before = rig.state("A1")
    rig.engine.handle(DockReported("cradle", "A1", "deaf"))
    assert rig.effects.alarms["sensor-A1"].code == "BW-D37"
    rig.engine.handle(DockReported("cradle", "A1", "well"))  # of another thing
    assert "sensor-A1" in rig.effects.alarms
    rig.engine.handle(DockReported("cradle", "A1", "hears"))
    assert (rig.effects.alarms, rig.state("A1"), before) == ({}, "erasing", "erasing")


def test_a_door_is_an_alarm_only_while_its_drive_is_at_work(rig: Rig) -> None:
    rig.engine.handle(DockReported("cradle", "A1", "door", door_open=True))
    assert "door-A1" not in rig.effects.alarms
    rig.arrive("A1")
    rig.wait(10.1)
    rig.engine.handle(DockReported("cradle", "A1", "door", door_open=True))
    assert rig.effects.alarms["door-A1"].code == "BW-D34"
    rig.engine.handle(DockReported("cradle", "A1", "door", door_open=False))
    assert "door-A1" not in rig.effects.alarms


def test_a_bays_button_is_as_good_as_its_code_and_no_better(scanning: Rig) -> None:
    scanning.sign_in()
    scanning.arrive("A1")
    scanning.engine.handle(DockReported("cradle", "A1", "button"))
    assert (scanning.effects.said[-1], scanning.state("A1")) == ("scan_asset_first", "waiting")
    scanning.scan("KK-0001")
    scanning.engine.handle(DockReported("cradle", "A1", "button"))
    assert (scanning.effects.said[-1], scanning.state("A1")) == ("assigned", "countdown")
    scanning.scan("CANCEL")
    scanning.engine.handle(DockReported("cradle", "A1", "button"))
    assert (scanning.effects.said[-1], scanning.state("A1")) == ("cancelled", "waiting")


def test_what_a_dock_says_about_no_bay_of_ours_changes_nothing(rig: Rig) -> None:
    for what in ("present", "button", "lease", "overcurrent"):
        rig.engine.handle(DockReported("cradle", None, what))
    assert rig.effects.alarms == {}


def test_a_certificate_that_the_collector_refused_is_an_alarm_also_after_a_restart(rig: Rig) -> None:
    rig.arrive("A1")
    certificate = rig.erase("A1")
    rig.ledger.outbox.quarantine(certificate.id, "unknown key")
    rig.engine.handle(CertificateRejected(certificate.id, "unknown key"))
    assert f"certificate-{certificate.id[:12]}" in rig.effects.alarms
    rig.restart()
    assert f"certificate-{certificate.id[:12]}" in rig.effects.alarms


def test_effects_that_break_cost_no_job_and_no_certificate(rig: Rig) -> None:
    rig.effects.broken = True
    rig.arrive("A1")
    rig.wait(10.1)
    rig.progress("A1", "verify")
    rig.end("A1", erased())
    assert (rig.state("A1"), len(rig.certificates())) == ("finished", 1)


def test_a_certificate_too_large_for_the_contract_is_condensed_and_still_a_failure(rig: Rig) -> None:
    from agent.certificates.record import Unreached

    rig.arrive("A1")
    rig.wait(10.1)
    many = tuple(Unreached(offset=n * 1024, bytes=512, reason="write: EIO") for n in range(3000))
    rig.end("A1", failed(Work(unreached=many)))
    (certificate,) = rig.certificates()
    assert certificate.record.outcome == "failed"
    (covering,) = certificate.record.unreached
    assert (covering.offset, covering.bytes) == (0, 2999 * 1024 + 512)
    assert "3000 ranges" in covering.reason


def test_a_refusal_at_the_open_is_certified_as_such(rig: Rig) -> None:
    rig.arrive("A1")
    rig.wait(10.1)
    rig.end("A1", Refused(MOUNTED))
    assert [c.record.outcome for c in rig.certificates()] == ["refused"]
