"""collector.toml -> frozen values. Every problem is a line: the key's path, the value, what is allowed."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.certificates.jws import public_key_from_jwk
from agent.errors import CertificateProblem, SettingsError
from collector.place import Place, PlaceProblem, owner_problems, read_url, without_password
from collector.settings_tables import MOST_BROKERS, TLS_PORT, PagesTlsSettings, Settings, StationSettings, TlsSettings
from drivers.options import ADDRESS, convert, read_address, read_toml


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The settings and the file that they come from. Relative paths in them are relative to that file.

    `bare`: there is no such file; its folder is where everything lies then.
    """

    file: Path
    settings: Settings
    bare: bool = False

    def path(self, name: str) -> Path:
        """Make a path of the configuration absolute."""
        return (self.file.parent / name).resolve()

    @property
    def stations_dir(self) -> Path:
        """The folder of `<station>.jwk` files."""
        return self.path(self.settings.stations_dir)

    @property
    def keys_dir(self) -> Path:
        """The folder of the collector's own keys. Beside the stations', since that one the service may write."""
        return self.path(self.settings.keys_dir) if self.settings.keys_dir else self.stations_dir.parent / "keys"

    @property
    def tasks_dir(self) -> Path:
        """The folder of what the worker makes: files that wait for a day to be taken."""
        return self.keys_dir.parent / "tasks"

    @property
    def tls_dir(self) -> Path:
        """The folder of the certificates that the collector's own authority gave to its own processes."""
        return self.keys_dir / "tls"

    @property
    def own_names(self) -> frozenset[str]:
        """Names at the broker that are the collector's: no station may have one of them."""
        told = self.settings
        return frozenset({told.id, f"{told.id}-web", told.broker.web.id or f"{told.id}-web", "controller"})

    @property
    def secure(self) -> bool:
        """Whether browsers reach the pages over TLS, by this program itself or through a proxy."""
        return self.settings.tls.on or self.settings.public_url.startswith("https:")

    def database(self, *, owner: bool = False) -> Place:
        """Say where the database is, with its absolute path and its password; `owner`: as the tables' owner.

        Raise OSError if the password's file is unreadable.
        """
        told = self.settings.database
        as_owner = owner and bool(told.owner_url)
        place = read_url(told.owner_url if as_owner else told.url)
        if place.kind == "sqlite":
            return msgspec.structs.replace(place, name=str(self.path(place.name)))
        name = told.owner_password_file if as_owner else told.password_file
        if name:
            return msgspec.structs.replace(place, password=self.path(name).read_text(encoding="utf-8").strip())
        return place


def bare() -> Configuration:
    """Make the configuration of a machine that has none: all defaults, and a folder of its own for the data."""
    given = os.environ.get("STATE_DIRECTORY") or os.environ.get("XDG_DATA_HOME")
    if os.environ.get("STATE_DIRECTORY"):
        folder = Path(str(given).partition(":")[0])
    elif os.geteuid() == 0:
        folder = Path("/var/lib/benchwipe-collector")
    else:
        folder = (Path(given) if given else Path.home() / ".local/share") / "benchwipe-collector"
    return Configuration(file=folder / "collector.toml", settings=Settings(), bare=True)


def load(file: Path) -> Configuration:
    """Load the configuration. Raise SettingsError with every problem."""
    data, problems = read_toml(file)
    if problems:
        raise SettingsError(str(file), tuple(problems))
    settings, problems = convert(data, Settings)
    configuration = None if settings is None else Configuration(file=file.resolve(), settings=settings)
    if configuration is not None:
        problems = _cross_checks(configuration)
    if configuration is None or problems:
        raise SettingsError(str(file), tuple(problems))
    return _filled_in(configuration, port_given="port" in data.get("broker", {}))


