"""station.toml -> frozen values. Unknown keys and wrong values are gathered: one line each, with the key's path.

Relative paths in the file are relative to its own folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from agent.errors import SettingsError
from agent.planning.plan import known_methods, may_be_refused
from agent.planning.policy import BUILT_IN, Policy
from drivers.drives.ports import canonical
from drivers.options import ADDRESS, Host, convert, read_address, read_toml
from drivers.senses import Senses

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Text = Annotated[str, msgspec.Meta(max_length=200)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
MOST_BROKERS = 16
URL = re.compile(r"https?://[!-~]+")  # what a telephone opens when it reads the QR code on a label


class StationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who this station is. `id` is its MQTT client id and the head of its certificate numbers.

    `stalled_power_off_s`: how long a drive that answers no more may stay so before its bay is given up.
    `lot`: the code of a standing delivery, on which everybody works who has scanned no other.
    `keep_keys_days`: how long a job that stopped keeps the key of its random passes and its ATA password, for its drive
    to come back. `signature_alg`: the name of Ed25519 in the header of what it signs (agent/certificates/signature.py).
    """

    id: Name = "bench-01"
    name: Text = ""
    location: Text = ""
    organisation: Text = ""
    language: Literal["da", "en"] = "da"
    mode: Literal["automatic", "scan"] = "scan"
    countdown_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 10.0
    stalled_power_off_s: Annotated[float, msgspec.Meta(ge=1, le=86400)] = 120.0
    keep_keys_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    policy: Text = "nist-clear"
    lot: Text | None = None
    certificate_url: Text = ""
    signature_alg: Literal["EdDSA", "Ed25519"] = "EdDSA"


class BaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """A place for one drive. `port` is where its drive appears in the source; `dock` and `slot` switch and light it."""

    name: Name
    port: Annotated[str, msgspec.Meta(min_length=1)]
    source: Name = "block"
    dock: Name | None = None
    slot: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a driver serves. `settings` belong to the driver, which checks them itself."""

    name: Name
    driver: Name
    settings: dict[str, Any] = {}


class DockDevice(Device, frozen=True, kw_only=True):
    """A dock. `spin_up_s`: least time between two bays powering on: a disk draws the most while it spins up.

    `off_s`: how long a bay stays without power when it is switched off and on.
    """

    spin_up_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 2.0
    off_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 5.0


class CustomerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A customer and the policy for its drives, unless a lot says otherwise."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    policy: Text | None = None


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery. Scanning its code puts the drives that follow under its customer and policy."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    customer: Text
    reference: Text = ""
    policy: Text | None = None


class OperatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who works at the bench, known by a badge."""

    badge: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    id: Name
    name: Text = ""
    title: Text = ""
    language: Literal["da", "en"] | None = None


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where devices go next. Its code is scanned; its name stands on the certificate."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


Symbology = Literal[
    "code-39", "code-128", "ean-upc", "codabar", "code-93", "itf", "pdf417", "qr", "other", "data-matrix",
    "gs1-databar", "aztec",
]  # fmt: skip
PRINTED: tuple[Symbology, ...] = ("code-128", "code-39", "data-matrix", "qr")


class Symbologies(msgspec.Struct, frozen=True, kw_only=True):
    """Which symbologies may carry what, where the scanner tells them; an empty list allows all of them."""

    asset: tuple[Symbology, ...] = PRINTED
    badge: tuple[Symbology, ...] = PRINTED
    lot: tuple[Symbology, ...] = PRINTED
    bay: tuple[Symbology, ...] = PRINTED
    command: tuple[Symbology, ...] = PRINTED


