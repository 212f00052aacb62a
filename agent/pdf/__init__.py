"""A certificate as a page for the file: PDF/A-3 with the signed certificate attached (docs/certificate.md).

The page is a copy for people. The attachment is the record, byte for byte, and whoever doubts the page reads that.
fpdf2 and segno (the `pdf` extra) are loaded when a page is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from agent.certificates.certificate import Certificate, refuse_empty_claims
from agent.errors import AgentError, CertificateProblem
from agent.pdf import fonts
from agent.pdf.content import page_of
from agent.pdf.fonts import Faces
from agent.pdf.page import Page, Section, Table


class PdfExtraMissing(AgentError):
    """The libraries that make PDFs are not installed."""

    code = "BW-A14"
    message = "a page needs {missing}"
    hint = "pip install 'benchwipe[pdf]' into benchwipe's environment."


@dataclass(frozen=True)
class Printed:
    """A PDF. `standard` is "PDF/A-3B", or "PDF" where this machine has no font to embed."""

    data: bytes
    standard: str
    pages: int


@dataclass(frozen=True)
class Afterwards:
    """What was said about a certificate after it was signed, in the reader's words, by whoever keeps such statements.

    `decision` stands above the place where a person may sign. `rows`: what, when, who.
    """

    title: str
    headings: tuple[str, str, str]
    rows: tuple[tuple[str, str, str], ...]
    decision: str = ""
    note: str = ""


def load_painter() -> Callable[[Certificate, Page, Faces | None], tuple[bytes, int]]:
    """Load what paints a page. PdfExtraMissing where this machine has no libraries for it."""
    try:
        from agent.pdf.document import document
    except ModuleNotFoundError as error:
        raise PdfExtraMissing(missing=error.name) from None
    return document


def print_certificate(
    certificate: Certificate,
    *,
    language: str = "en",
    certificate_url: str = "",
    checked_with: str | None = None,
    afterwards: Afterwards | None = None,
    folders: Iterable[Path] = fonts.FOLDERS,
) -> Printed:
    """Print the certificate's page. The same input on the same machine gives the same bytes.

    `checked_with`: thumbprint of the key that the caller checked the signature with, or None: then the page says that
    nobody looked. `afterwards`: what was said since. CertificateProblem for a record that claims more than it shows;
    PdfExtraMissing.
    """
    refuse_empty_claims(certificate.record)
    document = load_painter()
    try:
        page = page_of(certificate, language=language, certificate_url=certificate_url, checked_with=checked_with)
    except (OverflowError, ValueError):  # an unsigned number may have four thousand digits
        raise CertificateProblem(problem="its figures are no sizes of a drive") from None
    if afterwards is not None and afterwards.rows:
        page = _with(page, afterwards)
    faces = fonts.find(folders)
    data, pages = document(certificate, page, faces)
    return Printed(data, "PDF/A-3B" if faces else "PDF", pages)


def _with(page: Page, said: Afterwards) -> Page:
    table = Table(said.headings, said.rows, (7, 3, 4))
    notes = (said.note,) if said.note else ()
    decision = Section(page.decision.title, notes=(said.decision,)) if said.decision else page.decision
    sections = (*page.sections, Section(said.title, table=table, notes=notes))
    return replace(page, sections=sections, decision=decision)
