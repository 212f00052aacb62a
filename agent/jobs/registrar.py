"""Jobs into the ledger, outcomes into certificates: the same for the daemon and for the command line.

Certify, then label, then publish: the certificate is on the medium before anybody hears of it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import files
from agent.certificates import keys
from agent.certificates.attestation import Handset, Reset
from agent.certificates.certificate import Certificate, sign
from agent.certificates.clock import clock, utc_now
from agent.certificates.jws import thumbprint
from agent.certificates.outcome import STOPPED_EARLIER, Aborted, Erased, Outcome, Refused
from agent.certificates.record import Asset, Drives, Interruption, Operator, Position, Record, Software, StationRecord
from agent.erase import EraseSpec, ResumePoint
from agent.erase.before import done_before
from agent.erase.techniques import TECHNIQUES
from agent.errors import CertificateProblem, KeyLost, LedgerProblem
from agent.jobs import certify, job
from agent.jobs.at_work import AtWork, Claim
from agent.jobs.hash_rows import MOST_WANTED
from agent.jobs.job import Job, JobState
from agent.jobs.label_proof import LabelState
from agent.jobs.ledger import Ledger
from agent.jobs.outbox_rows import StatedEvent
from agent.jobs.pattern_hashes import PatternHashes
from agent.jobs.reconcile import Reconciler
from agent.jobs.statements import Stated, stated
from agent.settings import Settings
from agent.version import version
from drivers.drives.drive import Drive

log = logging.getLogger("benchwipe.registrar")

SECURITY = frozenset(name for name, row in TECHNIQUES.items() if row.security)
_PASSWORD = "benchwipe 2026-11 ATA password of one job"


class Registrar:
    """The one who writes jobs and certificates down. Belongs to one thread, as its ledger does."""

    def __init__(self, settings: Settings, state_dir: Path) -> None:
        self.settings = settings
        self.state_dir = state_dir
        self.key: Ed25519PrivateKey = keys.load_or_make(state_dir)
        self.ledger = Ledger(state_dir)
        self.at_work = AtWork(state_dir)
        self.reconciler = Reconciler(self.ledger, self.key.public_key())
        self.hashes = PatternHashes(self.ledger.hashes, self.key)
        self._refuse_half_replaced()

    def _refuse_half_replaced(self) -> None:
        """KeyLost where a replacement of the key was cut off: the ledger knows of it, and the new key never came."""
        own, wanted = thumbprint(self.key.public_key()), self.ledger.chain.position().key
        if wanted not in (None, own):
            self.close()
            problem = f"key {own} was replaced, and its successor {wanted} is not here"
            raise KeyLost(path=self.state_dir / keys.FILE_NAME, problem=problem)

    def close(self) -> None:
        """Let go of the ledger, and of every drive."""
        self.at_work.close()
        self.ledger.close()

    def recover(self, *, printers: tuple[str, ...] = ()) -> None:
        """Mend what a power cut left: half-written files go, certificates without a row get one, and a label due.

        LedgerConflict where the ledger's rows and the certificate files contradict.
        """
        files.sweep(self.ledger.certificates_dir)
        files.sweep(self.state_dir)
        self.at_work.sweep()
        for certificate in self.reconciler.take_in(printers=printers):
            if (ended := self.ledger.job(certificate.record.job)) is not None and not ended.bay:
                # Its command was killed before it could say so.
                self.ledger.save_job(msgspec.structs.replace(ended, untold=True))
        self.forget_keys()

    def want_hashes(self) -> None:
        """Note which hashes the drives of the newest jobs would need, if such come again."""
        for seen in reversed(self.ledger.newest_jobs(MOST_WANTED)):
            self.hashes.want(seen.plan, seen.drive.capacity_bytes)

    def forget_keys(self, *, at_work: Collection[str] = ()) -> None:
        """Let go of keys, checkpoints and ATA passwords of drives that did not come back; `at_work`: jobs of now."""
        days = self.settings.station.keep_keys_days
        before = time.time() - days * 86400
        for old in self.ledger.forget_keys(before=before, but=at_work):
            log.warning("job %s: its drive did not come back in %d days; its key is forgotten", old, days)
        for old in self.ledger.passwords.forget_old(before=before, but=at_work):
            log.warning("job %s: its drive did not come back in %d days; its ATA password is forgotten", old, days)

    def open_job(self, new: Job, *, resumes: Job | None = None) -> Job:
        """Write a new job down. With `resumes` it goes on from that job's last flushed point, with the same key.

        One that left no such point goes on from the start; that it was interrupted is certified all the same.
        """
        point = self.ledger.checkpoint(resumes.id) if resumes else None
        key = self.ledger.key(resumes.id) if resumes else None
        if resumes:
            new = msgspec.structs.replace(new, resumes=resumes.id)
        if point and key:
            self.ledger.add_job(new, key, point)
        else:
            self.ledger.add_job(new, secrets.token_bytes(32))
        self.hashes.want(new.plan, new.drive.capacity_bytes)
        return new

    def spec(self, planned: Job, *, drives_at_once: int, interruption: str | None = None) -> EraseSpec:
        """Say what the worker has to do for a job. `interruption` says why it had stopped, if it goes on."""
        assert planned.plan is not None
        point = self.ledger.checkpoint(planned.id)
        key = self.ledger.key(planned.id)
        # Forgotten by age, with its point; or nothing is known of how far it came, and of which medium: what an earlier
        # start may have left on one with the same identity must not pass for this one's.
        if key is None or (point is None and interruption is not None):
            key = secrets.token_bytes(32)
            self.ledger.renew_key(planned.id, key)
        if point is not None and planned.plan.verify.kind != "full":
            point = _from_the_start(point)
        who = identity(planned.drive)
        if planned.plan.technique in SECURITY:
            # Before anything is sent: a drive that a crash leaves locked is opened with it, whoever meets it next.
            self.ledger.passwords.keep(who, password := security_password(key), planned.id)
        else:
            password = b""
        known_hash, hash_anew = self.hashes.for_job(planned)
        known = [password, *(other for other in self.ledger.passwords.of(who) if other != password)]
        return EraseSpec(
            job=planned.id,
            method=planned.plan.method,
            technique=planned.plan.technique,
            prepare=planned.plan.prepare,
            hidden_accepted=planned.plan.hidden_accepted,
            skip_proof=planned.plan.capacity_proof is not None and planned.plan.capacity_proof.skipped is not None,
            verify=planned.plan.verify,
            limits=planned.plan.limits,
            key_hex=key.hex(),
            passwords=tuple(found.hex() for found in known if found),
            resume=point,
            interruption=_interruption(point, interruption),
            drives_at_once=drives_at_once,
            known_hash=known_hash,
            hash_anew=hash_anew,
        )

    def issue(self, ended: Job, outcome: Outcome, *, printers: tuple[str, ...] = ()) -> tuple[Job, Certificate]:
        """Certify a job's end, and write both down as one, with the intent to send its label to these printers.

        What does not fit on one certificate is condensed. LedgerProblem or OSError: nothing was written, try again.
        """
        try:
            return self._issue(ended, outcome, printers)
        except CertificateProblem as problem:
            log.error("job %s: %s; the certificate is condensed", ended.id, problem)
            return self._issue(ended, certify.condensed(outcome), printers)

    def _issue(self, ended: Job, outcome: Outcome, printers: tuple[str, ...]) -> tuple[Job, Certificate]:
        circumstances = certify.Circumstances(finished_at=utc_now(), clock=clock(), station=self.station())
        state = JobState(certify.outcome_name(outcome))
        reason = None if isinstance(outcome, Erased) else outcome.reason
        done = job.advance(ended, state, finished_at=circumstances.finished_at, reason=reason, untold=not ended.bay)
        if isinstance(outcome, Refused):
            self.forget_unsent(ended)

        def draft(position: Position) -> Certificate:
            return self._sign(certify.draft(done, outcome, position, circumstances), position)

        certificate = self.ledger.issue(draft, done, printers=printers, strays=self.reconciler.strays)
        if isinstance(outcome, Erased):
            self.ledger.passwords.forget_all(identity(done.drive))
        self.hashes.learn(done, outcome)
        done = msgspec.structs.replace(done, certificate_id=certificate.id)
        log.info("certificate %s: %s %s", certificate.record.number, done.drive.serial, state)
        return done, certificate

    def forget_unsent(self, refused: Job) -> None:
        """Forget the password of a job that touched nothing.

        It is on no drive: it must not be tried before one that may be.
        """
        key = self.ledger.key(refused.id) if refused.plan and refused.plan.technique in SECURITY else None
        if key is not None:
            self.ledger.passwords.forget(identity(refused.drive), security_password(key))

    def attest(
        self,
        handset: Handset,
        reset: Reset,
        occasion: certify.Occasion,
        *,
        printers: tuple[str, ...] = (),
        labels: LabelState = LabelState.SENT,
    ) -> Certificate:
        """Certify a reset that a person answers for. LedgerProblem or OSError: nothing was written, try again.

        `labels`: as of Ledger.issue.
        """
        circumstances = certify.Circumstances(finished_at=utc_now(), clock=clock(), station=self.station())

        def draft(position: Position) -> Certificate:
            return self._sign(certify.draft_attested(handset, reset, occasion, position, circumstances), position)

        return self.ledger.issue(draft, printers=printers, labels=labels, strays=self.reconciler.strays)

    def _sign(self, record: Record, position: Position) -> Certificate:
        own = thumbprint(self.key.public_key())
        if position.key not in (None, own):
            raise LedgerProblem(path=self.state_dir, problem=f"key {own} was replaced while this program ran")
        return sign(record, self.key, alg=self.settings.station.signature_alg)

    def as_ours(self, drive: Drive) -> Drive:
        """Treat a drive that may have a password of ours as an open one.

        It is planned as one: its job begins by opening it.
        """
        can = drive.capabilities
        if can is None or not (can.security_locked or can.security_enabled):
            return drive
        if not self.ledger.passwords.of(identity(drive)):
            return drive
        opened = msgspec.structs.replace(can, security_locked=False, security_enabled=False)
        return msgspec.structs.replace(drive, capabilities=opened)

    def rate(self, rated: Job, who: Operator | None) -> None:
        """Write down a grade or destination that was given after the certificate was signed, and tell the collector.

        It goes as a statement of its own, a JWS that waits for the collector's receipt as the certificate does, and
        beside it as an event with a copy of the JWS.
        """
        told = {
            "station": self.settings.station.id,
            "certificate_id": rated.certificate_id,
            "job": rated.id,
            "asset": rated.asset.tag if rated.asset else None,
            "disposition": msgspec.to_builtins(rated.disposition),
            "operator": msgspec.to_builtins(who),
        }
        self.ledger.add_event(*self._stated("disposition", told), rated)

    def state(self, what: Stated, facts: Mapping[str, object], who: Operator | None) -> None:
        """Sign and queue what a person says of a device: as grades are, it waits for the collector's receipt."""
        told = {"station": self.settings.station.id, **facts, "operator": msgspec.to_builtins(who)}
        self.ledger.add_event(*self._stated(what, told))

    def _stated(self, what: Stated, told: Mapping[str, object]) -> tuple[str, Callable[[int], StatedEvent]]:
        return stated(self.key, what, told, alg=self.settings.station.signature_alg)

    def count_drives(self, tag: str, drives: int, who: Operator | None) -> None:
        """Write down, and state, how many drives a device has."""
        facts = {"station": self.settings.station.id, "asset": tag, "drives": drives}
        told = self._stated("drive-count", {**facts, "operator": msgspec.to_builtins(who)})
        self.ledger.count_drives(tag, drives, *told)

    def asset(self, tag: str, drive: Drive) -> Asset | None:
        """Describe the device of this drive, with its place where its drives were counted. None: it has no place."""
        of = self.ledger.devices.drives(tag)
        if not of:
            return Asset(tag=tag)
        place = self.ledger.devices.free_place(tag, drive.fingerprint, of)
        return Asset(tag=tag, drives=Drives(index=place, of=of)) if place and place <= of else None

    def whole(self, record: Record) -> bool:
        """Say whether all drives of a certificate's device are erased, as far as this station knows of them."""
        if record.asset is None:
            return True
        tag, devices = record.asset.tag, self.ledger.devices
        of = max(devices.drives(tag), record.asset.drives.of if record.asset.drives else 0)
        done = {part.place for part in devices.parts(tag) if part.outcome == "erased"}
        return done >= set(range(1, of + 1)) and not devices.not_erased(tag, record.drive.serial or "")

    def told_whole(self, tag: str) -> list[str]:
        """List the certificates of a device's erased drives whose labels may say now that all of it is erased."""
        found = (self.certificate(name) for name in self.ledger.devices.erased(tag))
        return [certificate.id for certificate in found if certificate is not None and self.whole(certificate.record)]

    def certificate(self, name: str) -> Certificate | None:
        """Read the certificate of this station with that id or number, its signature checked.

        None where there is none.

        CertificateProblem or OSError where its file is not what was written.
        """
        found = self.ledger.chain.certificate_of(name)
        return self.reconciler.certificate(found[0]) if found is not None else None

    def supersede(self, drive: Drive, *, claimed: Claim | None = None) -> None:
        """Close an older job of a drive that is to be erased anew: what was done of it is certified as aborted.

        Never one that runs: DriveAtWork. `claimed`: the caller's own claim of the drive.
        """
        older = [old for old in self.ledger.unfinished() if drive.is_meant_by(old.drive) or _grew(old, drive)]
        for old in older:
            if old.state is JobState.PLANNED:
                self.ledger.save_job(job.advance(old, JobState.CANCELLED, finished_at=utc_now()))
                continue
            claim = claimed or self.at_work.claim(drive)
            try:
                point = self.ledger.checkpoint(old.id)
                self.issue(old, Aborted(done_before(point), STOPPED_EARLIER))
            finally:
                if claimed is None:
                    claim.release()

    def station(self) -> StationRecord:
        """Describe this station, as it stands on a certificate."""
        about = self.settings.station
        return StationRecord(
            id=about.id,
            name=about.name,
            location=about.location,
            organisation=about.organisation,
            software=Software(name="benchwipe", version=version()),
            kernel=os.uname().release,
            machine=os.uname().machine,
        )


