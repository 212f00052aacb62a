"""HPA and DCO behind a USB bridge, under a stock kernel: refused, shown layer by layer, erased as a whole."""

from __future__ import annotations

from tests.laboratory.models.ata import OLD_FEATURES, AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import Rig

SIZE = 4 << 20
POLICY = '[[policy]]\\nname = "show"\\nhidden_area = "remove"\\n'


BY_POLICY = ("show", "--config", "/tmp/show.toml")


def test_a_drive_that_hides_two_layers_is_erased_to_its_last_sector(rig: Rig) -> None:
    rig.machine.sh(f"printf '{POLICY}' >/tmp/show.toml").checked()
    drive = AtaDrive(Medium(SIZE), rotation=7200, features=OLD_FEATURES)
    drive.sizes.offered, drive.sizes.shown = 6144, 4096
    device = rig.dock(1, SatTarget(drive))
    refused = rig.erase(device, "nist-clear")
    assert (refused.status, refused.outcome) == (3, "refused"), refused.said
    assert "BW-P02" in refused.reason
    for shows, command in ((6144, "SET MAX ADDRESS EXT"), (8192, "DEVICE CONFIGURATION RESTORE")):
        ended = rig.erase(device, *BY_POLICY)
        assert (ended.status, ended.outcome) == (1, "aborted"), ended.said
        assert "BW-E52" in ended.reason
        assert ended.record is not None
        assert ended.record.sanitization.commands[-1].name == command
        assert ended.record.drive.hidden_area is not None
        assert ended.record.drive.hidden_area.outcome == "not-removed"
        rig.machine.ports[1].unplug()
        drive.power_cycle()
        assert drive.sizes.shown == shows
        device = rig.dock(1, SatTarget(drive))
    ended = rig.erase(device, *BY_POLICY)
    assert (ended.status, ended.outcome) == (0, "erased"), ended.said
    assert ended.record is not None
    assert ended.record.drive.capacity_bytes == SIZE
    assert drive.medium.secrets() == 0
