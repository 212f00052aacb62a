"""A drive that has less than it shows is never erased, whatever its real size is; one that has it all is proved."""

from __future__ import annotations

import threading
import time

import pytest
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.outcome import CANCELLED, COUNTERFEIT, PULLED_OUT, UNREACHED, Aborted, Erased, Failed
from agent.certificates.record import CapacityProof
from agent.erase import METHODS, Limits, Progress, VerifySpec
from agent.erase.capacity import Proof
from agent.erase.monitor import Monitor
from agent.erase.proof_plan import ProofPlan
from agent.erase.signals import Stop
from drivers.drives.base import OpenDrive
from tests.agent.erase.counterfeits import Counterfeit
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, last_point, run_job, unreached_of, work_of

BLOCKS = st.integers(2, 6000)
SHARE = st.floats(0, 1, exclude_max=True)
UNIT = st.sampled_from([512, 4096])


def prove(drive: OpenDrive) -> Proof:
    with Monitor(drive, job="j", passes=1, limits=Limits(), emit=lambda _: None, stop=Stop()) as monitor:
        proof = Proof(monitor)
        proof.run()
    return proof


def proof_of(outcome: object) -> CapacityProof:
    assert isinstance(outcome, Erased | Failed | Aborted)
    assert outcome.work.capacity_proof is not None
    return outcome.work.capacity_proof


@given(blocks=st.one_of(st.integers(1, 200), BLOCKS), unit=UNIT)
@settings(max_examples=40, deadline=None)
def test_a_drive_that_has_what_it_shows_is_proved(blocks: int, unit: int) -> None:
    drive = MemoryDrive(blocks * unit, unit=unit)
    proof = prove(drive)
    assert (proof.record.result, proof.record.real_bytes, proof.record.why) == ("passed", None, None)
    assert proof.record.bytes == sum(n for _, n in drive.write_log)


