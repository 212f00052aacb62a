"""Which keys are believed for which station: rows of the database, read anew for each batch.

Nothing is remembered, so a key that was enrolled or revoked a moment ago counts in the next batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.jws import public_key_from_jwk
from agent.errors import CertificateProblem
from collector.intake.models import StationKey
from collector.intake.statements import Keys
from collector.text import is_station_id


@dataclass(frozen=True)
class Enrolled:
    """The keys of some stations as they stand now."""

    keys: Mapping[str, Keys]
    rows: Mapping[tuple[str, str], int]
    """(station, thumbprint) -> the row that a certificate names as its signer's."""

    def of(self, station: str) -> Keys:
        """Map thumbprint to key of one station. Empty for a stranger."""
        return self.keys.get(station, {})


def enrolled(stations: Iterable[str]) -> Enrolled:
    """Read the keys that are believed of these stations."""
    keys: dict[str, dict[str, Ed25519PublicKey]] = {}
    rows: dict[tuple[str, str], int] = {}
    names = {name for name in stations if is_station_id(name)}
    found = StationKey.objects.filter(station__in=names, revoked_at=None, station__revoked_at=None)
    for row, station, kid, x in found.values_list("id", "station_id", "thumbprint", "x"):
        key = _key(x)
        if key is not None:
            keys.setdefault(station, {})[kid] = key
            rows[station, kid] = row
    return Enrolled(keys, rows)


@lru_cache(maxsize=10_000)
def _key(x: str) -> Ed25519PublicKey | None:
    try:
        return public_key_from_jwk({"kty": "OKP", "crv": "Ed25519", "x": x})
    except CertificateProblem:
        return None
