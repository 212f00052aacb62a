"""udev rules: those of the bench's devices, and those written from the bays."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.commands.work import bay_rules
from agent.errors import SettingsError
from agent.settings import BaySettings, Settings
from tests.patience import PROGRAM_S
from tests.systemd.conftest import REPOSITORY

PORT = "pci-0000:00:14.0-usb-0:1.2:1.0-scsi-0:0:0:0"
ATA = "pci-0000:00:17.0-ata-1.0"

# udev(7): what may be matched, what may be assigned. Anything else, udev ignores with one line in the journal.
MATCHED = r"ACTION|SUBSYSTEM|SUBSYSTEMS|KERNEL|KERNELS|DEVPATH|DRIVERS|ATTR\{[^}]+\}|ATTRS\{[^}]+\}|ENV\{[^}]+\}"
ASSIGNED = r"ENV\{[^}]+\}|GROUP|MODE|SYMLINK|GOTO|LABEL|OPTIONS|IMPORT\{(?:builtin|parent)\}"
ITEM = re.compile(rf'(?:(?:{MATCHED})(?:==|!=)|(?:{ASSIGNED})(?:=|\+=|:=))"[^"]*"')

STATIC = (REPOSITORY / "systemd/60-benchwipe.rules").read_text(encoding="utf-8")
BAYS = bay_rules.rules([(PORT, "A"), (ATA, "B")])


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("text", [STATIC, BAYS], ids=["devices", "bays"])
def test_every_rule_is_made_of_keys_that_udev_knows(text: str) -> None:
    for line in lines(text):
        items = [item.strip() for item in re.split(r",\s*(?=[A-Z])", line)]
        assert all(ITEM.fullmatch(item) for item in items), line


@pytest.mark.parametrize("text", [STATIC, BAYS], ids=["devices", "bays"])
def test_every_goto_has_its_label_further_down(text: str) -> None:
    for position, line in enumerate(lines(text)):
        for target in re.findall(r'GOTO="([^"]+)"', line):
            assert any(f'LABEL="{target}"' in later for later in lines(text)[position + 1 :]), line


def test_drives_in_bays_are_hidden_before_udev_looks_for_file_systems() -> None:
    assert bay_rules.RULES_FILE.name < "60-persistent-storage.rules"
    assert 'ENV{UDEV_DISABLE_PERSISTENT_STORAGE_BLKID_FLAG}="1"' in lines(BAYS)
    assert 'ENV{UDISKS_IGNORE}="1"' in lines(BAYS)


def test_drives_in_bays_are_not_read_again_when_somebody_lets_go_of_them() -> None:
    """ ":=", for 60-block.rules asks for the watch behind these rules."""
    assert bay_rules.RULES_FILE.name < "60-block.rules"
    assert 'OPTIONS:="nowatch"' in lines(BAYS)


def test_a_drive_that_stands_in_no_bay_is_left_alone() -> None:
    """Everything that changes a device comes after the line that leaves the others out."""
    rows = lines(BAYS)
    gate = rows.index('ENV{BENCHWIPE_BAY}!="?*", GOTO="benchwipe_bays_end"')
    assert not [row for row in rows[:gate] if re.search(r"GROUP|MODE|UDISKS|DISABLE|SYMLINK|OPTIONS", row)]
    marks = [row for row in rows[:gate] if re.search(r'ENV\{BENCHWIPE_BAY\}="', row)]
    assert marks == [
        f'ENV{{DEVTYPE}}=="disk", ENV{{{key}}}=="{port}", ENV{{BENCHWIPE_BAY}}="{name}"'
        for port, name in ((PORT, "A"), (ATA, "B"))
        for key in ("ID_PATH", "ID_PATH_ATA_COMPAT", "ID_PATH_WITH_USB_REVISION")
    ]


def test_only_bays_of_the_kernels_own_devices_get_rules_by_either_spelling() -> None:
    bays = (
        BaySettings(name="A", port=PORT),
        BaySettings(name="B", port=f"/dev/disk/by-path/{ATA}"),
        BaySettings(name="C", port="slot-1", source="bench"),
    )
    assert bay_rules.block_bays(Settings(bay=bays)) == ((PORT, "A"), (ATA, "B"))


@pytest.mark.parametrize("port", ["*", "pci-*", 'x", RUN+="/bin/sh', "a|b", "[a-z]", "/dev/sda", "a\nb", "$env{X}"])
def test_a_port_that_udev_would_read_as_a_pattern_is_refused(port: str) -> None:
    with pytest.raises(SettingsError) as caught:
        bay_rules.block_bays(Settings(bay=(BaySettings(name="A", port=port),)))
    assert caught.value.problems[0].startswith("bay[0].port = ")


def machine(root: Path, *, mounted: str, shown: str = "1") -> None:
    """A tree as a machine shows it; for want of a device node, which only root can make, by-path leads to 1:3."""
    disk = root / "sys/devices/disk"
    for name, number in ((".", "1:3"), ("disk1", "8:1"), ("holder", "253:0")):
        (disk / name).mkdir(parents=True, exist_ok=True)
        (disk / name / "dev").write_text(f"{number}\n", encoding="ascii")
    (disk / "disk1/partition").write_text("1\n", encoding="ascii")
    (disk / "disk1/holders").mkdir()
    (disk / "disk1/holders/dm-0").symlink_to("../../holder")
    (root / "sys/dev/block").mkdir(parents=True)
    for number, target in (("1:3", "."), ("8:1", "disk1"), ("253:0", "holder")):
        (root / "sys/dev/block" / number).symlink_to(disk / target)
    (root / "dev/disk/by-path").mkdir(parents=True)
    (root / "dev/disk/by-path" / PORT).symlink_to("/dev/null")
    for process in ("1", "self"):
        (root / "proc" / process).mkdir(parents=True)
        (root / "proc" / process / "mountinfo").write_text("")
    (root / "proc" / shown / "mountinfo").write_text(
        f"22 1 {mounted} / /srv rw,relatime shared:1 - ext4 /dev/root rw\n", encoding="ascii"
    )


@pytest.mark.parametrize("mounted", ["1:3", "8:1", "253:0"], ids=["whole", "partition", "holder"])
def test_a_port_whose_drive_this_machine_has_mounted_is_found(tmp_path: Path, mounted: str) -> None:
    machine(tmp_path, mounted=mounted)
    assert list(bay_rules.system_ports([PORT, ATA], tmp_path)) == [(PORT, "/srv")]


def test_a_mount_of_this_very_process_counts_where_the_first_one_is_hidden(tmp_path: Path) -> None:
    machine(tmp_path, mounted="8:1", shown="self")
    (tmp_path / "proc/1/mountinfo").unlink()
    assert list(bay_rules.system_ports([PORT, ATA], tmp_path)) == [(PORT, "/srv")]


def test_a_port_whose_drive_nobody_uses_is_not(tmp_path: Path) -> None:
    machine(tmp_path, mounted="8:17")
    assert list(bay_rules.system_ports([PORT, ATA], tmp_path)) == []


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("udevadm") is None or shutil.which("unshare") is None,
    reason="needs root, udevadm and unshare (Debian: udev, util-linux)",
)
def test_udev_itself_reads_the_rules_without_a_complaint(tmp_path: Path) -> None:
    """In a mount namespace of its own, over a character device that no rule of ours touches."""
    (tmp_path / bay_rules.RULES_FILE.name).write_text(BAYS, encoding="utf-8")
    (tmp_path / "60-benchwipe.rules").write_text(STATIC, encoding="utf-8")
    (tmp_path / "61-wrong.rules").write_text('SUBSYSTEM=="x", GOTO="nowhere"\n', encoding="utf-8")
    script = 'mount --bind "$1" /etc/udev/rules.d && udevadm test --action=add /sys/class/mem/null'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    if "61-wrong.rules:1" not in done.stdout:
        pytest.skip(f"udev could not be asked here: {done.stdout[-200:]}")
    complaints = re.findall(r"/etc/udev/rules.d/\S*benchwipe\S*:\d+.*", done.stdout)
    # A station that is installed has the group; a machine that only runs the tests has not.
    assert [c for c in complaints if "Unknown group 'benchwipe'" not in c] == []


def test_the_command_prints_the_rules_of_a_configuration(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text(f'[[bay]]\nname = "A"\nport = "{PORT}"\n', encoding="utf-8")
    done = benchwipe("bays", "udev-rules", "--config", str(config))
    assert (done.returncode, done.stdout) == (0, bay_rules.rules([(PORT, "A")]))


def test_the_command_names_the_bay_that_is_wrong_and_writes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[[bay]]\nname = "A"\nport = "/dev/sda"\n', encoding="utf-8")
    done = benchwipe("bays", "udev-rules", "--install", "--config", str(config))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("benchwipe: bay[0].port = '/dev/sda': allowed ")
    assert done.stderr.count("\n") == 1


def benchwipe(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from agent.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PROGRAM_S, check=False)
