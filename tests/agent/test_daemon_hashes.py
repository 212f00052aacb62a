"""A real daemon makes the hash of a drive that waits, keeps it, and uses it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from blake3 import blake3

from tests.agent.daemon_bench import MIB, Daemon
from tests.agent.mosquitto import wait_until


def rows(daemon: Daemon) -> list[tuple[object, ...]]:
    """What the ledger knows of hashes."""
    path = f"file:{daemon.state / 'ledger.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True)) as db:
        return db.execute("SELECT pattern, capacity, blake3, made_by FROM pattern_hash").fetchall()


def test_an_idle_daemon_makes_the_hash_of_a_drive_that_waits_and_the_drive_is_certified_with_it(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, countdown=3600)
    try:
        image = daemon.make("S1", port="p1")
        daemon.start()
        daemon.wait_bay("A1", "countdown")
        digest = blake3(bytes(8 * MIB)).hexdigest()
        wait_until(lambda: rows(daemon) == [("00", 8 * MIB, digest, "idle")], "the hash is made and kept")
        assert daemon.terminate() < 5
        daemon.config.write_text(daemon.config.read_text().replace("countdown_s = 3600", "countdown_s = 0"))
        daemon.pull("p1")
        daemon.start()
        daemon.plug("p1", "S1")
        daemon.wait_bay("A1", "finished")
        (certificate,) = daemon.certificates()
        assert certificate.record.verification.blake3 == blake3(image.read_bytes()).hexdigest() == digest
        assert rows(daemon) == [("00", 8 * MIB, digest, "idle")]
    finally:
        daemon.close()
