"""What a certificate must hold before it may say that a drive's own firmware erased it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import refuse_empty_claims, sign
from agent.certificates.jws import thumbprint
from agent.certificates.outcome import (
    NO_SENTINELS,
    NOT_VERIFIED,
    NOTHING_SAYS_SO,
    SENTINEL_SURVIVED,
    Erased,
    Failed,
    Work,
    conclude,
)
from agent.certificates.record import CommandRecord, Record, SentinelRecord, Verification
from agent.errors import CertificateProblem
from drivers.drives.drive import Writes
from drivers.drives.simulated import SimulatedDrive
from tests.agent.erase.firmware.rig import Bench
from tests.agent.samples import record

DONE = CommandRecord(name="sanitize status", bytes="85", status="completed without error", raw="72")
SENT = CommandRecord(name="SANITIZE block", bytes="85", status="accepted", raw="72")
CLEAN = SentinelRecord(count=2002)


def claim(commands: tuple[CommandRecord, ...], sentinels: SentinelRecord | None) -> Record:
    """A record that says so."""
    made = record()
    sanitization = msgspec.structs.replace(
        made.sanitization, technique="ata-sanitize-block", method="ata-sanitize-block", passes=(), commands=commands
    )
    verification = msgspec.structs.replace(made.verification, sentinels=sentinels)
    return msgspec.structs.replace(made, sanitization=sanitization, verification=verification)


def test_a_whole_claim_is_signed() -> None:
    key = Ed25519PrivateKey.generate()
    certificate = sign(claim((SENT, DONE), CLEAN), key)
    assert certificate.key_id == thumbprint(key.public_key())
    assert certificate.record.verification.sentinels == CLEAN


@pytest.mark.parametrize(
    ("commands", "sentinels", "problem"),
    [
        ((SENT,), CLEAN, "no command of the drive's firmware is completed"),
        ((SENT, DONE), None, "no sentinel was looked for"),
        ((SENT, DONE), SentinelRecord(count=0), "no sentinel was looked for"),
        ((SENT, DONE), SentinelRecord(count=2002, survived=1), "sentinels survived"),
        ((SENT, DONE), SentinelRecord(count=2002, unreadable=1), "could not be looked for"),
    ],
)
def test_less_is_refused(commands: tuple[CommandRecord, ...], sentinels: SentinelRecord, problem: str) -> None:
    with pytest.raises(CertificateProblem, match=problem):
        refuse_empty_claims(claim(commands, sentinels))


@pytest.mark.parametrize(
    ("commands", "sentinels", "reason"),
    [
        ((SENT,), CLEAN, NOTHING_SAYS_SO),
        ((SENT, DONE), None, NO_SENTINELS),
        ((SENT, DONE), SentinelRecord(count=2002, survived=1), SENTINEL_SURVIVED),
        ((SENT, DONE), SentinelRecord(count=2002, unreadable=1), NOT_VERIFIED),
        ((SENT, DONE), CLEAN, None),
    ],
)
def test_only_what_is_shown_is_concluded(
    commands: tuple[CommandRecord, ...], sentinels: SentinelRecord | None, reason: object
) -> None:
    read = Verification(kind="full", result="passed", bytes=1 << 20, sentinels=sentinels)
    work = Work(commands=commands, verification=read)
    found = conclude(work, capacity_bytes=1 << 20, passes_planned=0, by_firmware=True)
    assert found.reason == reason if isinstance(found, Failed) else reason is None
    assert isinstance(found, Erased) == (reason is None)


@pytest.mark.parametrize("technique", ["ata-sanitize-block", "nvme-format-user-data"])
def test_what_another_program_wrote_meanwhile_fails_it_and_is_no_reason_to_destroy_the_drive(
    technique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedDrive, "written", lambda _: Writes(ours=2002 * 512, seen=2002 * 512 + 4096))
    outcome = Bench.made(tmp_path, technique).run()
    assert isinstance(outcome, Failed)
    assert (outcome.reason.code, outcome.work.verification.result) == ("BW-E60", "passed")
    assert "Another program wrote 4096 bytes" in outcome.reason.text
