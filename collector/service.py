"""The collector's threads, put together.

main      waits for SIGTERM
link      connects, watches, reconnects          collector/link.py
paho      one for each connection: only enqueues
intake    the only writer to the database        collector/intake.py
live      reads the stations' talk               collector/live.py
web       uvicorn and its pool: only reads       collector/web.py
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn
from sqlalchemy import Engine

from agent.certificates.signature import overdue
from agent.messages import split_topic
from collector import database, signing
from collector.enrolment import KeyBook
from collector.errors import CollectorError
from collector.intake import Intake
from collector.link import Incoming, Link
from collector.live import Live
from collector.settings import Configuration
from collector.signing import Signer
from collector.store import Store
from collector.web import Sources, make_app

LOG = logging.getLogger(__name__)
STOP_S = 1.5  # for each part, at the same time: SIGTERM ends within 5 s


@dataclass(frozen=True)
class Parts:
    """Everything that runs."""

    engine: Engine
    intake: Intake
    live: Live
    link: Link
    server: uvicorn.Server
    listener: socket.socket


def serve(configuration: Configuration) -> int:
    """Run until SIGTERM or SIGINT. The exit status: 0; 1 where the database is a newer program's, or a thread broke.

    The service manager starts it again: a thread that is gone in silence would be a collector that only seems to run.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    parts = assemble(configuration)
    threads = (parts.intake, parts.live, parts.link)
    for part in threads:
        part.start()
    web = threading.Thread(target=parts.server.run, kwargs={"sockets": [parts.listener]}, name="web", daemon=True)
    web.start()
    host, port = parts.listener.getsockname()[:2]
    LOG.info("web pages at http://%s:%d/", f"[{host}]" if ":" in host else host, port)
    while not stop.wait(0.1) and not parts.intake.fatal.is_set() and web.is_alive():
        dead = [part for part in threads if not part.alive]
        if dead:
            LOG.critical("thread %s is gone, and the collector ends with it", type(dead[0]).__name__.lower())
            break
    _stop(parts, web)
    return 0 if stop.is_set() else 1


def assemble(configuration: Configuration) -> Parts:
    """Build the parts, not yet running.

    Raise CollectorError if web address, database settings or receipt key cannot be used.
    """
    try:
        engine = database.connect(configuration.database_url())
    except (OSError, UnicodeDecodeError) as error:
        raise CollectorError(problem=f"the database's settings cannot be used: {error}") from None
    listener = _listen(configuration.settings.listen)
    limits = configuration.settings.quarantine
    book, live = KeyBook(configuration), Live()
    alg = configuration.settings.signature_alg
    signer = Signer(signing.load_or_make(configuration.keys_dir, "receipt"), alg)
    if late := overdue(alg, datetime.now(UTC).date()):
        LOG.warning("%s", late)
    store = Store(engine, most=limits.most, most_per_station=limits.most_per_station)

    def take(message: Incoming) -> None:
        split = split_topic(message.topic)
        suffix = "" if split is None else split[1]
        (intake if suffix == "event" or suffix.startswith(("cert/", "statement/")) else live).put(message)

    link = Link(configuration, take)
    intake = Intake(store, book, link.publish_receipt, signer)
    app = make_app(Sources(engine=engine, book=book, live=live, intake=intake, link=link))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1, server_header=False
    )
    return Parts(engine, intake, live, link, uvicorn.Server(config), listener)


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=128)
    except OSError as error:
        raise CollectorError(problem=f"cannot listen on {address}: {error.strerror or error}") from None


def _stop(parts: Parts, web: threading.Thread) -> None:
    LOG.info("stopping")
    began = time.monotonic()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a request cut short at the end is no defect
    parts.server.should_exit = True
    parts.intake.stop(STOP_S)  # first: its last receipts still need the link
    parts.link.stop(STOP_S)
    web.join(max(0.1, 4.0 - (time.monotonic() - began)))
    parts.engine.dispose()
