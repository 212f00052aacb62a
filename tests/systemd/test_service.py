"""The unit under a real systemd: what a wrong configuration does to it, and what erasing needs of its sandbox."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.docks.counterparts import Kmtronic
from tests.drivers.drives.conftest import MIB, Loops
from tests.patience import SOON_S
from tests.systemd.booted import Booted, NoSystemd
from tests.systemd.conftest import Installed

CONFIG = "/etc/benchwipe/station.toml"
UNIT = "benchwipe.service"
BENCH = """
[station]
id = "bench-07"
language = "en"
mode = "automatic"
countdown_s = 0

[[source]]
name = "bench"
driver = "simulated"
settings = { folder = "/var/lib/benchwipe/bench" }

[[bay]]
name = "A1"
port = "port-1"
source = "bench"
"""
WRONG = {
    "a typo": (BENCH.replace("language", "langauge"), "station.langauge is not a known key; did you mean language?"),
    "no TOML": (BENCH + "x = [", "is not valid TOML"),
    "a bay that no rule gives": (BENCH + '[[bay]]\nname = "A2"\nport = "/dev/sda"\n', "bay[1].port = '/dev/sda'"),
    "a key that is not there": (BENCH + '[mqtt]\nhost = "x"\ncollector_keys = ["gone.jwk"]\n', "gone.jwk"),
}


@pytest.fixture
def station(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    folder = tmp_path_factory.mktemp("booted")
    try:
        booted = Booted(folder, installed.destdir).__enter__()
    except NoSystemd as why:
        pytest.skip(f"no systemd can be started here: {why}")
    try:
        yield booted
    finally:
        booted.__exit__(None, None, None)


@pytest.fixture
def loops(tmp_path: Path) -> Iterator[Loops]:
    folder = tmp_path / "loops"
    folder.mkdir()
    made = Loops(folder)
    yield made
    for device in tuple(made.made):
        made.detach(device)


def test_a_wrong_configuration_ends_the_unit_at_once_and_a_start_after_mending_starts(station: Booted) -> None:
    for name, (text, problem) in WRONG.items():
        station.write(CONFIG, text)
        assert station.run("systemctl", "restart", UNIT).returncode != 0, name
        shown = station.shown(UNIT, "ActiveState", "NRestarts", "ExecMainStatus")
        assert shown == {"ActiveState": "failed", "NRestarts": "0", "ExecMainStatus": "2"}, (
            name,
            station.journal(UNIT),
        )
        assert problem in station.run("systemctl", "status", "--no-pager", "--full", "--lines=0", UNIT).stdout, name
    for _ in range(6):  # systemd's own limit is five starts in ten seconds
        station.run("systemctl", "restart", UNIT)
    station.write(CONFIG, BENCH)
    station.checked("systemctl", "start", UNIT)
    assert station.shown(UNIT, "ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    answer = json.loads(station.checked("benchwipe", "status", "--json"))
    assert [bay["bay"] for bay in answer["bays"]] == ["A1"]


DEVICES = """
[station]
id = "bench-07"
language = "en"
mode = "automatic"
countdown_s = 0
policy = "stream"

[[policy]]
name = "stream"
method = "random"

[mqtt]
host = "localhost"
port = 1883

[[source]]
name = "bench"
driver = "simulated"
settings = {{ folder = "/var/lib/benchwipe/bench" }}

[[source]]
name = "block"
driver = "block"
settings = {{ by_path = "/var/lib/benchwipe/by-path" }}

[[dock]]
name = "relays"
driver = "kmtronic"
settings = {{ port = "{line}", slots = 4 }}
spin_up_s = 0

[[printer]]
name = "labels"
driver = "simulated"
settings = {{ folder = "/var/lib/benchwipe/labels" }}

[[bay]]
name = "A1"
port = "port-1"
source = "bench"
dock = "relays"
slot = 1

