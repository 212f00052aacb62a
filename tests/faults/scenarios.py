"""What is tried: each scenario sets faults, erases, and says what must have come of it."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.certificates.clock import utc_now
from agent.certificates.outcome import Aborted, Erased, Failed, Outcome, Refused
from agent.certificates.record import VerificationKind
from agent.erase import Checkpoint, EraseSpec, Limits, Progress, ResumePoint, VerifySpec
from agent.erase.engine import erase
from agent.erase.ranges import merge
from agent.erase.signals import Stop
from drivers.drives.block import open_device
from drivers.drives.drive import Writes
from tests.faults.fuse import Rules
from tests.faults.rig import SECRET, Rig
from tests.leftovers import RIG_BYTES

MIB = 1 << 20
SIZE = RIG_BYTES
SECTORS = SIZE // 512
FIXED = {"zero": b"\x00", "one": b"\xff", "pattern-complement": b"\xaa"}
LIMITS = Limits(checkpoint_bytes=2 * MIB, stall_after_s=0.5)
Spans = list[list[int]]


@dataclass(frozen=True)
class Trial:
    """One run's end: the outcome, the method, and what had to be found (None: nothing exact is asked).

    `written`: bytes that the kernel counted from outside during the run; `foreign` of them by another program.
    """

    outcome: Outcome
    method: str
    unreached: Spans | None = None
    mismatches: Spans | None = None
    written: int | None = None
    foreign: int = 0


@dataclass(frozen=True)
class Scenario:
    """A fault and the outcomes that are right."""

    name: str
    allowed: frozenset[str]
    run: Callable[[Rig, random.Random], Trial]


def attempt(
    rig: Rig,
    method: str,
    *,
    resume: ResumePoint | None = None,
    on_event: Callable[[Progress | Checkpoint], None] = lambda _: None,
    verify: VerifySpec | None = None,
    drives_at_once: int = 1,
) -> Outcome:
    """One erase of the rig's device through the driver that a station uses."""
    spec = EraseSpec(
        job="faults",
        method=method,
        key_hex="c3" * 32,
        limits=LIMITS,
        resume=resume,
        verify=verify or VerifySpec(),
        drives_at_once=drives_at_once,
    )
    with open_device(rig.device) as drive:
        return erase(drive, spec, on_event, Stop())


def false_success(trial: Trial, image: bytes) -> bool:
    """Whether "erased" was said of a drive whose medium holds anything else than what was meant."""
    if not isinstance(trial.outcome, Erased):
        return False
    if trial.method in FIXED:
        return image != FIXED[trial.method] * len(image)
    return SECRET in image or b"\x5a" * 512 in image


def exact(trial: Trial) -> bool:
    """Whether the certificate's ranges are those that were injected, to the sector, and its counts those of outside."""
    if isinstance(trial.outcome, Refused):
        return False
    work = trial.outcome.work
    unreached = [[o, n] for o, n in merge((u.offset, u.bytes) for u in work.unreached)]
    mismatches = [[m.offset, m.bytes] for m in work.verification.mismatches]
    if trial.written is not None and work.verification.writes != Writes(
        ours=trial.written - trial.foreign, seen=trial.written
    ):
        return False
    if trial.foreign and not (isinstance(trial.outcome, Failed) and str(trial.foreign) in trial.outcome.reason.text):
        return False
    return (trial.unreached is None or unreached == trial.unreached) and (
        trial.mismatches is None or mismatches == trial.mismatches
    )


def _spans(chance: random.Random, count: int, longest: int) -> Spans:
    starts = [
        (chance.choice([0, SECTORS - 1, chance.randrange(SECTORS)]), chance.randint(1, longest)) for _ in range(count)
    ]
    return [[o, n] for o, n in merge((s * 512, min(n, SECTORS - s) * 512) for s, n in starts)]


def _method(chance: random.Random) -> str:
    return chance.choice(["zero", "one", "random", "pattern-complement"])


def no_fault(rig: Rig, chance: random.Random) -> Trial:
    """Nothing is wrong: the drive is erased."""
    method, before = _method(chance), rig.written()
    outcome = attempt(rig, method, verify=_verify(chance))
    return Trial(outcome, method, unreached=[], mismatches=[], written=rig.written() - before)


