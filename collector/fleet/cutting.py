"""Telling a broker on this machine to read its files anew, and ending the connection of a revoked station.

mosquitto reads certificates and the list of revoked ones at SIGHUP; what is connected then stays connected. A broker
that takes client ids from certificates ends a connection when another one comes with the same name: a certificate of
the revoked name, made for that and valid for minutes, does it. The list is read before, so nobody comes back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from collector.fleet import ca, certificates
from collector.settings import Configuration

PROGRAM = "mosquitto"
ANSWER_S = 5.0
MINUTES = 10


def reload(port: int) -> str:
    """Send SIGHUP to the mosquitto that listens on this port of this machine. Return why not, or nothing."""
    process = listening(port)
    if process is None:
        return "no mosquitto of this machine that this user sees listens there"
    try:
        os.kill(process, signal.SIGHUP)
    except OSError as error:
        return str(error.strerror)
    return ""


def listening(port: int) -> int | None:
    """Find the process that listens on a TCP port, if it is a mosquitto that this user may look at."""
    sockets = {f"socket:[{inode}]" for inode in _listeners(port)}
    for folder in Path("/proc").iterdir() if sockets else ():
        with contextlib.suppress(OSError):
            if not folder.name.isdigit() or (folder / "comm").read_text().strip() != PROGRAM:
                continue
            if any(os.readlink(one) in sockets for one in (folder / "fd").iterdir()):
                return int(folder.name)
    return None


def cut(configuration: Configuration, station: str) -> str:
    """End the connection of a station at the broker by coming in its name. Return why not, or nothing."""
    key = ca.new_key()
    csr = ca.request_for(key, station)
    row, made = certificates.make(configuration.keys_dir, "client", [station], csr, days=MINUTES / 24 / 60)
    row.save()
    try:
        with _context(configuration, ca.pem_of(key) + made) as context:
            return _come(configuration, station, context)
    except (OSError, ValueError) as error:
        return str(error)


def _come(configuration: Configuration, station: str, context: ssl.SSLContext) -> str:
    """Connect with a session that ends at once, and go."""
    broker, answered, told = configuration.settings.broker, threading.Event(), [f"no answer within {ANSWER_S:g} s"]
    client = Client(
        CallbackAPIVersion.VERSION2, station, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
    )

    def on_connect(_c: Client, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        told[0] = str(reason) if reason.is_failure else ""
        answered.set()

    client.on_connect = on_connect
    client.connect_timeout = ANSWER_S
    client.tls_set_context(context)
    client.connect(broker.host, broker.port, keepalive=30, clean_start=True)
    client.loop_start()
    answered.wait(ANSWER_S)
    client.disconnect()
    client.loop_stop()
    return told[0]


@contextlib.contextmanager
def _context(configuration: Configuration, pem: bytes) -> Iterator[ssl.SSLContext]:
    """A context with a key that is never more than a file of this process, and goes at once."""
    tls = configuration.settings.broker.tls
    context = ssl.create_default_context(cafile=str(configuration.path(tls.ca)))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
        yield context


def _listeners(port: int) -> Iterator[str]:
    """Inodes of the sockets that listen on a port, of IPv4 and IPv6 (proc_net_tcp(5): state 0A)."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]:
                parts = line.split()
                if parts[3] == "0A" and parts[1].endswith(f":{port:04X}"):
                    yield parts[9]
