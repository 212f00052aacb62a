"""What the pages promise about their commands, without typing them."""

from __future__ import annotations

from tests.installing.pages import commands


def test_six_commands_lead_from_a_bare_system_to_a_first_drive_erased() -> None:
    typed = commands("install.md")
    assert len(typed) <= 6
    assert not [line for line in typed if any(joint in line for joint in ("&&", ";", "||", "|", "\\", "$("))]
    assert typed[-1].startswith("sudo benchwipe erase ")


def test_at_most_ten_commands_lead_from_a_bare_system_to_the_first_certificate_at_the_collector() -> None:
    typed = commands("collector.md", "From a bare Debian to the first certificate")
    assert len(typed) <= 10
    assert not [line for line in typed if any(joint in line for joint in ("&&", ";", "||", "|", "\\", "$("))]
