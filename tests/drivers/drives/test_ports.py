"""A port is a place: one place has one canonical name, whatever udev's version calls it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.settings import parse
from drivers.drives import _uevents, block
from drivers.drives._uevents import Uevents
from drivers.drives.by_path import find, whole_disks
from drivers.drives.ports import canonical, elsewhere, names
from tests.drivers.drives.conftest import Loops
from tests.patience import SOON_S

ATA = "pci-0000:00:17.0-ata-1"
USB = "pci-0000:00:14.0-usb-0:1.1:1.0-scsi-0:0:0:0"


@pytest.mark.parametrize(
    ("port", "same"),
    [
        (ATA, f"{ATA}.0"),
        (f"{ATA}.0", f"{ATA}.0"),
        (f"{ATA}.1", f"{ATA}.1"),
        (f"{ATA}0", f"{ATA}0.0"),
        (f"/dev/disk/by-path/{ATA}", f"{ATA}.0"),
        (USB, USB),
        ("/dev/loop3", "/dev/loop3"),
        ("pci-0000:01:00.0-nvme-1", "pci-0000:01:00.0-nvme-1"),
    ],
)
def test_a_place_has_one_canonical_name(port: str, same: str) -> None:
    assert canonical(port) == same
    assert canonical(same) == same
    assert port in names(port)


def test_two_slots_of_one_bridge_are_two_ports() -> None:
    assert canonical(USB) != canonical(USB[:-1] + "1")


def test_a_port_is_found_under_the_name_that_this_udev_gives_it(tmp_path: Path) -> None:
    assert find(tmp_path, ATA) == tmp_path / ATA  # nobody there: the name as it was given
    (tmp_path / f"{ATA}.0").symlink_to("/dev/null")
    assert find(tmp_path, ATA) == tmp_path / f"{ATA}.0"
    (tmp_path / ATA).symlink_to("/dev/null")
    assert find(tmp_path, ATA) == tmp_path / ATA
    assert find(tmp_path, "/dev/loop3") == Path("/dev/loop3")


def test_of_several_names_of_one_disk_the_one_that_says_most_is_told(tmp_path: Path) -> None:
    for disk in "abc":
        (tmp_path / f"sd{disk}").touch()
    links = {
        ATA: "sda",
        f"{ATA}.0": "sda",
        f"{ATA}.0-part1": "sda",
        USB: "sdb",
        USB.replace("usb", "usbv3"): "sdb",
        USB[:-1] + "1": "sdc",
    }
    folder = tmp_path / "by-path"
    folder.mkdir()
    for name, target in links.items():
        (folder / name).symlink_to(tmp_path / target)
    assert sorted(whole_disks(folder)) == sorted([f"{ATA}.0", USB.replace("usb", "usbv3"), USB[:-1] + "1"])
    assert whole_disks(tmp_path / "none") == {}


def test_two_bays_cannot_be_one_place_under_two_names() -> None:
    bays = [{"name": "A1", "port": ATA}, {"name": "A2", "port": f"/dev/disk/by-path/{ATA}.0"}]
    with pytest.raises(SettingsError) as caught:
        parse({"bay": bays}, where="f")
    assert "bay[1].port" in caught.value.problems[0]


def test_only_configured_ports_are_opened(loops: Loops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = loops.attach(loops.image()), loops.attach(loops.image())
    (tmp_path / "usb-1").symlink_to(mine)
    (tmp_path / "usb-2").symlink_to(other)
    opened: list[str] = []  # not what loop devices are asked through: that ends with the question, and reads nothing
    real = os.open

    def noted(path: str, *rest: object, **more: object) -> int:
        opened.append(os.path.realpath(path))
        return real(path, *rest, **more)  # type: ignore[arg-type]  # whatever os.open takes

    monkeypatch.setattr(os, "open", noted)
    source = block.Driver("block", block.Settings(by_path=str(tmp_path)))
    assert set(source.present(frozenset({"usb-1"}))) == {"usb-1"}
    source.facts("usb-1", protect=())
    source.look("usb-1")
    assert mine in opened
    assert other not in opened
    assert set(source.every_port()) == {"usb-1", "usb-2"}  # a person who maps ports sees both, and nothing is opened
    assert other not in opened


class Socket:
    """A monitor that hears what it is given."""

    def __init__(self, heard: list[object]) -> None:
        self.heard = heard
        self.asked = 0

    def poll(self, seconds: float) -> object:
        """The next word."""
        self.asked += 1
        word = self.heard.pop(0) if self.heard else None
        if isinstance(word, OSError):
            raise word
        return word


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[Socket]:
    """The monitors that are made, one after the other."""
    made = [Socket([object()] * 12), Socket([OSError(errno.ENOBUFS, "lost")]), Socket([])]
    left = list(made)
    monkeypatch.setattr(_uevents, "_monitor", lambda: left.pop(0))
    return made


def test_a_burst_of_events_is_one_wake_up_and_lost_events_are_no_end(sockets: list[Socket]) -> None:
    first = Uevents()
    first.wait(SOON_S)
    assert sockets[0].heard == []
    second = Uevents()
    second.wait(0.01)  # lost events: it returns, so that somebody looks
    second.wait(0.01)
    assert sockets[2].asked == 1


SYSFS = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.1/1-1.1:1.0/host6/target6:0:0/6:0:0:0/block/sdc"


@pytest.mark.parametrize(
    ("port", "folder", "wrong"),
    [
        (USB, SYSFS, False),
        (USB.replace("usb", "usbv2"), SYSFS, False),
        (f"/dev/disk/by-path/{USB}", SYSFS, False),
        (f"platform-fd500000.pcie-{USB}", SYSFS, False),
        ("platform-3f980000.usb-usb-0:1.1:1.0-scsi-0:0:0:0", SYSFS, False),
        (USB, SYSFS.replace("1-1.1:", "1-1.2:"), True),
        (USB, SYSFS.replace("1-1.1:1.0", "1-1.1:1.1"), True),
        (USB, SYSFS.replace("0000:00:14.0", "0000:00:15.0"), True),
        (USB, "/sys/devices/virtual/block/loop3", False),
        (ATA, SYSFS, False),
    ],
)
def test_a_link_that_leads_to_a_disk_in_another_usb_port_is_known(port: str, folder: str, wrong: bool) -> None:
    assert elsewhere(port, folder) is wrong