def _filled_in(configuration: Configuration, *, port_given: bool) -> Configuration:
    """Put in what follows from the rest: the port of a broker with TLS, the files of the own authority."""
    told, replace = configuration.settings, msgspec.structs.replace
    broker, folder = told.broker, configuration.tls_dir
    if not port_given and (broker.tls.own or broker.tls.ca):
        broker = replace(broker, port=8883)
    if broker.tls.own:
        ca, crt, key = (str(folder / name) for name in ("ca.crt", "intake.crt", "intake.key"))
        web = replace(broker.web, certificate=str(folder / "web.crt"), key=str(folder / "web.key"))
        own = replace(broker.controller, certificate=str(folder / "controller.crt"), key=str(folder / "controller.key"))
        broker = replace(broker, tls=replace(broker.tls, ca=ca, certificate=crt, key=key), web=web, controller=own)
    listen = told.tls.listen if told.tls.on and told.tls.listen else told.listen
    return replace(configuration, settings=replace(told, broker=broker, listen=listen))


def station_tables(data: dict[str, Any]) -> list[StationSettings] | None:
    """Read the [[station]] tables of a document. None if they cannot be used."""
    settings, problems = convert(data, Settings)
    return None if settings is None or problems or _key_problems(settings) else settings.station


def _cross_checks(configuration: Configuration) -> list[str]:
    settings = configuration.settings
    problems = [] if not settings.health_listen else listen_problems(settings.health_listen, "health_listen")
    problems += listen_problems(settings.listen) + _key_problems(settings) + _database_problems(configuration)
    broker = settings.broker
    if broker.password_file:
        if not broker.username:
            problems.append("broker.username is missing: broker.password_file needs one")
        problems += _secret_problems(configuration, "broker.password_file", broker.password_file)
    problems += _others_problems(broker.stations.others)
    problems += _tls_problems(configuration, broker.tls)
    problems += _pages_tls_problems(configuration, settings.tls)
    web = broker.web
    for key, name in (
        ("broker.web.password_file", web.password_file),
        ("broker.web.key", web.key),
        ("broker.controller.password_file", broker.controller.password_file),
        ("broker.controller.key", broker.controller.key),
        ("database.password_file", settings.database.password_file),
        ("database.owner_password_file", settings.database.owner_password_file),
        ("mail.password_file", settings.mail.password_file),
        *((f"oidc[{i}].client_secret_file", one.client_secret_file) for i, one in enumerate(settings.oidc)),
    ):
        if name:
            problems += _secret_problems(configuration, key, name)
    if settings.mail.host and "@" not in settings.mail.sender:
        problems.append(f"mail.sender = {settings.mail.sender!r}: allowed is an e-mail address, from which mails come")
    problems += _notices_problems(configuration)
    if len({one.id for one in settings.oidc}) != len(settings.oidc):
        problems.append("oidc: each id stands once")
    for key, pair in (("broker.web", web), ("broker.controller", broker.controller)):
        if bool(pair.certificate) is not bool(pair.key):
            problems.append(f"{key}: certificate and key belong together: give both, or neither")
    told = broker.controller.certificate
    if told and (broker.tls.own or not broker.tls.ca or not configuration.path(told).is_file()):
        problems.append(
            f"broker.controller.certificate = {told!r}: allowed is a file that is there, with broker.tls.ca"
        )
    return problems


def _others_problems(others: Sequence[str]) -> list[str]:
    problems = [
        f"broker.stations.others[{i}] = {other[:80]!r}: allowed is {ADDRESS}"
        for i, other in enumerate(others)
        if read_address(other, TLS_PORT) is None
    ]
    if len(others) > MOST_BROKERS:
        problems.append(f"broker.stations.others has {len(others)}: allowed are {MOST_BROKERS} at most")
    return problems


