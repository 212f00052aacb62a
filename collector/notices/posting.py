"""One POST of a webhook: to the very address that was judged, no redirect followed, no more read than its first line.

How long it takes in all is its process's deadline (courier.py): a peer that drips meets that.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.version import version
from collector.notices import addresses
from collector.notices.addresses import Network, Place
from collector.notices.errors import AddressRefused
from collector.text import visible

STEP_S = 10.0
"""For each connection, and each read."""
LONGEST_TOLD = 80
GONE = 410
ASKS_TO_WAIT = (429, 503)


@dataclass(frozen=True)
class Outcome:
    """What came of one try. `again_s`: the least wait that the other end asked for; `gone`: it wants no more."""

    taken: bool
    told: str
    again_s: float = 0.0
    gone: bool = False


def post(url: str, headers: Mapping[str, str], body: bytes, allowed: Sequence[Network], ca: str = "") -> Outcome:
    """Send a body, and say what came of it. Nothing is raised but what ends the process."""
    try:
        place = addresses.read(url)
        connection = _connect(place, allowed, ca)
        try:
            connection.request("POST", place.target, body, {**headers, **_ours(len(body))})
            return _outcome(connection.getresponse())
        finally:
            connection.close()
    except AddressRefused as error:
        return Outcome(False, f"refused: {error.fields['problem']}")
    except TimeoutError:
        return Outcome(False, f"it did not answer within {STEP_S:g} s")
    except ssl.SSLCertVerificationError as error:
        return Outcome(False, f"its certificate does not hold: {visible(error.verify_message, LONGEST_TOLD)}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Outcome(False, visible(f"{type(error).__name__}: {error}", LONGEST_TOLD))


def _ours(length: int) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "content-length": str(length),
        "user-agent": f"benchwipe-collector/{version()}",
        "accept": "*/*",
        "connection": "close",
    }


def _connect(place: Place, allowed: Sequence[Network], ca: str) -> http.client.HTTPConnection:
    """Connect to what was resolved: the name is not looked up a second time, when it may lead elsewhere."""
    problem: OSError = OSError("its name leads nowhere")
    for address in addresses.resolve(place, allowed):
        try:
            plain = socket.create_connection((str(address), place.port), timeout=STEP_S)
        except OSError as error:
            problem = error
            continue
        try:
            return _speak(place, plain, allowed, ca)
        except BaseException:
            plain.close()
            raise
    raise problem


def _speak(place: Place, plain: socket.socket, allowed: Sequence[Network], ca: str) -> http.client.HTTPConnection:
    peer = ipaddress.ip_address(str(plain.getpeername()[0]).partition("%")[0])
    addresses.judge(peer, allowed, secure=place.secure)
    if not place.secure:
        connection = http.client.HTTPConnection(place.host, place.port, timeout=STEP_S)
        connection.sock = plain
        return connection
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        context.load_verify_locations(ca)
    secure = http.client.HTTPSConnection(place.host, place.port, timeout=STEP_S, context=context)
    secure.sock = context.wrap_socket(plain, server_hostname=place.host)
    return secure


def _outcome(answer: http.client.HTTPResponse) -> Outcome:
    """Judge by the status alone: what else the other end says may be anything, and is not read."""
    told = f"it answered {answer.status}"
    if 200 <= answer.status < 300:
        return Outcome(True, told)
    if 300 <= answer.status < 400:
        return Outcome(False, f"{told}: redirects are not followed")
    if answer.status == GONE:
        return Outcome(False, f"{told}: it wants no more", gone=True)
    asked = answer.getheader("retry-after", "") if answer.status in ASKS_TO_WAIT else ""
    wait = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 0.0
    return Outcome(False, told, again_s=wait)
