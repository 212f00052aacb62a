"""How long a command that cannot be asked may take: a drive that is cut short in its erasure is left locked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.certificates.outcome import Erased
from agent.commands.plan_lines import plan_lines
from agent.planning.plan import Plan, plan
from agent.planning.policy import Policy
from drivers.drives._simulated_port import SimulatedPort
from tests.agent.erase.firmware.rig import Bench


@pytest.mark.parametrize(("minutes", "hours"), [(2, 0.25 + 4 / 60), (508, 0.25 + 2 * 508 / 60), (510, 96), (0, 24)])
@pytest.mark.parametrize("technique", ["ata-secure-erase", "ata-secure-erase-enhanced"])
def test_erase_unit_has_twice_what_the_drive_says_and_four_days_where_it_says_more_than_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, technique: str, minutes: int, hours: float
) -> None:
    given: list[float] = []
    sends = SimulatedPort.ata

    def ata(port: SimulatedPort, task: Any, **facts: Any) -> Any:  # noqa: ANN401
        if task.command == 0xF4:
            given.append(facts["within"])
        return sends(port, task, **facts)

    monkeypatch.setattr(SimulatedPort, "ata", ata)
    assert isinstance(Bench.made(tmp_path, technique, erase_minutes=minutes).run(), Erased)
    assert given == [pytest.approx(hours * 3600)]


@pytest.mark.parametrize(("minutes", "says"), [(508, "takes: 508 minutes"), (510, "takes: more than 508 minutes")])
def test_the_plan_makes_no_number_of_what_is_more_than_the_drive_can_say(
    tmp_path: Path, minutes: int, says: str
) -> None:
    bench = Bench.made(tmp_path, "ata-secure-erase", erase_minutes=minutes)
    found = plan(bench.source.look("p1"), Policy(name="own", method="ata-secure-erase"))
    assert isinstance(found, Plan)
    assert any(says in line for line in plan_lines(found, fully=True))
