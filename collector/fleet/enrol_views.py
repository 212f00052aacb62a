"""Where stations ask: their enrolment, and a new certificate. The signature in what they send says who asks."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from agent.certificates.enrolment import (
    ENROL,
    LARGEST,
    RENEW,
    BrokerAddress,
    EnrolmentAnswer,
    EnrolmentRequest,
    read_request,
)
from agent.errors import CertificateProblem
from collector.certificates.rates import Rate, network_of
from collector.certificates.signer import public_keys
from collector.errors import CollectorError
from collector.fleet import services
from collector.fleet.errors import NotEnrolled
from collector.fleet.services import Enrolled
from collector.intake.signing import USES
from collector.parties.doors import public
from collector.parties.services import Actor
from collector.parties.sessions import address_of
from collector.running import configuration
from collector.settings import Configuration
from drivers.options import read_address

LOOPBACK = ("localhost", "127.0.0.1", "::1")
RATE = Rate(burst=120, per_minute=60)
"""For one address: each costs a signature of the authority, which is a process."""
Verb = Callable[[Actor, Configuration, bytes, EnrolmentRequest, Ed25519PublicKey], Enrolled]


@public
@require_safe
def authority(request: HttpRequest) -> HttpResponse:
    """Give the authority's certificate: `/enrol/ca.crt`."""
    if not RATE.allows(network_of(address_of(request))):
        return _refused("too many ask from this address; wait a minute", 429)
    try:
        pem = _authority(configuration())[0]
    except CollectorError as error:
        return _refused(error.line(), 503)
    return HttpResponse(pem, content_type="application/x-pem-file")


@public
@csrf_exempt
@require_POST
def enrol(request: HttpRequest) -> HttpResponse:
    """Make a station known by its code: `/enrol`."""
    return _answer(request, ENROL, services.enrol)


@public
@csrf_exempt
@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """Give a known station a new certificate: `/enrol/renew`."""

    def verb(
        actor: Actor, configuration: Configuration, _: bytes, told: EnrolmentRequest, key: Ed25519PublicKey
    ) -> Enrolled:
        return services.renew(actor, configuration, told, key)

    return _answer(request, RENEW, verb)


def _answer(request: HttpRequest, typ: str, verb: Verb) -> HttpResponse:
    told_here, address = configuration(), address_of(request)
    if not RATE.allows(network_of(address)):
        return _refused("too many ask from this address; wait a minute", 429)
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return _refused(f"a request has at most {LARGEST} bytes", 413)
    try:
        told, key = read_request(body, typ=typ)
        pem, own_hash = _authority(told_here)
        if told.authority != own_hash:
            return _refused("the code is another collector's, or this collector has a new authority", 403)
        done = verb(Actor(who=f"station {told.station}"[:64], address=address), told_here, body, told, key)
    except CertificateProblem as error:
        return _refused(str(error.fields["problem"]), 400)
    except NotEnrolled as error:
        return _refused(str(error), error.status)
    except CollectorError as error:
        return _refused(error.line(), 400 if error.code == "BW-C91" else 503)
    if done.certificate is None:
        return _said(EnrolmentAnswer(state="waiting", station=told.station), 202)
    return _said(_everything(request, told_here, told.station, done.certificate, pem), 200)


def _everything(
    request: HttpRequest, configuration: Configuration, station: str, certificate: bytes, authority: bytes
) -> EnrolmentAnswer:
    """Tell a station all that it needs besides its own keys."""
    keys = _public_keys(configuration)
    pages = configuration.settings.public_url or request.build_absolute_uri("/").rstrip("/")
    return EnrolmentAnswer(
        state="enrolled",
        station=station,
        certificate=certificate.decode(),
        authority=authority.decode(),
        broker=_broker(request, configuration),
        collector_keys=[keys["receipt"]],
        controller_keys=[keys["controller"]],
        certificate_url=f"{pages}/certificates/",
    )


def _broker(request: HttpRequest, configuration: Configuration) -> BrokerAddress:
    """Say where stations connect to: as configured; else the collector's own broker, by a name from outside."""
    broker = configuration.settings.broker
    asked = urlsplit(f"//{request.get_host()}").hostname or ""
    host = broker.stations.host or (asked if broker.host in LOOPBACK else broker.host)
    port = broker.stations.port or (broker.port if broker.tls.ca else 8883)
    told = {(host, port): ""} | {read_address(one, port) or ("", 0): one for one in broker.stations.others}
    others = [one for address, one in told.items() if address != (host, port)]
    return BrokerAddress(host=host, port=port, protocol=broker.protocol, others=others)


def _public_keys(configuration: Configuration) -> dict[str, dict[str, str]]:
    """Ask the signer's process for the collector's public keys: use -> JWK."""
    told = public_keys(configuration.keys_dir, configuration.settings.signature_alg)
    return dict(zip(USES, msgspec.json.decode(told)["keys"], strict=True))


_known: dict[str, tuple[bytes, str]] = {}


def _authority(configuration: Configuration) -> tuple[bytes, str]:
    """Return the authority's certificate and hash: the signer is asked once, and again when the file is another one."""
    folder = configuration.keys_dir
    file = folder / "ca.crt"
    mark = f"{file}{file.stat().st_mtime_ns}" if file.exists() else ""
    if not mark or mark not in _known:
        found = services.authority(folder)
        mark = f"{file}{file.stat().st_mtime_ns}"
        _known.clear()
        _known[mark] = found
    return _known[mark]


def _refused(text: str, status: int) -> HttpResponse:
    return _said(EnrolmentAnswer(state="refused", error=text), status)


def _said(answer: EnrolmentAnswer, status: int) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(answer), status=status, content_type="application/json")