@given(blocks=st.integers(8192, 40000), unit=UNIT, real=SHARE)
@settings(max_examples=30, deadline=None)
def test_places_and_first_window_leave_no_size_at_which_a_drive_can_wrap(blocks: int, unit: int, real: float) -> None:
    """The arithmetic alone, for capacities of today: any size that is a multiple of 512."""
    capacity = blocks * unit * 4099
    size = min(max(512, int(capacity * real) // 512 * 512), capacity - 512)
    plan = ProofPlan(capacity, unit)
    start = plan.first[1]
    # Of the place that lies across the end, what is beyond it wraps.
    beyond = (max(at, size) for at, length in plan.places if at + length > size)
    assert size < start or any(at % size < start for at in beyond)
    assert len(plan.places) <= 1024


@given(blocks=BLOCKS, unit=UNIT, share=SHARE)
@settings(max_examples=60, deadline=None)
def test_a_drive_that_wraps_at_any_size_is_found_with_its_size(blocks: int, unit: int, share: float) -> None:
    shown = blocks * unit
    real = max(512, int(shown * share) // 512 * 512)
    proof = prove(Counterfeit(shown, real, "wrap", unit=unit))
    assert proof.record.result == "failed"
    assert proof.counterfeit
    assert proof.record.real_bytes == real


@given(blocks=BLOCKS, unit=UNIT, share=SHARE, kind=st.sampled_from(["zeros", "ones", "junk", "noise"]))
@settings(max_examples=60, deadline=None)
def test_a_drive_that_drops_beyond_any_size_is_found_with_its_size(
    blocks: int, unit: int, share: float, kind: str
) -> None:
    shown = blocks * unit
    real = int(shown * share) // unit * unit
    proof = prove(Counterfeit(shown, real, kind, unit=unit))
    assert proof.record.result == "failed"
    assert proof.record.real_bytes == real
    assert proof.counterfeit is (kind != "noise")  # that could be old data of a drive whose end takes no writes


@given(share=SHARE, memory=st.integers(1, 2 * MIB // 512 - 8))
@settings(max_examples=30, deadline=None)
def test_a_memory_for_newest_writes_does_not_pass_for_a_medium(share: float, memory: int) -> None:
    """Any that is smaller than the run at the drive's end, which is a quarter of so small a drive."""
    shown = 8 * MIB
    real = int(shown * 3 / 4 * share) // 512 * 512
    drive = Counterfeit(shown, real, "zeros", memory=memory * 512)
    record = prove(drive).record
    assert record.result == "failed"
    assert record.real_bytes in (None, real)


@pytest.mark.parametrize("share", [0.3, 0.41, 0.5, 0.77, 0.9])
def test_addresses_that_fold_into_the_upper_half_of_a_drive_are_found_too(share: float) -> None:
    shown = 8 * MIB
    record = prove(Counterfeit(shown, int(shown * share) // 512 * 512, "ring")).record
    assert (record.result, record.real_bytes) == ("failed", None)


@pytest.mark.parametrize("verify", ["full", "sample", "none"])
@pytest.mark.parametrize("kind", ["wrap", "zeros", "ones", "junk"])
@pytest.mark.parametrize("method", ["zero", "random", "pattern-complement", "dod-5220.22-m"])
def test_a_counterfeit_is_failed_by_every_method_and_verification(method: str, kind: str, verify: str) -> None:
    drive = Counterfeit(4 * MIB, 3 * MIB // 2, kind)
    outcome, _ = run_job(drive, method, verify=VerifySpec(kind=verify), prove=True)  # type: ignore[arg-type]
    assert isinstance(outcome, Failed)
    assert outcome.reason.code == COUNTERFEIT
    assert f"it shows {4 * MIB} bytes, and has {3 * MIB // 2} bytes" in outcome.reason.text
    assert outcome.work.passes == ()


@pytest.mark.parametrize("method", METHODS)
def test_a_proved_drive_is_erased_by_every_method_and_holds_its_pattern(method: str) -> None:
    drive = MemoryDrive(MIB + 3 * 512)
    outcome, _ = run_job(drive, method, prove=True, block=256 * KIB)
    assert isinstance(outcome, Erased)
    assert proof_of(outcome).result == "passed"
    assert outcome.work.verification.blake3 == blake3(bytes(drive.durable)).hexdigest()


def test_stable_noise_beyond_the_end_is_failed_after_the_passes_have_told_what_else_is_wrong() -> None:
    outcome, _ = run_job(Counterfeit(4 * MIB, 3 * MIB, "noise"), prove=True)
    assert isinstance(outcome, Failed)
    assert outcome.reason.code == COUNTERFEIT
    assert [(m.offset, m.bytes) for m in outcome.work.verification.mismatches] == [(3 * MIB, MIB)]


def test_whoever_has_the_seed_can_make_every_block_again() -> None:
    """By the rule in docs/certificate.md, with none of our code."""
    drive = MemoryDrive(2 * MIB)
    proof = prove(drive)
    context = "benchwipe 2026-11 blocks of a capacity proof"
    key = blake3(bytes.fromhex(proof.record.seed), derive_key_context=context).digest()
    for offset, length in drive.write_log:
        counter = (offset // 16).to_bytes(16, "big")
        expected = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(bytes(length))
        assert drive.data[offset : offset + length] == expected


# --- drives that are bad, not false ---------------------------------------------------------------------------


@given(at=st.integers(0, 8191), length=st.integers(1, 90), reading=st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_bad_range_is_never_called_counterfeit_and_is_found_to_the_block(at: int, length: int, reading: bool) -> None:
    bad = [(at * 512, min(length, 8192 - at) * 512)]
    drive = MemoryDrive(4 * MIB, faults=Faults(read_errors=bad) if reading else Faults(write_errors=bad))
    outcome, _ = run_job(drive, prove=True, block=64 * KIB)
    assert isinstance(outcome, Failed)
    assert outcome.reason == UNREACHED
    assert unreached_of(outcome) == bad
    assert proof_of(outcome).result in ("passed", "not-run")


def test_a_drive_whose_every_block_is_bad_costs_the_proof_few_requests() -> None:
    drive = MemoryDrive(8 * MIB, faults=Faults(write_errors=[(0, 8 * MIB)]))
    proof = prove(drive)
    assert (proof.record.result, proof.counterfeit) == ("not-run", False)
    assert drive.failed_requests <= 16 + 8  # those that were in flight


def test_errors_that_a_retry_heals_leave_the_drive_proved() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(transient_writes=4, transient_reads=4))
    assert prove(drive).record.result == "passed"


def test_a_flush_that_fails_has_everything_written_again() -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(flush_errors=2, lost_by_failed_flush=[(0, 4096)]))
    assert prove(drive).record.result == "passed"


def test_a_bit_that_is_stored_wrongly_is_no_sign_of_a_counterfeit_and_no_success_either() -> None:
    drive = MemoryDrive(4 * MIB)
    drive.faults.before_read = lambda _: drive.data.__setitem__(1000, drive.data[1000] ^ 4 if drive.reads == 0 else 0)
    proof = prove(drive)
    assert (proof.record.result, proof.counterfeit, proof.record.real_bytes) == ("failed", False, None)


def test_a_range_that_takes_no_writes_amid_the_drive_is_failed_by_the_proof_whatever_is_verified() -> None:
    drive, write = MemoryDrive(4 * MIB), MemoryDrive.write_from

    def drop(buffer: memoryview, offset: int) -> int:
        before = bytes(drive.data[MIB : 2 * MIB])
        done = write(drive, buffer, offset)
        drive.data[MIB : 2 * MIB] = before
        return done

    drive.write_from = drop  # type: ignore[method-assign]
    outcome, _ = run_job(drive, prove=True, verify=VerifySpec(kind="none"))
    assert isinstance(outcome, Failed)
    assert outcome.reason.code == "BW-E66"
    assert proof_of(outcome).real_bytes is None


# --- what may happen meanwhile --------------------------------------------------------------------------------


def test_a_stop_in_the_proof_acts_at_once_and_the_next_start_proves_anew() -> None:
    drive, stop = MemoryDrive(8 * MIB), Stop()
    drive.faults.delay_s = 0.2
    writes: list[int] = []

    def cancel(offset: int) -> None:
        writes.append(offset)
        if len(writes) == 5:
            stop.request(CANCELLED)

    drive.faults.before_write = cancel
    outcome, events = run_job(drive, stop=stop, prove=True)
    assert isinstance(outcome, Aborted)
    assert (outcome.reason, proof_of(outcome).result) == (CANCELLED, "not-run")
    assert len(writes) < len(ProofPlan(8 * MIB, 512).places) / 2
    assert last_point(events) is None
    drive.faults = Faults()
    outcome, _ = run_job(drive, prove=True)
    assert proof_of(outcome).result == "passed"


@pytest.mark.parametrize("after", [0, 1, 40, 70])
@pytest.mark.parametrize("eio", [False, True])
def test_a_drive_that_is_pulled_out_of_its_proof_is_not_blamed(after: int, eio: bool) -> None:
    drive = MemoryDrive(4 * MIB, faults=Faults(gone_after_writes=after, says_eio_when_gone=eio))
    outcome, _ = run_job(drive, prove=True)
    assert isinstance(outcome, Aborted)
    assert outcome.reason == PULLED_OUT


def test_a_drive_that_is_hot_pauses_in_its_proof_and_goes_on() -> None:
    drive, told = MemoryDrive(4 * MIB), []
    heat = iter([80.0])

    def celsius() -> float:
        return next(heat, 30.0)

    limits = Limits(pause_at_c=60, resume_at_c=50)
    drive.faults.delay_s = 0.01
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.erase.heat_watch.CELSIUS_S", 0.5)
        outcome, events = run_job(drive, prove=True, limits=limits, celsius=celsius)
    told = [e.phase for e in events if isinstance(e, Progress)]
    assert isinstance(outcome, Erased)
    assert "paused" in told
    assert "proof" in told


def test_a_drive_that_hangs_in_its_proof_is_told_as_stalled() -> None:
    wake, told = threading.Event(), set()
    drive = MemoryDrive(MIB, faults=Faults(block_writes=wake))

    def hear(event: object) -> None:
        if isinstance(event, Progress):
            told.add(event.phase)
            if event.phase == "stalled":
                wake.set()

    outcome, _ = run_job(drive, prove=True, limits=Limits(stall_after_s=0.3), on_event=hear)
    assert isinstance(outcome, Erased)
    assert "stalled" in told


def test_a_proof_of_single_blocks_is_not_taken_for_a_slow_drive() -> None:
    drive = MemoryDrive(8 * MIB)
    drive.faults.before_write = lambda offset: time.sleep(0.03) if not drive.flushes else None
    limits = Limits(minimum_mb_per_s=1.0, window_s=0.3)
    outcome, _ = run_job(drive, prove=True, limits=limits)
    assert proof_of(outcome).result == "passed"


def test_a_resumed_job_keeps_the_result_and_writes_no_proof_again() -> None:
    drive, stop = MemoryDrive(4 * MIB), Stop()
    drive.faults.before_write = lambda offset: stop.request(CANCELLED) if drive.flushes > 2 else None
    drive.faults.delay_s = 0.01
    outcome, events = run_job(drive, stop=stop, prove=True, limits=Limits(checkpoint_bytes=256 * KIB))
    assert isinstance(outcome, Aborted)
    first, point = proof_of(outcome), last_point(events)
    assert first.result == "passed"
    assert point is not None
    assert point.capacity_proof == first
    drive.faults, written = Faults(), len(drive.write_log)
    outcome, _ = run_job(drive, prove=True, resume=point)
    assert isinstance(outcome, Erased)
    assert proof_of(outcome) == first
    assert [r.result for r in work_of(outcome).resumed] == ["passed"]
    assert sum(n for _, n in drive.write_log[written:]) <= 4 * MIB


def test_a_policy_that_skips_the_proof_is_named_on_the_certificate() -> None:
    outcome, _ = run_job(MemoryDrive(MIB))
    assert isinstance(outcome, Erased)
    assert proof_of(outcome) == CapacityProof(result="not-run", why="the policy skips it for drives on unknown")
