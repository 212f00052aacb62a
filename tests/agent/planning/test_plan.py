"""What will be done to a drive, and what will not: never a lower level than was asked for."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from agent.certificates.outcome import Reason
from agent.commands.plan_lines import plan_lines
from agent.erase import METHODS
from agent.erase.techniques import FIRMWARE_TECHNIQUES
from agent.planning.plan import Plan, known_methods, plan
from agent.planning.policy import NIST_CLEAR, NIST_PURGE, Policy
from drivers.drives.drive import Capabilities, HiddenArea, HiddenKind, Media
from tests.agent.engine_rig import CAPACITY, drive


@pytest.mark.parametrize(
    ("media", "method"),
    [("hdd", "zero"), ("ssd", "zero"), ("nvme", "zero"), ("unknown", "zero"), ("flash", "pattern-complement")],
)
def test_clear_is_one_pass_of_zeros_and_two_on_removable_flash(media: Media, method: str) -> None:
    found = plan(drive(media=media), NIST_CLEAR)
    assert isinstance(found, Plan)
    assert (found.method, found.level, found.passes) == (method, "clear", len(METHODS[method].passes))
    assert bool(found.not_reached) == (media in ("ssd", "nvme", "flash"))


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_overwrite_method_by_name_is_a_plan_with_its_passes_at_clear(method: str) -> None:
    found = plan(drive(), Policy(name="own", method=method))
    assert isinstance(found, Plan)
    assert (found.method, found.passes, found.level) == (method, len(METHODS[method].passes), "clear")


@pytest.mark.parametrize("transport", ["sas", "nvme", "ata", "usb"])
def test_a_plan_says_how_the_capacity_is_proved_and_where_the_policy_skips_that(transport: str) -> None:
    found = plan(drive(transport=transport), Policy(name="own", skip_capacity_proof=("sas", "nvme")))
    assert isinstance(found, Plan)
    assert found.capacity_proof is not None
    if transport in ("sas", "nvme"):
        assert found.capacity_proof.skipped == f"the policy skips it for drives on {transport}"
        assert f"    capacity: not proved: {found.capacity_proof.skipped}" in plan_lines(found, fully=False)
    else:
        assert found.capacity_proof.skipped is None
        assert found.capacity_proof.places > 100
        assert 0 < found.capacity_proof.bytes < CAPACITY / 2
        assert any("capacity: proved first" in line for line in plan_lines(found, fully=True))


@pytest.mark.parametrize("method", ["no-such-method", ""])
def test_an_unknown_method_is_no_plan_and_says_which_are_known(method: str) -> None:
    found = plan(drive(), Policy(name="own", method=method))
    assert isinstance(found, Reason)
    assert "nist-clear" in found.hint


@pytest.mark.parametrize("policy", [NIST_PURGE, *(Policy(name=t, method=t) for t in FIRMWARE_TECHNIQUES)])
def test_what_a_simulated_drive_cannot_do_never_falls_to_a_lower_level(policy: Policy) -> None:
    found = plan(drive(transport="simulated"), policy)
    assert isinstance(found, Reason)
    assert found.hint


@pytest.mark.parametrize(
    "hiding",
    [{"native_capacity_bytes": CAPACITY + 4096}, {"hidden_area": HiddenArea(kind="hpa", bytes=4096)}],
)
def test_a_hidden_area_is_no_plan_unless_the_policy_accepts_it(hiding: dict[str, Any]) -> None:
    refused = plan(drive(**hiding), NIST_CLEAR)
    assert isinstance(refused, Reason)
    assert "4096 bytes" in refused.text
    accepted = plan(drive(**hiding), Policy(name="own", hidden_area="accept"))
    assert isinstance(accepted, Plan)
    assert "4096 bytes of hidden area" in accepted.not_reached


ATA = Capabilities(sanitize=("block", "crypto"), security_supported=True, enhanced_erase=True, secure_erase_minutes=40)
SPINNING = msgspec.structs.replace(ATA, sanitize=("crypto", "overwrite"), enhanced_erase_minutes=44)
NVME = Capabilities(sanitize=("crypto",), format=True, namespaces=2)


def planned(policy: Policy, *, power: bool = False, **facts: Any) -> Plan:  # noqa: ANN401 - fields of Drive
    found = plan(drive(**facts), policy, power=power)
    assert isinstance(found, Plan), found
    return found


@pytest.mark.parametrize(
    ("media", "can", "best"),
    [
        ("ssd", ATA, "ata-sanitize-block"),
        ("hdd", SPINNING, "ata-sanitize-overwrite"),
        ("hdd", msgspec.structs.replace(SPINNING, sanitize=("crypto",)), "ata-secure-erase-enhanced"),
        ("ssd", msgspec.structs.replace(ATA, sanitize=("crypto",)), "ata-sanitize-crypto"),
        ("nvme", NVME, "nvme-sanitize-crypto"),
        ("ssd", Capabilities(sanitize=("overwrite", "block", "crypto")), "scsi-sanitize-block"),
    ],
)
def test_purge_takes_the_best_that_the_drive_has_and_lists_the_others_in_order(
    media: Media, can: Capabilities, best: str
) -> None:
    found = planned(NIST_PURGE, media=media, capabilities=can)
    assert (found.technique, found.method, found.level, found.asked_level) == (best, best, "purge", "purge")
    assert best not in {other.technique for other in found.alternatives}
    assert "overwrite" in {other.technique for other in found.alternatives if other.possible}
    possible = [other.possible for other in found.alternatives]
    assert possible == sorted(possible, reverse=True)
    assert all(other.why for other in found.alternatives)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"transport": "usb"}, "bridge"),
        ({"transport": "usb", "media": "flash"}, "sticks and cards"),
        ({"media": "ssd", "capabilities": msgspec.structs.replace(ATA, sanitize=())}, "it has no sanitize block erase"),
        ({"media": "nvme", "capabilities": msgspec.structs.replace(NVME, sanitize=())}, "certified as clear here"),
    ],
)
def test_without_a_purge_the_reasons_are_told_and_only_a_named_fallback_is_taken(
    facts: dict[str, Any], says: str
) -> None:
    refused = plan(drive(**facts), NIST_PURGE)
    assert isinstance(refused, Reason)
    assert refused.code == "BW-P03"
    assert says in refused.text
    assert "destruction" in refused.hint
    fallen = planned(Policy(name="own", method="nist-purge", fallback="nist-clear"), **facts)
    assert (fallen.technique, fallen.level, fallen.asked_level) == ("overwrite", "clear", "purge")
    assert fallen.fell_back is not None
    assert (fallen.fell_back.from_, fallen.fell_back.to) == ("nist-purge", "nist-clear")
    assert says in fallen.fell_back.why


def test_a_named_technique_that_the_drive_lacks_is_refused_with_those_that_it_has() -> None:
    refused = plan(drive(capabilities=ATA), Policy(name="own", method="ata-sanitize-overwrite"))
    assert isinstance(refused, Reason)
    assert "it has no sanitize overwrite" in refused.text
    assert "ata-sanitize-block, ata-sanitize-crypto" in refused.hint
    wrong_family = plan(drive(capabilities=ATA), Policy(name="own", method="nvme-format-crypto"))
    assert isinstance(wrong_family, Reason)
    assert "NVME" in wrong_family.text


def test_a_named_technique_is_planned_with_its_level_and_minutes() -> None:
    found = planned(Policy(name="own", method="ata-secure-erase"), media="hdd", capabilities=ATA)
    assert (found.technique, found.level, found.passes, found.minutes) == ("ata-secure-erase", "clear", 0, 40)


def test_a_frozen_drive_is_unfrozen_by_a_bay_that_can_and_refused_with_a_hint_by_one_that_cannot() -> None:
    frozen = msgspec.structs.replace(SPINNING, sanitize=(), security_frozen=True)
    refused = plan(drive(media="hdd", capabilities=frozen), NIST_PURGE)
    assert isinstance(refused, Reason)
    assert "frozen" in refused.text
    assert "power plug" in refused.hint
    found = planned(NIST_PURGE, power=True, media="hdd", capabilities=frozen)
    assert (found.technique, found.prepare) == ("ata-secure-erase-enhanced", ("power-cycle",))


def test_a_locked_drive_is_refused_whatever_is_asked() -> None:
    locked = msgspec.structs.replace(ATA, security_locked=True)
    for policy in (NIST_CLEAR, NIST_PURGE, Policy(name="own", method="nist-purge", fallback="nist-clear")):
        refused = plan(drive(capabilities=locked), policy)
        assert isinstance(refused, Reason)
        assert refused.code == "BW-P06"


@pytest.mark.parametrize("kind", ["hpa", "amac", "dco"])
def test_a_hidden_area_is_removed_before_where_the_policy_says_so(kind: HiddenKind) -> None:
    hiding: dict[str, Any] = {"capabilities": ATA, "hidden_area": HiddenArea(kind=kind, bytes=4096), "media": "ssd"}
    found = planned(Policy(name="own", method="nist-purge", hidden_area="remove"), power=True, **hiding)
    assert found.prepare == ("reveal",)
    assert not found.not_reached
    by_hand = planned(Policy(name="own", method="nist-purge", hidden_area="remove"), **hiding)
    assert by_hand.prepare == ("reveal", "replug")


HALF = Capabilities(
    security_supported=True, hidden_area_features=("hpa", "dco"), hidden_area_unread=("hpa",), sanitize=("block",)
)


@pytest.mark.parametrize("can", [None, HALF, ATA])
@pytest.mark.parametrize("hidden_area", ["refuse", "remove"])
@pytest.mark.parametrize("method", ["nist-clear", "nist-purge", "gutmann", "ata-sanitize-block"])
def test_a_drive_that_did_not_answer_in_time_is_no_plan(
    can: Capabilities | None, hidden_area: Literal["refuse", "remove"], method: str
) -> None:
    policy = Policy(name="own", method=method, fallback="nist-clear", hidden_area=hidden_area)
    refused = plan(drive(silent=True, capabilities=can, media="ssd"), policy, power=True)
    assert isinstance(refused, Reason)
    assert refused.code == "BW-P08"
    assert "put it in again" in refused.hint


@pytest.mark.parametrize("can", [None, HALF, ATA])
def test_where_hidden_areas_are_accepted_the_plan_says_what_is_not_known_and_uses_no_firmware(
    can: Capabilities | None,
) -> None:
    accept = Policy(name="own", hidden_area="accept")
    found = planned(accept, silent=True, capabilities=can, transport="usb")
    assert (found.technique, found.hidden_accepted) == ("overwrite", True)
    assert any("did not answer in time" in what for what in found.not_reached)
    assert not any(other.possible for other in found.alternatives)
    assert all("did not answer in time" in other.why for other in found.alternatives)
    assert isinstance(plan(drive(silent=True, capabilities=can), Policy(name="own", method="nist-purge")), Reason)


def test_a_size_that_the_drive_must_tell_and_does_not_refuses_removal_and_is_said_otherwise() -> None:
    remove = Policy(name="own", hidden_area="remove")
    for unread in (("hpa",), ("amac",), ("amac", "dco")):
        can = msgspec.structs.replace(HALF, hidden_area_unread=unread)
        refused = plan(drive(capabilities=can), remove)
        assert isinstance(refused, Reason)
        assert refused.code == "BW-P09"
        assert unread[0].upper() in refused.text
        found = planned(NIST_CLEAR, capabilities=can)
        assert f"whatever {unread[0].upper()} may hide: the drive did not say" in found.not_reached
        assert not found.hidden_accepted


def test_a_drive_that_does_not_tell_its_dco_is_erased_and_the_plan_says_so() -> None:
    """Drives abort DCO IDENTIFY once a computer has frozen it, and many always do."""
    can = msgspec.structs.replace(HALF, hidden_area_unread=("dco",))
    for hidden_area in ("refuse", "remove"):
        found = planned(Policy(name="own", hidden_area=hidden_area), capabilities=can)
        assert "whatever DCO may hide: the drive did not say" in found.not_reached


def test_a_disk_behind_a_bridge_that_passes_nothing_on_is_planned_and_what_is_not_known_is_said() -> None:
    found = planned(NIST_CLEAR, transport="usb")
    assert any("firmware's answers" in what for what in found.not_reached)
    assert not planned(NIST_CLEAR, transport="usb", removable=True).not_reached


def test_what_no_command_brings_back_cannot_be_removed() -> None:
    hiding: dict[str, Any] = {"capabilities": ATA, "hidden_area": HiddenArea(kind="unknown", bytes=4096)}
    refused = plan(drive(**hiding), Policy(name="own", hidden_area="remove"))
    assert isinstance(refused, Reason)
    assert refused.code == "BW-P07"


def test_capacity_of_no_namespace_refuses_an_overwrite_and_not_a_sanitize() -> None:
    hiding: dict[str, Any] = {
        "capabilities": msgspec.structs.replace(NVME, unallocated_bytes=4096),
        "hidden_area": HiddenArea(kind="unknown", bytes=4096),
        "media": "nvme",
    }
    assert isinstance(plan(drive(**hiding), NIST_CLEAR), Reason)
    found = planned(NIST_PURGE, **hiding)
    assert found.technique == "nvme-sanitize-crypto"
    assert found.also_destroyed == ("every other namespace of this drive (1)",)


def test_every_word_that_a_policy_may_use_is_known() -> None:
    assert set(known_methods()) >= {"nist-clear", "nist-purge", *METHODS, *FIRMWARE_TECHNIQUES}
