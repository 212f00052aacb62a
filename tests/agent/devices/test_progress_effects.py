"""What of a drive's progress leaves the station."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec

from agent.bench.inbox import Inbox
from agent.devices.equipment import open_equipment
from agent.devices.notify import Notifier
from agent.devices.station_effects import StationEffects
from agent.erase import Progress
from agent.jobs.bay import Bay, BayState
from agent.jobs.new_job import new_job
from agent.messages import BayProgressMessage
from agent.settings import parse
from tests.agent.engine_rig import drive


class Uplink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[BayProgressMessage] = []

    def progress(self, message: BayProgressMessage) -> None:
        self.sent.append(message)


def test_a_command_that_tells_no_progress_sends_none(tmp_path: Path) -> None:
    settings = parse({"bay": [{"name": "A1", "port": "p1"}]}, where="test")
    uplink = Uplink()
    effects = StationEffects(
        settings, open_equipment(settings), Inbox(), Notifier(), tmp_path, uplink=cast(Any, uplink)
    )
    at = Progress(job="j", phase="firmware", pass_number=1, passes=1, bytes_done=25, bytes_total=100, mb_per_s=0)
    bay = Bay(name="A1", state=BayState.ERASING, drive=drive(), job=new_job(drive()), progress=at)
    effects.progressed(bay)
    effects.progressed(replace(bay, progress=msgspec.structs.replace(at, works_s=3.0)))
    effects.close(5.0)
    assert [message.bytes_done for message in uplink.sent] == [25]
