"""A controller's directory: judged, written down, and taken into use at once, in the engine's thread.

The newest valid one counts, also after a restart and without a network. One that is refused leaves the one before in
use. What is at work keeps its plan.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.bench.alarms import warning
from agent.bench.bay_table import BayTable
from agent.bench.books import NOT_WRITTEN, Books
from agent.directory import Directory, DirectoryProblem, added, read
from agent.errors import LedgerProblem
from agent.messages import ReportedConfig
from agent.settings import Settings

log = logging.getLogger("benchwipe.directory")

ALARM = "directory"


class DirectoryDesk:
    """Takes directories. `adopt` puts other settings in force."""

    def __init__(
        self,
        own: Settings,
        table: BayTable,
        books: Books,
        keys: Mapping[str, Ed25519PublicKey],
        adopt: Callable[[Settings], None],
    ) -> None:
        self._own, self._table, self._books, self._keys, self._adopt = own, table, books, keys, adopt

    def recover(self) -> None:
        """Use what an earlier run took. One that cannot stand beside the configuration any more is not used."""
        kept = self._books.directory()
        if kept is None:
            return
        try:
            told = read(kept[1], self._keys, self._own.station.id)
            self._adopt(added(self._own, told))
        except DirectoryProblem as problem:
            self._refuse(kept[1], kept[0], str(problem))
            return
        self._report(kept[1], told.version, "")

    def received(self, body: bytes) -> None:
        """Take a directory that has come, and answer it whatever happens."""
        version: int | None = None
        try:
            told = read(body, self._keys, self._own.station.id)
            version = told.version
            self._take(told, body)
        except DirectoryProblem as problem:
            self._refuse(body, version, str(problem))
        except LedgerProblem as problem:  # the books have raised the alarm
            self._report(body, version, f"{NOT_WRITTEN} ({problem})")

    def _take(self, told: Directory, body: bytes) -> None:
        """DirectoryProblem or LedgerProblem: nothing was changed."""
        kept = self._books.directory()
        if kept is not None and told.version <= kept[0] and body != kept[1]:
            raise DirectoryProblem(problem=f"version {told.version} is not newer than {kept[0]}, which was taken")
        settings = added(self._own, told)
        if kept is None or body != kept[1]:
            self._books.keep_directory(told.version, body)
        self._adopt(settings)
        self._table.alarm(ALARM, None)
        log.info("directory %d is in use: %d lots, %d people", told.version, len(told.lots), len(told.operators))
        self._report(body, told.version, "")

    def _refuse(self, body: bytes, version: int | None, reason: str) -> None:
        log.warning("a directory is refused: %s", reason)
        self._table.alarm(ALARM, warning("BW-A86", reason))
        self._report(body, version, reason)

    def _report(self, body: bytes, version: int | None, reason: str) -> None:
        report = ReportedConfig(
            version=version,
            hash=hashlib.sha256(body).hexdigest(),
            state="refused" if reason else "applied",
            reason=reason[:500],
        )
        self._table.tell(self._table.effects.config_report, report)
