"""A collector that speaks TLS by its own authority, Debian's mosquitto with the files that it writes, and stations."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from collector.parties.services import Actor
from collector.settings import load
from tests.collector.conftest import MOSQUITTO, Collector, free_port, wait_for
from tests.patience import PROGRAM_S, SOON_S

DEBIANS = Path("/etc/mosquitto/mosquitto.conf")
STATION = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]
USUAL = """\
pid_file {folder}/mosquitto.pid
persistence true
persistence_location {folder}/
log_dest file {folder}/mosquitto.log
include_dir /etc/mosquitto/conf.d
"""
"""What stands in Debian's own file, where it is not installed."""


class Fleet:
    """One of each, in a folder that the broker's own user can look into."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="benchwipe-fleet-"))
        self.folder.chmod(0o755)
        self.broker_port = free_port()
        self.out = self.folder / "conf.d"
        self.collector = Collector(
            self.folder, self.broker_port, more="tls = { own = true }\n\n[tls]\nnames = ['localhost']\n"
        )
        self._mosquitto: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.collector.port}"

    def write(self) -> None:
        """Write the configuration, and the broker's files by the command."""
        self.collector.write()
        text = self.collector.config.read_text().replace('host = "127.0.0.1"', 'host = "localhost"')
        self.collector.config.write_text(text)
        self.collector.command("broker-config", "--out", str(self.out))

    def start_broker(self) -> None:
        """Start mosquitto with Debian's own configuration, which includes ours, as Debian's own user."""
        assert MOSQUITTO is not None
        usual = DEBIANS.read_text() if DEBIANS.exists() else USUAL
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        with contextlib.suppress(LookupError):
            shutil.chown(state, "mosquitto", "mosquitto")
        main = re.sub(r"/(run|var/lib|var/log)/mosquitto", str(state), usual)
        main = main.replace("{folder}", str(state)).replace("/etc/mosquitto/conf.d", str(self.out))
        (self.folder / "main.conf").write_text(main)
        self._mosquitto = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.folder / "main.conf")], stderr=(self.folder / "mosquitto.err").open("wb")
        )
        time.sleep(0.3)
        assert self._mosquitto.poll() is None, (self.folder / "mosquitto.err").read_text()

    def start(self) -> None:
        """Start everything."""
        self.write()
        self.start_broker()
        with (self.folder / "collector.log").open("ab") as log:
            command = [sys.executable, "-m", "collector.cli", "serve", "--config", str(self.collector.config)]
            self.collector.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self.well, PROGRAM_S, "the collector is up")

    def well(self) -> bool:
        assert self.collector.process is not None
        assert self.collector.process.poll() is None, self.collector.log
        return "broker: connected" in self.collector.log and self.ask("/healthz/intake") == 200

    def ask(self, path: str, timeout: float = SOON_S) -> int:
        """Ask for a page under the authority; its status, 0 while there is none."""
        import httpx

        try:
            context = ssl.create_default_context(cafile=str(self.folder / "keys" / "ca.crt"))
            return httpx.get(self.url + path, verify=context, timeout=timeout).status_code
        except (OSError, httpx.TransportError):
            return 0

    def code(self, station: str) -> str:
        with self.collector.database_open():
            from collector.fleet import services

            return services.invite(Actor("test"), load(self.collector.config), station)[0].text

    def decide(self, station: str, *, accepted: bool) -> None:
        with self.collector.database_open():
            from collector.fleet import services

            services.decide(Actor("test"), station, accepted=accepted)

    def close(self) -> None:
        self.collector.kill()
        if self._mosquitto is not None:
            self._mosquitto.send_signal(signal.SIGTERM)
            self._mosquitto.wait(SOON_S)
        shutil.rmtree(self.folder, ignore_errors=True)


class Bench:
    """A station's machine: its configuration and state, and the commands on it."""

    def __init__(self, folder: Path, station: str) -> None:
        self.station, self.state = station, folder / "state"
        self.config = folder / "etc" / "station.toml"
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f'# A bench of ours.\n[station]\nid = "{station}"   # its name\n\n'
            '[[bay]]\nname = "A1"\nport = "/dev/loop250"\n'
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*STATION, *words, "--config", str(self.config), "--state-dir", str(self.state)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_S)

    def enrol(self, url: str, code: str, *more: str) -> subprocess.CompletedProcess[str]:
        file = self.config.parent / "code"
        file.touch(0o600)
        file.write_text(f"{code}\n")
        return self.run("enrol", url, "--code-file", str(file), *more)

    @property
    def folder(self) -> Path:
        (found,) = [one for one in (self.config.parent / "enrolled").iterdir() if one.is_dir()]
        return found

    def files(self) -> dict[str, bytes]:
        """What lies in its configuration's folder, but for the code and the lock."""
        there = (path for path in self.config.parent.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in there if path.name not in ("code", ".lock")}


class Peer:
    """A client of the broker with a certificate, which notes what the broker answers."""

    def __init__(self, port: int, authority: Path, certificate: Path, key: Path, name: str) -> None:
        self.answers: list[str] = []
        self.events: list[str] = []
        self.client = Client(
            CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate, key)
        self.client.tls_set_context(context)
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: self.events.append("ended")
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.answers.append(str(reason))
        self.client.connect("localhost", port)
        self.client.loop_start()
        wait_for(lambda: self.events, what="the broker says yes or no")

    def _connected(self, _c: Client, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        self.events.append("refused" if reason.is_failure else "connected")

    def publish(self, topic: str) -> str:
        before = len(self.answers)
        self.client.publish(topic, b"{}", qos=1)
        wait_for(lambda: len(self.answers) > before)
        return self.answers[-1]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextlib.contextmanager
def peer(port: int, folder: Path, name: str) -> Iterator[Peer]:
    """A client with the certificate of an enrolment's folder."""
    one = Peer(port, folder / "ca.crt", folder / "station.crt", folder / "station.key", name)
    try:
        yield one
    finally:
        one.close()


def process_of(path: Path) -> int:
    """The user whose a file is."""
    return os.stat(path).st_uid