class Scanning(msgspec.Struct, frozen=True, kw_only=True):
    """Which codes are what: regular expressions that must match a whole scan.

    `require`: what must be scanned before an asset tag is taken. `ask_grade`: an erased drive's bay asks for its grade.
    """

    asset: str = r"[A-Za-z]{2,5}-?[0-9]{3,12}"
    bay: str = r"BAY-(?P<bay>[A-Za-z0-9._-]+)"
    cancel: str = r"CANCEL"
    reprint: str = r"REPRINT"
    lot: str = r"LOT-.{1,60}"
    badge: str = r"BADGE-.{1,60}"
    start: str = r"START"
    yes: str = r"YES"
    no: str = r"NO"
    undo: str = r"UNDO"
    grade: str = r"GRADE-(?P<grade>[A-D])"
    destination: str = r"DEST-.{1,60}"
    imei: str = r"[0-9]{15}"
    tablet: str = r"TABLET"
    logout: str = r"LOGOUT"
    drives: str = r"DRIVES-(?P<drives>[1-9])"
    nodrive: str = r"NODRIVE"
    box: str = r"(?P<box>DESTROY(?:-[A-Z0-9]{1,20})?)"
    psid: str = r"(?:PSID[:= ]?)?[A-Z0-9]{32}"
    require: tuple[Literal["badge", "lot"], ...] = ()
    ask_grade: bool = False
    symbologies: Symbologies = Symbologies()


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """Paths to PEM files. Without `certificate` and `key` only the broker proves who it is."""

    ca: str
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class BrokerPlace:
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Mqtt(msgspec.Struct, frozen=True, kw_only=True):
    """The broker. Without this table nothing is sent, and the outbox waits.

    `brokers`: others, HOST or HOST:PORT, that are gone on with where this one does not answer, in this order.
    `controller_keys`: files with the public keys (JWK, JWK set or PEM) of those whose commands are obeyed.
    `collector_keys`: those whose receipts are believed; without any, every receipt that the broker lets through is.
    """

    host: Host
    port: Port = 8883
    brokers: tuple[str, ...] = ()
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: str | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    controller_keys: tuple[str, ...] = ()
    collector_keys: tuple[str, ...] = ()
    tls: Tls | None = None

    @property
    def addresses(self) -> tuple[BrokerPlace, ...]:
        """Every broker, in the order in which they are tried."""
        others = (read_address(other, self.port) for other in self.brokers)
        return (BrokerPlace(self.host, self.port), *(BrokerPlace(*other) for other in others if other is not None))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A station's whole configuration."""

    station: StationSettings = StationSettings()
    bay: tuple[BaySettings, ...] = ()
    source: tuple[Device, ...] = ()
    dock: tuple[DockDevice, ...] = ()
    input: tuple[Device, ...] = ()
    display: tuple[Device, ...] = ()
    printer: tuple[Device, ...] = ()
    customer: tuple[CustomerSettings, ...] = ()
    lot: tuple[Lot, ...] = ()
    operator: tuple[OperatorSettings, ...] = ()
    destination: tuple[Destination, ...] = ()
    policy: tuple[Policy, ...] = ()
    senses: Senses = Senses()
    scanning: Scanning = Scanning()
    mqtt: Mqtt | None = None

    @property
    def allow_unidentified(self) -> bool:
        """Whether any policy of this file allows drives without an identity; each plan asks its own policy."""
        return any(policy.allow_unidentified for policy in self.policy)

    @property
    def standing_lot(self) -> Lot | None:
        """The delivery on which everybody works who has scanned no other."""
        return next((lot for lot in self.lot if lot.code == self.station.lot), None)

    def policy_of(self, lot: Lot | None) -> str:
        """Choose the lot's policy, else its customer's, else the station's."""
        if lot is None:
            return self.station.policy
        customer = next((known for known in self.customer if known.name == lot.customer), None)
        return lot.policy or (customer.policy if customer else None) or self.station.policy

    def policy_named(self, name: str) -> Policy:
        """Find a policy of this file, or one of the built-in ones."""
        return self._policies()[name]

    def find_policy(self, name: str) -> Policy | None:
        """Find the same; None where there is no such policy (any more)."""
        return self._policies().get(name)

    def _policies(self) -> dict[str, Policy]:
        return {**BUILT_IN, **{p.name: p for p in self.policy}}


def load(path: Path) -> Settings:
    """Load the settings of a file. SettingsError holds every problem found."""
    data, problems = read_toml(path)
    if problems:
        raise SettingsError(str(path), tuple(f"{path} {problem}" for problem in problems))
    return parse(data, where=str(path))


def parse(data: dict[str, Any], *, where: str) -> Settings:
    """Parse the settings of a parsed document. SettingsError holds every problem found."""
    settings, problems = convert(data, Settings)
    if settings is not None:
        problems = list(contradictions(settings))
    if settings is None or problems:
        raise SettingsError(where, tuple(f"{where}: {problem}" for problem in problems))
    return settings


def contradictions(settings: Settings) -> Iterator[str]:
    """Find what is right by itself, and cannot stand together: one line for each."""
    yield from _doubles(settings)
    yield from _dangling(settings)
    yield from bad_patterns(settings.scanning)
    yield from _halves(settings.mqtt)
    url = settings.station.certificate_url
    if url and not URL.fullmatch(url):
        yield f"station.certificate_url = {url!r}: allowed is an address that begins with https:// or http://"


