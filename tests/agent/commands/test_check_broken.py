"""Broken configurations, and what `benchwipe check` says of each: every problem of a file at once, with its line."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from agent.commands.work import check_ports
from agent.commands.work.toml_lines import line_of, lines_of
from agent.errors import KeyProblem
from agent.settings import Mqtt, load, parse
from agent.uplink.uplink import read_secrets
from tests.agent.commands.conftest import Call, finish, start

BENCH = """
[[source]]
name = "bench"
driver = "simulated"
settings = { folder = "bench" }
[[bay]]
name = "A1"
port = "port-1"
source = "bench"
"""
REPOSITORY = Path(__file__).resolve().parents[3]
BROKEN = REPOSITORY / "tests/samples/broken_stations"
# File -> (line, what is said there), all of it and in this order.
SAID: dict[str, list[tuple[int | None, str]]] = {
    "addresses-that-cannot-be": [
        (2, "station.certificate_url = 'collector.example/certificates/': allowed is an address that begins with h"),
        (11, "printer[0].settings.host = 'zebra..local': allowed is a host's name or address alone"),
        (
            14,
            "mqtt.host = 'mqtt://collector.example': allowed is a host's name or address alone, without scheme or port",
        ),
    ],
    "bad-patterns": [
        (12, "scanning.asset = '[A-Z': allowed is a regular expression (unterminated character set at posi"),
        (13, "scanning.bay = 'BAY-.*': it must hold (?P<bay>...), the bay's name"),
    ],
    "bay-without-port": [
        (1, "bay[0].port is missing: it takes text that is not empty"),
    ],
    "broken-toml": [
        (3, "is not valid TOML: Illegal character '\\n'"),
    ],
    "codes-nobody-can-scan": [
        (6, "operator[0].badge = '0012345678': it is scanned as nothing; allowed is what scanning.badge = 'BADGE-"),
        (11, "operator[1].badge = 'AB-1234': it is scanned as scanning.asset; allowed is what scanning.badge = 'BA"),
        (16, "destination[0].code = 'SHOP': it is scanned as nothing; allowed is what scanning.destination = 'DEST"),
    ],
    "driver-settings": [
        (14, "printer[0].settings.hots is not a known key; did you mean host?"),
        (14, "printer[0].settings.host is missing: it takes a host's name or address alone"),
        (14, "printer[0].settings.port = 70000: allowed is a whole number from 1 up to 65535"),
    ],
    "empty": [
        (None, "bay is missing: a station needs at least one [[bay]]"),
    ],
    "fallback-without-need": [
        (14, "policy[0].fallback = 'nist-clear': allowed is 'none', because every drive can have zero"),
    ],
    "files-that-are-gone": [
        (15, "mqtt.password_file = 'gone.password': cannot be read: No such file or directory"),
        (16, "mqtt.controller_keys[0] = 'gone.jwk': cannot be read: No such file or directory"),
        (19, "mqtt.tls.ca = 'gone.crt': cannot be read: No such file or directory"),
    ],
    "half-of-tls": [
        (11, "mqtt.username is missing: mqtt.password_file needs it"),
        (14, "mqtt.password_file = 'mqtt.password': cannot be read: No such file or directory"),
        (16, "mqtt.tls.key is missing: mqtt.tls.certificate needs it"),
        (17, "mqtt.tls.ca = 'ca.crt': cannot be read: No such file or directory"),
        (18, "mqtt.tls.certificate = 'bench.crt': cannot be read: No such file or directory"),
    ],
    "many-at-once": [
        (2, "station.id = 'bench 07': allowed is text that matches ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"),
        (3, "station.mod is not a known key; did you mean mode?"),
        (16, "bay[1].name is missing: it takes text that matches ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"),
        (22, "bay[2].port = 'bench:port-1': bay[0] has it already; each must differ"),
        (25, "dock[0] (relays): dock[0] (/dev/serial/by-id/gone) is not there. Check its cable. (BW-D04)"),
        (28, "dock[0].slots is not a known key; known here: driver, name, off_s, settings, spin_up_s"),
        (31, "printer[0] (labels): no printers driver is called 'zebra'; known: cups, raw, serial, simulat"),
        (38, "mqtt.collector_keys[0] = 'gone.jwk': cannot be read: No such file or directory"),
    ],
    "nested-without-end": [
        (None, "is no configuration: more than 16 tables or lists stand in each other"),
    ],
    "no-such-key-file": [
        (14, "mqtt.collector_keys[0]: "),
    ],
    "not-utf8": [
        (2, "is not valid TOML: 'utf-8' codec can't decode byte 0xf8 in position 19"),
    ],
    "port-that-cannot-be": [
        (3, "bay[0].port = 'usb stick': no port is called so"),
        (7, "bay[1].port = 'pci-ffff:00:14.0-usb-0:1:1.0-scsi-0:0:0:0': this machine has no controller ff"),
        (11, "bay[2].port = 'pci-ffff:00:14.0-ata-1-part1': that is a partition; a bay is a port, whose na"),
    ],
    "ports-of-no-drive": [
        (3, "bay[0].port = '/dev/null': that is no drive, but something else"),
        (7, "bay[1].port = '/dev/disk/../../etc/passwd': allowed is a name in /dev/disk/by-path/ or a device un"),
    ],
    "serial-port-that-is-gone": [
        (12, "dock[0] (relays): dock[0] (/dev/serial/by-id/gone) is not there. Check its cable. (BW-D04)"),
    ],
    "slot-that-is-not-there": [
        (11, "bay[0].slot = 5: allowed in dock cradle is 1 to 4"),
    ],
    "two-bays-one-name": [
        (12, "bay[1].name = 'A1': bay[0] has it already; each must differ"),
    ],
    "two-bays-one-port": [
        (13, "bay[1].port = 'bench:port-1': bay[0] has it already; each must differ"),
    ],
    "typo-in-a-key": [
        (3, "station.langauge is not a known key; did you mean language?"),
    ],
    "typo-in-a-table": [
        (1, "staton is not a known key; did you mean station?"),
    ],
    "unknown-dock": [
        (10, "bay[0].dock = 'cradel': allowed is one of cradle"),
    ],
    "unknown-driver": [
        (11, "printer[0] (labels): no printers driver is called 'zebra'; known: cups, raw, serial, simulat"),
    ],
    "unknown-policy": [
        (3, "station.policy = 'nist-purg': allowed is one of nist-clear, nist-purge"),
        (17, "customer[0].policy = 'gone': allowed is one of nist-clear, nist-purge"),
    ],
    "wrong-kinds": [
        (2, "station.id = 'bench 07': allowed is text that matches ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"),
        (3, "station.countdown_s = 'ten': allowed is a number from 0 up to 3600"),
        (4, "station.language = 'de': allowed is one of da, en"),
        (5, "station.keep_keys_days = 0: allowed is a whole number from 1 up to 3650"),
    ],
}


def test_every_broken_file_is_in_the_table_and_there_are_more_than_twenty() -> None:
    assert {path.stem for path in BROKEN.iterdir()} == SAID.keys()
    assert len(SAID) > 20


@pytest.mark.parametrize("name", SAID)
def test_all_that_is_wrong_in_a_file_is_said_at_once_with_its_line(call: Call, tmp_path: Path, name: str) -> None:
    file = BROKEN / f"{name}.toml"
    done = call("check", "--json", "--config", file, "--state-dir", tmp_path / "state")
    found = [(problem["line"], problem["problem"]) for problem in done.document["problems"]]
    assert (done.status, done.document["well"], len(found)) == (2, False, len(SAID[name])), found
    for (line, said), (wanted_line, wanted) in zip(found, SAID[name], strict=True):
        assert (line, wanted in said) == (wanted_line, True), said
        place = f"{file}:{line}: " if line else f"{file}: "
        assert f"benchwipe: {place}{said}\n" in done.err
    assert not (tmp_path / "state").exists()


def test_a_pipe_that_nobody_writes_to_and_a_link_to_itself_are_told_at_once(call: Call, tmp_path: Path) -> None:
    """In place of the configuration, of a certificate, of a secret that it names."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe, 0o600)
    link.symlink_to(link)
    for command in (("check", "--config"), ("run", "--config"), ("certificate", "show")):
        for path, what in ((pipe, "is a pipe or a socket"), (link, "is a link that leads to itself")):
            done = call(*command, path)
            assert (done.status, done.err.count("\n")) == (2, 1), done.err
            assert f"{str(path)!r} {what}" in done.err
    config = tmp_path / "station.toml"
    config.write_text(BENCH + '[mqtt]\nhost = "::1"\nusername = "u"\npassword_file = "pipe"\n')
    done = call("check", "--config", config)
    assert f"{config}:13: mqtt.password_file = 'pipe': is no file, but a pipe or a socket\n" in done.err
    with pytest.raises(KeyProblem, match="the broker's password is no ordinary file"):
        read_secrets(Mqtt(host="::1", username="u", password_file="pipe"), tmp_path)


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_device_without_an_end_is_no_configuration(call: Call, command: str) -> None:
    done = call(command, "--config", "/dev/zero")
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert re.search(r"/dev/zero:? is no configuration: it has more than 4194304 bytes", done.err)


