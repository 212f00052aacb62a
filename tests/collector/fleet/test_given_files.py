"""`serve` with a certificate that somebody else gave: a station that trusts its authority is enrolled all the same."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.collector.conftest import Collector, free_port, wait_for
from tests.collector.fleet.rig import Bench
from tests.patience import PROGRAM_S, SOON_S

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def given(folder: Path, name: str = "pages") -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", f"{name}.key", "-out", f"{name}.crt"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PROGRAM_S)
    (folder / f"{name}.key").chmod(0o600)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Collector]:
    given(tmp_path)
    one = Collector(tmp_path, free_port(), more='\n[tls]\ncertificate = "pages.crt"\nkey = "pages.key"\n')
    one.write()
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "collector.cli", "serve", "--config", str(one.config)]
        one.process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(lambda: answers(one, tmp_path), PROGRAM_S)
        yield one
    finally:
        one.kill()


def answers(one: Collector, folder: Path) -> bool:
    try:
        context = ssl.create_default_context(cafile=str(folder / "pages.crt"))
        url = f"https://localhost:{one.port}/healthz/web"
        return httpx.get(url, verify=context, timeout=SOON_S).status_code == 200
    except httpx.TransportError:
        return False


def test_who_trusts_its_authority_is_enrolled_and_who_does_not_tells_it_nothing(
    served: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, url = Bench(tmp_path / "bench", "bench-01"), f"https://localhost:{served.port}"
    code = served.command("station", "invite", "bench-01").strip()
    done = bench.enrol(url, code)
    assert (done.returncode, "no authority that this machine trusts" in done.stderr) == (2, True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pages.crt"))
    done = bench.enrol(url, code)
    assert done.returncode == 0, done.stderr
    again = [sys.executable, "-m", "agent.enrolment.renew", str(bench.folder), str(bench.state)]
    assert subprocess.run(again, check=False, timeout=PROGRAM_S).returncode == 0


def test_a_new_certificate_is_taken_into_use_while_it_runs(served: Collector, tmp_path: Path) -> None:
    given(tmp_path, "newer")
    os.replace(tmp_path / "newer.key", tmp_path / "pages.key")
    os.replace(tmp_path / "newer.crt", tmp_path / "pages.crt")
    wait_for(lambda: answers(served, tmp_path), what="the new certificate is shown")