def _halves(mqtt: Mqtt | None) -> Iterator[str]:
    if mqtt is None:
        return
    if len(mqtt.brokers) > MOST_BROKERS:
        yield f"mqtt.brokers has {len(mqtt.brokers)}: allowed are {MOST_BROKERS} at most"
    before = [(mqtt.host, mqtt.port)]
    for i, told in enumerate(mqtt.brokers):
        address = read_address(told, mqtt.port)
        if address is None:
            yield f"mqtt.brokers[{i}] = {told[:80]!r}: allowed is {ADDRESS}"
        elif address in before:
            yield f"mqtt.brokers[{i}] = {told!r}: it stands before already; each must differ"
        else:
            before.append(address)
    if mqtt.password_file is not None and mqtt.username is None:
        yield "mqtt.username is missing: mqtt.password_file needs it"
    if mqtt.tls is not None and (mqtt.tls.certificate is None) != (mqtt.tls.key is None):
        missing, given = ("key", "certificate") if mqtt.tls.key is None else ("certificate", "key")
        yield f"mqtt.tls.{missing} is missing: mqtt.tls.{given} needs it"


def _doubles(settings: Settings) -> Iterator[str]:
    places = [f"{bay.source}:{canonical(bay.port)}" for bay in settings.bay]
    yield from _repeated("bay", "port", places)
    slots = [f"{bay.dock}:{bay.slot}" if bay.dock else f"none:{i}" for i, bay in enumerate(settings.bay)]
    yield from _repeated("bay", "slot", slots)
    for table in ("bay", "source", "dock", "input", "display", "printer", "customer", "policy"):
        yield from _repeated(table, "name", [item.name for item in getattr(settings, table)])
    yield from _repeated("lot", "code", [lot.code for lot in settings.lot])
    yield from _repeated("destination", "code", [place.code for place in settings.destination])
    yield from _repeated("operator", "badge", [operator.badge for operator in settings.operator])


def _repeated(table: str, key: str, values: list[str]) -> Iterator[str]:
    for i, value in enumerate(values):
        if value in values[:i]:
            yield f"{table}[{i}].{key} = {value!r}: {table}[{values.index(value)}] has it already; each must differ"


def _dangling(settings: Settings) -> Iterator[str]:
    sources = {"block", *(s.name for s in settings.source)}
    docks = {d.name for d in settings.dock}
    customers = {c.name for c in settings.customer}
    policies = set(BUILT_IN) | {p.name for p in settings.policy}
    for i, bay in enumerate(settings.bay):
        yield from _unknown(f"bay[{i}].source", bay.source, sources)
        yield from _unknown(f"bay[{i}].dock", bay.dock, docks)
    yield from _unknown("station.policy", settings.station.policy, policies)
    yield from _unknown("station.lot", settings.station.lot, {lot.code for lot in settings.lot})
    for i, customer in enumerate(settings.customer):
        yield from _unknown(f"customer[{i}].policy", customer.policy, policies)
    for i, lot in enumerate(settings.lot):
        yield from _unknown(f"lot[{i}].customer", lot.customer, customers)
        yield from _unknown(f"lot[{i}].policy", lot.policy, policies)
    for i, policy in enumerate(settings.policy):
        yield from _unknown(f"policy[{i}].method", policy.method, set(known_methods()))
        if policy.fallback != "none" and not may_be_refused(policy.method):
            what = f"policy[{i}].fallback = {policy.fallback!r}"
            yield f"{what}: allowed is 'none', because every drive can have {policy.method}"


def _unknown(path: str, value: str | None, known: set[str]) -> Iterator[str]:
    if value is not None and value not in known:
        yield f"{path} = {value!r}: allowed is one of {', '.join(sorted(known)) or '(none is configured)'}"


def bad_patterns(scanning: Scanning) -> Iterator[str]:
    """Find the rules of [scanning] that no code can be held against: one line for each."""
    for key in scanning.__struct_fields__:
        pattern = getattr(scanning, key)
        if not isinstance(pattern, str):
            continue
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            yield f"scanning.{key} = {pattern!r}: allowed is a regular expression ({error})"
            continue
        named = {"bay": "the bay's name", "grade": "its letter", "drives": "how many", "box": "its name"}.get(key)
        if named and key not in groups:
            yield f"scanning.{key} = {pattern!r}: it must hold (?P<{key}>...), {named}"
