"""Certificates find their units by themselves, in the running collector, whatever is killed meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import Asset
from collector.parties import services
from collector.parties.services import Actor
from collector.units import registering
from collector.units.models import DriveLink, Loose, UnitEvent
from tests.collector.conftest import Collector, StationClient, drive, record, wait_for
from tests.patience import PROGRAM_S

COUNT, KILLS = 20, 2


def signed(key: Ed25519PrivateKey) -> list[Certificate]:
    made: list[Certificate] = []
    for n in range(1, COUNT + 1):
        told = record(n, made[-1].id if made else None, asset=Asset(tag=f"K-{n:04d}"), drive=drive(f"DRIVE{n}"))
        made.append(sign(told, key))
    return made


def test_whatever_is_killed_each_certificate_finds_its_unit_once(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    register = "serial,asset_tag\n" + "\n".join(f"PF{n:06d},K-{n:04d}" for n in range(1, COUNT))
    with collector.database_open():
        actor = Actor("test")
        kolding = services.add_organisation(actor, "Kolding Kommune", "customer")
        registering.import_register(actor, kolding, register.encode(), "register.csv")
    for one in signed(key):
        station.deliver(one)
    for _ in range(KILLS):
        worker = wait_for(lambda: collector.child("worker"), PROGRAM_S, "the worker is there")
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    stored = "SELECT COUNT(*) FROM intake_certificate"
    wait_for(lambda: collector.rows(stored) == [(COUNT,)], PROGRAM_S, "all are stored")
    wait_for(lambda: collector.rows("SELECT COUNT(*) FROM units_waiting") == [(0,)], PROGRAM_S, "none waits")
    with collector.database_open():
        assert DriveLink.objects.count() == COUNT - 1
        assert UnitEvent.objects.filter(kind="certificate_linked").count() == COUNT - 1
        assert Loose.unfiltered.get().why == "no_unit"
