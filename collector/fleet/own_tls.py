"""Certificates of the collector's own processes: made, and renewed in time, in `tls` beside its keys.

`ca.crt`; `intake`, `web` and `controller` at the broker (clients), where [broker.tls] is `own`; `pages` (a server) for
the names of [tls]. Each has a key that only its owner reads. Several processes look; a lock lets one at a time work.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent.certificates.enrolment import BAD_CERTIFICATE, RENEW_AFTER_DAYS, VALID_DAYS
from collector.errors import CollectorKeyProblem
from collector.fleet import ca, certificates, signer
from collector.moments import now
from collector.owned import give, make_folder, put
from collector.settings import Configuration

HERE = ("localhost", "127.0.0.1")
"""By these names the machine itself reaches its pages, and a monitor on it."""
AHEAD = timedelta(days=VALID_DAYS - RENEW_AFTER_DAYS)


def refresh(configuration: Configuration) -> list[str]:
    """Make what is missing or near its end. Return the names of what is new. Raise CollectorError, or OSError."""
    told, folder = configuration.settings, configuration.tls_dir
    if not (told.broker.tls.own or told.tls.names):
        return []
    with alone(folder):
        new = authority_file(configuration, folder)
        if told.broker.tls.own:
            new += pair(configuration, folder / "intake", "client", [told.id])
            new += pair(configuration, folder / "web", "client", [told.broker.web.id or f"{told.id}-web"])
            new += pair(configuration, folder / "controller", "client", ["controller"])
        if told.tls.names and not told.tls.certificate:
            names = list(dict.fromkeys([*told.tls.names, *HERE]))
            new += pair(configuration, folder / "pages", "server", names, chain=True)
    return new


def problems(configuration: Configuration) -> list[str]:
    """List the own certificates that are over, or soon will be. One that is missing is made by `serve`."""
    found = []
    for path in sorted(configuration.tls_dir.glob("*.crt")):
        try:
            ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        except (OSError, ValueError):
            found.append(f"{path}: not a certificate; take it away, and a new one is made")
            continue
        if ends - now() < AHEAD / 2:
            found.append(f"{path} ends {ends:%Y-%m-%d}, and was not renewed: `serve` does so while it runs")
    return found


def authority_file(configuration: Configuration, folder: Path) -> list[str]:
    """Lay the authority's certificate into a folder."""
    pem = signer.authority(configuration.keys_dir) if not (folder / "ca.crt").exists() else b""
    if pem:
        put(folder / "ca.crt", pem, 0o644)
    return ["ca.crt"] if pem else []


def pair(
    configuration: Configuration,
    stem: Path,
    profile: str,
    names: Sequence[str],
    *,
    chain: bool = False,
    key_mode: int = 0o600,
) -> list[str]:
    """Make `<stem>.key` and `<stem>.crt` unless both will do for a month more. `chain`: with the authority's own."""
    authority = stem.parent / "ca.crt"
    key = _key(stem.with_suffix(".key"), key_mode)
    if _will_do(stem.with_suffix(".crt"), authority, key, profile, names):
        return []
    row, made = certificates.make(configuration.keys_dir, profile, names, ca.request_for(key, names[0]))
    row.save()
    put(stem.with_suffix(".crt"), made + (authority.read_bytes() if chain else b""), 0o644)
    return [f"{stem.name}.crt"]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time work on the folder, which is made."""
    make_folder(folder)
    with (folder / ".lock").open("a") as file:
        give(folder / ".lock", like=folder)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _key(path: Path, mode: int) -> ca.Key:
    if not os.path.lexists(path):
        put(path, ca.pem_of(ca.new_key()), mode)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ca.Key):
        raise CollectorKeyProblem(path=path, problem="not a key; take it away, and a new one is made")
    return key


def _will_do(path: Path, authority: Path, key: ca.Key, profile: str, names: Sequence[str]) -> bool:
    """Whether the certificate is of this authority, key, profile and names, and lasts a while."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.read_bytes()))
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        fits = found.public_key() == key.public_key() and ca.names_of(found) == sorted(names)
    except (*BAD_CERTIFICATE, OSError):
        return False
    wanted = ExtendedKeyUsageOID.SERVER_AUTH if profile == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    return fits and list(usage) == [wanted] and found.not_valid_after_utc - now() > AHEAD
