"""The intake as a process: `serve --only intake`.

main    waits for SIGTERM, and says how things are
link    connects, watches, reconnects                      collector/intake/link.py
paho    one for each connection: only enqueues
intake  the only writer of certificates                    collector/intake/taking.py
keeper  certificates in time, revocation at the broker     collector/fleet/keeper.py
"""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.certificates.signature import overdue
from collector import child, health, upkeep
from collector.fleet.keeper import Keeper
from collector.intake import signing
from collector.intake.enrolment import follow_configuration
from collector.intake.keeping import Limits
from collector.intake.keys import table_keys
from collector.intake.link import Link, intake_role
from collector.intake.signing import Signer
from collector.intake.taking import Intake
from collector.settings import Configuration, station_tables
from drivers.options import read_toml

LOG = logging.getLogger(__name__)
STOP_S = 1.5
LOOK_S = 0.5


def run(configuration: Configuration) -> int:
    """Run until SIGTERM, or until the parent is gone. The exit status: 0; 1 where a thread broke; 2 needs a person."""
    stop = threading.Event()
    child.limit("intake")
    child.on_signals(stop.set)
    child.stop_with_parent(stop.set)
    alg = configuration.settings.signature_alg
    signer = Signer(signing.load_or_make(configuration.keys_dir, "receipt"), alg)
    if late := overdue(alg, datetime.now(UTC).date()):
        LOG.warning("%s", late)
    limits = configuration.settings.quarantine
    tables = Tables(configuration)

    def prepare() -> None:
        upkeep.prepare(migrate=configuration.settings.migrate_at_start)
        tables.follow(force=True)

    def publish(topic: str, payload: bytes) -> bool:
        return link.publish_receipt(topic, payload)

    intake = Intake(
        publish,
        signer,
        prepare=prepare,
        look=tables.follow,
        limits=Limits(limits.most, limits.most_per_station),
    )
    link = Link(configuration, intake_role(configuration), intake.put)
    keeper = Keeper(configuration, serves_broker=True, ready=upkeep.is_ready)
    for part in (intake, link, keeper):
        part.start()
    if configuration.settings.health_listen:
        health.begin(configuration.settings.health_listen, lambda: link.connected and intake.working)
    status = _watch(stop, intake, link, keeper)
    intake.stop(STOP_S)  # first: its last receipts still need the link
    link.stop(STOP_S)
    return status


def _watch(stop: threading.Event, intake: Intake, link: Link, keeper: Keeper) -> int:
    board = child.board()
    while not stop.wait(0.1):
        if board is not None:
            well = link.connected and intake.working
            board.write("intake", well=well, broker=link.state, database=intake.state, counts=intake.counted())
        if intake.fatal:
            return 2
        dead = [part for part in (intake, link, keeper) if not part.alive]
        if dead:
            LOG.critical("thread %s is gone, and the intake ends with it", type(dead[0]).__name__.lower())
            return 1
    LOG.info("stopping")
    return 0


class Tables:
    """The [[station]] tables of the configuration, followed while the file changes."""

    def __init__(self, configuration: Configuration) -> None:
        self._file: Path = configuration.file
        self._bare = configuration.bare
        self._seen: object = None
        self._looked_at = float("-inf")

    def follow(self, *, force: bool = False) -> None:
        """Lay them into the database if the file is another one than before."""
        now = time.monotonic()
        if self._bare or (not force and now - self._looked_at < LOOK_S):
            return
        self._looked_at = now
        seen = _look(self._file)
        if seen == self._seen and not force:
            return
        self._seen = seen
        data, problems = read_toml(self._file)
        tables = None if problems else station_tables(data)
        if tables is None:
            LOG.error("enrolment: %s cannot be used any more; its stations stay as they were", self._file)
            return
        follow_configuration({one.id: table_keys(one.keys) for one in tables})


def _look(path: Path) -> object:
    """What changes whenever the file does. Inode and size too: a clock without a battery repeats times."""
    try:
        found: os.stat_result = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
