"""The hash of what was meant stands for the drive's where every byte compared equal, whoever computed it, and when."""

from __future__ import annotations

import threading

import pytest
from blake3 import blake3

from agent.erase import Progress, Stop, VerifySpec, meant
from agent.erase.meant import FixedHash, SharedHashes, StreamHash
from agent.erase.pattern import FixedFill, fill_for
from agent.outcome import Aborted, Erased, Failed, Reason
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, last_point, run_job, work_of

ODD = 3 * MIB + 5 * 512
ALWAYS = lambda: True  # noqa: E731


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small drives have many steps, too."""
    monkeypatch.setattr(meant, "STEP", 64 * KIB)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The capacities of the shared hashes that were begun; none is known from an earlier test."""
    begun: list[int] = []
    start = FixedHash.start

    def noted(hashed: FixedHash) -> None:
        begun.append(hashed.capacity)
        start(hashed)

    monkeypatch.setattr(FixedHash, "start", noted)
    monkeypatch.setattr(meant, "SHARED", SharedHashes())
    return begun


@pytest.mark.parametrize("repeated", [b"\x00", b"\xff", b"\x92\x49\x24"])
@pytest.mark.parametrize("capacity", [512, 4096 * 3 + 512, 64 * KIB, ODD])
def test_the_hash_of_a_pattern_is_that_of_its_bytes_from_any_state_on(repeated: bytes, capacity: int) -> None:
    hashed, image = FixedHash(repeated, capacity), (repeated * capacity)[:capacity]
    moved: list[int] = []
    hashed.finish(ALWAYS, moved.append)
    assert hashed.digest == blake3(image).hexdigest()
    assert sum(moved) == capacity
    for offset in (0, 512, capacity // 1024 * 512, capacity):
        found = hashed.at(offset, memoryview(b""), ALWAYS)
        assert found is not None
        assert found.hexdigest() == blake3(image[:offset]).hexdigest()


@pytest.mark.parametrize("method", ["zero", "random", "gutmann"])
@pytest.mark.parametrize("sectors", [1, 9, 32, 33, 2047])
def test_the_certificates_hash_is_that_of_the_device(method: str, sectors: int) -> None:
    drive = MemoryDrive(sectors * 512)
    outcome, _ = run_job(drive, method)
    assert isinstance(outcome, Erased)
    check = outcome.work.verification
    assert check.blake3 == check.expected_blake3 == blake3(bytes(drive.durable)).hexdigest()


@pytest.mark.parametrize("method", ["zero", "random"])
@pytest.mark.parametrize("at", [0, ODD // 2, ODD - 1])
def test_the_hash_of_a_drive_that_differs_is_that_of_its_medium(method: str, at: int) -> None:
    drive = MemoryDrive(ODD)

    def flip(_: int) -> None:
        drive.faults.before_read = None
        drive.data[at] ^= 4

    drive.faults.before_read = flip
    outcome, _ = run_job(drive, method)
    check = work_of(outcome).verification
    assert isinstance(outcome, Failed)
    assert check.blake3 == blake3(bytes(drive.data)).hexdigest()
    drive.data[at] ^= 4
    assert check.expected_blake3 == blake3(bytes(drive.data)).hexdigest()
    assert drive.reads == -(-ODD // (16 * KIB))  # nothing was read twice for it


def test_what_was_meant_is_known_where_the_drive_cannot_be_read() -> None:
    drive = MemoryDrive(ODD, faults=Faults(read_errors=[(MIB, 512), (2 * MIB, 600 * KIB)]))
    outcome, _ = run_job(drive, "random")
    assert isinstance(outcome, Failed)
    check = outcome.work.verification
    assert check.blake3 is None
    assert check.expected_blake3 == blake3(bytes(drive.data)).hexdigest()


def test_a_gap_in_the_writing_is_hashed_by_the_readers() -> None:
    seen: set[int] = set()

    def first_time(offset: int, _: int) -> bool:
        known = offset in seen
        seen.add(offset)
        return MIB <= offset < 2 * MIB and not known

    drive = MemoryDrive(ODD, faults=Faults(flaky=first_time))
    outcome, _ = run_job(drive, "random")
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.blake3 == blake3(bytes(drive.durable)).hexdigest()


@pytest.mark.parametrize("method", ["one", "random"])
def test_a_resumed_jobs_hash_covers_the_whole_drive(method: str) -> None:
    drive, stop, heard = MemoryDrive(ODD), Stop(), threading.Event()

    def stop_in_the_middle(offset: int) -> None:
        if offset >= MIB:
            stop.request(Reason("BW-T01", "The test wants it"))
            heard.wait(20)

    drive.faults.before_write = stop_in_the_middle
    outcome, events = run_job(drive, method, stop=stop, on_event=lambda _: heard.set() if stop.requested else None)
    assert isinstance(outcome, Aborted)
    drive.faults.before_write = None
    point = last_point(events)
    assert point is not None
    assert 0 < point.offset < ODD
    outcome, _ = run_job(drive, method, resume=point)
    assert isinstance(outcome, Erased)
    assert outcome.work.verification.blake3 == blake3(bytes(drive.durable)).hexdigest()


def test_drives_of_one_capacity_and_pattern_share_one_hash(started: list[int]) -> None:
    together = threading.Barrier(3)
    sizes = (ODD, ODD, ODD + 512)

    def job(size: int) -> None:
        drive = MemoryDrive(size)

        def meet(_: int) -> None:
            drive.faults.before_write = None
            together.wait(20)

        drive.faults.before_write = meet
        assert isinstance(run_job(drive, block=4 * MIB)[0], Erased)

    jobs = [threading.Thread(target=job, args=(size,)) for size in sizes]
    for thread in jobs:
        thread.start()
    for thread in jobs:
        thread.join()
    assert sorted(started) == [ODD, ODD + 512]
    run_job(MemoryDrive(ODD))
    assert len(started) == 2  # remembered
    run_job(MemoryDrive(ODD), "one")
    assert len(started) == 3  # another pattern


def test_finished_hashes_are_remembered_within_a_bound_and_unfinished_ones_end_with_their_last_user() -> None:
    shared = SharedHashes()
    for blocks in range(1, 2 * meant.REMEMBERED):
        hashed = shared.take(b"\x00", blocks * 512)
        hashed.finish(ALWAYS, lambda _: None)
        shared.let_go(hashed)
    assert len(shared) == meant.REMEMBERED
    endless = shared.take(b"\x00", 1 << 60)
    assert shared.take(b"\x00", 1 << 60) is endless
    name = "hash 00"
    for left in (1, 0):
        shared.let_go(endless)
        assert endless.users == left
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(20)
            assert not thread.is_alive()
    assert len(shared) == meant.REMEMBERED


def test_a_stop_while_only_the_hash_is_unfinished_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, started: list[int]
) -> None:
    monkeypatch.setattr(FixedHash, "_step", lambda _, patience_s: threading.Event().wait(0.01))
    drive, stop = MemoryDrive(ODD), Stop()

    def cancel(event: object) -> None:
        if isinstance(event, Progress) and event.phase == "verify" and event.bytes_done == ODD:
            stop.request(Reason("BW-T01", "The test wants it"))

    outcome, _ = run_job(drive, stop=stop, on_event=cancel)
    assert isinstance(outcome, Aborted)
    assert outcome.reason.code == "BW-T01"
    assert started == [ODD]
    assert len(meant.SHARED) == 0


def test_nothing_is_hashed_for_a_policy_that_does_not_ask(started: list[int]) -> None:
    run_job(MemoryDrive(ODD), verify=VerifySpec(kind="none"))
    run_job(MemoryDrive(ODD), verify=VerifySpec(kind="sample"))
    assert started == []


def test_writers_that_come_out_of_turn_wait_and_a_gap_lets_them_go() -> None:
    fill = fill_for(None, block=16 * KIB, root_key=bytes(32), stream="chacha20", fingerprint="f", pass_number=1)
    hashed = StreamHash(fill, 64 * KIB)
    blocks: dict[int, bytes] = {}

    def generate(offset: int) -> None:
        scratch = memoryview(bytearray(16 * KIB))
        blocks[offset] = bytes(hashed.generate(offset, 16 * KIB, scratch, ALWAYS))

    late = threading.Thread(target=generate, args=(16 * KIB,))
    late.start()
    generate(0)
    late.join(20)
    assert hashed.position == 32 * KIB
    behind_a_gap = threading.Thread(target=generate, args=(48 * KIB,))
    behind_a_gap.start()
    hashed.leave_to_readers()
    behind_a_gap.join(20)
    assert hashed.position == 32 * KIB
    assert blocks[48 * KIB] == bytes(fill.at(48 * KIB, 16 * KIB, memoryview(bytearray(16 * KIB))))
    scratch = memoryview(bytearray(4 * KIB))
    for offset in range(0, 64 * KIB, 16 * KIB):
        block = fill.at(offset, 16 * KIB, memoryview(bytearray(16 * KIB)))
        hashed.follow(offset, block, scratch, same=offset != 32 * KIB)
    image = fill.at(0, 64 * KIB, memoryview(bytearray(64 * KIB)))
    assert hashed.digest == blake3(image).hexdigest()


def test_the_patterns_bytes_are_those_that_are_written() -> None:
    fill = FixedFill(b"\x92\x49\x24", 64 * KIB)
    hashed = FixedHash(fill.repeated, 64 * KIB)
    hashed.finish(ALWAYS, lambda _: None)
    assert hashed.digest == blake3(fill.at(0, 64 * KIB, memoryview(b""))).hexdigest()
