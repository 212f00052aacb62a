"""The hash of what was meant stands for the drive's where every byte compared equal, whoever computed it, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from blake3 import blake3

from agent.certificates.outcome import Aborted, Erased, Failed, Reason
from agent.erase import KnownHash, Progress, VerifySpec, expected_hash
from agent.erase.expected_hash import FixedHash, SharedHashes, StreamHash
from agent.erase.pattern import Fill, FixedFill, fill_for
from agent.erase.signals import Stop
from tests.agent.erase.drives import Faults, MemoryDrive
from tests.agent.erase.jobs import KIB, MIB, last_point, run_job, work_of
from tests.patience import SOON_S

ODD = 3 * MIB + 5 * 512
ALWAYS = lambda: True  # noqa: E731
BLOCK = 16 * KIB
WRONG = "77" * 32


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small drives have many steps, too."""
    monkeypatch.setattr(expected_hash, "STEP", 64 * KIB)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The capacities of the shared hashes that were begun; none is known from an earlier test."""
    begun: list[int] = []
    start = FixedHash.start

    def noted(hashed: FixedHash) -> None:
        begun.append(hashed.capacity)
        start(hashed)

    monkeypatch.setattr(FixedHash, "start", noted)
    monkeypatch.setattr(expected_hash, "SHARED", SharedHashes())
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
        found = hashed.at(offset, ALWAYS)
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

    def flip(offset: int) -> None:
        if offset >= at // (16 * KIB) * 16 * KIB:
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
        if MIB <= offset < 2 * MIB:
            stop.request(Reason("BW-T01", "The test wants it"))
            heard.wait(SOON_S)

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
            together.wait(SOON_S)

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
    for blocks in range(1, 2 * expected_hash.REMEMBERED):
        hashed = shared.take(b"\x00", blocks * 512)
        hashed.finish(ALWAYS, lambda _: None)
        shared.let_go(hashed)
    assert len(shared) == expected_hash.REMEMBERED
    endless = shared.take(b"\x00", 1 << 60)
    assert shared.take(b"\x00", 1 << 60) is endless
    name = "hash 00"
    for left in (1, 0):
        shared.let_go(endless)
        assert endless.users == left
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(SOON_S)
            assert not thread.is_alive()
    assert len(shared) == expected_hash.REMEMBERED


def _known(drive: MemoryDrive, *, pattern: str = "00", capacity: int = 0, digest: str = "") -> KnownHash:
    """What an earlier job found for drives of this size, or claims to have found."""
    size = capacity or len(drive.data)
    return KnownHash(pattern=pattern, capacity=size, blake3=digest or blake3(bytes(size)).hexdigest())


def test_a_known_hash_costs_no_other_and_is_that_of_the_device(started: list[int]) -> None:
    drive = MemoryDrive(ODD)
    outcome, _ = run_job(drive, known=_known(drive))
    assert isinstance(outcome, Erased)
    check = outcome.work.verification
    assert check.blake3 == check.expected_blake3 == blake3(bytes(drive.durable)).hexdigest()
    assert started == []
    assert len(expected_hash.SHARED) == 0, "what was not computed here must serve no other job"


@pytest.mark.parametrize(("pattern", "capacity"), [("ff", ODD), ("00", ODD + 512), ("00", ODD - 512)])
def test_a_hash_of_other_bytes_is_not_used(pattern: str, capacity: int, started: list[int]) -> None:
    drive = MemoryDrive(ODD)
    outcome, _ = run_job(drive, known=_known(drive, pattern=pattern, capacity=capacity, digest=WRONG))
    assert work_of(outcome).verification.blake3 == blake3(bytes(drive.durable)).hexdigest()
    assert started == [ODD]


@pytest.mark.parametrize("stop_at_first", [False, True])
@pytest.mark.parametrize("at", [0, ODD // 2, ODD - 1])
def test_a_wrong_known_hash_judges_no_drive_that_differs(at: int, stop_at_first: bool) -> None:
    drive = MemoryDrive(ODD)

    def flip(offset: int) -> None:
        if offset >= at // BLOCK * BLOCK:
            drive.faults.before_read = None
            drive.data[at] ^= 4

    drive.faults.before_read = flip
    known = _known(drive, digest=WRONG)
    outcome, _ = run_job(drive, known=known, verify=VerifySpec(stop_at_first_mismatch=stop_at_first))
    check = work_of(outcome).verification
    assert isinstance(outcome, Failed)
    assert check.expected_blake3 in ({blake3(bytes(ODD)).hexdigest()} | ({None} if stop_at_first else set()))
    assert check.blake3 in ({blake3(bytes(drive.data)).hexdigest()} | ({None} if stop_at_first else set()))
    assert [(m.offset, m.bytes) for m in check.mismatches] == [(at // 512 * 512, 512)]


def test_another_drive_that_differs_takes_no_known_hash_from_a_sound_one(started: list[int]) -> None:
    sound, known = MemoryDrive(ODD), _known(MemoryDrive(ODD))
    bad = expected_hash.SHARED.take(b"\x00", ODD, known=_known(sound, digest="0" * 64))
    bad.doubt()
    assert bad.digest in (None, known.blake3)  # forgotten, and perhaps made anew by now
    outcome, _ = run_job(sound, known=known)
    assert work_of(outcome).verification.blake3 == known.blake3
    expected_hash.SHARED.let_go(bad)
    assert started == [ODD]


def test_a_hash_is_made_anew_where_that_is_asked_whatever_the_process_remembers(started: list[int]) -> None:
    for anew in (False, False, True):
        outcome, _ = run_job(MemoryDrive(ODD), anew=anew)
        assert isinstance(outcome, Erased)
    assert started == [ODD, ODD]


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
    assert len(expected_hash.SHARED) == 0


def test_nothing_is_hashed_for_a_policy_that_does_not_ask(started: list[int]) -> None:
    run_job(MemoryDrive(ODD), verify=VerifySpec(kind="none"))
    run_job(MemoryDrive(ODD), verify=VerifySpec(kind="sample"))
    assert started == []


def _random_fill() -> Fill:
    return fill_for(None, block=BLOCK, root_key=bytes(32), stream="chacha20", fingerprint="f", pass_number=1)


def _block(fill: Fill, offset: int, length: int = BLOCK) -> memoryview:
    return fill.at(offset, length, memoryview(bytearray(length)))


def _begun(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_blocks_are_hashed_in_order_whichever_is_offered_first_and_none_is_let_go_before() -> None:
    fill = _random_fill()
    hashed = StreamHash(fill, 3 * BLOCK)
    hasher = _begun(lambda: hashed.hash_offered(ALWAYS))
    hashed.offer(2 * BLOCK, _block(fill, 2 * BLOCK))
    hashed.offer(BLOCK, _block(fill, BLOCK))
    waiting = _begun(lambda: hashed.await_hashed(2 * BLOCK, ALWAYS))
    waiting.join(0.2)
    assert waiting.is_alive(), "the buffer would be used again before it was hashed"
    hashed.offer(0, _block(fill, 0))
    for thread in (waiting, hasher):
        thread.join(SOON_S)
        assert not thread.is_alive()
    assert hashed.digest == blake3(_block(fill, 0, 3 * BLOCK)).hexdigest()


def test_a_gap_lets_the_writers_and_the_hasher_go_and_the_readers_hash_the_rest() -> None:
    fill = _random_fill()
    hashed = StreamHash(fill, 4 * BLOCK)
    hasher = _begun(lambda: hashed.hash_offered(ALWAYS))
    for offset in (0, BLOCK):
        hashed.offer(offset, _block(fill, offset))
        hashed.await_hashed(offset, ALWAYS)
    hashed.offer(3 * BLOCK, _block(fill, 3 * BLOCK))
    behind_a_gap = _begun(lambda: hashed.await_hashed(3 * BLOCK, ALWAYS))
    hashed.leave_to_readers()
    for thread in (behind_a_gap, hasher):
        thread.join(SOON_S)
        assert not thread.is_alive()
    assert hashed.position == 2 * BLOCK
    for offset in range(0, 4 * BLOCK, BLOCK):
        hashed.follow(offset, _block(fill, offset), same=offset != 2 * BLOCK)
    assert hashed.digest == blake3(_block(fill, 0, 4 * BLOCK)).hexdigest()


def test_a_buffer_that_is_being_hashed_is_not_let_go_by_a_gap_nor_by_a_halt(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = _random_fill()
    hashed = StreamHash(fill, BLOCK)
    begun, may_end = threading.Event(), threading.Event()
    take = StreamHash._take

    def slow(self: StreamHash, view: memoryview) -> None:
        begun.set()
        assert may_end.wait(SOON_S)
        take(self, view)

    monkeypatch.setattr(StreamHash, "_take", slow)
    hasher = _begun(lambda: hashed.hash_offered(ALWAYS))
    hashed.offer(0, _block(fill, 0))
    assert begun.wait(SOON_S)
    writer = _begun(lambda: hashed.await_hashed(0, lambda: False))
    hashed.leave_to_readers()
    writer.join(0.2)
    assert writer.is_alive()
    may_end.set()
    for thread in (writer, hasher):
        thread.join(SOON_S)
        assert not thread.is_alive()


def test_a_job_that_is_halted_lets_a_writer_go_whose_block_nobody_hashes() -> None:
    fill = _random_fill()
    hashed = StreamHash(fill, 2 * BLOCK)
    hashed.offer(BLOCK, _block(fill, BLOCK))
    hashed.await_hashed(BLOCK, lambda: False)
    hashed.hash_offered(lambda: False)
    assert hashed.position == 0


def test_a_hasher_that_breaks_breaks_the_job_and_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(StreamHash, "_take", broken)
    with pytest.raises(ZeroDivisionError):
        run_job(MemoryDrive(ODD), "random")


def test_the_patterns_bytes_are_those_that_are_written() -> None:
    fill = FixedFill(b"\x92\x49\x24", 64 * KIB)
    hashed = FixedHash(fill.repeated, 64 * KIB)
    hashed.finish(ALWAYS, lambda _: None)
    assert hashed.digest == blake3(fill.at(0, 64 * KIB, memoryview(b""))).hexdigest()
