"""A drive that tells no identity of its own is erased only where its policy says so, and never taken for another."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent.certificates.outcome import PULLED_OUT, Aborted, Reason, Work, no_capacity
from agent.jobs.bay import BayState
from agent.jobs.registrar import identity
from agent.planning.plan import Plan, plan
from agent.planning.policy import NIST_CLEAR, Policy
from agent.planning.safety import judge
from drivers.drives.drive import LARGEST, Capabilities, Drive, HiddenArea
from drivers.drives.facts import Facts
from tests.agent.engine_rig import Rig, drive, settings

ALLOWING = Policy(name="own", allow_unidentified=True)
DEFAULT = "152D00539000"


def nameless(stay: str = "boot/8:16/7", **facts: object) -> Drive:
    return drive(None, **{"device": "/dev/sdb", "told": DEFAULT, "appearance": stay, "transport": "usb", **facts})


def facts_of(found: Drive) -> Facts:
    return Facts(path="/dev/sdb", kind="block", capacity_bytes=found.capacity_bytes, drive=found)


@pytest.mark.parametrize("found", [nameless(), drive(DEFAULT), drive(None, wwn="0x5000000000000001")])
def test_it_is_refused_by_every_policy_that_does_not_name_it_and_says_what_it_tells(found: Drive) -> None:
    (reason,) = judge(facts_of(found))
    assert reason.code == "BW-S12"
    assert (found.told or found.serial or found.wwn or "?") in reason.text
    assert "--unidentified" in reason.hint
    refused = plan(found, NIST_CLEAR)
    assert isinstance(refused, Reason)
    assert refused.code == "BW-S12"


def test_it_is_planned_where_the_policy_says_so_and_the_plan_says_it() -> None:
    assert judge(facts_of(nameless()), allow_unidentified=True) == ()
    made = plan(nameless(), ALLOWING)
    assert isinstance(made, Plan)
    assert made.unidentified
    assert not getattr(plan(drive(), ALLOWING), "unidentified", True)


def test_it_is_refused_all_the_same_where_nothing_tells_this_stay_from_another() -> None:
    assert [reason.code for reason in judge(facts_of(nameless("")), allow_unidentified=True)] == ["BW-S12"]
    assert isinstance(plan(nameless(""), ALLOWING), Reason)


@pytest.mark.parametrize(
    ("change", "code"), [({"match_serial": True}, "BW-S48"), ({"method": "ata-secure-erase"}, "BW-S49")]
)
def test_it_is_never_matched_with_a_label_and_gets_no_password(change: dict[str, object], code: str) -> None:
    can = Capabilities(security_supported=True)
    refused = plan(nameless(capabilities=can), msgspec.structs.replace(ALLOWING, **change))
    assert isinstance(refused, Reason)
    assert refused.code == code


def test_no_password_of_its_like_is_tried_on_it() -> None:
    assert identity(nameless("boot/8:16/7")) != identity(nameless("boot/8:16/8"))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = settings()
    policies = (*made.policy, msgspec.structs.replace(ALLOWING, name="allowing", method="zero"))
    station = msgspec.structs.replace(made.station, policy="allowing")
    return Rig(tmp_path, msgspec.structs.replace(made, policy=policies, station=station))


def test_its_certificate_says_that_it_told_none(rig: Rig) -> None:
    rig.arrive("A1", nameless())
    told = rig.erase("A1").record.drive
    assert (told.serial, told.wwn, told.identity_source) == (None, None, "drive")
    assert told.identity_note is not None
    assert DEFAULT in told.identity_note


def test_it_stands_beside_its_like_and_each_gets_a_certificate(rig: Rig) -> None:
    rig.arrive("A1", nameless("boot/8:16/7"))
    rig.arrive("A2", nameless("boot/8:32/8"))
    assert {rig.state("A1"), rig.state("A2")} == {"countdown"}


def test_what_was_interrupted_is_not_gone_on_with_when_it_comes_back(rig: Rig) -> None:
    rig.arrive("A1", nameless("boot/8:16/7"))
    rig.wait(11)
    rig.checkpoint("A1", 512)
    rig.leave("A1")
    rig.end("A1", Aborted(Work(), PULLED_OUT))
    rig.arrive("A1", nameless("boot/8:16/9"))
    rig.wait(11)
    assert (rig.worker("A1").spec.resume, rig.worker("A1").spec.interruption) == (None, None)


def test_it_is_not_erased_again_while_it_stands_there(rig: Rig) -> None:
    token = rig.arrive("A1", nameless())
    rig.erase("A1")
    rig.arrive("A1", nameless(), token=token)
    assert rig.state("A1") == BayState.FINISHED


def test_a_station_without_such_a_policy_blocks_its_bay(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.arrive("A1", nameless())
    reason = rig.engine.bays["A1"].reason
    assert (rig.state("A1"), reason and reason.code) == ("blocked", "BW-S12")


# --- docks that claim too much, or hide the end ----------------------------------------------------------------


@pytest.mark.parametrize("size", [LARGEST + 512, 130 * 10**15, 2**57])
def test_a_dock_that_claims_more_than_any_drive_has_is_to_blame_and_nothing_is_touched(size: int) -> None:
    claiming = drive(capacity_bytes=size, bridge="152d:0567:0205 JMicron")
    (reason,) = judge(facts_of(claiming))
    assert reason.code == "BW-S46"
    assert "152d:0567" in reason.text
    assert "dock" in reason.hint
    assert "Destroy it" not in str(reason)
    again = no_capacity(claiming)
    assert again is not None
    assert again.code == "BW-S46"


def test_the_largest_drives_that_are_sold_are_taken() -> None:
    assert judge(facts_of(drive(capacity_bytes=245_000_000_000_000 // 512 * 512))) == ()


@pytest.mark.parametrize("way", ["refuse", "remove"])
def test_the_advice_about_a_bridge_that_hides_the_end_leads_to_an_erasure(way: str) -> None:
    found = drive(transport="usb", hidden_area=HiddenArea(kind="unknown", bytes=4096), capabilities=Capabilities())
    policy = msgspec.convert({"name": "own", "hidden_area": way}, Policy)
    refused = plan(found, policy)
    assert isinstance(refused, Reason)
    assert "without the bridge" in refused.hint
    assert "hidden_area" not in refused.hint
    direct = msgspec.structs.replace(found, transport="ata", hidden_area=None)
    assert isinstance(plan(direct, policy), Plan)


@pytest.mark.parametrize("way", ["refuse", "remove"])
def test_capacity_of_no_namespace_is_not_blamed_on_a_bridge(way: str) -> None:
    can = Capabilities(sanitize=("crypto",), format=True, namespaces=1, unallocated_bytes=4096)
    found = drive(transport="nvme", media="nvme", hidden_area=HiddenArea(kind="unknown", bytes=4096), capabilities=can)
    refused = plan(found, msgspec.convert({"name": "own", "hidden_area": way}, Policy))
    assert isinstance(refused, Reason)
    assert "bridge" not in refused.hint
    assert "nvme-sanitize-crypto" in refused.hint
