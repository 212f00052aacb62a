"""Simulated stations: each signs certificates of drives that were never there, and delivers them as a bench does.

Records are what `benchwipe erase` writes of a drive, with figures of a simulated one. They say "simulated" where the
transport stands: nobody takes one for a certificate of a real drive.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.certificates.attestation import QUESTIONS, TECHNIQUE
from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import public_jwk
from agent.certificates.record import (
    Asset,
    Attestation,
    Check,
    Clock,
    Customer,
    DriveRecord,
    Drives,
    Health,
    Identifier,
    Operator,
    PassRecord,
    Reason,
    Record,
    Sanitization,
    Software,
    StationRecord,
    Verification,
)
from agent.messages import Receipt
from collector.demo.errors import DemoProblem
from collector.demo.plan import HANDSETS, Device, Town

CAPACITY = 256_060_514_304
AT_ONCE = 100
"""Certificates on their way without a receipt: a broker holds so many for one client."""
ANSWER_S = 120.0
NOT_READ = Reason("BW-E02", "Parts of the drive could not be written or read", "Destroy it.")
NONE = Sanitization(
    level="none", level_nist_800_88_r1="none", level_ieee_2883="none", standard="", method="zero", technique="overwrite"
)
CLEAR: dict[str, Any] = dict.fromkeys(("level", "level_nist_800_88_r1", "level_ieee_2883"), "clear")
MEMORY_KIND: dict[str, Literal["tablet", "phone", "computer"]] = {"tablet": "tablet", "phone": "phone"}


class Station:
    """One bench of a town: its key, and the chain of what it signed."""

    def __init__(self, town: Town) -> None:
        self.id, self.town = f"bench-{town.short.lower()}", town
        self.key = Ed25519PrivateKey.generate()
        self.signed: list[Certificate] = []
        self._operator = Operator(id=f"op-{town.short.lower()}", name="Simulated Operator")

    def erase(self, devices: Iterable[Device]) -> list[Certificate]:
        """Sign what came of each device's drives; devices that were not handed over have none."""
        made = []
        for device in devices:
            if device.fate != "missing" and device.kind != "printer":
                for place in range(1, max(1, device.drives) + 1):
                    made.append(self._sign(device, place))
        return made

    def _sign(self, device: Device, place: int) -> Certificate:
        sequence = len(self.signed) + 1
        record = self._record(device, sequence)
        if device.kind in HANDSETS:
            record = _attested(record, device, self._operator)
        else:
            record = _measured(record, device, place)
        certificate = sign(record, self.key)
        self.signed.append(certificate)
        return certificate

    def _record(self, device: Device, sequence: int) -> Record:
        moment = f"{device.erased_on.isoformat()}T10:00:00Z"
        return Record(
            number=f"{self.id}-{sequence:06d}",
            sequence=sequence,
            previous=self.signed[-1].id if self.signed else None,
            outcome="erased",
            job=f"demo-{sequence}",
            started_at=moment,
            finished_at=moment,
            clock=Clock(source="ntp", synchronised=True, boot_id="demo", monotonic_ms=sequence),
            station=StationRecord(
                id=self.id,
                name=f"Bench of {self.town.operator}",
                location=self.town.name.partition(" ")[0],
                organisation=self.town.operator,
                software=Software(name="benchwipe", version="demo"),
                kernel="simulated",
                machine="simulated",
            ),
            operator=self._operator,
            customer=Customer(name=self.town.name, lot=device.lot),
            asset=_asset(device),
            drive=_drive(device, 1),
            sanitization=NONE,
            verification=Verification(kind="none", result="not-run"),
        )


def _asset(device: Device) -> Asset:
    kind = MEMORY_KIND.get(device.kind, "computer")
    known = Identifier(kind="imei", value=device.imei) if device.imei else None
    drives = Drives(index=1, of=device.drives) if device.drives > 1 else None
    return Asset(
        tag=device.tag,
        kind=kind,
        manufacturer=device.maker,
        model=device.model,
        serial=device.imei or device.serial,
        identifiers=() if known is None else (known,),
        drives=drives,
    )


