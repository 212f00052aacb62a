"""What `benchwipe drives` says of a drive's firmware."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.commands.work.drives import DriveRow, drive_table
from agent.planning.plan import Plan, offered, plan
from agent.planning.policy import NIST_PURGE
from drivers.drives.drive import Capabilities, Drive, HiddenArea
from tests.agent.engine_rig import drive


def row(who: Drive) -> DriveRow:
    made = plan(who, NIST_PURGE)
    facts: dict[str, Any] = {name: getattr(who, name, None) for name in DriveRow.__struct_fields__}
    facts |= {"bay": "A1", "erasable": isinstance(made, Plan), "reason": None, "techniques": offered(who)}
    facts["plan"] = made if isinstance(made, Plan) else None
    return DriveRow(**facts)


def test_kind_state_hidden_area_and_every_technique_stand_below_the_drive() -> None:
    who = drive(
        transport="ata",
        media="hdd",
        hidden_area=HiddenArea(kind="hpa", bytes=4096),
        capabilities=Capabilities(
            sanitize=("crypto",), security_supported=True, security_frozen=True, trusted_commands=True
        ),
    )
    text = "\n".join(drive_table([row(who)]))
    for said in (
        "ata hdd",
        "hidden area: hpa, 4096 bytes",
        "firmware: sanitize crypto, self-encryption commands, security erase, frozen",
        "ata-sanitize-crypto: purge",
        "ata-secure-erase: not possible: its security is frozen",
        "ata-sanitize-block: not possible: it has no sanitize block erase",
    ):
        assert said in text


def test_a_silent_drive_is_shown_as_such_and_offers_nothing() -> None:
    who = drive(transport="usb", silent=True, capabilities=Capabilities(sanitize=("crypto",), security_supported=True))
    text = "\n".join(drive_table([row(who)]))
    assert "asked, and did not answer in time: what it hides is not known" in text
    assert "ata-sanitize-crypto: not possible: its firmware was asked, and did not answer in time" in text
    assert msgspec.json.decode(msgspec.json.encode(row(who)))["silent"] is True


def test_a_drive_whose_firmware_was_not_asked_has_one_line() -> None:
    assert len(drive_table([row(drive(transport="loop"))])) == 2
