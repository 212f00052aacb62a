"""What a dock that switches its bays' power does for ATA drives, frozen ones and hiding ones, under a stock kernel."""

from __future__ import annotations

from pathlib import Path

from tests.laboratory.machine.qemu import Image
from tests.laboratory.models.ata import AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.scenarios import FOREIGN
from tests.laboratory.station import Station

SIZE = 32 << 10
PATIENCE_S = 200.0  # three drives in one emulated guest, two of them re-plugged


def drive(serial: str) -> SatTarget:
    return SatTarget(AtaDrive(Medium(SIZE), serial=serial, features=frozenset({"security", "enhanced", "amac"})))


def test_frozen_and_hiding_drives_are_cured_by_their_dock_and_a_foreign_password_is_not_touched(
    image: Image, tmp_path: Path
) -> None:
    with Station(image, tmp_path, method="ata-secure-erase", powered=True) as station:
        frozen, foreign, hiding = drive("FROZEN"), drive("FOREIGN"), drive("HIDING")
        frozen.drive.lock.frozen = True  # as a computer's firmware leaves it; a dock does not freeze
        foreign.drive.lock.user, foreign.drive.lock.locked = FOREIGN, True
        hiding.drive.sizes.shown = hiding.drive.sizes.made * 3 // 4  # SET ACCESSIBLE MAX ADDRESS EXT
        assert station.relays is not None
        station.relays.states = 0b1111  # they hold while the station is off
        station.relays.stand(1, frozen)
        station.relays.stand(2, foreign)
        station.relays.stand(3, hiding)
        station.start()
        for bay in ("U1", "U3"):
            row = station.wait_bay(bay, "finished", timeout=PATIENCE_S)
            assert row["outcome"] == "erased", f"{row}\n{station.rig.certificates()[-1]}\n{station.said()}"
        assert station.relays.cuts == {1: 1, 3: 1}
        assert (frozen.drive.lock.frozen, frozen.medium.secrets(), hiding.medium.secrets()) == (False, 0, 0)
        arrived = station.arrived(3)
        told = [(record.drive.serial, record.outcome, record.reason) for record in arrived]
        assert len(arrived) == 3, f"a power cycle was taken for something else: {told}\n{station.said()}"
        records = {record.drive.serial: record for record in arrived}
        outcomes = {serial: (record.outcome, record.sanitization.technique) for serial, record in records.items()}
        erased = ("erased", "ata-secure-erase")
        assert outcomes == {"FROZEN": erased, "HIDING": erased, "FOREIGN": ("refused", "none")}
        shown = records["HIDING"].drive
        assert shown.hidden_area is not None, station.said()
        assert (shown.hidden_area.kind, shown.hidden_area.bytes, shown.hidden_area.outcome) == (
            "amac",
            SIZE // 4,
            "removed",
        )
        assert (shown.capacity_bytes, hiding.drive.sizes.shown * 512) == (SIZE, SIZE)
        refused = station.wait_bay("U2", "finished")
        assert (refused["outcome"], refused["reason_code"]) == ("refused", "BW-P06")
        assert "Unlock it with its password in the machine that it comes from" in refused["reason"]
        sent = {command.command for command in foreign.drive.log}
        assert not sent & {0xF1, 0xF2, 0xF4, 0xF6}, "a password of ours was tried on it"
        assert foreign.drive.lock.user == FOREIGN
