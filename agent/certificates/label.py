"""Certificate -> Label: what stands on it. Pure.

Only a certificate whose outcome is "erased" gets the word and the tick, and not where a person attests and nothing was
measured, nor where nothing was read back. A drive that failed says DESTROY, in white on
black, with a cross and a thick frame, unless it is not to blame. docs/labels.md shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from agent.certificates.attestation import is_attested
from agent.certificates.certificate import Certificate, Claim, claim_of
from agent.certificates.outcome import COUNTERFEIT
from agent.certificates.record import Disposition, OutcomeName, Record
from agent.phrases import phrase
from drivers.printers.languages import render
from drivers.printers.languages.label import Label, Media, Row, Shape

Words = Literal["da", "en"]

SHAPES: Mapping[OutcomeName, Shape] = {
    "erased": Shape.TICK,
    "failed": Shape.CROSS,
    "aborted": Shape.HALF,
    "refused": Shape.HOLLOW,
}
BESIDE: Mapping[Claim, Shape] = {"unread": Shape.FRAMED_TICK, "attested": Shape.SIGNED, "again": Shape.HALF}
"""Of "erased" where nothing was read back, and where a person says so; of "failed" where the drive is not to blame."""


def label_for(
    certificate: Certificate,
    *,
    copy: int = 0,
    language: Words = "en",
    certificate_url: str = "",
    given: Disposition | None = None,
) -> Label:
    """Say what stands on this certificate's label. `copy` is 0 for the first print, n for its n-th reprint.

    `given`: grade and destination as they are now; they take the place of those that were signed.

    The QR code holds `certificate_url` with the certificate's id after it; without one, `benchwipe:<id>`.
    """
    record = certificate.record
    goes = given or record.disposition or Disposition()
    grade = goes.grade.strip()
    claim = claim_of(record)
    return Label(
        headline=phrase(language, f"label_{claim}"),
        shape=BESIDE.get(claim) or SHAPES[record.outcome],
        alarm=claim == "failed",
        rows=tuple(_rows(record, goes, language)),
        footer=record.number,
        qr=f"{certificate_url or 'benchwipe:'}{certificate.id}",
        barcode=record.asset.tag if record.asset else record.number,
        grade=grade if len(grade) == 1 and record.outcome == "erased" else "",
        copy=phrase(language, "label_copy", number=copy) if copy else "",
    )


def write_label(
    certificate: Certificate,
    media: Media | None = None,
    *,
    copy: int = 0,
    language: Words = "en",
    certificate_url: str = "",
    given: Disposition | None = None,
) -> bytes:
    """Make the bytes for the printer that `media` describes; UnknownLanguage, LabelDoesNotFit.

    Languages that send dots need the `labels` extra: DriverUnavailable without it.
    """
    label = label_for(certificate, copy=copy, language=language, certificate_url=certificate_url, given=given)
    return render(label, media or Media())


def preview_png(
    certificate: Certificate,
    media: Media | None = None,
    *,
    copy: int = 0,
    language: Words = "en",
    certificate_url: str = "",
) -> bytes:
    """Draw a PNG of the same label.

    UnknownLanguage, LabelDoesNotFit, DriverUnavailable without the `labels` extra.
    """
    from drivers.printers.languages.preview import preview  # with its layout: 4 % of the start of `benchwipe erase`

    label = label_for(certificate, copy=copy, language=language, certificate_url=certificate_url)
    return preview(label, media or Media())


def _rows(record: Record, goes: Disposition, language: Words) -> Iterator[Row]:
    """In order of importance: a small label shows the first of them."""
    drive = record.drive
    if record.asset and record.asset.tag:
        yield Row(record.asset.tag, identifier=True, strong=True)
    yield Row(drive.serial or drive.wwn or phrase(language, "label_no_serial"), identifier=True)
    if record.outcome == "erased" and goes.destination:
        yield Row(phrase(language, "label_destination", destination=goes.destination))
    size = () if record.attestation else (capacity(drive.capacity_bytes),)
    yield Row(" ".join((*_name(drive.vendor, drive.model), *size)))
    if is_attested(record):
        yield Row(phrase(language, f"label_level_{record.sanitization.level}", method=_method(record)))
        yield Row(phrase(language, "label_attested_by", name=_operator(record)))
    elif record.outcome == "erased":
        yield Row(phrase(language, f"label_level_{record.sanitization.level}", method=_method(record)))
        yield Row(_verification(record, language))
    elif record.reason and record.reason.code == COUNTERFEIT:
        yield Row(_real(record, language), strong=True)
        yield Row(f"{record.reason.code} {phrase(language, 'label_nothing_claimed')}")
    elif record.reason:
        yield Row(f"{record.reason.code} {phrase(language, 'label_nothing_claimed')}")
    yield Row(_date(record, language))
    if len(goes.grade.strip()) > 1:
        yield Row(phrase(language, "label_grade", grade=goes.grade.strip()))


def _name(vendor: str | None, model: str | None) -> Iterator[str]:
    if vendor and not (model or "").lower().startswith(vendor.lower()):
        yield vendor
    if model:
        yield model


def _method(record: Record) -> str:
    return record.sanitization.method or record.sanitization.technique


def _operator(record: Record) -> str:
    return (record.operator.name or record.operator.id) if record.operator else "?"


def _verification(record: Record, language: Words) -> str:
    verification = record.verification
    if verification.kind == "none" or verification.result != "passed":
        return phrase(language, "label_verified_none")
    percent = f"{verification.sample.fraction * 100:.3g}" if verification.sample else ""
    return phrase(language, f"label_verified_{verification.kind}", percent=percent)


def _real(record: Record, language: Words) -> str:
    """What a counterfeit shows, and what it has where that could be told."""
    real = record.capacity_proof.real_bytes if record.capacity_proof else None
    shown = capacity(record.drive.capacity_bytes)
    if real is None:
        return phrase(language, "label_real_unknown", shown=shown)
    return phrase(language, "label_real", shown=shown, real=capacity(real))


def _date(record: Record, language: Words) -> str:
    """Minutes in UTC; a clock that nobody set is said, not hidden."""
    when = record.finished_at[:16].replace("T", " ") + " UTC"
    return when if record.clock.synchronised else phrase(language, "label_clock_unset", when=when)


def capacity(size: int) -> str:
    """Format bytes as drives are sold: decimal, three figures ("500 GB", "1.92 TB")."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"
