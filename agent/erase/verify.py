"""A drive held against its certificate, at any later time and by anyone: no key is needed."""

from __future__ import annotations

from agent.certificates.record import Mismatch, Record, Verification
from agent.erase.buffers import Layout
from agent.erase.expected_hash import begin_hash, end_hash
from agent.erase.methods import RANDOM
from agent.erase.monitor import Emit, Monitor
from agent.erase.pattern import FixedFill
from agent.erase.readback import Asked, Grid, ReadBack
from agent.erase.sample import SamplePlan
from agent.erase.signals import Stop
from agent.erase.spec import Limits
from drivers.drives.base import OpenDrive


def verify_against(
    drive: OpenDrive, record: Record, *, emit: Emit = lambda _: None, stop: Stop | None = None
) -> Verification:
    """Read the drive and hold it against the record of its erasure.

    Full verification: the whole drive must have the record's BLAKE3 hash, and hold the last pass' pattern where that
    is a fixed one. Sampled: the very same places are read again, from the recorded seed. A record without
    verification: the whole drive is compared with a fixed pattern. "not-run" where the record leaves nothing to hold
    the drive against: a random last pass without a hash. What cannot be read counts as a mismatch.
    """
    capacity, unit = drive.drive.capacity_bytes, drive.drive.logical_block_bytes
    kind = record.verification.kind
    layout, fill = Layout.plan(1), _last_fill(record, Layout.plan(1).block)
    expected, sample = record.verification.blake3, record.verification.sample
    if fill is None and (kind == "sample" or expected is None):
        return Verification(kind=kind, result="not-run")
    if capacity != record.drive.capacity_bytes or capacity == 0:
        return Verification(kind=kind, result="failed", mismatches=(Mismatch(offset=0, bytes=capacity),))
    with Monitor(
        drive,
        job="verify",
        passes=1,
        limits=Limits(give_up_after_errors=0),
        emit=emit,
        stop=stop or Stop(),
    ) as monitor:
        if kind == "sample" and sample is not None:
            plan = SamplePlan(seed=sample.seed, fraction=sample.fraction, capacity=capacity, unit=unit)
            reading = ReadBack(monitor, fill, layout, plan, asked=Asked())
            reading.run(number=1, total=sum(length for _, length in plan))
            found = reading.result(sample=sample)
        else:
            meant = begin_hash(fill, capacity) if fill is not None else None
            try:
                reading = ReadBack(monitor, fill, layout, Grid(capacity, layout.block), asked=Asked(), meant=meant)
                reading.run(number=1, total=capacity)
            finally:
                if meant is not None:
                    end_hash(meant)
            found = reading.result(sample=None)
    return _judged(found, reading, expected)


def _last_fill(record: Record, block: int) -> FixedFill | None:
    """The pattern that should stand on the drive; None where only a lost key could tell."""
    if not record.sanitization.passes:
        return None
    pattern = record.sanitization.passes[-1].pattern
    repeated = RANDOM if pattern == "random" else bytes.fromhex(pattern)
    return FixedFill(repeated, block) if repeated else None


def _judged(found: Verification, reading: ReadBack, expected: str | None) -> Verification:
    """With what could not be read among the mismatches, and the hash held against the record's."""
    gaps = [Mismatch(offset=o, bytes=n) for o, n in sorted([(o, n) for o, n, _ in reading.bad] + reading.untried)]
    mismatches = (*found.mismatches, *gaps[:64])
    hash_differs = found.kind == "full" and expected is not None and found.blake3 != expected
    wrong = bool(mismatches) or hash_differs or not reading.complete
    return Verification(
        kind=found.kind,
        result="failed" if wrong else "passed",
        bytes=found.bytes,
        blake3=found.blake3,
        expected_blake3=expected if found.kind == "full" else None,
        sample=found.sample,
        mismatches=mismatches,
        mismatches_truncated=found.mismatches_truncated or len(gaps) > 64,
    )
