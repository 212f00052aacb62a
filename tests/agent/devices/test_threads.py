"""A thread of the daemon that ends is begun again and said, or the daemon ends loudly: none is gone in silence."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.bench.events import DeviceFault
from agent.devices.control import NotRunning
from agent.devices.threads import OWNED, Threads
from drivers import lasting
from drivers.lasting import TRIES
from tests.agent.daemon_bench import Daemon
from tests.agent.mosquitto import Mosquitto, wait_until
from tests.patience import SOON_S

KEPT = ("control", "watch-simulated", "device-dock.dock", "input-scanner", "uplink-courier")


class Mortal(Daemon):
    """A daemon whose threads can be ended by name."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        fifo = folder / "orders"
        os.mkfifo(fifo)
        self.program = (sys.executable, "-m", "tests.agent.mortal_daemon", str(fifo))
        self._orders = os.open(fifo, os.O_RDWR)

    def end(self, thread: str) -> None:
        """It meets an exception at its next step."""
        os.write(self._orders, f"{thread}\n".encode())

    def told(self) -> str:
        return self.log.read_text()

    def answers(self) -> bool:
        """Whether the control thread is at its work."""
        with contextlib.suppress(NotRunning):
            return bool(self.status())
        return False

    def wait_told(self, text: str, times: int = 1) -> None:
        """Until it says so; what the control thread waits for is made to happen again and again meanwhile."""

        def so() -> bool:
            with contextlib.suppress(NotRunning):  # the last try of a thread that is gone for good
                self.status()
            return self.told().count(text) >= times

        wait_until(so, text)

    def close(self) -> None:
        super().close()
        os.close(self._orders)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    made = Mortal(tmp_path)
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    made.mqtt(broker.port)
    made.start()
    yield made
    made.close()
    broker.kill()


def test_each_thread_that_ends_is_begun_again_and_an_alarm_says_so(mortal: Mortal) -> None:
    for number, thread in enumerate(KEPT, start=1):
        mortal.end(thread)
        mortal.make(f"S{number}", port="p1")  # work for all of them
        mortal.wait_told(f"thread {thread} ended before its time")
        mortal.wait_bay("A1", "finished", 60)
        assert "BW-A40" in mortal.told()
        assert f"device-thread-{thread}" in mortal.status()["alarms"]
        mortal.pull("p1")
        mortal.wait_bay("A1", "empty", 30)
    mortal.scan("BAY-A9")
    wait_until(lambda: mortal.told().count("benchwipe.effects:") > 0, "the scanner is heard")
    assert [c.record.outcome for c in mortal.certificates()] == ["erased"] * len(KEPT)
    assert mortal.command("status").returncode == 0


def test_a_thread_that_ends_again_and_again_ends_the_daemon_with_a_status_that_is_restarted(mortal: Mortal) -> None:
    for times in range(1, TRIES):
        mortal.end("control")
        mortal.wait_told("thread control ended before its time", times)
        wait_until(mortal.answers, "the thread is at its work again, where the next end can meet it")
    mortal.end("control")
    mortal.wait_told("thread control is gone")
    assert mortal.process is not None
    assert mortal.process.wait(30) == 1, "2 would keep systemd from starting it again"
    assert "thread control is gone (SystemExit), and the daemon ends with it. Report it" in mortal.told()
    assert "Traceback (most recent call last):" not in mortal.told().rpartition("has stopped")[2]


def test_any_other_thread_that_ends_by_an_exception_ends_the_daemon(mortal: Mortal) -> None:
    mortal.end("stranger")
    assert mortal.process is not None
    assert mortal.process.wait(30) == 1
    assert "thread stranger is gone (ValueError: invalid literal" in mortal.told()


@pytest.fixture
def threads() -> Iterator[tuple[Threads, list[DeviceFault], list[str]]]:
    """Who listens, the alarms, and the reasons to end."""
    faults: list[DeviceFault] = []
    ends: list[str] = []
    made, before = Threads(faults.append, ends.append), threading.excepthook
    made.listen()
    yield made, faults, ends
    lasting.listen(None)
    threading.excepthook = before


@pytest.mark.parametrize("name", OWNED)
def test_a_thread_whose_owner_goes_on_without_it_ends_nobody_else(
    threads: tuple[Threads, list[DeviceFault], list[str]], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    thread = threading.Thread(target=int, args=("x",), name=f"{name}1")
    thread.start()
    thread.join()
    assert threads[2] == []
    assert f"thread {name}1 ended by an exception" in caplog.text


def test_a_thread_that_is_not_vital_is_begun_again_for_ever(
    threads: tuple[Threads, list[DeviceFault], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "FIRST_PAUSE_S", 0.0)
    begun: list[int] = []
    thread = lasting.lasting("input-x", lambda: begun.append(1), over=lambda: len(begun) > 3 * TRIES, vital=False)
    thread.start()
    thread.join(SOON_S)
    assert len(begun) == 3 * TRIES + 1
    assert threads[2] == []
    assert {(fault.device, fault.code) for fault in threads[1]} == {("thread-input-x", "BW-A40")}


def test_a_vital_thread_that_returns_too_early_is_as_lost_as_one_that_breaks(
    threads: tuple[Threads, list[DeviceFault], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "FIRST_PAUSE_S", 0.0)
    thread = lasting.lasting("watch-x", lambda: None, over=lambda: False)
    thread.start()
    thread.join(SOON_S)
    assert not thread.is_alive()
    assert threads[0].problem is not None
    assert threads[2] == [str(threads[0].problem)]
    assert len(threads[1]) == TRIES - 1
