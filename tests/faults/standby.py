"""`python -m tests.faults.standby`: the database's machine is lost under load, and its standby goes on; then a restore.

A synchronous standby is made with pg_basebackup. While a station sends, the primary is killed for good, the standby is
promoted, and the intake is pointed at it: all that had a receipt must be there. Afterwards the database is dumped and
restored beside itself, and held against the station's ledger and the collector's own audit. Exits 1 if it is not so.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from tests.collector.conftest import free_port, wait_for
from tests.faults.collector_kills import LONGEST_S, Tally, account
from tests.faults.field import STORED, Field, Server
from tests.patience import PROGRAM_S


class Standby(Server):
    """A copy that follows the primary."""

    def __init__(self, primary: Server, folder: Path) -> None:
        self._binaries, self._folder, self._port = primary._binaries, folder, free_port()
        self._as, self._process = primary._as, None
        self.url = f"postgresql://tester@127.0.0.1:{self._port}/postgres"
        folder.mkdir()
        if self._as:
            owner = (primary._folder / "data").stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
        whom = f"host=127.0.0.1 port={primary._port} user=tester application_name=standby"
        self.run("pg_basebackup", "-d", whom, "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast")

    def run(self, program: str, *words: str) -> None:
        """Run one of PostgreSQL's programs, as the servers' own user."""
        command = [str(self._binaries / program), *words]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, timeout=PROGRAM_S, **self._as)

    def promote(self) -> None:
        """Make it the primary."""
        self.run("pg_ctl", "promote", "-w", "-D", str(self._folder / "data"))


def follow(one: Field) -> Standby:
    """Make a standby whose word the primary waits for at each COMMIT."""
    standby = Standby(one.server, one.folder / "standby")
    standby.start()
    with psycopg.connect(one.server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        connection.execute("SELECT pg_reload_conf()")
    wait_for(lambda: one.query("SELECT sync_state FROM pg_stat_replication") == [("sync",)], what="it follows")
    return standby


def restored(one: Field, standby: Standby) -> set[str]:
    """Dump the database, restore it beside itself, and tell what is in the copy."""
    where, dump = ("-h", "127.0.0.1", "-p", str(standby._port), "-U", "tester"), str(standby._folder / "dump")
    standby.run("pg_dump", *where, "-Fc", "-f", dump, "postgres")
    standby.run("createdb", *where, "restored")
    standby.run("pg_restore", *where, "--exit-on-error", "-d", "restored", dump)
    one.collector.database = standby.url.replace("/postgres", "/restored")
    one.collector.write()
    one.collector.command("audit")
    with psycopg.connect(one.collector.database) as connection:
        return {row[0] for row in connection.execute(STORED.encode())}


def main() -> int:
    """The exit status."""
    with Field(pause=0.1) as one:
        one.flows(LONGEST_S)
        standby = follow(one)
        one.flows(LONGEST_S)
        time.sleep(random.uniform(0.0, 1.0))
        one.server.kill()
        began = time.monotonic()
        standby.promote()
        one.server = standby
        one.collector.database = standby.url
        one.collector.write()
        one.kill("intake")
        one.start("intake")
        answered = one.station.answered()
        forgotten = len(answered - one.stored())
        one.flows(LONGEST_S)
        seconds = time.monotonic() - began
        tally = Tally()
        account(one, tally)
        missing = len(one.station.made() - restored(one, standby))
    print(f"{len(answered)} had receipts when the primary was lost: {forgotten} of them are not in its standby;")
    print(f"receipts came again after {seconds:.1f} s. {tally.made} in the end: {tally.lost} lost, {tally.changed}")
    print(f"changed, {tally.broken} out of chain; {missing} missing in the restored dump, and its audit finds nothing")
    return int(bool(forgotten or missing) or not tally.clean)


if __name__ == "__main__":
    sys.exit(main())
