"""A broker of another authority: with a certificate of its own the controller does its errands there."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from collector import checks
from collector.fleet import commanding
from collector.settings import load
from tests.collector.conftest import MOSQUITTO, Broker
from tests.patience import PROGRAM_S, SOON_S

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
ACL = Path(__file__).parents[3] / "config/mosquitto/benchwipe.acl"
LINES = """listener {{port}} 127.0.0.1
cafile {folder}/ca.crt
certfile {folder}/broker.crt
keyfile {folder}/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder}/benchwipe.acl
"""
CONFIGURATION = """
[broker]
host = "localhost"
port = {port}
[broker.tls]
ca = "ca.crt"
certificate = "collector.crt"
key = "collector.key"
[broker.web]
certificate = "collector-web.crt"
key = "collector-web.key"
"""
CONTROLLER = '[broker.controller]\ncertificate = "controller.crt"\nkey = "controller.key"\n'


def run(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=PROGRAM_S)


def authority(folder: Path) -> None:
    """Make what another house's authority would give."""
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run(
        folder,
        "req",
        "-x509",
        *new,
        "-days",
        "9",
        "-subj",
        "/CN=Another",
        *usage,
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
    )
    (folder / "more").write_text(
        "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    for name in ("broker", "collector", "collector-web", "controller", "bench-01"):
        run(folder, "req", *new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9", "-extfile", "more")
        run(folder, "x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.crt")


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt-get install mosquitto")
def test_the_controller_tells_a_station_there_what_it_is_to_know(tmp_path: Path) -> None:
    authority(tmp_path)
    (tmp_path / "benchwipe.acl").write_text(ACL.read_text())
    for file in tmp_path.iterdir():
        file.chmod(0o600 if file.suffix == ".key" else 0o644)
    broker = Broker(tmp_path, "user root\n" + LINES.format(folder=tmp_path))
    heard, subscribed = threading.Event(), threading.Event()
    station = Client(CallbackAPIVersion.VERSION2, "bench-01")
    station.tls_set(str(tmp_path / "ca.crt"), str(tmp_path / "bench-01.crt"), str(tmp_path / "bench-01.key"))
    station.on_connect = lambda c, *_: c.subscribe("er/1/bench-01/desired/config", 1)
    station.on_subscribe = lambda *_: subscribed.set()
    station.on_message = lambda *_: heard.set()
    try:
        station.connect("localhost", broker.port)
        station.loop_start()
        assert subscribed.wait(SOON_S)
        text = CONFIGURATION.format(port=broker.port)
        (tmp_path / "c.toml").write_text(text)
        without = load(tmp_path / "c.toml")
        assert not commanding.possible(without)
        assert any("[broker.controller]" in line for line in checks._broker(without))
        (tmp_path / "c.toml").write_text(text + CONTROLLER)
        told = load(tmp_path / "c.toml")
        assert commanding.possible(told)
        assert checks._broker(told) == []
        commanding.exchange(told, "er/1/+/reported/config", [("er/1/bench-01/desired/config", b"x")], 0.2)
        assert heard.wait(SOON_S), "the broker let the controller write, and nobody else may"
    finally:
        station.disconnect()
        station.loop_stop()
        broker.kill()
