"""The pages as a process: `serve --only web`.

main     waitress: takes whole requests in, closes what stays half-sent, hands the rest to its pool
pool     answers pages
link     hears what stations say of themselves               collector/intake/link.py
live     the memory of the live page (bounded)               collector/fleet/live.py
opening  waits for the database, and makes the first link    below
keeper   its own certificates, made and in time              collector/fleet/keeper.py
alarms   writes alarms down, and to whom they are told       collector/notices/listening.py
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
from pathlib import Path

import waitress.server
from django.db import Error, connection

from collector import child, upkeep
from collector.errors import CollectorError
from collector.fleet.keeper import Keeper
from collector.fleet.live import Live
from collector.fleet.sources import SOURCES, Health, Part
from collector.intake.link import Link, web_role
from collector.intake.taking import cause
from collector.notices import queries
from collector.notices.listening import Listening
from collector.parties import links
from collector.parties.models import Person
from collector.settings import Configuration
from collector.text import clean
from collector.tls_channel import PagesTls
from collector.web_address import listen
from collector.web_server import Channel

LOG = logging.getLogger(__name__)
THREADS = 8
CONNECTIONS = 4_000
"""More than the 1,100 that were tried; each costs a descriptor and what it has sent so far."""
HALF_SENT_S = 20
LONGEST_HEADERS = 32 * 1024
LONGEST_BODY = 24 * 1024 * 1024
RETRY_S = 1.0
NO_IDENTITY = "this process has no certificate of its own for the broker: give [broker.web] one (docs/collector.md)"


def run(configuration: Configuration) -> int:
    """Answer pages until SIGTERM, or until the parent is gone."""
    child.limit("web")
    listener = _listener(configuration)
    live = SOURCES.live
    live.start()
    role = web_role(configuration)
    link = None if role is None else Link(configuration, role, live.put)
    SOURCES.listening = lambda: _listening(link)
    SOURCES.intake = _intake
    SOURCES.parts = _parts
    SOURCES.notices_given_up = queries.given_up
    stopping = threading.Event()
    child.on_signals(_end)
    child.stop_with_parent(lambda: os._exit(0))
    keeper, alarms = Keeper(configuration, serves_broker=False, ready=upkeep.is_ready), Listening(live)
    for part in (link, keeper, alarms):
        if part is not None:
            part.start()
    server = _server(configuration, listener)
    address = _address(configuration, listener)
    LOG.info("web pages at %s", address)
    opening = threading.Thread(target=_open, args=(configuration, address, stopping), name="opening", daemon=True)
    opening.start()
    tls = _speak_tls(configuration, server)
    watch = threading.Thread(
        target=_watch, args=((live, link, keeper, alarms), tls, stopping), name="watch", daemon=True
    )
    watch.start()
    try:
        server.run()
    finally:
        stopping.set()
        if link is not None:
            link.stop(1.0)
    return 0


def _server(configuration: Configuration, listener: socket.socket) -> waitress.server.TcpWSGIServer:
    """Set up what answers, with a bound for everything that somebody sends or leaves unsent."""
    from collector.wsgi import application

    server = waitress.server.create_server(
        application,
        sockets=[listener],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=HALF_SENT_S,
        cleanup_interval=5,
        max_request_header_size=LONGEST_HEADERS,
        max_request_body_size=LONGEST_BODY,
        asyncore_use_poll=True,
        ident="benchwipe",
        url_scheme="https" if configuration.settings.tls.on else "http",
        clear_untrusted_proxy_headers=True,
        **_proxy(configuration),
    )
    server.channel_class = Channel
    return server


def _speak_tls(configuration: Configuration, server: waitress.server.TcpWSGIServer) -> PagesTls | None:
    """Let connections come through TLS, where it is configured. Waits for the certificate."""
    if not configuration.settings.tls.on:
        return None
    tls = PagesTls(configuration)
    tls.wait()
    server.channel_class = tls.channel
    return tls


def _watch(
    parts: tuple[Live | Link | Keeper | Listening | None, ...], tls: PagesTls | None, stopping: threading.Event
) -> None:
    """End the process when one of its threads is gone: pages that only seem to be live tell nothing true."""
    while not stopping.wait(0.5):
        if tls is not None:
            with contextlib.suppress(OSError):  # half of it may be there: the next look has all
                tls.follow()
        for part in parts:
            if part is not None and not part.alive:
                LOG.critical("thread %s is gone, and the pages end with it", type(part).__name__.lower())
                os._exit(1)


def _end() -> None:
    raise SystemExit


def _listener(configuration: Configuration) -> socket.socket:
    handed = child.handed(child.LISTEN)
    return listen(configuration.settings.listen) if handed is None else socket.socket(fileno=handed)


def _proxy(configuration: Configuration) -> dict[str, object]:
    """Whom to believe about the scheme and the client's address: a proxy on this machine, if there is one."""
    if not configuration.settings.public_url or configuration.settings.tls.on:
        return {}
    return {
        "trusted_proxy": "127.0.0.1",
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    }


def _address(configuration: Configuration, listener: socket.socket) -> str:
    if configuration.settings.public_url:
        return configuration.settings.public_url + "/"
    host, port = listener.getsockname()[:2]
    tls = configuration.settings.tls
    host = tls.names[0] if tls.names else host
    return f"{'https' if tls.on else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/"


def _listening(link: Link | None) -> Health:
    return Health(False, NO_IDENTITY) if link is None else Health(link.connected, f"broker {link.state}")


def _intake() -> Health:
    board = child.board()
    state = None if board is None else board.read("intake")
    if state is None:
        return Health(False, "the intake does not run here" if board is None else "the intake does not answer")
    if state.database != "ok":
        return Health(state.well, f"database: {state.database}")
    return Health(state.well, f"broker {state.broker}")


def _parts() -> dict[str, Part]:
    """What every part says of itself; this one answers."""
    board = child.board()
    found = {"web": Part(well=True)}
    for name in ("intake", "worker") if board is not None else ():
        state = None if board is None else board.read(name)
        found[name] = Part(well=False) if state is None else Part(state.well, state.counts)
    return found


def _open(configuration: Configuration, address: str, stopping: threading.Event) -> None:
    """Wait until the database is ready; then, if nobody can sign in, say how the first one does."""
    said = ""
    while not stopping.is_set():
        try:
            upkeep.prepare(migrate=configuration.settings.migrate_at_start)
            if not Person.objects.exists():
                _first_link(configuration, address)
            return
        except CollectorError as error:
            LOG.error("%s", error.line())
            return
        except (Error, OSError) as error:
            connection.close()
            if (told := clean(cause(error))) != said:
                said = told
                LOG.error("the database is not ready for pages: %s", told)
        finally:
            connection.close()
        stopping.wait(RETRY_S)


def _first_link(configuration: Configuration, address: str) -> None:
    """On a terminal the link is printed; else it is written where only this user reads it. Never into a log."""
    links.withdraw("first-administrator")
    link = f"{address}welcome/{links.make('first-administrator')}"
    text = "Nobody can sign in yet. This link makes the first administrator, once, within an hour:"
    if sys.stderr.isatty():
        print(f"\n{text}\n\n    {link}\n", file=sys.stderr, flush=True)
        return
    path: Path = configuration.keys_dir.parent / "first-administrator.link"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(link + "\n")
    LOG.warning(
        "nobody can sign in yet; the link that makes the first administrator, once, within an hour, is in %s", path
    )
