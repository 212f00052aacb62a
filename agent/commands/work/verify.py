"""`benchwipe verify-drive`: a drive held against its certificate. Reads only."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.certificates import keys
from agent.certificates.certificate import Certificate, certificate_id, read_unverified, verify
from agent.certificates.compact_file import read_compact
from agent.certificates.jws import thumbprint
from agent.certificates.record import Verification
from agent.commands.work.terminal import progress_line
from agent.erase import Checkpoint, Progress
from agent.erase.verify import verify_against
from agent.errors import CertificateProblem
from drivers.drives.base import DriveError
from drivers.drives.drive import Drive
from drivers.drives.reading import open_for_reading

GIVE_UP_S = 120.0  # as the station does, after it was called stalled


class Unanswered(DriveError):
    """The drive took a request, and never answered."""

    code = "BW-A73"
    message = "{device} does not answer any more"
    hint = "Take it out."


@dataclass(frozen=True)
class _Reading:
    """How the reading ended. Without either it is another drive."""

    found: Verification | None = None
    error: Exception | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `result`: "passed", "failed", "not-run" (nothing to hold it against) or "refused".

    `signature`: "checked against ...", "NOT checked: ..." or "not genuine".
    """

    result: str
    text: str
    signature: str
    certificate_id: str
    verification: Verification | None = None

    @property
    def exit_status(self) -> int:
        """0 it holds, 1 it does not, 3 it cannot be read."""
        return {"passed": 0, "refused": 3}.get(self.result, 1)


def verify_device(
    device: str, path: Path, *, key: Path | None, state_dir: Path, show: Callable[[list[str]], None]
) -> Verdict:
    """Check the signature, the drive's identity and its contents, in this order. KeyProblem, OSError."""
    compact = read_compact(path)
    try:
        certificate, signature = _trusted(compact, key, state_dir)
    except CertificateProblem as problem:
        text = f"{path} is {problem}; the drive was not read"
        return Verdict(result="failed", text=text, signature="not genuine", certificate_id=certificate_id(compact))

    try:
        found = _read(device, certificate, show)
    except (DriveError, OSError) as error:
        return _verdict(certificate, signature, "refused", f"it cannot be read: {error}")
    if found is None:
        return _verdict(certificate, signature, "failed", "this is not the drive of that certificate")
    return _verdict(certificate, signature, found.result, _told(certificate, found), found)


def _read(device: str, certificate: Certificate, show: Callable[[list[str]], None]) -> Verification | None:
    """Read the drive in a thread of its own. Return what was found, or None where it is another drive.

    Unanswered: it answered nothing for GIVE_UP_S more after it was called stalled. Its thread is left to the kernel.
    """
    said: queue.SimpleQueue[Progress | _Reading] = queue.SimpleQueue()

    def emit(report: Progress | Checkpoint) -> None:
        if isinstance(report, Progress):
            said.put(report)

    def read() -> None:
        try:
            with open_for_reading(device) as opened:
                same = _same_drive(opened.drive, certificate)
                found = verify_against(opened, certificate.record, emit=emit) if same else None
        except Exception as error:  # noqa: BLE001 - the thread's edge: raised again in the caller's
            said.put(_Reading(error=error))
        else:
            said.put(_Reading(found))

    threading.Thread(target=read, name=f"verify-{device}", daemon=True).start()
    stalled_since = None
    while True:
        report = said.get()
        if isinstance(report, _Reading):
            if report.error is not None:
                raise report.error
            return report.found
        show([progress_line(device, report)])
        now = time.monotonic()
        stalled_since = None if report.phase != "stalled" else now if stalled_since is None else stalled_since
        if stalled_since is not None and now - stalled_since > GIVE_UP_S:
            raise Unanswered(device=device)


def _trusted(compact: bytes, key: Path | None, state_dir: Path) -> tuple[Certificate, str]:
    """The certificate, and how far its signature was checked. A named key must fit; without one, ours may."""
    if key is not None:
        return verify(compact, keys.read_public(key)), "checked against the named key"
    certificate = read_unverified(compact)
    own = state_dir / keys.FILE_NAME
    if own.exists():
        public = keys.load(own).public_key()
        if thumbprint(public) == certificate.key_id:
            return verify(compact, {certificate.key_id: public}), "checked against this station's key"
    return certificate, "NOT checked: name the station's public key with --key"


def _same_drive(drive: Drive, certificate: Certificate) -> bool:
    told = certificate.record.drive
    return (drive.model, drive.own_serial, drive.own_wwn, drive.capacity_bytes, drive.logical_block_bytes) == (
        told.model,
        told.serial,
        told.wwn,
        told.capacity_bytes,
        told.logical_block_bytes,
    )


def _told(certificate: Certificate, found: Verification) -> str:
    record = certificate.record
    if found.result == "passed":
        also = "" if record.outcome == "erased" else f", but the certificate itself says {record.outcome!r}"
        return f"holds what certificate {record.number} says ({found.kind}, {found.bytes} bytes read){also}"
    if found.result == "not-run":
        return f"certificate {record.number} leaves nothing to hold the drive against (its last pass was random)"
    places = ", ".join(f"{m.bytes} bytes at {m.offset}" for m in found.mismatches[:3])
    return f"does NOT hold what certificate {record.number} says: {places or 'another hash'}"


def _verdict(
    certificate: Certificate, signature: str, result: str, text: str, found: Verification | None = None
) -> Verdict:
    if result == "passed" and certificate.record.outcome != "erased":
        result = "failed"
    return Verdict(
        result=result,
        text=f"{text}; signature {signature}",
        signature=signature,
        certificate_id=certificate.id,
        verification=found,
    )
