"""What a controller tells a station: customers, lots, people, destinations, policies. Pure.

A directory is a JWS (`typ` "benchwipe-directory+jws") by one of the station's `controller_keys`. It is added to
station.toml and changes nothing of it: a name that stands in both with another meaning refuses the whole directory, and
a policy of the file's name may only be stricter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import jws
from agent.errors import AgentError, CertificateProblem
from agent.planning.policy import BUILT_IN, Policy
from agent.settings import CustomerSettings, Destination, Lot, OperatorSettings, Settings, contradictions

TYPE = "benchwipe-directory+jws"
LARGEST = 256 * 1024
MOST = 10_000
KINDS = {"none": 0, "sample": 1, "full": 2}


class DirectoryProblem(AgentError):
    """A directory that this station does not take."""

    code = "BW-A86"
    message = "{problem}"


class DirectoryLot(Lot, frozen=True, kw_only=True):
    """A delivery; one that is closed takes no drive any more."""

    closed: bool = False


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed. `version` only grows."""

    station: str
    version: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    issued: str = ""
    customers: Annotated[tuple[CustomerSettings, ...], msgspec.Meta(max_length=MOST)] = ()
    lots: Annotated[tuple[DirectoryLot, ...], msgspec.Meta(max_length=MOST)] = ()
    operators: Annotated[tuple[OperatorSettings, ...], msgspec.Meta(max_length=MOST)] = ()
    destinations: Annotated[tuple[Destination, ...], msgspec.Meta(max_length=MOST)] = ()
    policies: Annotated[tuple[Policy, ...], msgspec.Meta(max_length=MOST)] = ()


def read(compact: bytes, keys: Mapping[str, Ed25519PublicKey], station: str) -> Directory:
    """Read a directory that one of these keys signed for this station. DirectoryProblem."""
    if not keys:
        raise DirectoryProblem(problem="this station trusts no controller (mqtt.controller_keys)")
    try:
        statement = jws.verify(compact, keys, typ=TYPE, most=LARGEST)
        found = msgspec.json.decode(statement.payload, type=Directory)
    except CertificateProblem as problem:
        raise DirectoryProblem(problem=str(problem.fields["problem"])) from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise DirectoryProblem(problem=f"what is signed is no directory: {error}") from None
    if found.station != station:
        raise DirectoryProblem(problem=f"it was signed for station {found.station[:64]!r}")
    return found


def added(own: Settings, told: Directory) -> Settings:
    """Add a directory to a station's own settings. DirectoryProblem names what cannot stand together."""
    closed = {lot.code for lot in told.lots if lot.closed}
    lots = [Lot(**{k: getattr(lot, k) for k in Lot.__struct_fields__}) for lot in told.lots]
    merged = msgspec.structs.replace(
        own,
        customer=_joined("customer", own.customer, told.customers, lambda one: one.name),
        lot=tuple(
            lot
            for lot in _joined("lot", own.lot, lots, lambda one: one.code)
            if lot.code not in closed or lot.code == own.station.lot
        ),
        operator=_joined("operator", own.operator, told.operators, lambda one: one.badge),
        destination=_joined("destination", own.destination, told.destinations, lambda one: one.code),
        policy=_policies(own, told.policies),
    )
    for problem in contradictions(merged):
        raise DirectoryProblem(problem=problem)
    return merged


def laxer(new: Policy, old: Policy) -> str:
    """Name the first thing in which a policy asks for less than another of the same name; empty where in none."""
    return next(_laxer(new, old), "")


def _laxer(new: Policy, old: Policy) -> Iterator[str]:
    if new.method != old.method and (old.method, new.method) != ("nist-clear", "nist-purge"):
        yield "method"
    if new.fallback != old.fallback and new.fallback != "none":
        yield "fallback"
    if new.hidden_area != old.hidden_area and not (new.hidden_area == "refuse" or old.hidden_area == "accept"):
        yield "hidden_area"
    less = KINDS[new.verify.kind] < KINDS[old.verify.kind]
    if less or (new.verify.kind == "sample" == old.verify.kind and new.verify.fraction < old.verify.fraction):
        yield "verify"
    if new.limits != old.limits:
        yield "limits"
    for key in ("confirm", "match_serial"):
        if getattr(old, key) and not getattr(new, key):
            yield key
    if new.allow_unidentified and not old.allow_unidentified:
        yield "allow_unidentified"
    if not set(new.skip_capacity_proof) <= set(old.skip_capacity_proof):
        yield "skip_capacity_proof"


def _policies(own: Settings, told: Sequence[Policy]) -> tuple[Policy, ...]:
    held = {policy.name: policy for policy in own.policy}
    for policy in told:
        if policy.name in BUILT_IN:
            raise DirectoryProblem(problem=f"policy {policy.name!r} is built in, and nobody changes it")
        if policy.name in held and (what := laxer(policy, held[policy.name])):
            raise DirectoryProblem(problem=f"policy {policy.name!r} asks for less than the station's own: {what}")
        held[policy.name] = policy
    return tuple(held.values())


def _joined(table: str, own: Sequence[Any], told: Sequence[Any], name: Callable[[Any], str]) -> tuple[Any, ...]:
    """Both, each name once. DirectoryProblem where one name means two things."""
    held = {name(one): one for one in own}
    for one in told:
        if held.setdefault(name(one), one) != one:
            raise DirectoryProblem(problem=f"{table} {name(one)!r} is another one in this station's own configuration")
    return tuple(held.values())
