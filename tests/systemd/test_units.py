"""Units, as systemd itself judges them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import PROGRAM_S
from tests.systemd.conftest import REPOSITORY, Installed

UNITS = ("benchwipe.service", "benchwipe-collector.service")
HELPER, HELPERS_SOCKET = "benchwipe-uses.service", "benchwipe-uses.socket"
CLOCK, CLOCKS_SOCKET = "benchwipe-clock@.service", "benchwipe-clock.socket"
BROKER, BROKERS_PATH = "benchwipe-broker.service", "benchwipe-broker.path"
HIGHEST_EXPOSURE = 2.0

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing (Debian: systemd)"
)


def settings(unit: str) -> list[tuple[str, str]]:
    lines = (REPOSITORY / "systemd" / unit).read_text(encoding="utf-8").splitlines()
    return [(key, value) for key, eq, value in (line.partition("=") for line in lines) if eq and key[0] != "#"]


def only(unit: str, key: str) -> str:
    (value,) = [v for k, v in settings(unit) if k == key]
    return value


@needs_analyze
def test_systemd_finds_nothing_wrong_with_the_installed_units(installed: Installed, tmp_path: Path) -> None:
    """The installed `benchwipe` stands in for the collector's program too: verify looks whether it can be run."""
    program = f"{installed.destdir}/opt/benchwipe/bin/benchwipe"
    units = (*UNITS, HELPER, HELPERS_SOCKET, CLOCK, CLOCKS_SOCKET, BROKER, BROKERS_PATH)
    for unit in units:
        text = (REPOSITORY / "systemd" / unit).read_text(encoding="utf-8")
        (tmp_path / unit).write_text(re.sub(r"/opt/benchwipe/bin/benchwipe\S*", program, text), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit) for unit in units)],
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_analyze
@pytest.mark.parametrize("unit", [*UNITS, HELPER, CLOCK, BROKER])
def test_exposure_is_at_most_two(unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(REPOSITORY / "systemd" / unit)],
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= HIGHEST_EXPOSURE


def test_the_daemon_is_watched_and_comes_back_but_not_with_a_configuration_that_is_wrong() -> None:
    unit = "benchwipe.service"
    assert only(unit, "Type") == "notify"
    assert only(unit, "NotifyAccess") == "main"
    assert int(only(unit, "WatchdogSec")) > 0
    assert only(unit, "Restart") == "on-failure"
    assert only(unit, "RestartPreventExitStatus") == "2"


def test_safety_can_see_what_the_whole_machine_uses_and_the_helper_what_others_do() -> None:
    unit = dict(settings("benchwipe.service"))
    assert unit["ProtectProc"] == "invisible"  # tests/drivers/drives/test_uses_helper.py: the helper tells of those
    assert unit["ProcSubset"] == "all"
    assert unit["MountFlags"] == "slave"
    assert "PrivateUsers" not in unit
    assert "PrivateDevices" not in unit


def test_the_helper_of_root_reads_only_and_only_the_service_may_ask_it() -> None:
    socket, unit = dict(settings(HELPERS_SOCKET)), settings(HELPER)
    assert socket["ListenStream"].startswith("/run/benchwipe/")
    assert (socket["SocketUser"], socket["SocketGroup"], socket["SocketMode"]) == ("root", "benchwipe", "0660")
    assert [value for key, value in unit if key == "DeviceAllow"] == ["block-loop r"]
    assert only(HELPER, "ProtectSystem") == "strict"
    assert only(HELPER, "PrivateNetwork") == "yes"
    held = only(HELPER, "CapabilityBoundingSet").split()
    assert set(held) == {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE"}


def test_the_helper_sees_every_process_and_the_daemon_wants_it() -> None:
    unit = dict(settings(HELPER))
    assert (unit["ProtectProc"], unit["ProcSubset"], unit["MountFlags"]) == ("default", "all", "slave")
    assert "PrivateUsers" not in unit
    assert HELPERS_SOCKET in only("benchwipe.service", "Wants").split()
    assert only("benchwipe.service", "RuntimeDirectoryPreserve") == "yes"


def test_the_clock_may_be_read_by_a_program_that_has_no_right_and_reads_nothing() -> None:
    socket, unit = dict(settings(CLOCKS_SOCKET)), dict(settings(CLOCK))
    assert only("benchwipe.service", "ProtectClock") == "yes"
    assert CLOCKS_SOCKET in only("benchwipe.service", "Wants").split()
    assert (socket["SocketUser"], socket["SocketGroup"], socket["SocketMode"]) == ("root", "benchwipe", "0660")
    assert (unit["CapabilityBoundingSet"], unit["StandardInput"], unit["DynamicUser"]) == ("", "null", "yes")


def test_a_person_who_mends_a_configuration_may_start_as_often_as_it_takes() -> None:
    for unit in UNITS:
        assert only(unit, "StartLimitIntervalSec") == "0"
        assert int(only(unit, "RestartSec")) >= 5  # and what begins again by itself does not burn the machine


def test_the_daemon_has_no_way_to_the_machines_own_disks() -> None:
    unit = settings("benchwipe.service")
    devices = [value for key, value in unit if key == "DeviceAllow"]
    assert "disk" not in only("benchwipe.service", "SupplementaryGroups").split()
    assert not [d for d in devices if d.startswith(("block-*", "block-mmc", "/dev/"))]
    assert "CAP_DAC" not in only("benchwipe.service", "CapabilityBoundingSet")


@pytest.mark.parametrize("unit", UNITS)
def test_each_service_has_a_user_that_sysusers_makes(unit: str) -> None:
    made = (REPOSITORY / "systemd/benchwipe.sysusers.conf").read_text(encoding="utf-8")
    assert re.search(rf"^u {only(unit, 'User')} - ", made, re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is missing (Debian: systemd)")
def test_sysusers_makes_users_groups_and_nothing_else(tmp_path: Path) -> None:
    for folder in ("etc", "run"):
        (tmp_path / folder).mkdir()
    done = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", "-", "--dry-run"],
        input=(REPOSITORY / "systemd/benchwipe.sysusers.conf").read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    created = set(re.findall(r"Creating (user|group) '([a-z0-9-]+)'", done.stderr))
    assert {("user", "benchwipe"), ("user", "benchwipe-collector"), ("group", "i2c"), ("group", "input")} <= created
    assert ("group", "benchwipe-view") in created
