"""`benchwipe-collector demo`: makes a part of the year, lets each person in, and takes all of it away at Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from collector.parties.roles import ROLES
from tests.collector.conftest import free_port, wait_for
from tests.patience import PROGRAM_S


def signed_in(address: str, login: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=address, timeout=PROGRAM_S, follow_redirects=True)
    page = client.get("/account/login/").text
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    told = {"login": login, "password": password, "csrfmiddlewaretoken": token}
    assert client.post("/account/login/", data=told).status_code == 200
    return client


@pytest.mark.skipif("BENCHWIPE_PROVE" not in os.environ, reason="a part of the year, served: make prove-years")
def test_a_part_of_the_year_is_served_to_a_person_of_each_role_until_ctrl_c(tmp_path: Path) -> None:
    address, log = f"127.0.0.1:{free_port()}", tmp_path / "demo.log"
    with log.open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "collector.cli", "demo", "--percent", "1", "--listen", address],
            stdout=out, stderr=out, env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
    try:
        wait_for(lambda: "Ctrl-C ends it" in log.read_text() or demo.poll() is not None, PROGRAM_S, "the year is made")
        assert demo.poll() is None, log.read_text()
        people = dict(re.findall(r"^  ([a-z-]+): (\S+)$", log.read_text(), re.MULTILINE))
        for role in ROLES:
            login = next(name for name in people if name.endswith(role.replace("_", "-")))
            page = signed_in(f"http://{address}", login, people[login]).get("/today")
            assert page.status_code == 200, role
        finance = signed_in(f"http://{address}", "ode-customer-finance", people["ode-customer-finance"])
        assert "NordVirk" in finance.get("/settlements").text
        demo.send_signal(signal.SIGINT)
        assert demo.wait(PROGRAM_S) == 0
    finally:
        demo.kill()
        demo.wait()
    assert [path.name for path in tmp_path.iterdir()] == ["demo.log"]
    assert "Traceback" not in log.read_text()


def test_an_address_that_cannot_be_had_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "collector.cli", "demo", "--percent", "1", "--listen", "nonsense"],
        capture_output=True, text=True, check=False, timeout=PROGRAM_S, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
