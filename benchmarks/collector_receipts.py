"""Certificates per second from a station's publish to the collector's receipt, and how long each waited (p50, p99).

    .venv/bin/python -m benchmarks.collector_receipts [--certificates 3000] [--outstanding 16] [--stations 8]
        [--database sqlite:///collector.db]

A real mosquitto, a real `benchwipe-collector serve`; each station keeps at most `outstanding` certificates without a
receipt, as a bench does. At the end the database must hold every certificate exactly once, else the run fails. Beside
it stands what broker and database can do alone (benchmarks/ceilings.py).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import thumbprint
from agent.certificates.record import Record
from collector import boot, settings

WHEN = "2026-11-22T10:00:00Z"
SIZE = 500_107_862_016
RECORD = {
    "number": "", "sequence": 1, "previous": None, "outcome": "erased", "job": "j", "started_at": WHEN,
    "finished_at": WHEN, "clock": {"source": "ntp", "synchronised": True, "boot_id": "b" * 36, "monotonic_ms": 1},
    "station": {"id": "", "name": "Bench", "location": "Kolding", "organisation": "Workshop", "kernel": "6.12",
                "software": {"name": "benchwipe", "version": "0.1.0"}, "machine": "aarch64"},
    "operator": {"id": "op-7"}, "customer": {"name": "Municipality", "lot": "2026-47"},
    "asset": {"tag": "", "kind": "computer", "manufacturer": "Lenovo", "model": "ThinkPad T480", "serial": "PF1"},
    "drive": {"vendor": "Samsung", "model": "SSD 870 EVO", "serial": "", "wwn": "0x5002538e", "firmware": "SVT01B6Q",
              "transport": "sata", "media": "ssd", "capacity_bytes": SIZE, "native_capacity_bytes": SIZE,
              "logical_block_bytes": 512, "physical_block_bytes": 512, "identity_source": "drive", "bridge": None,
              "hidden_area": None, "health": {}},
    "sanitization": {"level": "clear", "level_nist_800_88_r1": "clear", "level_ieee_2883": "clear",
                     "standard": "NIST SP 800-88 Rev. 2", "method": "zero", "technique": "overwrite",
                     "passes": [{"number": 1, "pattern": "00", "bytes": SIZE, "started_at": WHEN,
                                 "finished_at": WHEN}]},
    "verification": {"kind": "full", "result": "passed", "bytes": SIZE, "blake3": "a" * 64,
                     "expected_blake3": "a" * 64},
}  # fmt: skip


class Bench:
    """A station that keeps at most `outstanding` certificates on their way."""

    def __init__(self, port: int, certificates: list[Certificate], outstanding: int) -> None:
        self._certificates = certificates
        self._free = threading.Semaphore(outstanding)
        self._sent: dict[str, float] = {}
        self.waits: list[float] = []
        self.name = certificates[0].record.station.id
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, self.name, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda c, *_: c.subscribe(f"er/1/{self.name}/receipt/+", 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_socket_open = without_nagle
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        sent = self._sent.pop(message.topic.rpartition("/")[2], None)
        if sent is not None and b'"stored"' in message.payload:
            self.waits.append(time.perf_counter() - sent)
            self._free.release()

    def run(self) -> None:
        """Publish all; a full window for 60 s is a failure, told by the count."""
        for one in self._certificates:
            if not self._free.acquire(timeout=60):
                return
            self._sent[one.id] = time.perf_counter()
            self._client.publish(f"er/1/{self.name}/cert/{one.id}", one.compact, qos=1)
        end = time.monotonic() + 60
        while self._sent and time.monotonic() < end:
            time.sleep(0.001)
        self._client.disconnect()


def without_nagle(_client: Client, _data: object, raw: object) -> None:
    """Else a publish after a publish waits for a TCP acknowledgement: 40 ms."""
    if isinstance(raw, socket.socket):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def certificates_of(name: str, key: Ed25519PrivateKey, count: int) -> list[Certificate]:
    """A chain of `count`."""
    base = msgspec.convert(RECORD, Record)
    found: list[Certificate] = []
    for n in range(1, count + 1):
        one = msgspec.structs.replace(
            base,
            number=f"{name}-{n:06d}",
            sequence=n,
            previous=found[-1].id if found else None,
            station=msgspec.structs.replace(base.station, id=name),
            drive=msgspec.structs.replace(base.drive, serial=f"S{n:09d}"),
        )
        found.append(sign(one, key))
    return found


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def start(folder: Path, database: str) -> tuple[int, int, list[subprocess.Popen[bytes]]]:
    """Broker and collector; their ports and processes."""
    mosquitto = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if mosquitto is None:
        sys.exit("mosquitto is not installed: apt-get install mosquitto")
    port, web = free_port(), free_port()
    (folder / "m.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 400\nset_tcp_nodelay true\n"
    )
    (folder / "c.toml").write_text(
        f'listen = "127.0.0.1:{web}"\n[broker]\nhost = "127.0.0.1"\nport = {port}\n[database]\nurl = "{database}"\n'
    )
    broker = subprocess.Popen([mosquitto, "-c", str(folder / "m.conf")], stderr=subprocess.DEVNULL)
    command = [sys.executable, "-m", "collector.cli", "serve", "--config", str(folder / "c.toml")]
    return port, web, [subprocess.Popen(command, stderr=(folder / "log").open("wb")), broker]


def wait_until_healthy(web: int) -> None:
    """At most 30 s."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{web}/healthz", timeout=2)
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("the collector is not healthy after 30 s")