[[bay]]
name = "B1"
port = "loop-1"
"""
# A call that the filter forbids ends the daemon instead of failing: what is caught somewhere shows too. Loop devices
# and pseudo-terminals stand in for drives and serial lines here, and are no part of a station.
STRICT = """
[Service]
SystemCallErrorNumber=kill
Restart=no
DeviceAllow=block-loop rw
"""


def make_bench(station: Booted, device: str, line: str) -> None:
    """A simulated drive, a loop device and a pseudo-terminal, as udev would give them to the unit's user.

    The loop device has a node of its own, mounted over this machine's, whose udev would give it back to `disk`.
    """
    number = os.stat(device).st_rdev
    station.write("/etc/systemd/system/benchwipe.service.d/strict.conf", STRICT)
    station.write(CONFIG, DEVICES.format(line=line))
    drive = "/var/lib/benchwipe/bench/drives/D1"
    script = f"""
mkdir -p {drive} /var/lib/benchwipe/bench/ports /var/lib/benchwipe/by-path /var/lib/benchwipe/labels
head -c 2097152 /dev/urandom >{drive}/image
echo 'serial = "SIM0001"' >{drive}/drive.toml
ln -s ../drives/D1 /var/lib/benchwipe/bench/ports/port-1
chown -R benchwipe:benchwipe /var/lib/benchwipe
mknod -m 0660 /run/drive b {os.major(number)} {os.minor(number)} && chown root:benchwipe /run/drive
mount --bind /run/drive {device} && ln -s {device} /var/lib/benchwipe/by-path/loop-1
chown root:dialout {line} && chmod 0660 {line}
printf 'listener 1883\\nallow_anonymous true\\n' >/run/broker.conf
command -v mosquitto >/dev/null && systemd-run --unit=broker mosquitto -c /run/broker.conf
systemctl daemon-reload
"""
    station.checked("sh", "-c", script)


def test_drives_are_erased_under_the_units_sandbox_with_dock_printer_broker_and_helpers(
    station: Booted, loops: Loops, tmp_path: Path
) -> None:
    image = loops.image(8 * MIB)
    device, board = loops.attach(image), Kmtronic(tmp_path, slots=4)
    try:
        make_bench(station, device, os.path.realpath(board.settings["port"]))
        station.checked("systemctl", "start", UNIT)
        answer = finished(station, {"A1", "B1"})
        assert {bay["bay"]: bay["outcome"] for bay in answer["bays"]} == {"A1": "erased", "B1": "erased"}
        assert image.read_bytes().count(b"benchwipe") == 0
        assert board.relays()[0] is True
        assert answer["alarms"] == {}
        assert len(station.checked("ls", "/var/lib/benchwipe/labels").split()) >= 2
        if shutil.which("mosquitto"):
            assert answer["uplink"]["connected"]
        for name in station.checked("sh", "-c", "ls /var/lib/benchwipe/certificates/*.jws").split():
            clock = json.loads(station.checked("benchwipe", "certificate", "show", "--json", name))["clock"]
            assert clock["source"] != "unknown"  # benchwipe-clock.socket was asked, and answered
        look_at(station, name)
        station.checked("systemctl", "stop", UNIT)
        assert station.shown(UNIT, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    finally:
        board.close()


def look_at(station: Booted, certificate: str) -> None:
    """Somebody who may only look makes a label of a certificate, and hears what it lacks."""
    station.checked("useradd", "--no-create-home", "--groups", "benchwipe-view", "vera")
    station.checked("install", "-m", "0644", certificate, "/tmp/one.jws")
    done = station.run("benchwipe", "label", "/tmp/one.jws", "--out", "/tmp/label.zpl", "--text", "en", user="vera")
    assert (done.returncode, "station.toml is root's to read" in done.stderr) == (0, True), done.stderr
    assert "bench-07-0000" in station.checked("cat", "/tmp/label.zpl")


def finished(station: Booted, bays: set[str]) -> dict[str, Any]:
    """What the daemon says once all of these bays have finished."""
    until = time.monotonic() + SOON_S
    while True:
        done = station.run("benchwipe", "status", "--json")
        assert done.returncode == 0, done.stderr + station.journal(UNIT)
        answer: dict[str, Any] = json.loads(done.stdout)
        if {bay["bay"] for bay in answer["bays"] if bay["state"] == "finished"} == bays:
            return answer
        stuck = [bay for bay in answer["bays"] if bay["state"] == "blocked"] or time.monotonic() > until
        assert not stuck, f"{answer}\n{station.journal(UNIT)}"
        time.sleep(0.5)


TLS = """
[mqtt]
host = "127.0.0.1"
port = 1

