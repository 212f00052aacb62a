"""The broker's folder: configuration, access list, certificates and the list of revoked ones, for mosquitto.

`write` makes it (`broker-config`); `follow` keeps its certificate and its list of revoked ones new while the collector
runs. Where each folder lies stands in `brokers.json` beside the collector's own certificates.
"""

from __future__ import annotations

import grp
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
from cryptography import x509

from agent.certificates.enrolment import VALID_DAYS
from collector.fleet import broker_text, ca, certificates, own_tls, signer
from collector.fleet.errors import NoBrokerFolder
from collector.moments import now
from collector.owned import make_folder, put
from collector.settings import Configuration

GROUP = "mosquitto"
"""Debian's broker runs as this group, and reads its files as it, not as root."""
KNOWN = "brokers.json"
NEW_LIST_AFTER = timedelta(days=1)


class BrokerFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that was written: where, and the names and port by which its broker is reached."""

    out: str
    names: list[str]
    port: int


def write(configuration: Configuration, out: Path, names: Sequence[str], port: int) -> BrokerFolder:
    """Write everything that a broker needs into a folder. Raise NoBrokerFolder, or CollectorError."""
    if not str(out).isprintable() or any(c in str(out) for c in " #\t"):
        raise NoBrokerFolder(out=out, problem="mosquitto's configuration cannot hold this name")
    folder = BrokerFolder(out=str(out), names=sorted(set(names)), port=port)
    try:
        with own_tls.alone(configuration.tls_dir):
            make_folder(configuration.keys_dir)
            out.mkdir(mode=0o755, parents=True, exist_ok=True)
            _take_over(configuration, out)
            told = configuration.settings
            web = told.broker.web.id or f"{told.id}-web"
            _fill(configuration, folder)
            _put(out / "benchwipe.acl", broker_text.access(told.id, web).encode(), 0o640)
            # Last: a broker that finds this file finds all that it names.
            _put(out / "mosquitto.conf", broker_text.configuration(out, port).encode(), 0o644)
            _remember(configuration, folder)
    except OSError as error:
        raise NoBrokerFolder(out=error.filename or out, problem=error.strerror or error) from None
    return folder


def known(configuration: Configuration) -> list[BrokerFolder]:
    """List the folders that were written on this machine, and are still there."""
    try:
        rows = msgspec.json.decode((configuration.tls_dir / KNOWN).read_bytes(), type=list[BrokerFolder])
    except (OSError, msgspec.MsgspecError):
        return []
    return [row for row in rows if (Path(row.out) / "mosquitto.conf").exists()]


def follow(configuration: Configuration, folder: BrokerFolder) -> bool:
    """Renew what is near its end, and name what was revoked. Say whether the broker has to read it anew."""
    with own_tls.alone(configuration.tls_dir):
        return _fill(configuration, folder)


def _fill(configuration: Configuration, folder: BrokerFolder) -> bool:
    out = Path(folder.out)
    new = own_tls.authority_file(configuration, out)
    new += own_tls.pair(configuration, out / "broker", "server", folder.names, key_mode=0o640)
    if _list_is_old(out / "revoked.crl"):
        _put(out / "revoked.crl", _list(configuration), 0o644)
        new.append("revoked.crl")
    for name in broker_text.FILES:
        with suppress(FileNotFoundError):
            _readable(out / name)
    return bool(new)


def _list(configuration: Configuration) -> bytes:
    rows = [ca.RevokedSerial(serial=row.serial, at=row.revoked_at or now()) for row in certificates.revoked()]
    # As long as a station's certificate: a collector that is away for longer finds none that is still valid.
    order = ca.RevocationOrder(number=int(now().timestamp()), revoked=rows, ends=now() + timedelta(days=VALID_DAYS))
    return signer.revocations(configuration.keys_dir, order)


def _list_is_old(path: Path) -> bool:
    try:
        there = x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return True
    named = {f"{row.serial_number:x}" for row in there}
    must = set(certificates.revoked().values_list("serial", flat=True))
    return not must <= named or now() - there.last_update_utc > NEW_LIST_AFTER


def _take_over(configuration: Configuration, out: Path) -> None:
    """Give a folder of its own to the service, which keeps it new, and to the broker's group, which reads it.

    A folder that holds other things too (Debian's conf.d) stays whose it is: then only its files are given.
    """
    strangers = {path.name for path in out.iterdir()} - set(broker_text.FILES)
    if os.geteuid() == 0 and not strangers:
        owner = configuration.keys_dir.stat()
        os.chown(out, owner.st_uid, _group(owner.st_gid))
        out.chmod(0o2755)  # what is made in it later has the group too


def _readable(path: Path) -> None:
    if os.geteuid() == 0 and (found := path.stat()).st_gid != (group := _group(found.st_gid)):
        os.chown(path, found.st_uid, group)


def _group(otherwise: int) -> int:
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return otherwise


def _put(path: Path, data: bytes, mode: int) -> None:
    put(path, data, mode)
    _readable(path)


def _remember(configuration: Configuration, folder: BrokerFolder) -> None:
    rows = [row for row in known(configuration) if row.out != folder.out] + [folder]
    put(configuration.tls_dir / KNOWN, msgspec.json.encode(rows), 0o600)