def _drive(device: Device, place: int) -> DriveRecord:
    return DriveRecord(
        vendor="SIMULATED",
        model="SIMULATED 256",
        serial=drive_serials(device)[place - 1],
        wwn=None,
        firmware="1",
        transport="simulated",
        media="ssd",
        capacity_bytes=CAPACITY,
        native_capacity_bytes=None,
        logical_block_bytes=512,
        physical_block_bytes=4096,
        identity_source="drive",
        bridge=None,
        hidden_area=None,
        health=Health(),
    )


def _measured(record: Record, device: Device, place: int) -> Record:
    asset, drive = record.asset, _drive(device, place)
    assert asset is not None
    if asset.drives is not None:
        asset = msgspec.structs.replace(asset, drives=msgspec.structs.replace(asset.drives, index=place))
    record = msgspec.structs.replace(record, drive=drive, asset=asset)
    if device.fate == "failed":
        return msgspec.structs.replace(record, outcome="failed", reason=NOT_READ)
    written = PassRecord(
        number=1, pattern="00", bytes=CAPACITY, started_at=record.started_at, finished_at=record.finished_at
    )
    done = msgspec.structs.replace(NONE, **CLEAR, standard="NIST SP 800-88 Rev. 2", passes=(written,))
    read = Verification(kind="full", result="passed", bytes=CAPACITY, blake3="a" * 64)
    return msgspec.structs.replace(record, sanitization=done, verification=read)


def _attested(record: Record, device: Device, operator: Operator) -> Record:
    """A handset's memory is never seen: a person answers for its reset."""
    drive = msgspec.structs.replace(
        record.drive, serial=device.imei, vendor=device.maker, model=device.model, identity_source="scanned",
        capacity_bytes=0, media="flash",
    )  # fmt: skip
    checks = tuple(Check(question=question, answer="yes") for question in QUESTIONS)
    return msgspec.structs.replace(
        record,
        drive=drive,
        sanitization=msgspec.structs.replace(NONE, **CLEAR, method="factory-reset", technique=TECHNIQUE),
        attestation=Attestation(by=operator.id, checks=checks, at=record.finished_at),
    )


def drive_serials(device: Device) -> list[str]:
    """List the serial numbers of a device's drives."""
    return [f"D{place}{device.serial}" for place in range(1, max(1, device.drives) + 1)]


def deliver(port: int, station: str, certificates: Sequence[Certificate]) -> float:
    """Publish certificates over a broker, and wait for a receipt of each. How long it took. Raise DemoProblem."""
    begun, uplink = time.monotonic(), _Uplink(port, station)
    try:
        for certificate in certificates:
            uplink.send(certificate)
        uplink.finish()
    finally:
        uplink.close()
    return time.monotonic() - begun


class _Uplink:
    """A station's connection. A certificate is let go of when its receipt says that it is stored, as a bench does."""

    def __init__(self, port: int, station: str) -> None:
        self._station, self._free = station, threading.BoundedSemaphore(AT_ONCE)
        self._open: set[str] = set()
        self._refused: list[str] = []
        self._ready = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"{station}-demo", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(f"er/1/{station}/receipt/#", 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not self._ready.wait(ANSWER_S):
            raise DemoProblem(problem=f"the broker on port {port} does not answer")

    def send(self, certificate: Certificate) -> None:
        if not self._free.acquire(timeout=ANSWER_S):
            raise DemoProblem(problem=f"no receipt came within {ANSWER_S:.0f} s")
        self._open.add(certificate.id)
        self._client.publish(f"er/1/{self._station}/cert/{certificate.id}", certificate.compact, qos=1)

    def finish(self) -> None:
        for _ in range(AT_ONCE):
            if not self._free.acquire(timeout=ANSWER_S):
                raise DemoProblem(problem=f"{len(self._open)} certificates have no receipt")
        if self._refused:
            raise DemoProblem(problem=f"{len(self._refused)} certificates were refused: {self._refused[0]}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        name = message.topic.rpartition("/")[2]
        if name not in self._open:
            return
        told = msgspec.json.decode(message.payload, type=Receipt)
        self._open.discard(name)
        if told.result != "stored":
            self._refused.append(f"{name[:12]}: {told.result}")
        self._free.release()


def jwk(station: Station) -> dict[str, str]:
    """Write a station's public key as `benchwipe key show` prints it."""
    return dict(public_jwk(station.key.public_key()))