def enrol(folder: Path, database: str, keys: dict[str, Ed25519PrivateKey]) -> None:
    """Make the database, and believe these stations."""
    (folder / "c.toml").write_text(f'[database]\nurl = "{database}"\n')
    boot.boot(settings.load(folder / "c.toml"))
    from collector import upkeep
    from collector.intake import enrolment
    from collector.parties.services import Actor

    upkeep.prepare(migrate=True)
    for name, key in keys.items():
        enrolment.enrol(Actor("benchmark"), name, {thumbprint(key.public_key()): key.public_key()})


def worked(parent: int) -> float:
    """Seconds of processor that a process and its children had so far: what else the machine does is not in it."""
    found = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = place.read_text().rpartition(")")
        except OSError:
            continue
        told = rest.split()
        if int(name.split()[0]) == parent or int(told[1]) == parent:
            found += int(told[11]) + int(told[12])
    return found / os.sysconf("SC_CLK_TCK")


def stored() -> int:
    """How many certificates the database holds whose chain is unbroken."""
    from collector.intake.models import Certificate

    return int(Certificate.unfiltered.filter(chain="ok").count())


def measure(folder: Path, options: argparse.Namespace) -> int:
    """Run it and print one line; the exit status."""
    from benchmarks import ceilings

    each = options.certificates // options.stations
    keys = {f"bench-{n}": Ed25519PrivateKey.generate() for n in range(options.stations)}
    enrol(folder, options.database, keys)
    chains = [certificates_of(name, key, each) for name, key in keys.items()]
    port, web, processes = start(folder, options.database)
    try:
        wait_until_healthy(web)
        benches = [Bench(port, chain, options.outstanding) for chain in chains]
        before = worked(processes[0].pid)
        threads = [threading.Thread(target=bench.run) for bench in benches]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        work = worked(processes[0].pid) - before
        found, wanted = stored(), each * options.stations
        broker = ceilings.broker_rate(port, [one for chain in chains for one in chain])
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
    more = certificates_of(chains[0][0].record.station.id, keys[chains[0][0].record.station.id], wanted + each)[each:]
    database = ceilings.database_rate(more)
    waits = sorted(w for bench in benches for w in bench.waits)
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99) - 1]
    kind = options.database.partition(":")[0]
    size = len(chains[0][-1].compact)
    lower = min(broker, database)
    print(
        f"{kind}: {wanted} certificates of {size} B, {options.stations} stations x {options.outstanding} outstanding: "
        f"{len(waits) / seconds:.0f}/s to receipt, p50 {1000 * p50:.1f} ms, p99 {1000 * p99:.1f} ms; "
        f"{1000 * work / wanted:.3f} ms of the collector's processor time each; stored {found}\n"
        f"alone, in the same run: broker {broker:.0f}/s, database in batches {database:.0f}/s; "
        f"to receipt {len(waits) / seconds / lower:.2f} of the lower"
    )
    return 0 if found == wanted == len(waits) else 1


def main() -> int:
    """Options, a folder, a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=3000)
    parser.add_argument("--stations", type=int, default=8)
    parser.add_argument("--outstanding", type=int, default=16, help="for each station")
    parser.add_argument("--database", default="sqlite:///collector.db")
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-receipts-"))
    try:
        return measure(folder, parser.parse_args())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
