"""docs/collector.md in a clean Debian: nine commands, and a station's first certificate arrives over TLS."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.collector.conftest import wait_for
from tests.installing.conftest import ASKED, LoopDrive, lacking, suites
from tests.installing.container import Container, Terminal
from tests.installing.pages import commands
from tests.installing.test_clean_root import ADDRESS, HERE, attest, between, station

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not suites(), reason=f"a clean Debian takes minutes: `make prove-install` sets {ASKED}"),
    pytest.mark.skipif(bool(lacking()), reason=f"no clean root can be made here: {lacking()}"),
]
HEADING = "From a bare Debian to the first certificate"
NAME = "collector.example"
DATABASE = "/var/lib/benchwipe-collector/collector.db"


@pytest.mark.parametrize("suite", suites())
def test_the_commands_of_the_page_lead_to_the_first_certificate(suite: str, upstream: Path, drive: LoopDrive) -> None:
    update, packages, clone, install, broker, enable, invite, enrol, restart = commands("collector.md", HEADING)
    with station(suite, upstream) as (container, person):
        container.root_says(f"echo 127.0.0.1 {NAME} >>/etc/hosts")
        person.do(update)
        person.do(packages, {r"Do you want to continue\? \[Y/n\]": "y"})
        person.do(clone.replace(ADDRESS, HERE))
        person.do(install)
        learn = commands("install.md")[4]
        person.do(learn, {"A1": lambda: drive.plug_into(container), "A2": "done"})
        person.do(broker)
        assert container.root_says("systemctl is-active mosquitto").strip() == "active"
        person.do(enable)
        code = code_of(person.do(invite))
        person.do(enrol, {"Code": code})
        person.do(restart)
        _, checked = person.run("sudo benchwipe check")  # the example's other bays are of no container
        assert [line for line in checked.splitlines() if "mqtt" in line or "collector" in line] == []
        attest(container, person)
        arrives(container)
        is_cut_off(container, person)


def code_of(said: str) -> str:
    found = re.search(r"^bench-01:[0-9A-Z-]+:[0-9a-f]{64}$", said, re.MULTILINE)
    assert found, said
    return found[0]


def rows(container: Container, query: str) -> str:
    script = f"import sqlite3; print(sqlite3.connect({DATABASE!r}).execute({query!r}).fetchall())"
    return container.root_says(f'python3 -c "{script}"').strip()


def arrives(container: Container) -> None:
    wait_for(
        lambda: rows(container, "SELECT station_id FROM intake_certificate") == "[('bench-01',)]",
        what="the first certificate is stored",
    )


def is_cut_off(container: Container, person: Terminal) -> None:
    """The units alone do it: the collector may not signal the broker, and benchwipe-broker.path has it done."""

    def connected() -> bool:
        uplink = json.loads(between(person.do("sudo benchwipe status --json")))["uplink"]
        return bool(uplink["connected"])

    assert connected()
    person.do("sudo benchwipe-collector station revoke bench-01")
    wait_for(lambda: not connected(), 60, "cut off within a minute")
    assert "reads" in container.root_says("journalctl -u benchwipe-collector -u benchwipe-broker --no-pager || true")
