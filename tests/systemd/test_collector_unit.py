"""The collector's unit under a real systemd: its processes work within the sandbox, and its limits hold."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import SOON_S
from tests.systemd.booted import Booted, NoSystemd
from tests.systemd.conftest import REPOSITORY, Installed
from tests.systemd.test_units import settings

UNIT = "benchwipe-collector.service"
USER = "benchwipe-collector"
CONFIG = "/etc/benchwipe/collector.toml"
PYTHON, PROGRAM = "/opt/benchwipe/current/bin/python", "/usr/local/bin/collector-under-test"
LIBRARIES = Path(sysconfig.get_paths()["purelib"])
LAUNCH = f'#!/bin/sh\nexport PYTHONPATH={REPOSITORY}:{LIBRARIES}\nexec {PYTHON} -m collector.cli "$@"\n'
"""The installation has no extras: their wheels are those of these tests."""
SETTINGS = """
listen = "127.0.0.1:8470"
health_listen = "127.0.0.1:8471"
stations_dir = "/var/lib/benchwipe-collector/stations"
[database]
url = "sqlite:////var/lib/benchwipe-collector/collector.db"
"""
ASK = "import urllib.request,sys;print(urllib.request.urlopen(sys.argv[1],timeout=30).read().decode())"
FORKS = """
import os, sys, time
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
count = 0
try:
    while count < 400:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except OSError as error:
    print(count, error.errno)
finally:
    os.killpg(0, 9)
"""


def others_may_read(path: Path) -> bool:
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, *path.parents))


@pytest.fixture
def machine(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """A systemd with the unit of this checkout, whose program is the one of these tests."""
    if not (others_may_read(LIBRARIES) and others_may_read(REPOSITORY)):
        pytest.skip("the service's user cannot read these tests' libraries")
    if any(
        place.is_relative_to(own) for place in (LIBRARIES, REPOSITORY) for own in ("/tmp", "/var/tmp", "/home", "/root")
    ):
        pytest.skip("these tests' libraries lie where the unit has folders of its own, or none")
    try:
        booted = Booted(tmp_path_factory.mktemp("collector"), installed.destdir).__enter__()
    except NoSystemd as why:
        pytest.skip(f"no systemd can be started here: {why}")
    try:
        told = booted.run(PYTHON, "-c", "import sys; print(sys.version_info[:2])").stdout.strip()
        if told != str(sys.version_info[:2]):
            pytest.skip(f"the system's Python is {told}, and these tests' another")
        booted.write(PROGRAM, LAUNCH)
        booted.checked("chmod", "755", PROGRAM)
        unit = (REPOSITORY / "systemd" / UNIT).read_text("utf-8")
        booted.write(f"/etc/systemd/system/{UNIT}", unit.replace("/opt/benchwipe/bin/benchwipe-collector", PROGRAM))
        booted.write(CONFIG, SETTINGS)
        booted.checked("systemctl", "daemon-reload")
        yield booted
    finally:
        booted.__exit__(None, None, None)


def asked(machine: Booted, address: str) -> str:
    return machine.run(PYTHON, "-c", ASK, address).stdout.strip()


def until(machine: Booted, address: str, wanted: str) -> str:
    end = time.monotonic() + SOON_S
    while wanted not in (told := asked(machine, address)):
        assert time.monotonic() < end, f"{told}\n{machine.journal(UNIT)}"
        time.sleep(0.3)
    return told


def test_all_three_parts_work_within_the_sandbox_and_its_limits(machine: Booted) -> None:
    machine.checked("systemctl", "start", UNIT)
    until(machine, "http://127.0.0.1:8470/healthz/web", "ok")
    until(machine, "http://127.0.0.1:8470/metrics", 'benchwipe_up{part="worker"} 1.0')
    told = machine.shown(UNIT, "ActiveState", "NRestarts", "MainPID", "ControlGroup", "MemoryMax", "TasksMax")
    assert (told["ActiveState"], told["NRestarts"]) == ("active", "0")
    wanted = dict(settings(UNIT))
    assert (told["MemoryMax"], told["TasksMax"]) == (str(2 << 30), wanted["TasksMax"])
    limits = machine.checked("cat", f"/proc/{told['MainPID']}/limits")
    files = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert files == [wanted["LimitNOFILE"]] * 2
    names = machine.checked("ps", "-o", "args=", "-u", USER)
    assert all(f"--only {part}" in names for part in ("intake", "web", "worker"))
    journal = machine.journal(UNIT)
    assert "Traceback" not in journal
    assert "is started again" not in journal
    parts = {json.loads(line)["part"] for line in journal.splitlines() if line.startswith('{"at"')}
    assert {"intake", "web", "worker"} <= parts, "the journal gets JSON"


def test_who_forks_without_end_in_the_unit_is_stopped_and_the_pages_go_on(machine: Booted) -> None:
    machine.checked("systemctl", "start", UNIT)
    until(machine, "http://127.0.0.1:8470/healthz/web", "ok")
    group = "/sys/fs/cgroup" + machine.shown(UNIT, "ControlGroup")["ControlGroup"]
    if machine.run("cat", f"{group}/pids.max").returncode:
        pytest.skip("this machine gives no controller of tasks")
    most = int(dict(settings(UNIT))["TasksMax"])
    count, error = machine.run("setsid", "--wait", PYTHON, "-c", FORKS, group).stdout.split()
    assert (int(count) < most, int(error)) == (True, 11)  # EAGAIN
    until(machine, "http://127.0.0.1:8470/healthz/web", "ok")
    if machine.run("cat", f"{group}/memory.max").returncode == 0:
        assert machine.checked("cat", f"{group}/memory.max").strip() == str(2 << 30)
    assert os.geteuid() == 0
