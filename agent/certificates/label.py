"""Certificate -> Label: what stands on it. Pure.

Only a certificate whose outcome is "erased" gets the word and the tick, and not where a person attests and nothing was
measured, nor where nothing was read back. A drive that failed says DESTROY, in white on
black, with a cross and a thick frame, unless it is not to blame. docs/labels.md shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from agent.certificates.attestation import is_attested
from agent.certificates.certificate import Certificate, claim_of
from agent.certificates.local_time import local
from agent.certificates.outcome import COUNTERFEIT
from agent.certificates.record import Disposition, Record
from agent.certificates.shapes import SIGNS
from agent.phrases import phrase, reason
from drivers.printers.languages import render
from drivers.printers.languages.label import Label, Media, Row, Shape

Words = Literal["da", "en"]

MOST_OF_A_SERIAL = 40  # in a code; what a drive calls itself may be of any length
_PLAIN = {"Æ": "AE", "Ø": "OE", "Å": "AA", "æ": "ae", "ø": "oe", "å": "aa"}


def label_for(
    certificate: Certificate,
    *,
    copy: int = 0,
    language: Words = "en",
    certificate_url: str = "",
    given: Disposition | None = None,
    bay: str = "",
    whole: bool | None = None,
) -> Label:
    """Say what stands on this certificate's label. `copy` is 0 for the first print, n for its n-th reprint.

    `given`: grade and destination as they are now; they take the place of those that were signed. `bay`: where the
    drive stands, for whoever carries a handful of labels to the drives.

    `whole`: all drives of its device are erased. Else the label is of this drive alone, and no headline says ERASED.
    None: nobody looked, and only a device that has no other drive is.

    The QR code holds `certificate_url` with the certificate's id after it. Without one it holds words first, so that a
    buyer's telephone shows what this is: number, serial number, outcome, and then the id.
    """
    record = certificate.record
    goes = given or record.disposition or Disposition()
    grade = goes.grade.strip()
    claim = claim_of(record)
    counted = record.asset.drives if record.asset else None
    whole = (counted is None or counted.of == 1) if whole is None else whole
    part = record.outcome == "erased" and not whole
    return Label(
        headline=phrase(language, "label_part" if part else f"label_{claim}"),
        shape=Shape.HALF if part else SIGNS[claim].drawn,
        alarm=claim == "failed",
        rows=tuple(_rows(record, goes, bay, language, part=part)),
        footer=record.number,
        qr=qr_text(certificate, language, certificate_url, part=part),
        qr_short="" if certificate_url else f"benchwipe:{certificate.id}",
        barcode=record.asset.tag if record.asset else record.number,
        grade=grade if len(grade) == 1 and record.outcome == "erased" and not part else "",
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
    bay: str = "",
    whole: bool | None = None,
) -> bytes:
    """Make the bytes for the printer that `media` describes; UnknownLanguage, LabelDoesNotFit.

    Languages that send dots need the `labels` extra: DriverUnavailable without it.
    """
    label = label_for(
        certificate, copy=copy, language=language, certificate_url=certificate_url, given=given, bay=bay, whole=whole
    )
    return render(label, media or Media())


def preview_png(
    certificate: Certificate,
    media: Media | None = None,
    *,
    copy: int = 0,
    language: Words = "en",
    certificate_url: str = "",
    bay: str = "",
) -> bytes:
    """Draw a PNG of the same label.

    UnknownLanguage, LabelDoesNotFit, DriverUnavailable without the `labels` extra.
    """
    from drivers.printers.languages.preview import preview  # with its layout: 4 % of the start of `benchwipe erase`

    label = label_for(certificate, copy=copy, language=language, certificate_url=certificate_url, bay=bay)
    return preview(label, media or Media())


def qr_text(certificate: Certificate, language: str, certificate_url: str, *, part: bool = False) -> str:
    """Say what the QR code of labels and pages holds: the certificate's address, or words and then its id.

    The words are one line of ASCII: a scanner types what it reads, and few type an Æ or a line's end as itself.
    """
    if certificate_url:
        return f"{certificate_url}{certificate.id}"
    record = certificate.record
    outcome = "part" if part else claim_of(record)
    told = " ".join((record.number, _serial(record, language)[:MOST_OF_A_SERIAL], phrase(language, f"label_{outcome}")))
    plain = "".join(_PLAIN.get(c, c if " " <= c <= "~" else "?") for c in told)
    return f"{plain} {certificate.id}"


def _serial(record: Record, language: str) -> str:
    return record.drive.serial or record.drive.wwn or phrase(language, "label_no_serial")


def _rows(record: Record, goes: Disposition, bay: str, language: Words, *, part: bool) -> Iterator[Row]:
    """In order of importance: a small label shows the first of them, and every warning."""
    drive = record.drive
    if record.asset and record.asset.tag:
        yield Row(record.asset.tag, identifier=True, strong=True)
    if record.asset and (count := record.asset.drives):
        yield Row(phrase(language, "label_drive_of", index=count.index, of=count.of), strong=True, whole=True)
    if part:
        yield Row(phrase(language, "label_this_drive_erased"), whole=True)
    yield Row(_serial(record, language), identifier=True)
    if record.outcome == "erased" and goes.destination:
        yield Row(phrase(language, "label_destination", destination=goes.destination))
    size = "" if record.attestation else capacity(drive.capacity_bytes)
    named = " ".join(filter(None, (*_name(drive.vendor, drive.model), size)))
    yield Row(named, kept=min(len(size) + 1, len(named)) if size else 0)
    if bay:
        yield Row(phrase(language, "label_bay", bay=bay))
    if is_attested(record):
        yield Row(phrase(language, f"label_level_{record.sanitization.level}", method=_method(record)))
        yield Row(phrase(language, "label_attested_by", name=_operator(record)))
    elif record.outcome == "erased":
        yield Row(phrase(language, f"label_level_{record.sanitization.level}", method=_method(record)))
        yield Row(_verification(record, language), whole=not _read_back(record))
    elif record.reason and record.reason.code == COUNTERFEIT:
        yield Row(_real(record, language), strong=True, whole=True)
        yield Row(f"{record.reason.code} {phrase(language, 'label_nothing_claimed')}", whole=True)
    elif record.reason:
        yield Row(f"{record.reason.code} {phrase(language, 'label_nothing_claimed')}", whole=True)
    yield _date(record, language)
    if record.reason and (why := reason(language, record.reason.code)):
        yield Row(why, whole=True)
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


def _read_back(record: Record) -> bool:
    return record.verification.kind != "none" and record.verification.result == "passed"


def _verification(record: Record, language: Words) -> str:
    verification = record.verification
    if not _read_back(record):
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


def _date(record: Record, language: Words) -> Row:
    """Minutes, as the clock on the wall shows them; a clock that nobody set is said, not hidden."""
    at = local(record.finished_at)
    when = f"{at:%Y-%m-%d %H:%M}" if at else record.finished_at
    if record.clock.synchronised:
        return Row(when)
    return Row(phrase(language, "label_clock_unset", when=when), whole=True)


def capacity(size: int) -> str:
    """Format bytes as drives are sold: decimal, three figures ("500 GB", "1.92 TB")."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"
