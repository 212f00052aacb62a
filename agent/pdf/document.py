"""The PDF around the page: metadata, dates and the attached certificate (ISO 19005-3, ISO 32000-1 14.3 and 7.11.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from fpdf import FPDF

from agent.certificates.certificate import Certificate
from agent.pdf.fonts import Faces
from agent.pdf.page import Page
from agent.pdf.paint import paint
from agent.pdf.sheet import Sheet
from agent.version import version

MIME = "application/jose"  # RFC 7515, section 9.2.1
PRODUCER = f"benchwipe {version()}"
NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
    xmp:CreateDate="{date}" xmp:ModifyDate="{date}" xmp:MetadataDate="{date}" xmp:CreatorTool="{tool}"
    pdf:Producer="{tool}">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
   <dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>{standard}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""
PDF_A_3B = "\n   <pdfaid:part>3</pdfaid:part>\n   <pdfaid:conformance>B</pdfaid:conformance>"


def document(certificate: Certificate, page: Page, faces: Faces | None) -> tuple[bytes, int]:
    """Paint (the PDF, its pages). Painted again where the first try shows that there are more pages than one."""
    sheet = _painted(page, faces, 1)
    if sheet.pdf.pages_count > 1:
        sheet = _painted(page, faces, sheet.pdf.pages_count)
    _describe(certificate, page, sheet, plain=faces is None)
    return bytes(sheet.pdf.output()), sheet.pdf.pages_count


def _painted(page: Page, faces: Faces | None, pages: int) -> Sheet:
    sheet = Sheet(faces)
    paint(page, sheet, pages=pages, plain=faces is None)
    return sheet


def describe(pdf: FPDF, *, title: str, subject: str, language: str, made: datetime, archival: bool) -> None:
    """Write what the file says of itself, twice, as PDF/A wants it. `archival`: it claims to be PDF/A-3B."""
    pdf.set_title(title)
    pdf.set_subject(subject)
    pdf.set_creator(PRODUCER)
    pdf.set_producer(PRODUCER)
    pdf.set_lang(language)
    pdf.set_creation_date(made)
    # fpdf2's own packet holds the time of day, and the same certificate would give another file each time.
    pdf.set_xmp_metadata(
        XMP.format(
            date=made.isoformat(timespec="seconds"),
            tool=escape(PRODUCER),
            title=escape(title),
            subject=escape(subject),
            language=language,
            standard=PDF_A_3B if archival else "",
        )
    )


def _describe(certificate: Certificate, page: Page, sheet: Sheet, *, plain: bool) -> None:
    pdf, made = sheet.pdf, created(certificate.record.finished_at)
    title = sheet.clean(f"{page.title}: {certificate.record.number}")
    subject = page.plain if plain else f"{page.banner.outcome}, {certificate.id}"
    describe(pdf, title=title, subject=subject, language=page.language, made=made, archival=not plain)
    pdf.embed_file(
        bytes=certificate.compact,
        basename=certificate.file_name,
        mime_type=MIME,
        associated_file_relationship="Source",
        desc="the signed certificate",
        modification_date=made,
        compress=True,
    )


def created(finished_at: str) -> datetime:
    """Read the certificate's own time, so that the same certificate gives the same file."""
    try:
        found = datetime.fromisoformat(finished_at)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return NO_DATE