def _notices_problems(configuration: Configuration) -> list[str]:
    told, problems = configuration.settings, []
    for i, written in enumerate(told.notices.allow):
        try:
            ipaddress.ip_network(written)
        except ValueError:
            problems.append(f"notices.allow[{i}] = {written[:60]!r}: allowed is a network, as 192.168.7.0/24")
    for key, name in (("notices.ca", told.notices.ca), ("mail.ca", told.mail.ca)):
        if name and not configuration.path(name).is_file():
            problems.append(f"{key} = {name!r}: allowed is a file that is there")
    return problems


def listen_problems(listen: str, key: str = "listen") -> list[str]:
    """Name a port that is none. The pattern has seen to the rest."""
    port = int(listen.rpartition(":")[2])
    return [] if port <= 65535 else [f"{key} = {listen!r}: allowed is HOST:PORT with a port from 0 up to 65535"]


def _key_problems(settings: Settings) -> list[str]:
    problems = []
    for i, station in enumerate(settings.station):
        if not station.keys:
            problems.append(f"station[{i}].keys = []: allowed is a list of at least one JWK")
        for j, jwk in enumerate(station.keys):
            try:
                public_key_from_jwk(msgspec.to_builtins(jwk))
            except CertificateProblem:
                problems.append(f"station[{i}].keys[{j}].x = {jwk.x[:60]!r}: allowed is 32 bytes in base64url")
    return problems


def _tls_problems(configuration: Configuration, tls: TlsSettings) -> list[str]:
    problems = []
    if tls.own:
        given = [key for key in ("ca", "certificate", "key") if getattr(tls, key)]
        return [f"broker.tls.{key}: the own authority gives it; leave it out, or broker.tls.own" for key in given]
    if not tls.ca and (tls.certificate or tls.key):
        problems.append("broker.tls.ca is missing: it takes the file of the broker's authority")
    for key, name in (("ca", tls.ca), ("certificate", tls.certificate)):
        if name and not configuration.path(name).is_file():
            problems.append(f"broker.tls.{key} = {name!r}: allowed is a file that is there")
    if bool(tls.certificate) is not bool(tls.key):
        problems.append("broker.tls: certificate and key belong together: give both, or neither")
    if tls.key:
        problems += _secret_problems(configuration, "broker.tls.key", tls.key)
    return problems


def _pages_tls_problems(configuration: Configuration, tls: PagesTlsSettings) -> list[str]:
    problems = listen_problems(tls.listen) if tls.listen else []
    if bool(tls.certificate) is not bool(tls.key):
        problems.append("tls: certificate and key belong together: give both, or neither")
    if tls.certificate and not configuration.path(tls.certificate).is_file():
        problems.append(f"tls.certificate = {tls.certificate!r}: allowed is a file that is there")
    if tls.listen and not tls.on:
        problems.append("tls.names is missing: tls.listen needs names, or a certificate and its key")
    return problems + (_secret_problems(configuration, "tls.key", tls.key) if tls.key else [])


def _secret_problems(configuration: Configuration, key: str, name: str) -> list[str]:
    """A secret's file must be there and readable by its owner alone."""
    try:
        mode = configuration.path(name).stat().st_mode
    except OSError as error:
        return [f"{key} = {name!r}: cannot be read: {error.strerror}"]
    if stat.S_IMODE(mode) & 0o077:
        return [f"{key} = {name!r}: is open to others ({stat.filemode(mode)}); allowed is mode 0600"]
    return []


def _database_problems(configuration: Configuration) -> list[str]:
    told = configuration.settings.database
    problems = []
    for key, url in (("database.url", told.url), ("database.owner_url", told.owner_url)):
        if not url and key == "database.owner_url":
            continue
        try:
            place = read_url(url)
        except PlaceProblem as problem:
            problems.append(f"{key} = {without_password(url)!r}: {problem}")
            continue
        if place.password and stat.S_IMODE(configuration.file.stat().st_mode) & 0o077:
            found = f"{key} holds a password and this file is open to others"
            problems.append(f"{found}; allowed is mode 0600, or the password in {key.removesuffix('url')}password_file")
    return problems or owner_problems(told.url, told.owner_url)
