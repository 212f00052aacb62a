"""Anybody may ask to be enrolled: what is no request of a station goes no further, on either database."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.enrolment import ENROL, ENROL_PATH, RENEW, RENEW_PATH, ask
from agent.enrolment.enrol import request, tls_key
from collector.fleet import services
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
