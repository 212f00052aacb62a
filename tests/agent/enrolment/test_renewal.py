"""When a certificate is renewed, and what a person hears where that fails."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from agent.certificates import keys
from agent.certificates.record import Clock
from agent.enrolment import renewal
from agent.enrolment.collector_tls import key_hash
from agent.enrolment.enrol import pem, tls_key
from agent.enrolment.facts import FACTS, EnrolmentFacts, read_facts
from agent.enrolment.folder import held, renew_after
from agent.enrolment.renewal import Renewal, due
from tests.agent.mosquitto import wait_until

NOW = datetime.now(UTC)


def facts(*, renew_in: float, ends_in: float) -> EnrolmentFacts:
    moments = [(NOW + timedelta(days=days)).isoformat() for days in (renew_in, ends_in)]
    return EnrolmentFacts(
        url="https://127.0.0.1:1",
        station="b",
        authority="0" * 64,
        by_system=False,
        renew_after=moments[0],
        ends=moments[1],
    )


def clock_is(monkeypatch: pytest.MonkeyPatch, *, synchronised: bool) -> None:
    told = Clock(source="x", synchronised=synchronised, boot_id="b", monotonic_ms=1)
    monkeypatch.setattr(renewal, "clock", lambda: told)


def test_ninety_days_are_renewed_at_sixty() -> None:
    assert renew_after(NOW, NOW + timedelta(days=90)) == NOW + timedelta(days=60)
    assert renew_after(NOW, NOW + timedelta(days=3)) == NOW + timedelta(days=2)


def test_it_is_due_on_its_day_and_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_is(monkeypatch, synchronised=True)
    assert not due(facts(renew_in=1, ends_in=31), connected=False)
    assert due(facts(renew_in=-1, ends_in=29), connected=True)
    assert due(facts(renew_in=-90, ends_in=-60), connected=False)


def test_where_no_clock_says_which_day_it_is_a_closed_door_makes_it_due(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_is(monkeypatch, synchronised=False)
    assert due(facts(renew_in=400, ends_in=430), connected=False)
    assert not due(facts(renew_in=400, ends_in=430), connected=True)


@pytest.mark.parametrize(("ends_in", "told"), [(10, True), (-10, True), (29, False)])
def test_a_failure_becomes_an_alarm_two_weeks_before_the_end(tmp_path: Path, ends_in: float, told: bool) -> None:
    """The real program is started, and finds no collector."""
    (tmp_path / FACTS).write_bytes(msgspec.json.encode(facts(renew_in=-1, ends_in=ends_in)))
    assert read_facts(tmp_path) is not None
    heard: list[str | None] = []
    tries: list[bool] = []

    def connected() -> bool:
        tries.append(True)
        return True

    made = Renewal(tmp_path, tmp_path, connected=connected, trouble=heard.append, first_s=0.0, look_s=0.2)
    made.start()
    wait_until(lambda: len(tries) > 1, "it tried, and looked again")
    made.stop()
    assert bool(heard) is told
    assert all("could not be renewed" in str(text) for text in heard)


@pytest.mark.parametrize("written", [b"", b"\xff", b'{"url": "https', b"soon", b"2026-12-01"])
def test_what_it_must_know_and_cannot_read_is_an_alarm(tmp_path: Path, written: bytes) -> None:
    """A power cut or a hand left the file half, or with days that are none."""
    whole = msgspec.json.encode(facts(renew_in=-1, ends_in=29))
    if written in (b"soon", b"2026-12-01"):
        written = msgspec.json.encode({**msgspec.json.decode(whole), "renew_after": written.decode()})
    (tmp_path / FACTS).write_bytes(written)
    heard: list[str | None] = []
    made = Renewal(tmp_path, tmp_path, connected=lambda: True, trouble=heard.append, first_s=0.0, look_s=0.2)
    made.start()
    wait_until(lambda: bool(heard), "it is said")
    made.stop()
    assert str(heard[0]).startswith(f"{tmp_path / FACTS} cannot be read")


@pytest.mark.parametrize(
    ("name", "left"),
    [("ca.crt", b""), ("ca.crt", b"half"), ("ca.crt", b"\xff"), ("station.key", b""), ("station", b"")],
)
def test_a_half_written_enrolment_is_one_line_of_the_program(tmp_path: Path, name: str, left: bytes) -> None:
    """It names the file; an empty authority is not the whole world's list of them."""
    state = tmp_path / "state"
    keys.load_or_make(state)
    connection = tls_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])
    built = x509.CertificateBuilder(subject, subject, connection.public_key(), 1, NOW, NOW + timedelta(days=9))
    certificate = built.sign(connection, hashes.SHA256())
    told = msgspec.structs.replace(facts(renew_in=-1, ends_in=9), authority=key_hash(certificate))
    if name == "station":
        told = msgspec.structs.replace(told, station="")
    (tmp_path / FACTS).write_bytes(msgspec.json.encode(told))
    (tmp_path / "ca.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "station.key").write_bytes(pem(connection))
    if name != "station":
        (tmp_path / name).write_bytes(left)
    command = [sys.executable, "-m", "agent.enrolment.renew", str(tmp_path), str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert name == "station" or done.stderr.startswith(f"{tmp_path / name}: not what an enrolment wrote")


def test_the_service_comes_through_to_an_enrolment_that_a_careful_root_made(tmp_path: Path) -> None:
    """An umask of 077 would close the folder to it."""
    before = os.umask(0o077)
    try:
        with held(tmp_path) as place:
            assert stat.S_IMODE(place.stat().st_mode) == 0o755
    finally:
        os.umask(before)
    place.chmod(0o750)
    with held(tmp_path):
        assert stat.S_IMODE(place.stat().st_mode) == 0o750, "what a person narrowed stays so"
