"""Intake and web are processes of their own: neither stops the other, each comes back, none outlives the parent."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.collector.conftest import Collector, StationClient, chain_of, free_port, runs, wait_for
from tests.patience import PROGRAM_S, SOON_S

HALF = {
    "headers": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
    "body": b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: benchwipe_csrf=" + b"a" * 32 + b"\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\nlogin=",
}
MANY = 1_100


@pytest.fixture
def half_sent(collector: Collector) -> Iterator[list[socket.socket]]:
    """Requests that never end: 1,100 of each kind."""
    found: list[socket.socket] = []
    try:
        yield found
    finally:
        for one in found:
            one.close()


@pytest.mark.parametrize("kind", HALF)
def test_half_sent_requests_stop_neither_a_receipt_nor_a_page(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey, half_sent: list[socket.socket], kind: str
) -> None:
    """1,015 of them stopped every receipt when pages and intake shared a process."""
    collector.enrol("bench-01", key)
    for _ in range(MANY):
        half_sent.append(socket.create_connection(("127.0.0.1", collector.port), timeout=SOON_S))
        half_sent[-1].sendall(HALF[kind])
    certificates = chain_of(key, 5)
    for one in certificates:
        station.deliver(one)
        assert station.wait(one.id)[0].result == "stored"
        assert collector.page("/certificates").status_code == 200
    assert len(collector.children()) == 3
    assert "is started again" not in collector.log


def test_a_request_that_stays_half_sent_is_closed(collector: Collector) -> None:
    with socket.create_connection(("127.0.0.1", collector.port), timeout=PROGRAM_S) as half:
        half.sendall(HALF["headers"])
        half.settimeout(90)  # collector.web_process.HALF_SENT_S is 20
        while half.recv(4096):
            pass


@pytest.mark.parametrize("part", ["intake", "web", "worker"])
def test_a_part_that_is_killed_is_started_again_and_nothing_is_lost(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey, part: str
) -> None:
    collector.enrol("bench-01", key)
    first, second = chain_of(key, 2)
    station.deliver(first)
    station.wait(first.id)
    before = collector.child(part)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: collector.child(part) not in (0, before), what="another one runs")
    station.until_receipt(second)
    wait_for(collector.is_healthy)
    assert collector.ids() == {first.id, second.id}
    assert f"the {part} was killed by signal 9; it is started again" in collector.log


def test_the_parts_end_with_their_parent_however_it_ends(collector: Collector) -> None:
    children = collector.children()
    assert len(children) == 3
    assert collector.process is not None
    collector.process.kill()
    collector.process.wait()
    wait_for(lambda: not any(runs(one) for one in children), what="no part is left behind")


def test_each_part_has_its_own_limits(collector: Collector) -> None:
    for part, files in (("intake", 256), ("web", 8192), ("worker", 256)):
        told = Path(f"/proc/{collector.child(part)}/limits").read_text()
        limits = {line[:26].strip(): line[26:].split()[0] for line in told.splitlines()[1:]}
        hard = int(next(line for line in told.splitlines() if line.startswith("Max open files"))[26:].split()[1])
        assert int(limits["Max open files"]) == min(files, hard)
        assert limits["Max address space"] != "unlimited"


def test_what_was_sent_without_a_wish_for_delivery_is_no_certificate(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    first, second = chain_of(key, 2)
    station.client.publish(f"er/1/bench-01/cert/{first.id}", first.compact, qos=0)
    station.deliver(second)
    assert station.wait(second.id)[0].result == "stored"
    assert first.id not in station.receipts
    assert collector.ids() == {second.id}


# A bare machine


def bare(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "collector.cli", *words]


@pytest.mark.skipif(Path("/etc/benchwipe/collector.toml").exists(), reason="this machine has a collector of its own")
def test_a_bare_machine_gets_a_collector_and_one_link_for_its_first_administrator(tmp_path: Path) -> None:
    state, port = tmp_path / "state", free_port()
    environment = {**os.environ, "STATE_DIRECTORY": str(state)}
    with (tmp_path / "log").open("wb") as log:
        command = bare(tmp_path, "serve", "--listen", f"127.0.0.1:{port}")
        process = subprocess.Popen(command, env=environment, stderr=log, stdout=log, stdin=subprocess.DEVNULL)
    try:
        file = state / "first-administrator.link"
        wait_for(lambda: file.exists() and file.read_text().endswith("\n"), PROGRAM_S, "the link is made")
        said = (tmp_path / "log").read_text()
        assert f"The data lie in {state}" in said
        assert str(file) in said
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        link = file.read_text().strip()
        assert link not in said
        assert link.startswith(f"http://127.0.0.1:{port}/welcome/")
        with httpx.Client(timeout=PROGRAM_S) as browser:
            told = {
                "organisation": "Special Minds",
                "name": "Ida",
                "login": "ida",
                "password": "a long enough password",
            }
            token = browser.get(link).text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            assert browser.post(link, data={**told, "csrfmiddlewaretoken": token}).status_code == 302
            assert browser.get(f"http://127.0.0.1:{port}/certificates").status_code == 200
        assert httpx.get(link).status_code == 410, "it is used once"
        listed = subprocess.run(
            bare(tmp_path, "person", "list"), env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        assert listed.stdout == "ida: Ida: administrator (Special Minds)\n"
        assert "no such table" not in (tmp_path / "log").read_text(), "a part looked before the database was made"
    finally:
        process.terminate()
        assert process.wait(SOON_S) == 0