[mqtt.tls]
ca = "ca.crt"
certificate = "bench.crt"
key = "bench.key"
"""


def test_root_checks_as_the_service_and_is_told_what_that_one_cannot_read(station: Booted) -> None:
    station.write(CONFIG, BENCH + TLS)
    for name in ("ca.crt", "bench.crt", "bench.key"):
        station.write(f"/etc/benchwipe/{name}", "something")
    station.checked("chmod", "0600", "/etc/benchwipe/bench.key")
    done = station.run("benchwipe", "check", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["user"]) == (2, "benchwipe"), done.stderr
    (problem,) = document["problems"]
    assert (problem["line"], problem["key"]) == (BENCH.count("\n") + 9, "mqtt.tls.key")
    assert "sudo chown benchwipe: /etc/benchwipe/bench.key" in problem["problem"]
    station.write(CONFIG, BENCH)
    assert station.run("benchwipe", "check").returncode == 0
    station.write(CONFIG, BENCH + '[[bay]]\nname = "B1"\nport = "/dev/sda"\n')
    assert "bay[1].port = '/dev/sda': allowed for the daemon's udev rules" in station.run("benchwipe", "check").stderr


ALL_OF_IT = (("status",), ("status", "--json"), ("drives",), ("drives", "--json"), ("key", "show"))


def test_who_may_look_looks_and_may_do_nothing_else(station: Booted) -> None:
    for name, group in (("vera", "benchwipe-view"), ("noah", "nogroup")):
        station.checked("useradd", "--no-create-home", "--groups", group, name)
    station.write(CONFIG, BENCH)
    station.checked("systemctl", "start", UNIT)
    public = station.checked("benchwipe", "key", "show")
    for words in ALL_OF_IT:
        done = station.run("benchwipe", *words, user="vera")
        assert done.returncode == 0, (words, done.stderr)
    assert station.checked("benchwipe", "key", "show", user="vera") == public
    assert station.checked("benchwipe", "key", "show", user="noah") == public
    told = station.run("benchwipe", "status", user="noah")
    assert (told.returncode, "sudo adduser $USER benchwipe-view" in told.stderr) == (2, True)
    for words in (("cancel", "A1"), ("reprint", "1"), ("check",), ("erase", "/dev/null"), ("backup", "/tmp/x")):
        done = station.run("benchwipe", *words, user="vera")
        assert (done.returncode, "sudo" in done.stderr, done.stderr.count("\n")) == (2, True, 1), (words, done.stderr)
    said = station.checked("python3", "-c", HOSTILE, user="vera")
    assert said.splitlines() == ["this socket is for looking: it knows status, and nothing else"] * 2 + ["done"]
    assert json.loads(station.checked("benchwipe", "status", "--json"))["bays"][0]["state"] == "empty"
    shown = station.shown(UNIT, "ActiveState", "NRestarts")
    assert shown == {"ActiveState": "active", "NRestarts": "0"}


HOSTILE = """
import json, os, socket, time
def say(data, wait=True):
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        try:
            line.connect("/var/lib/benchwipe-view/view.sock")
            line.sendall(data)
            return line.recv(65536) if wait else b""
        except OSError:
            return b""
for asked in ({"ask": "cancel", "bay": "A1"}, {"ask": "reprint", "label": "1"}):
    print(json.loads(say(json.dumps(asked).encode() + b"\\n"))["error"])
end = time.monotonic() + 2
while time.monotonic() < end:
    for data in (b"\\0" * 5000, b"[" * 4000 + b"\\n", b'{"ask": "status"}\\n', os.urandom(4000), b'{"ask":["x"]}\\n'):
        say(data, wait=False)
print("done")
"""