def write_errors(rig: Rig, chance: random.Random) -> Trial:
    """A few ranges cannot be written."""
    bad, method = _spans(chance, chance.randint(1, 4), 40), _method(chance)
    rig.set(Rules(write_errors=bad))
    before = rig.written()
    return Trial(attempt(rig, method), method, unreached=bad, written=rig.written() - before)


def read_errors(rig: Rig, chance: random.Random) -> Trial:
    """A few ranges cannot be read."""
    bad, method = _spans(chance, chance.randint(1, 4), 40), _method(chance)
    rig.set(Rules(read_errors=bad))
    return Trial(attempt(rig, method), method, unreached=bad, mismatches=[])


def transient(rig: Rig, chance: random.Random) -> Trial:
    """Errors that a retry heals."""
    method = _method(chance)
    rig.set(Rules(transient_writes=chance.randint(0, 4), transient_reads=chance.randint(0, 4)))
    return Trial(attempt(rig, method), method, unreached=[], mismatches=[])


def bit_written_wrong(rig: Rig, chance: random.Random) -> Trial:
    """One bit is stored wrongly, and nobody complains."""
    bit, method = chance.choice([0, SIZE * 8 - 1, chance.randrange(SIZE * 8)]), _method(chance)
    rig.set(Rules(flip_on_write=[bit]))
    return Trial(attempt(rig, method), method, unreached=[], mismatches=[[bit // 8 // 512 * 512, 512]])


def bit_read_wrong(rig: Rig, chance: random.Random) -> Trial:
    """One bit reads wrongly."""
    bit, method = chance.randrange(SIZE * 8), _method(chance)
    rig.set(Rules(flip_on_read=[bit]))
    return Trial(attempt(rig, method), method, unreached=[], mismatches=[[bit // 8 // 512 * 512, 512]])


def writes_dropped(rig: Rig, chance: random.Random) -> Trial:
    """Writes to a range are acknowledged and forgotten (old data stays)."""
    lost, method = _spans(chance, 1, 3000), _method(chance)
    rig.set(Rules(ignore_writes=lost))
    return Trial(attempt(rig, method), method, unreached=[], mismatches=lost)


def flush_error_once(rig: Rig, chance: random.Random) -> Trial:
    """A flush fails, and with it written data is lost; it says so once and never again."""
    method = _method(chance)
    rig.set(Rules(fsync_errors=chance.randint(1, 2), lose_before_fsync_error=[[0, 4096]]))
    return Trial(attempt(rig, method), method, unreached=[], mismatches=[])


def flush_error_in_salvage(rig: Rig, chance: random.Random) -> Trial:
    """A part is put aside, and a flush is good; the next ones fail, and the cache dies with them."""
    method = _method(chance)
    lost = Rules(
        transient_writes=1,
        fsync_errors=chance.randint(2, 3),
        fsync_errors_after=SIZE - chance.randint(2, 3) * MIB,
        volatile=True,
        slow=[[2 * MIB, SIZE]],
        slow_s=0.12,
        slow_reads=False,
    )
    rig.set(lost)
    # Requests of 2 MiB: the pass takes so many that some flush comes between the first and the last.
    outcome = attempt(rig, method, verify=_verify(chance), drives_at_once=4)
    return Trial(outcome, method, mismatches=[])


def written_behind_the_reading(rig: Rig, chance: random.Random) -> Trial:
    """Another program writes where the drive has been read back."""
    return _foreign(rig, chance, "verify", 0)


def written_in_a_pass(rig: Rig, chance: random.Random) -> Trial:
    """Another program writes in the middle of a pass, before or behind ours."""
    return _foreign(rig, chance, "pass", chance.randrange(SIZE // 4096) * 4096)


def written_to_a_partition(rig: Rig, chance: random.Random) -> Trial:
    """Another program writes to a partition that the kernel still knows."""
    node = rig.add_partition(MIB, 2 * MIB)
    return _foreign(rig, chance, chance.choice(["pass", "verify"]), 4096, device=node)


def _foreign(rig: Rig, chance: random.Random, phase: str, offset: int, *, device: str = "") -> Trial:
    told: list[str] = []
    method, before = _method(chance), rig.written()
    data = b"Kundedata 0815! " * 256 * chance.randint(1, 4)
    # One place takes so long that the phase is told of before it is over.
    rig.set(Rules(slow=[[SIZE // 2, 7 * 512]], slow_s=0.6))

    def write(event: Progress | Checkpoint) -> None:
        # Of a pass that has not moved nobody knows whether the count of writes has begun.
        if isinstance(event, Progress) and event.phase == phase and event.bytes_done and not told:
            told.append(phase)
            rig.write_as_another(data, offset, device=device)

    outcome = attempt(rig, method, verify=_verify(chance, phase), on_event=write)
    assert told, f"there was no time for the other program in the {phase}"
    return Trial(outcome, method, unreached=[], written=rig.written() - before, foreign=len(data))


def _verify(chance: random.Random, phase: str = "") -> VerifySpec:
    kinds: tuple[VerificationKind, ...] = ("full",) if phase == "verify" else ("full", "sample", "none")
    return VerifySpec(kind=chance.choice(kinds))


def flush_never_works(rig: Rig, chance: random.Random) -> Trial:
    """Every flush fails."""
    rig.set(Rules(fsync_errors=1 << 30))
    return Trial(attempt(rig, "zero"), "zero")


def slow_region(rig: Rig, chance: random.Random) -> Trial:
    """A region answers slowly, and works."""
    start = chance.randrange(SECTORS) * 512
    rig.set(Rules(slow=[[start, MIB]], slow_s=0.05))
    return Trial(attempt(rig, "random"), "random", unreached=[], mismatches=[])


def hang(rig: Rig, chance: random.Random) -> Trial:
    """Writes hang until the stall is reported, then go on."""
    rig.set(Rules(hang_writes_after=chance.randrange(8)))
    told: list[str] = []

    def wake(event: Progress | Checkpoint) -> None:
        if isinstance(event, Progress) and event.phase == "stalled" and not told:
            told.append(event.phase)
            threading.Thread(target=rig.set, args=(Rules(),), daemon=True).start()

    outcome = attempt(rig, "zero", on_event=wake)
    assert told, "a hanging drive was not reported"
    return Trial(outcome, "zero", unreached=[], mismatches=[])


def dies(rig: Rig, chance: random.Random) -> Trial:
    """The drive stops working in the middle, and stays there."""
    rig.set(Rules(dead_after_writes=chance.randrange(10)))
    return Trial(attempt(rig, "zero"), "zero")


def connection_lost(rig: Rig, chance: random.Random) -> Trial:
    """Everything below the block device is gone in the middle of the work."""
    rig.set(Rules(slow=[[0, SIZE]], slow_s=0.01))
    timer = threading.Timer(chance.uniform(0, 0.15), rig.kill)
    timer.start()
    try:
        return Trial(attempt(rig, "random"), "random")
    finally:
        timer.join()


def shrinks(rig: Rig, chance: random.Random) -> Trial:
    """The device's capacity falls to almost nothing in the middle: what a pulled medium looks like."""
    rig.set(Rules(slow=[[0, SIZE]], slow_s=0.01))
    timer = threading.Timer(chance.uniform(0, 0.1), rig.shrink, args=(4096,))
    timer.start()
    try:
        return Trial(attempt(rig, "zero"), "zero")
    finally:
        timer.join()


def killed(rig: Rig, chance: random.Random) -> Trial:
    """SIGKILL of the whole program, several times, and each time on from the last checkpoint."""
    method = _method(chance)
    rig.set(Rules(slow=[[0, SIZE]], slow_s=0.005))
    point: ResumePoint | None = None
    for _ in range(3):
        point = _until_killed(rig.device, method, point, chance.uniform(0.25, 0.7)) or point
    outcome = attempt(rig, method, resume=point)
    return Trial(outcome, method, unreached=[], mismatches=[])


def _until_killed(device: str, method: str, point: ResumePoint | None, after: float) -> ResumePoint | None:
    argument = msgspec.json.encode(point).decode()
    command = [sys.executable, "-m", "tests.faults.victim", device, method, argument]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as victim:
        assert victim.stdout is not None
        victim.stdout.readline()  # it has opened the drive
        timer = threading.Timer(after, victim.kill)
        timer.start()
        lines = [line for line in victim.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
        timer.cancel()
    return msgspec.json.decode(lines[-1], type=ResumePoint) if lines else None


def counterfeit(beyond: str, memory: int = 0) -> Callable[[Rig, random.Random], Trial]:
    """The drive shows more than it has, by any method and verification; nothing of it is ever called erased."""

    def run(rig: Rig, chance: random.Random) -> Trial:
        real = chance.choice([SECTORS // 2 * 512, chance.randrange(1, SECTORS) * 512, SECTORS // 3 * 512])
        real = min(real, (SIZE - 2 * memory) // 512 * 512)  # what is remembered for ever is a medium, too
        method = chance.choice([*FIXED, "random", "dod-5220.22-m"])
        verify = VerifySpec(kind=chance.choice(["full", "sample", "none"]))
        rig.set(Rules(real=real, beyond=beyond, memory=memory))
        outcome = attempt(rig, method, verify=verify)
        proof = None if isinstance(outcome, Refused) else outcome.work.capacity_proof
        assert proof is not None
        assert proof.result == "failed"
        assert memory or proof.real_bytes == real, (proof, real)
        return Trial(outcome, method)

    return run


def twin_at_resume(rig: Rig, chance: random.Random) -> Trial:
    """SIGKILL, and another drive of the same identity in its place: every pass is written to that one."""
    method = _method(chance)
    rig.set(Rules(slow=[[0, SIZE]], slow_s=0.005))
    point = _until_killed(rig.device, method, None, chance.uniform(0.5, 0.9))
    with rig.medium.open("r+b") as medium:  # in place: the drive has it mapped
        medium.write(bytes(SIZE) if chance.random() < 0.5 else (SECRET * (SIZE // len(SECRET) + 1))[:SIZE])
    rig.set(Rules())
    started = utc_now()
    outcome = attempt(rig, method, resume=point)
    assert isinstance(outcome, Erased)
    assert point is None or [r.result for r in outcome.work.resumed] == ["failed"]
    assert all(p.bytes == SIZE and p.started_at >= started for p in outcome.work.passes)
    return Trial(outcome, method, unreached=[], mismatches=[])


def name_of(outcome: Outcome) -> str:
    """The certificate's word."""
    return {Erased: "erased", Failed: "failed", Aborted: "aborted", Refused: "refused"}[type(outcome)]


_ERASED, _FAILED, _STOPPED = frozenset({"erased"}), frozenset({"failed"}), frozenset({"failed", "aborted"})
_EITHER = frozenset({"erased", "failed", "aborted"})

SCENARIOS = (
    Scenario("no fault", _ERASED, no_fault),
    Scenario("write errors in 1-4 ranges", _FAILED, write_errors),
    Scenario("read errors in 1-4 ranges", _FAILED, read_errors),
    Scenario("errors that a retry heals", _ERASED, transient),
    Scenario("one bit stored wrongly, silently", _FAILED, bit_written_wrong),
    Scenario("one bit read wrongly", _FAILED, bit_read_wrong),
    Scenario("writes acknowledged and dropped", _FAILED, writes_dropped),
    Scenario("flush fails once or twice, data lost with it", _ERASED, flush_error_once),
    Scenario("flush fails while parts are written again, data lost with it", _ERASED, flush_error_in_salvage),
    Scenario("another program writes behind the read-back", _FAILED, written_behind_the_reading),
    Scenario("another program writes in a pass", _FAILED, written_in_a_pass),
    Scenario("another program writes to a partition", _FAILED, written_to_a_partition),
    Scenario("flush never works", _FAILED, flush_never_works),
    Scenario("a slow region", _ERASED, slow_region),
    Scenario("writes hang, the stall is reported, they go on", _ERASED, hang),
    Scenario("the drive dies half-way", _FAILED, dies),
    Scenario("the connection is lost half-way", _EITHER, connection_lost),
    Scenario("the device shrinks under us", _EITHER, shrinks),
    Scenario("SIGKILL three times, resumed each time", _ERASED, killed),
    Scenario("SIGKILL, and a twin of the drive at the resume", _ERASED, twin_at_resume),
    Scenario("counterfeit: addresses wrap", _FAILED, counterfeit("wrap")),
    Scenario("counterfeit: nothing behind, reads as zeros", _FAILED, counterfeit("zeros")),
    Scenario("counterfeit: nothing behind, reads as ones", _FAILED, counterfeit("ones")),
    Scenario("counterfeit: remembers the newest 1 MiB", _FAILED, counterfeit("zeros", MIB)),
)
