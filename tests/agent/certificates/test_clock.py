"""Times that a certificate can carry, and how far they can be trusted."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.certificates import clock as module
from agent.certificates.clock import clock, source_of, utc_now
from firmware_bridge.kernel_clock import ClockState, clock_state
from tests.patience import PROGRAM_S


def test_now_is_utc_with_milliseconds() -> None:
    now = utc_now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now)
    assert abs(datetime.fromisoformat(now) - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_clock_names_this_boot_and_its_monotonic_time_grows() -> None:
    first, second = clock(), clock()
    assert first.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert first.monotonic_ms <= second.monotonic_ms


@pytest.mark.parametrize(
    ("synchronised", "disciplined", "source"),
    [(True, True, "ntp"), (True, False, "kernel"), (False, True, "unsynchronised"), (False, False, "unsynchronised")],
)
def test_only_a_synchronised_clock_has_a_source(synchronised: bool, disciplined: bool, source: str) -> None:
    state = ClockState(synchronised=synchronised, disciplined=disciplined, maximum_error_us=1, estimated_error_us=1)
    assert source_of(state) == source


def test_a_kernel_that_does_not_answer_vouches_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> ClockState:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module, "clock_state", refuse)
    assert (clock().source, clock().synchronised) == ("unknown", False)


@pytest.mark.parametrize("answer", [b"", b"{}", b"[" * 4096, b'{"synchronised": "yes"}\n', b"\xff\n"])
def test_a_helper_that_answers_nonsense_vouches_for_nothing(
    answer: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BENCHWIPE_CLOCK_SOCKET", str(tmp_path / "clock.sock"))
    assert clock().source == "unknown"  # nobody is there
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "clock.sock"))
        listening.listen()
        threading.Thread(target=lambda: _say(listening, answer), daemon=True).start()
        assert (clock().source, clock().synchronised) == ("unknown", False)


def _say(listening: socket.socket, answer: bytes) -> None:
    connection, _ = listening.accept()
    listening.close()
    with connection:
        connection.sendall(answer)


def test_the_program_of_the_helper_unit_says_what_the_kernel_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent.certificates.clock_program"],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        timeout=PROGRAM_S,
        check=True,
    )
    told, own = msgspec.json.decode(done.stdout, type=ClockState), clock_state()
    assert (told.synchronised, told.disciplined) == (own.synchronised, own.disciplined)


def test_the_program_of_the_helper_unit_ends_without_a_word_where_nobody_waits_for_its_answer() -> None:
    ours, asked = socket.socketpair()
    ours.close()
    with asked:
        done = subprocess.run(
            [sys.executable, "-m", "agent.certificates.clock_program"],
            cwd=Path(__file__).resolve().parents[3],
            stdout=asked.fileno(),
            stderr=subprocess.PIPE,
            timeout=PROGRAM_S,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
