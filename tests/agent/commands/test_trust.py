"""Whom a station believes receipts: said by `check` and at the start, where it is the broker alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.keys import jwk_line
from tests.agent.commands.conftest import Call
from tests.agent.daemon_bench import Daemon
from tests.agent.mosquitto import free_port, wait_until

TRUSTS = "this station trusts the broker, and believes receipts that nobody signed"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """With a broker that is away."""
    made = Daemon(tmp_path)
    made.mqtt(free_port())
    yield made
    made.close()


def trust(daemon: Daemon, name: str) -> None:
    daemon.config.write_text(daemon.config.read_text() + f'collector_keys = ["{name}"]\n')


def test_without_a_collectors_key_check_and_the_daemon_say_that_they_trust_the_broker(
    daemon: Daemon, call: Call
) -> None:
    told = call("check", "--config", daemon.config)
    assert (told.status, told.err.count(TRUSTS)) == (0, 1)
    assert "benchwipe-collector key show" in told.err
    daemon.start()
    assert TRUSTS in daemon.log.read_text()


def test_with_one_they_say_nothing_of_it(daemon: Daemon, call: Call) -> None:
    (daemon.folder / "collector.jwk").write_text(jwk_line(Ed25519PrivateKey.generate().public_key()))
    trust(daemon, "collector.jwk")
    told = call("check", "--config", daemon.config)
    assert (told.status, TRUSTS in told.err) == (0, False)
    daemon.start()
    wait_until(lambda: "no connection to" in daemon.log.read_text(), "it runs")
    assert TRUSTS not in daemon.log.read_text()
    assert daemon.status()["uplink"]["receipts_ignored"] == 0


@pytest.mark.parametrize("data", [None, b"", b"[" * 9000, b'{"kty":"OKP"}'])
def test_a_key_that_cannot_be_read_is_a_problem_and_stops_the_start(
    daemon: Daemon, call: Call, data: bytes | None
) -> None:
    if data is not None:
        (daemon.folder / "collector.jwk").write_bytes(data)
    trust(daemon, "collector.jwk")
    for command in ("check", "run"):
        told = call(command, "--config", daemon.config)
        assert told.status == 2
        assert "collector.jwk" in told.err
