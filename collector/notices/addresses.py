"""Where a webhook may lead. What a name resolves to is judged, and then that very address is connected to.

Nothing within the house is reached unless its network is allowed: else a webhook would ask this machine's own services,
and the metadata services of a cloud, in the collector's name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from collector.notices.errors import AddressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LONGEST_URL = 2_000
MOST_ADDRESSES = 8
PRINTABLE = re.compile(r"[\x21-\x7e]+")
HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
REFUSED = tuple(
    ipaddress.ip_network(one)
    for one in ("168.63.129.16/32", "192.0.0.0/24", "100.64.0.0/10", "fec0::/10", "192.88.99.0/24")
)
"""Beside what `ipaddress` calls not global: a cloud's own service at a public address; what had other uses once."""
WRAPPED = tuple(ipaddress.ip_network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
"""IPv6 networks in whose last 32 bits an IPv4 address lies (RFC 6052, RFC 8215, RFC 4291 section 2.5.5.1)."""


@dataclass(frozen=True)
class Place:
    """A webhook's address, taken apart."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """What people are shown of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.secure else 80)
        return f"{'https' if self.secure else 'http'}://{host}{'' if usual else f':{self.port}'}"


def read(url: str) -> Place:
    """Take an address apart. Raise AddressRefused for one that is none. It is never repeated: it may be a secret."""
    if len(url) > LONGEST_URL or not PRINTABLE.fullmatch(url):
        raise AddressRefused(
            problem=_("an address is up to %(most)d visible characters of ASCII, without blanks")
            % {"most": LONGEST_URL}
        )
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise AddressRefused(problem=_("an address of a webhook is https://HOST[:PORT]/PATH")) from None
    if parts.scheme not in ("https", "http") or not HOST.fullmatch(host) or port == 0:
        raise AddressRefused(problem=_("an address of a webhook is https://HOST[:PORT]/PATH"))
    if "@" in parts.netloc or "#" in url or "\\" in url:
        raise AddressRefused(problem=_("an address holds no login, no # and no backslash"))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    return Place(secure, host, port or (443 if secure else 80), target)


def resolve(place: Place, allowed: Sequence[Network]) -> list[Address]:
    """Look up where a place is. Raise AddressRefused where any of it may not be reached, OSError if it is nowhere."""
    found: list[Address] = []
    for *_kind, told in socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM):
        address = ipaddress.ip_address(str(told[0]).partition("%")[0])
        judge(address, allowed, secure=place.secure)
        if address not in found:
            found.append(address)
    return found[:MOST_ADDRESSES]


def judge(address: Address, allowed: Sequence[Network], *, secure: bool) -> None:
    """Raise AddressRefused for an address that may not be reached; without TLS only allowed networks are."""
    unmet = [one for one in within(address) if not _is_in(one, allowed)]
    if not all(_is_public(one) for one in unmet):
        raise AddressRefused(problem=_("%(address)s is not an address of the public network") % {"address": address})
    if unmet and not secure:
        raise AddressRefused(problem=_("%(address)s is reached over https alone") % {"address": address})


def within(address: Address) -> list[Address]:
    """List an address, and every IPv4 address that it carries: mapped, translated, tunnelled."""
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return [address.ipv4_mapped]
        carried: list[ipaddress.IPv4Address | None] = [address.sixtofour, *(address.teredo or ())]
        if any(address in network for network in WRAPPED):
            carried.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        found += [one for one in carried if one is not None]
    return found


def networks(written: Sequence[str]) -> list[Network]:
    """Read the networks that a configuration allows. Raise ValueError for what is none."""
    return [ipaddress.ip_network(one) for one in written]


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_unspecified or address.is_reserved:
        return False
    return not _is_in(address, REFUSED)


def _is_in(address: Address, those: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in those)
