"""What benches are told: written on a page, signed, pushed, taken by a real station without a restart, and answered."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from collector.fleet import directing
from collector.fleet.directing import DirectoryRefused
from collector.fleet.directory import Entry, lists, next_version
from collector.fleet.models import DirectoryEntry
from collector.parties.models import AuditEntry
from collector.parties.services import Actor
from tests.collector.conftest import wait_for
from tests.collector.fleet.rig import STATION, Bench, Fleet
from tests.collector.fleet.test_commands import form, lead
from tests.collector.house import House
from tests.patience import SOON_S

ACTOR = Actor("test")
LOT = {"code": "LOT-77", "customer": "Odense Kommune", "reference": "Order 7"}


def test_a_version_grows_also_where_the_clock_went_back() -> None:
    assert next_version(0, 1_800_000_000_000) == 1_800_000_000_000
    assert next_version(1_800_000_000_000, 5) == 1_800_000_000_001


def test_entries_become_lists_in_a_fixed_order() -> None:
    told = lists([Entry("lot", "B", {"customer": "x"}), Entry("lot", "A", {"customer": "x"})])
    assert [lot["code"] for lot in told["lots"]] == ["A", "B"]
    assert sorted(told) == ["customers", "destinations", "lots", "operators", "policies"]


def test_a_new_lot_is_one_form_and_who_changed_it_stands_in_the_trail(house: House) -> None:
    client = house.client("team_lead", login="ida")
    assert "is not in the directory" in client.post("/directory/lot", LOT).text, "a lot without its customer"
    assert client.post("/directory/customer", {"name": "Odense Kommune"}).status_code == 302
    assert client.post("/directory/lot", LOT).status_code == 302
    assert "LOT-77" in client.get("/directory").text
    assert client.post("/directory/lot", {**LOT, "closed": "on"}).status_code == 302
    told = AuditEntry.objects.filter(action="directory.written", subject="LOT-77").order_by("pk")
    assert [(row.who, row.detail["after"]["closed"]) for row in told] == [("ida", False), ("ida", True)]
    assert told[1].detail["before"]["closed"] is False


def test_what_another_entry_needs_is_not_taken_away(house: House) -> None:
    directing.write(ACTOR, "customer", "Odense Kommune", {"policy": None})
    directing.write(ACTOR, "lot", "LOT-77", {"customer": "Odense Kommune"})
    with pytest.raises(DirectoryRefused, match="LOT-77"):
        directing.remove(ACTOR, "customer", "Odense Kommune")
    assert DirectoryEntry.objects.count() == 2
    directing.remove(ACTOR, "lot", "LOT-77")
    directing.remove(ACTOR, "customer", "Odense Kommune")
    assert not DirectoryEntry.objects.exists()


@pytest.mark.parametrize("role", ["technician", "customer_data", "finance"])
def test_others_write_nothing(house: House, role: str) -> None:
    client = house.client(role)
    assert client.get("/directory").status_code == 403
    assert client.post("/directory/customer", {"name": "x"}).status_code == 403
    assert not DirectoryEntry.objects.exists()


def test_a_running_station_takes_it_without_a_restart_and_answers(fleet: Fleet, tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bench-31")
    assert bench.enrol(fleet.url, fleet.code("bench-31")).returncode == 0
    command = [*STATION, "run", "--config", str(bench.config), "--state-dir", str(bench.state)]
    daemon = subprocess.Popen(command, stderr=(tmp_path / "log").open("wb"))
    try:
        wait_for(lambda: "connected to" in (tmp_path / "log").read_text(), what="the station is connected")
        client = lead(fleet)
        page = client.get("/directory").text
        for kind, facts in (("customer", {"name": "Odense Kommune"}), ("lot", LOT)):
            done = client.post(f"/directory/{kind}", data={**facts, **form(page)})
            assert done.status_code == 302, done.text
        state = "SELECT state FROM fleet_stationdirectory WHERE station_id = 'bench-31'"
        wait_for(lambda: fleet.collector.rows(state) == [("applied",)], what="the station says that it is in use")
        wait_for(lambda: "1 lots" in (tmp_path / "log").read_text())
        assert daemon.poll() is None
        assert "in use" in client.get("/directory").text
        shown = json.loads(bench.run("status", "--json").stdout)
        assert shown["alarms"] == {}
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(SOON_S)
