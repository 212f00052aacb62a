"""Anybody may ask to be enrolled: what is no request of a station goes no further, on either database."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import RequestFactory

from agent.certificates.enrolment import ENROL, ENROL_PATH, RENEW, RENEW_PATH, EnrolmentAnswer, ask
from agent.certificates.signature import USUAL
from agent.enrolment import enrol
from agent.enrolment.enrol import request, tls_key
from agent.settings import parse
from collector.fleet import enrol_views, services
from collector.parties.models import AuditEntry
from tests.collector.house import House

NO_STATIONS = ("", "a\0b", "\u202ebench-01", "../bench", "bench/+/#", "x" * 64, "bench 01", "bench\n01")


@pytest.mark.parametrize(("path", "typ"), [(ENROL_PATH, ENROL), (RENEW_PATH, RENEW)])
def test_a_name_that_is_no_stations_is_refused_and_stands_nowhere(each_house: House, path: str, typ: str) -> None:
    authority = services.authority(each_house.configuration.keys_dir)[1]
    key, client = Ed25519PrivateKey.generate(), each_house.stranger()
    about = request("bench-01", authority, tls_key(), key, "0" * 15)
    for name in NO_STATIONS:
        body = ask(msgspec.structs.replace(about, station=name), key, typ=typ)
        answer = client.post(path, body, content_type="application/jose")
        assert (answer.status_code, "names no station" in answer.json()["error"]) == (400, True), (name, answer.content)
    assert not AuditEntry.objects.filter(action="station.wrong_code").exists()


def test_a_station_is_told_the_brokers_of_the_other_cells_and_writes_them_down(house: House) -> None:
    others = ["a.example:8883", "b.example", "c.example:8884", "b.example:8883"]  # the same list in each cell
    told, replace = house.configuration.settings, msgspec.structs.replace
    stations = replace(told.broker.stations, host="a.example", others=others)
    cell = replace(told, broker=replace(told.broker, stations=stations))
    configuration = msgspec.structs.replace(house.configuration, settings=cell)
    address = enrol_views._broker(RequestFactory().get("/", HTTP_HOST="localhost"), configuration)
    assert len(address.others) == 2
    answer = EnrolmentAnswer(state="enrolled", broker=address)
    wanted = enrol.Wanted("bench-01", Ed25519PrivateKey.generate(), USUAL, Path("station.toml"), None)
    written = parse(tomllib.loads(enrol._edited(wanted, "", Path("made"), answer)), where="station.toml")
    assert written.mqtt is not None
    assert [str(one) for one in written.mqtt.addresses] == ["a.example:8883", "b.example:8883", "c.example:8884"]
