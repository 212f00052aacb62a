"""A drive without a thermometer is said once, and its certificate says that heat stopped nothing."""

from __future__ import annotations

import logging

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import sign
from agent.certificates.record import Health
from agent.erase import Limits
from agent.erase.thermometer import Thermometer
from agent.views.certificate import HEAT_OFF, certificate_lines
from drivers.drives.drive import Drive
from tests.agent.samples import record

DISK = Drive(device="/dev/sdb", capacity_bytes=1 << 20, media="hdd")


def test_a_drive_that_tells_no_temperature_is_said_once_and_asked_again_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[int] = []

    def ask() -> dict[str, int]:
        asked.append(1)
        return {"power_cycles": 4}

    with caplog.at_level(logging.WARNING, logger="benchwipe.worker"):
        blind = Thermometer(DISK, ask, {"power_cycles": 4}, Limits())
        assert [blind() for _ in range(100)] == [None] * 100
    assert (blind.there, blind.protection) == (False, "off")
    assert [told.getMessage() for told in caplog.records] == [
        f"{DISK.device} tells no temperature: heat protection is off"
    ]
    assert len(asked) == 3 + 100 // 30  # soon, then every five minutes


def test_one_that_tells_it_is_protected_also_while_it_sleeps() -> None:
    answers = iter([{"temperature_c": 41}, None])
    sighted = Thermometer(DISK, lambda: next(answers), {"temperature_c": 40}, Limits())
    assert (sighted(), sighted(), sighted.protection) == (41, None, "on")


@pytest.mark.parametrize("before", [None, {"power_cycles": 4}])
def test_one_that_slept_at_the_first_question_is_protected_by_its_own_limits_once_it_wakes(
    before: dict[str, int] | None, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([None, {"temperature_c": 41, "temperature_limit_c": 50}])
    woken = Thermometer(DISK, lambda: next(answers), before, Limits())
    assert ([woken(), woken()], woken.limits.pause_at_c) == ([None, None], 60)
    assert (woken(), woken.limits.pause_at_c, woken.protection) == (41, 50, "on")
    assert "heat protection is on" in caplog.text


def test_one_whose_health_nobody_can_ask_claims_nothing() -> None:
    assert Thermometer(DISK, lambda: None, None, Limits()).protection is None


def test_the_certificate_says_that_protection_was_off() -> None:
    made = record()
    for protection in ("off", "on"):
        health = msgspec.convert({"before": {}, "after": {}, "heat_protection": protection}, Health)
        told = msgspec.structs.replace(made, drive=msgspec.structs.replace(made.drive, health=health))
        lines = "\n".join(certificate_lines(sign(told, Ed25519PrivateKey.generate())))
        assert (HEAT_OFF in lines) == (protection == "off")
