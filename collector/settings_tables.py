"""The tables and keys of collector.toml, with what each may be. Values alone: settings.py reads and checks them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.certificates.signature import USUAL, Alg
from collector.text import STATION_ID

NotEmpty = Annotated[str, Meta(min_length=1)]
Port = Annotated[int, Meta(ge=1, le=65535)]
StationId = Annotated[str, Meta(pattern=STATION_ID)]
LISTEN = r"^(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):[0-9]{1,5}$"
MOST_BROKERS = 16  # as many as a station takes
TLS_PORT = 8883
HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:]{2,39}$"  # or an address
Listen = Annotated[str, Meta(pattern=LISTEN)]
Origin = Annotated[str, Meta(pattern=r"^(https?://[^/\s?#@]+)?$")]


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Files of the connection to the broker, PEM. No `ca`, no TLS. The certificate is this collector's own.

    `own`: the collector's own authority gives them, and they are made and renewed in `tls` beside its keys.
    """

    own: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""


class WebBrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who the web process is at the broker. Two clients of one name put each other out, so it needs its own.

    `id` is the collector's with "-web" where it is empty.
    """

    id: Annotated[str, Meta(pattern=f"^$|{STATION_ID}")] = ""
    username: str = ""
    password_file: str = ""
    certificate: str = ""
    key: str = ""


class ControllerBrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who the collector is at the broker when it commands: the broker's access list calls it "controller".

    Needed with TLS to a broker of another authority, or with passwords; the own authority gives it.
    """

    username: str = ""
    password_file: str = ""
    certificate: str = ""
    key: str = ""


class StationsBrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where stations are told to connect to; what is empty is the collector's own, by the pages' name.

    `others`: brokers of the cells, HOST or HOST:PORT, with which they go on where this one is away. The same list may
    stand in each cell's file: its own broker is left out of what its stations are told.
    """

    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    others: list[NotEmpty] = []


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stations' messages come from. `port`: 8883 with TLS, else 1883, where it is not given."""

    host: NotEmpty = "localhost"
    port: Port = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    keepalive_s: Annotated[int, Meta(ge=2, le=3600)] = 30
    username: str = ""
    password_file: str = ""
    tls: TlsSettings = TlsSettings()
    web: WebBrokerSettings = WebBrokerSettings()
    controller: ControllerBrokerSettings = ControllerBrokerSettings()
    stations: StationsBrokerSettings = StationsBrokerSettings()


class PagesTlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """TLS of the pages, spoken by `serve` itself: for these names by its own authority, or with given files, PEM.

    `listen`: where, instead of the address in `listen` above.
    """

    names: list[Annotated[str, Meta(pattern=HOST_NAME)]] = []
    certificate: str = ""
    key: str = ""
    listen: Annotated[str, Meta(pattern=f"^$|{LISTEN}")] = ""

    @property
    def on(self) -> bool:
        """Whether the pages speak TLS."""
        return bool(self.names or self.certificate)


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where certificates are kept: the URL of an SQLite file or of PostgreSQL.

    `owner_url`, PostgreSQL only: the role that owns the tables, for `migrate`; the one of `url` only uses them.
    """

    url: NotEmpty = "sqlite:///collector.db"
    password_file: str = ""
    owner_url: str = ""
    owner_password_file: str = ""


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """By which server invitations and alarms are mailed. Without a host an invitation is shown to whoever invites.

    `ca`: an authority more that the server's certificate may be of, PEM.
    """

    host: str = ""
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: str = ""
    sender: str = ""
    ca: str = ""


class NoticesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where alarms may go beside the public network: networks within the house. `ca`: an authority more, PEM."""

    allow: list[NotEmpty] = []
    ca: str = ""


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant of Entra ID at which people sign in. `id` stands in the address that it leads back to:

    https://COLLECTOR/account/oidc/ID/callback
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,30}$")]
    name: NotEmpty
    tenant: Annotated[str, Meta(pattern=r"^[0-9a-fA-F-]{36}$")]
    client_id: NotEmpty
    client_secret_file: NotEmpty
    authority: Annotated[str, Meta(pattern=r"^(https://[^/\s?#@]+|http://127\.0\.0\.1:[0-9]+)$")] = (
        "https://login.microsoftonline.com"
    )


class QuarantineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what does not verify is kept; the oldest goes first."""

    most: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    most_per_station: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000


class JwkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An Ed25519 public key as `benchwipe key show` prints it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: NotEmpty
    kid: str = ""
    alg: str = ""
    use: str = ""


class StationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A station enrolled in the configuration itself; the usual place is a file in stations_dir."""

    id: StationId
    keys: list[JwkSettings]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The collector's configuration. `listen` is HOST:PORT; port 0 takes any free one.

    `public_url`: how browsers reach the pages through a proxy ("https://collector.example"); `hosts`: other names that
    they may be asked by. `organisation`: who runs the collector. `stations_dir`: where keys of stations lay before they
    moved into the database. `keys_dir`: the collector's own keys; without it "keys" beside `stations_dir`.
    `health_listen`: an address at which the intake itself says whether it is well. `log`: lines for people or JSON;
    "auto" is JSON where standard error is no terminal.
    `signature_alg`: the name of Ed25519 in the header of what it signs itself; stations\' are verified under both.
    """

    id: StationId = "collector"
    listen: Listen = "127.0.0.1:8470"
    public_url: Origin = ""
    hosts: list[NotEmpty] = []
    health_listen: Annotated[str, Meta(pattern=r"^$|^(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):[0-9]{1,5}$")] = ""
    log: Literal["auto", "text", "json"] = "auto"
    organisation: NotEmpty = "Workshop"
    migrate_at_start: bool = True
    stations_dir: NotEmpty = "stations"
    keys_dir: str = ""
    signature_alg: Alg = USUAL
    tls: PagesTlsSettings = PagesTlsSettings()
    broker: BrokerSettings = BrokerSettings()
    database: DatabaseSettings = DatabaseSettings()
    quarantine: QuarantineSettings = QuarantineSettings()
    mail: MailSettings = MailSettings()
    notices: NoticesSettings = NoticesSettings()
    oidc: list[OidcSettings] = []
    station: list[StationSettings] = []
