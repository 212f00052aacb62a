"""A controller's directory: added to a station's own configuration, and never against it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from agent.certificates.jws import thumbprint
from agent.directory import LARGEST, TYPE, DirectoryProblem, added, laxer, read
from agent.planning.policy import Policy
from agent.settings import CustomerSettings, Destination, Lot, OperatorSettings, Settings

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}
OWN = Settings(
    customer=(CustomerSettings(name="Odense Kommune"),),
    lot=(Lot(code="LOT-1", customer="Odense Kommune"),),
    operator=(OperatorSettings(badge="BADGE-1", id="ida", name="Ida"),),
    policy=(Policy(name="thorough", confirm=True),),
)


def signed(
    key: Ed25519PrivateKey = KEY,
    *,
    typ: str = TYPE,
    station: str = "bench-01",
    version: Any = 5,  # noqa: ANN401 - wrong ones too
    **more: Any,  # noqa: ANN401 - as a controller writes it
) -> bytes:
    payload = json.dumps({"station": station, "version": version, "issued": "2026-11-30T10:00:00Z", **more}).encode()
    header = json.dumps({"alg": "EdDSA", "kid": thumbprint(key.public_key()), "typ": typ}).encode()
    parts = jws._b64(header) + b"." + jws._b64(payload)
    return parts + b"." + jws._b64(key.sign(parts))


def told(**more: Any) -> Settings:  # noqa: ANN401
    return added(OWN, read(signed(**more), KEYS, "bench-01"))


NEW: dict[str, Any] = {
    "customers": [{"name": "Kolding Kommune", "policy": "strict"}],
    "lots": [{"code": "LOT-2", "customer": "Kolding Kommune", "reference": "Order 7", "policy": None, "closed": False}],
    "operators": [
        {"badge": "BADGE-2", "id": "bo", "name": "Bo", "title": "", "language": "da", "senses": {"sound": True}}
    ],
    "destinations": [{"code": "DEST-SHOP", "name": "Shop"}],
    "policies": [{"name": "strict", "method": "nist-purge"}],
}


def test_everything_in_it_stands_beside_the_stations_own() -> None:
    found = told(**NEW)
    assert [lot.code for lot in found.lot] == ["LOT-1", "LOT-2"]
    assert [who.badge for who in found.operator] == ["BADGE-1", "BADGE-2"]
    assert found.destination == (Destination(code="DEST-SHOP", name="Shop"),)
    assert found.policy_of(found.lot[1]) == "strict"
    assert found.station == OWN.station


def test_what_says_the_same_as_the_station_is_no_contradiction() -> None:
    assert told(lots=[{"code": "LOT-1", "customer": "Odense Kommune"}]) == OWN


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"lots": [{"code": "LOT-1", "customer": "Odense Kommune", "reference": "x"}]}, "lot 'LOT-1'"),
        ({"operators": [{"badge": "BADGE-1", "id": "bo"}]}, "operator 'BADGE-1'"),
        ({"customers": [{"name": "Odense Kommune", "policy": "thorough"}]}, "customer 'Odense Kommune'"),
        ({"lots": [{"code": "LOT-9", "customer": "Nobody"}]}, "lot[1].customer"),
        ({"policies": [{"name": "thorough"}]}, "confirm"),
        ({"policies": [{"name": "nist-clear", "verify": {"kind": "none"}}]}, "built in"),
        ({"policies": [{"name": "x", "method": "no-such"}]}, "policy[1].method"),
    ],
)
def test_what_cannot_stand_together_refuses_the_whole_and_is_named(more: dict[str, Any], named: str) -> None:
    with pytest.raises(DirectoryProblem) as problem:
        told(**more)
    assert named in str(problem.value)


def test_a_lot_that_is_closed_takes_nothing_any_more() -> None:
    assert told(lots=[{"code": "LOT-1", "customer": "Odense Kommune", "closed": True}]).lot == ()


@pytest.mark.parametrize(
    ("new", "old", "what"),
    [
        ({"verify": {"kind": "sample"}}, {}, "verify"),
        ({"verify": {"kind": "sample", "fraction": 0.1}}, {"verify": {"kind": "sample", "fraction": 0.5}}, "verify"),
        ({"hidden_area": "accept"}, {}, "hidden_area"),
        ({"hidden_area": "remove"}, {}, "hidden_area"),
        ({"hidden_area": "remove"}, {"hidden_area": "accept"}, ""),
        ({"fallback": "nist-clear", "method": "nist-purge"}, {"method": "nist-purge"}, "fallback"),
        ({"method": "nist-clear"}, {"method": "nist-purge"}, "method"),
        ({"method": "nist-purge"}, {"method": "nist-clear"}, ""),
        ({"method": "zero"}, {"method": "gutmann"}, "method"),
        ({"allow_unidentified": True}, {}, "allow_unidentified"),
        ({"skip_capacity_proof": ["sas"]}, {}, "skip_capacity_proof"),
        ({}, {"match_serial": True}, "match_serial"),
        ({"confirm": True, "match_serial": True}, {}, ""),
        ({"limits": {"give_up_after_errors": 5000}}, {}, "limits"),
    ],
)
def test_a_policy_of_the_files_name_is_stricter_or_refused(new: Any, old: Any, what: str) -> None:  # noqa: ANN401
    policies = [msgspec.convert({"name": "p", **facts}, Policy) for facts in (new, old)]
    assert laxer(*policies) == what


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (signed(STRANGER), "unknown key"),
        (signed(typ="benchwipe-command+jws"), "typ"),
        (signed(station="bench-02"), "bench-02"),
        (signed(version="5"), "no directory"),
        (signed(version=0), "no directory"),
        (signed(version=2**60), "no directory"),
        (signed(lots=[{}]), "no directory"),
        (signed()[:-4] + b"AAAA", "signature"),
        (signed(x="y" * LARGEST), f"more than {LARGEST}"),
        (b"", "three parts"),
        (b"\xff" * 100, "three parts"),
        (json.dumps({"version": 1}).encode(), "three parts"),
    ],
)
def test_what_no_controller_signed_for_this_station_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(DirectoryProblem) as problem:
        read(body, KEYS, "bench-01")
    assert why in str(problem.value)


def test_without_controllers_nobody_is_believed() -> None:
    with pytest.raises(DirectoryProblem, match="trusts no controller"):
        read(signed(), {}, "bench-01")


def test_a_directory_of_a_quarter_of_a_megabyte_is_read() -> None:
    lots = [{"code": f"LOT-{n}", "customer": "Odense Kommune"} for n in range(1000, 4000)]
    body = signed(lots=lots)
    assert 128 * 1024 < len(body) < LARGEST
    assert len(read(body, KEYS, "bench-01").lots) == 3000
