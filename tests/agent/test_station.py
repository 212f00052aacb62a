"""What surrounds the engine: device threads, alarms that end, systemd's socket, the lock on the state folder."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import state_folder
from agent.bench.alarms import AlarmBoard, critical, warning
from agent.bench.events import DeviceFault
from agent.devices.device_thread import QUEUE_BOUND, DeviceThread
from agent.devices.notify import Notifier
from agent.messages import Alarm
from drivers.deadline import Deadline
from drivers.errors import DeviceSilent
from tests.agent.mosquitto import wait_until
from tests.patience import SOON_S


@pytest.fixture
def faults() -> list[DeviceFault]:
    """What the device's thread told."""
    return []


@pytest.fixture
def device(faults: list[DeviceFault]) -> Iterator[DeviceThread]:
    """A device of its own."""
    made = DeviceThread("dock", faults.append)
    yield made
    made.close(Deadline(SOON_S))


def holding(until: threading.Event) -> None:
    """A call that takes its time."""
    until.wait(SOON_S)


def test_a_fault_is_told_once_and_again_when_it_is_over(device: DeviceThread, faults: list[DeviceFault]) -> None:
    def silent() -> None:
        raise DeviceSilent(device="dock", seconds=2)

    def defect() -> None:
        raise KeyError("x")

    for call in (silent, lambda: None, defect, lambda: None, lambda: None):
        device.call(call)
    assert device.close(Deadline(SOON_S))
    assert [(fault.code, fault.text is None) for fault in faults] == [
        ("BW-D05", False),
        ("BW-D00", True),
        ("BW-D99", False),
        ("BW-D00", True),
    ]


def test_of_calls_with_a_key_only_the_last_is_carried_out_and_none_is_dropped(device: DeviceThread) -> None:
    hold, done = threading.Event(), []
    device.call(lambda: holding(hold))
    for number in range(QUEUE_BOUND * 2):
        assert device.call(lambda number=number: done.append(number), key="light")  # type: ignore[misc]
    while device.call(lambda: None):
        pass
    assert device.call(lambda: done.append(-1), key="power")  # a power cut is never dropped
    hold.set()
    wait_until(lambda: len(done) == 2, "both")
    assert done == [QUEUE_BOUND * 2 - 1, -1]


def test_a_device_that_hangs_is_left_behind(device: DeviceThread) -> None:
    hold = threading.Event()
    device.call(lambda: holding(hold))
    assert not device.close(Deadline(0.2))
    hold.set()


def test_alarms_of_an_earlier_run_are_taken_back_and_the_same_is_raised_once(tmp_path: Path) -> None:
    told: list[tuple[str, Alarm | None]] = []
    first = AlarmBoard(tmp_path, lambda name, alarm: told.append((name, alarm)))
    raised = critical("BW-A04", "disk full")
    first.set("ledger", raised)
    first.set("ledger", critical("BW-A04", "disk full"))
    first.set("dock", warning("BW-D05", "silent"))
    first.set("dock", None)
    first.set("never", None)
    assert [name for name, _ in told] == ["ledger", "dock", "dock"]
    assert first.standing == {"ledger": raised}
    told.clear()
    second = AlarmBoard(tmp_path, lambda name, alarm: told.append((name, alarm)))
    second.take_back()
    assert told == [("ledger", None)]
    assert json.loads((tmp_path / "alarms.json").read_text()) == ["ledger"]


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_and_its_absence_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    name = f"@benchwipe-test-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    Notifier().ready("nobody listens")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.settimeout(5)
        notifier = Notifier()
        notifier.ready("4 bays")
        notifier.beat()
        notifier.beat()  # only every ten seconds
        notifier.stopping()
        heard = [manager.recv(999).decode() for _ in range(3)]
    assert heard == ["READY=1\nSTATUS=4 bays", "WATCHDOG=1", "STOPPING=1"]


def test_without_a_watchdog_nothing_is_fed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.setblocking(False)
        Notifier().beat()
        with pytest.raises(BlockingIOError):
            manager.recv(99)


def test_a_state_folder_has_one_daemon(tmp_path: Path) -> None:
    import os

    held = state_folder.hold(tmp_path)
    with pytest.raises(state_folder.AlreadyRunning, match="another benchwipe daemon runs on"):
        state_folder.hold(tmp_path)
    os.close(held)
    os.close(state_folder.hold(tmp_path))
