"""A drive without a thermometer is said once, and its certificate says that heat stopped nothing."""

from __future__ import annotations

import logging

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import sign
from agent.certificates.record import Health
from agent.erase.thermometer import Thermometer
from agent.views.certificate import HEAT_OFF, certificate_lines
from tests.agent.samples import record


def test_a_drive_that_tells_no_temperature_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="benchwipe.worker"):
        blind = Thermometer("/dev/sdb", lambda: {"power_cycles": 4}, {"power_cycles": 4})
        assert [blind() for _ in range(5)] == [None] * 5
    assert (blind.there, blind.protection) == (False, "off")
    assert [told.getMessage() for told in caplog.records] == ["/dev/sdb tells no temperature: heat protection is off"]


def test_one_that_tells_it_is_protected_also_while_it_sleeps() -> None:
    answers = iter([{"temperature_c": 41}, None])
    sighted = Thermometer("/dev/sdb", lambda: next(answers), {"temperature_c": 40})
    assert (sighted(), sighted(), sighted.protection) == (41, None, "on")


def test_the_certificate_says_that_protection_was_off() -> None:
    made = record()
    for protection in ("off", "on"):
        health = msgspec.convert({"before": {}, "after": {}, "heat_protection": protection}, Health)
        told = msgspec.structs.replace(made, drive=msgspec.structs.replace(made.drive, health=health))
        lines = "\n".join(certificate_lines(sign(told, Ed25519PrivateKey.generate())))
        assert (HEAT_OFF in lines) == (protection == "off")
