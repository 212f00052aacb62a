"""A job that a person stops at a page: a real station's real job, over a real broker, with the person's name on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collector.parties import links, services
from collector.parties.services import Actor
from tests.collector.conftest import wait_for
from tests.collector.fleet.rig import STATION, Bench, Fleet
from tests.patience import SOON_S

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a loop device needs root")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[str]:
    image = tmp_path / "drive.img"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    made = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    yield made.stdout.strip()
    subprocess.run(["losetup", "--detach", made.stdout.strip()], check=False)


def lead(fleet: Fleet) -> httpx.Client:
    """A client in which a team lead is signed in."""
    import ssl

    with fleet.collector.database_open():
        own = services.own_organisation("Workshop")
        person = services.add_or_join(
            Actor("test"), "ida", name="Ida Holm", role="team_lead", organisation=own, password=None
        )
        link = f"/welcome/{links.make('sign-in', person)}"
    context = ssl.create_default_context(cafile=str(fleet.folder / "keys/ca.crt"))
    client = httpx.Client(base_url=fleet.url, verify=context, timeout=SOON_S, headers={"Referer": f"{fleet.url}/"})
    assert client.post(link, data=form(client.get(link).text)).status_code == 302
    return client


def form(page: str) -> dict[str, str]:
    return {"csrfmiddlewaretoken": page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]}


def test_a_job_is_stopped_from_the_page_with_the_persons_name(fleet: Fleet, tmp_path: Path, loop: str) -> None:
    bench = Bench(tmp_path, "bench-30")
    text = bench.config.read_text().replace("/dev/loop250", loop)
    bench.config.write_text(text.replace("# its name", "\nmode = 'automatic'\ncountdown_s = 600"))
    assert bench.enrol(fleet.url, fleet.code("bench-30")).returncode == 0
    command = [*STATION, "run", "--config", str(bench.config), "--state-dir", str(bench.state)]
    daemon = subprocess.Popen(command, stderr=(tmp_path / "log").open("wb"))
    try:
        row = "bays"
        wait_for(lambda: status(bench)[row][0]["state"] == "countdown", what=f"the bay counts down: {tmp_path}/log")
        client = lead(fleet)
        wait_for(lambda: "bench-30" in client.get("/").text, what="the page shows the station")
        stations = client.get("/api/v1/stations").json()["stations"]
        (job,) = [bay["job"] for one in stations if one["id"] == "bench-30" for bay in one["bays"]]
        address = f"/stations/bench-30/jobs/{job}/cancel"
        asked = client.get(address)
        assert "Stop what bay A1 of bench-30 does?" in asked.text
        done = client.post(address, data=form(asked.text), follow_redirects=True)
        assert "bench-30, bay A1: it stops." in done.text
        wait_for(lambda: status(bench)[row][0]["state"] != "countdown")
        trail = fleet.collector.rows("SELECT who, action FROM parties_auditentry WHERE action LIKE 'job.%'")
        assert trail == [("ida", "job.cancel_asked"), ("ida", "job.cancel_answered")]
        assert "Ida Holm cancels job" in (tmp_path / "log").read_text()
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(SOON_S)


def status(bench: Bench) -> dict[str, list[dict[str, str]]]:
    done = bench.run("status", "--json")
    found: dict[str, list[dict[str, str]]] = (
        json.loads(done.stdout) if done.returncode == 0 else {"bays": [{"state": ""}]}
    )
    return found
