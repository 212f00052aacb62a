"""What a controller may say, and what is believed of it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws as joserfc_jws
from joserfc.jwk import OKPKey

from agent.certificates import jws
from agent.certificates.certificate import TYPE as CERTIFICATE
from agent.certificates.jws import thumbprint
from agent.uplink import controller_command

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}
TOPIC = "er/1/bench-07/cmd/cancel/c1"


def command(
    key: Ed25519PrivateKey = KEY,
    *,
    topic: str = TOPIC,
    typ: str = controller_command.TYPE,
    job: str = "J1",
    minutes: float = 5,
    rev: int | None = None,
    more: dict[str, Any] | None = None,
    **after: Any,  # noqa: ANN401 - any field, changed after signing
) -> bytes:
    """A command as a controller sends it."""
    now = datetime.now(UTC)
    said = {
        "args": {"job": job, **(more or {})},
        "issued": now.isoformat(),
        "not_after": (now + timedelta(minutes=minutes)).isoformat(),
        "expected_rev": rev,
    }
    sig = jws.sign(json.dumps({"topic": topic, **said}).encode(), key, typ=typ).decode()
    return json.dumps({**said, "sig": sig, **after}).encode()


def test_a_signed_command_is_read() -> None:
    assert controller_command.read(TOPIC, command(rev=7), KEYS).expected_rev == 7


def test_any_jose_library_makes_one() -> None:
    said = {"args": {"job": "J1"}, "issued": "2026-11-25T20:00:00Z", "not_after": "2026-11-25T21:00:00Z"}
    secret = base64.urlsafe_b64encode(KEY.private_bytes_raw()).rstrip(b"=").decode()
    key = OKPKey.import_key({**jws.public_jwk(KEY.public_key()), "d": secret})
    header = {"alg": "EdDSA", "typ": controller_command.TYPE, "kid": thumbprint(KEY.public_key())}
    signed = json.dumps({"topic": TOPIC, **said})
    sig = joserfc_jws.serialize_compact(header, signed, key, algorithms=["EdDSA"])
    assert controller_command.read(TOPIC, json.dumps({**said, "sig": sig}).encode(), KEYS).args == {"job": "J1"}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "not a command"),
        (b"\xff", "not a command"),
        (b"[" * 50_000, "not a command"),
        (b'{"args":{},"issued":"","not_after":""}', "not a command"),
        (command(STRANGER), "unknown key"),
        (command(typ=CERTIFICATE), "typ"),
        (command(topic=TOPIC.replace("bench-07", "bench-08")), "another command"),
        (command(topic=TOPIC.replace("c1", "c2")), "another command"),
        (command(topic=TOPIC.replace("cancel", "erase")), "another command"),
        (command(sig="x.y.z"), "sig"),
        (command(args={"job": "J2"}), "another command"),
        (command(not_after="2099-01-01T00:00:00Z"), "another command"),
        (command(expected_rev=9), "another command"),
    ],
)
def test_whatever_is_not_exactly_what_was_signed_is_refused(payload: bytes, why: str) -> None:
    with pytest.raises(controller_command.CommandProblem, match=why):
        controller_command.read(TOPIC, payload, KEYS)


def test_a_station_without_controller_keys_obeys_nobody() -> None:
    with pytest.raises(controller_command.CommandProblem, match="trusts no controller"):
        controller_command.read(TOPIC, command(), {})


def test_a_command_ends_at_its_not_after() -> None:
    read = controller_command.read(TOPIC, command(minutes=5), KEYS)
    assert not controller_command.expired(read, datetime.now(UTC))
    assert controller_command.expired(read, datetime.now(UTC) + timedelta(minutes=6))


@pytest.mark.parametrize("moment", ["", "soon", "2026-11-25T21:00:00"])
def test_a_not_after_that_is_no_moment_is_refused(moment: str) -> None:
    said: dict[str, Any] = {"args": {}, "issued": "", "not_after": moment, "expected_rev": None}
    sig = jws.sign(json.dumps({"topic": TOPIC, **said}).encode(), KEY, typ=controller_command.TYPE).decode()
    read = controller_command.read(TOPIC, json.dumps({**said, "sig": sig}).encode(), KEYS)
    with pytest.raises(controller_command.CommandProblem, match="RFC 3339"):
        controller_command.expired(read, datetime.now(UTC))
