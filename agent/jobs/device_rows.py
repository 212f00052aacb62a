"""The ledger's tables of devices: how many drives a person counted in one, and which of them is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.jobs.database import Database
from agent.jobs.job import Job


@dataclass(frozen=True)
class Part:
    """A drive of a device: its newest job of that device, and how that ended; "" while it has not."""

    place: int
    drive: str
    outcome: str


class DeviceRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def drives(self, tag: str) -> int:
        """Tell how many drives were counted in this device; 0: nobody did."""
        row = self._db.one("SELECT drives FROM device WHERE tag = ?", tag)
        return int(row[0]) if row else 0

    def count(self, tag: str, drives: int) -> None:
        """Remember how many drives this device has, inside the caller's transaction."""
        sql = "INSERT INTO device (tag, drives) VALUES (?, ?) ON CONFLICT (tag) DO UPDATE SET drives = excluded.drives"
        self._db.execute(sql, (tag, drives))

    def parts(self, tag: str) -> Sequence[Part]:
        """List the drives that were seen of this device, by their places. A job that was cancelled counts for none."""
        rows = self._db.all(
            "SELECT place, drive, certificate.outcome FROM device_drive LEFT JOIN certificate USING (job) "
            "WHERE tag = ? ORDER BY place",
            tag,
        )
        return [Part(place, drive, outcome or "") for place, drive, outcome in rows]

    def not_erased(self, tag: str, but: str) -> bool:
        """Say whether another drive than that serial's was certified last with this tag as anything but erased."""
        rows = self._db.all("SELECT serial, outcome FROM certificate WHERE asset = ? ORDER BY sequence", tag)
        newest = dict(rows)
        return any(outcome != "erased" for serial, outcome in newest.items() if serial != but)

    def erased(self, tag: str) -> list[str]:
        """List the ids of the newest certificates of this device's drives, of those that are erased."""
        rows = self._db.all("SELECT serial, id, outcome FROM certificate WHERE asset = ? ORDER BY sequence", tag)
        newest = {serial: (certificate, outcome) for serial, certificate, outcome in rows}
        return [certificate for certificate, outcome in newest.values() if outcome == "erased"]

    def unplaced(self, tag: str) -> list[str]:
        """List the certified jobs of this device whose drive has no place in it, oldest first."""
        rows = self._db.all(
            "SELECT job FROM certificate WHERE asset = ? AND job NOT IN (SELECT job FROM device_drive WHERE tag = ?) "
            "ORDER BY sequence",
            tag,
            tag,
        )
        return [str(job) for (job,) in rows]

    def free_place(self, tag: str, drive: str, drives: int) -> int | None:
        """Choose the place of this drive in its device: its own, else the first that is free; None: there is none."""
        parts = self.parts(tag)
        own = next((part.place for part in parts if part.drive == drive), None)
        taken = {part.place for part in parts}
        return own or next((place for place in range(1, drives + 1) if place not in taken), None)

    def place(self, tag: str, drive: str, job_id: str, drives: int) -> None:
        """Give a drive its place, inside the caller's transaction, if there is one."""
        if (place := self.free_place(tag, drive, drives)) is not None:
            sql = "REPLACE INTO device_drive (tag, place, drive, job) VALUES (?, ?, ?, ?)"
            self._db.execute(sql, (tag, place, drive, job_id))

    def put(self, job: Job) -> None:
        """Remember which drive of its device this job is of, inside the caller's transaction."""
        if job.asset is None or job.asset.drives is None:
            return
        self._db.execute(
            "INSERT INTO device_drive (tag, place, drive, job) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (tag, place) DO UPDATE SET drive = excluded.drive, job = excluded.job",
            (job.asset.tag, job.asset.drives.index, job.drive.fingerprint, job.id),
        )

    def take_out(self, job_id: str) -> None:
        """Forget a job that was called off: its drive has no place by it."""
        self._db.execute("DELETE FROM device_drive WHERE job = ?", (job_id,))