@pytest.mark.parametrize(
    "host", ["localhost", "192.0.2.7", "fe80::1%eth0", "::ffff:192.0.2.7", "a_b.xn--bcher-kva.de."]
)
def test_every_name_and_address_that_a_host_can_have_is_allowed(host: str) -> None:
    assert parse({"mqtt": {"host": host}}, where="station.toml").mqtt == Mqtt(host=host)


def test_the_shipped_example_is_refused_until_it_is_somebodys_bench(call: Call, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    shutil.copy(REPOSITORY / "config/station.example.toml", config)
    done = call("check", "--config", config)
    assert done.status == 2
    line = 1 + next(i for i, text in enumerate(config.read_text().splitlines()) if text.startswith("port = "))
    assert f"station.toml:{line}: bay[0].port: the bays are still those of the shipped example" in done.err
    ports = {row.port for row in check_ports.rows(load(config), {})}
    assert ports == check_ports.EXAMPLE  # what is compared is what is shipped


def test_check_says_which_ports_have_nothing_in_them(call: Call, tmp_path: Path) -> None:
    for name in ("bench/ports", "bench/drives/D1"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bench/drives/D1/drive.toml").write_text('serial = "SIM1"\n')
    (tmp_path / "bench/drives/D1/image").write_bytes(bytes(4096))
    (tmp_path / "bench/ports/port-1").symlink_to("../drives/D1")
    bays = "".join(f'[[bay]]\nname = "A{n}"\nport = "port-{n}"\nsource = "bench"\n' for n in (1, 2))
    source = '[[source]]\nname = "bench"\ndriver = "simulated"\nsettings = { folder = "bench" }\n'
    config = tmp_path / "station.toml"
    config.write_text(source + bays)
    done = call("check", "--json", "--config", config)
    assert (done.status, done.document["well"]) == (0, True)
    assert [(bay["bay"], bay["line"], bay["drive"]) for bay in done.document["bays"]] == [
        ("A1", 7, True),
        ("A2", 11, False),
    ]
    assert "note: bay A2: nothing stands in port-2 now\n" in done.err


TEXT = """\
# a comment = 1
[station]
id = "x"  # and [one] more
name = \"\"\"
[not.a.table]
key = 1
\"\"\"
[[bay]]
port = "a"
[[ bay ]]
'port' = "b"
[[policy]]
name = "p"
limits = { window_s = 1 }
[policy.verify]
kind = "full"
[scanning]
require = [
  "badge", # ]
  "lot",
]
asset = 'a[b'
"""


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ("station.id = 'x': no", 3),
        ("station.name = 'x': no", 4),
        ("bay[0].port = 'a': no", 9),
        ("bay[1].port = 'b': no", 11),
        ("bay[1].name is missing", 10),
        ("policy[0].limits.window_s = 1: no", 14),
        ("policy[0].verify.kind = 'full': no", 16),
        ("scanning.require[1] = 'lot': no", 18),
        ("scanning.asset = 'a[b': no", 22),
        ("/var/lib/benchwipe: Permission denied", None),
        ("not.a.table is not a known key", None),
    ],
)
def test_the_line_of_a_key_is_found_in_any_way_of_writing_it(problem: str, line: int | None) -> None:
    assert line_of(problem, lines_of(TEXT))[1] == line


def test_a_station_without_a_bay_does_not_begin_and_says_what_check_says(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text("[station]\nid = 'bench-07'\n")
    told = [
        finish(start(command, "--config", config, "--state-dir", tmp_path / "state")) for command in ("check", "run")
    ]
    assert [done.status for done in told] == [2, 2]
    line = f"benchwipe: {config}: bay is missing: a station needs at least one [[bay]]"
    assert all(line in done.err.splitlines() for done in told)
    assert not (tmp_path / "state").exists()
