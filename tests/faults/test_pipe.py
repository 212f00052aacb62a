"""Real loop devices behind one throttled pipe: by their bus all are erased, and the pipe is used both ways at once."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest

from agent.certificates.outcome import Erased, Outcome
from agent.erase import EraseSpec, Progress, bus
from agent.erase.engine import erase
from agent.erase.signals import Stop
from drivers.drives.base import OpenDrive
from drivers.drives.block import BlockDrive, open_device
from tests.faults.pipe import throttled
from tests.faults.rig import missing
from tests.patience import SOON_S

MIB = 1 << 20
SIZE = 24 * MIB

# What a bus carries is measured here, and that takes a machine that is otherwise quiet.
pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.skipif(not os.environ.get("BENCHWIPE_PROVE"), reason="run `make prove-faults`"),
]


def test_drives_behind_one_pipe_are_erased_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "SETTLE_S", 0.2)
    monkeypatch.setattr(bus, "WINDOW_S", 0.4)
    monkeypatch.setattr(bus, "REQUESTS", 8)
    outcomes: list[Outcome] = []
    phases: dict[str, str] = {}
    both_ways = threading.Event()

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            phases[event.job] = event.phase
            if {"pass", "verify"} <= {*phases.values()} and event.phase == "verify" and event.bytes_done > SIZE // 2:
                both_ways.set()

    def work(drive: OpenDrive) -> None:
        spec = EraseSpec(job=drive.drive.device, method="one", drives_at_once=4, skip_proof=True)
        outcomes.append(erase(drive, spec, emit, Stop()))

    with throttled(4, SIZE, 16.0) as devices, ExitStack() as held:
        held.enter_context(mock.patch.object(BlockDrive, "bus", "the pipe"))
        drives = [held.enter_context(open_device(device)) for device in devices]
        threads = [threading.Thread(target=work, args=(drive,)) for drive in drives]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON_S)
        assert [type(outcome) for outcome in outcomes] == [Erased] * 4
        assert all(Path(device).read_bytes() == b"\xff" * SIZE for device in devices)
    assert both_ways.is_set(), "no drive was half read back while another wrote"