def _grew(old: Job, drive: Drive) -> bool:
    """Whether this is the job's drive, with the capacity that the job made it show before anybody wrote that down."""
    revealing = old.plan is not None and "reveal" in old.plan.prepare
    grown = drive.capacity_bytes > old.drive.capacity_bytes
    return revealing and grown and drive.identified and drive.unit == old.drive.unit


def _from_the_start(point: ResumePoint) -> ResumePoint:
    """Nobody knows where the drive was meanwhile: what is not read back in full is written anew in full.

    What the drive's own firmware is at, it says itself.
    """
    return ResumePoint(
        pass_number=1,
        offset=0,
        interruptions=point.interruptions,
        resumed=point.resumed,
        stream=point.stream,
        firmware=point.firmware,
    )


def identity(drive: Drive) -> str:
    """Identify a drive whatever capacity it shows: a removed hidden area must not lose it its password."""
    if not drive.identified:
        return drive.fingerprint  # no password of its like is tried on it
    return hashlib.sha256(msgspec.json.encode((drive.model, drive.serial, drive.wwn))).hexdigest()


def security_password(key: bytes) -> bytes:
    """Derive the ATA password of one job from its random key, which the ledger has.

    It has 32 printable characters, 128 bits.

    Printable, so that it could be typed into another machine's firmware to open the drive there.
    """
    from blake3 import blake3  # with the first drive that wants a password

    return blake3(key, derive_key_context=_PASSWORD).hexdigest()[:32].encode()


def _interruption(point: ResumePoint | None, reason: str | None) -> Interruption | None:
    if reason is None:
        return None
    return Interruption(at=utc_now(), reason=reason, resumed_at_offset=point.offset if point else 0)
