"""`benchwipe certificate pdf`: a certificate's page, made from its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent import files
from agent.certificates import keys
from agent.certificates.certificate import Certificate, read_unverified, verify
from agent.certificates.compact_file import read_compact
from agent.pdf import Printed, fonts, print_certificate


def write_page(file: Path, out: Path, key: Path | None, *, language: str, certificate_url: str) -> tuple[str, ...]:
    """Write `out` whole or not at all; returns the lines that a person is told.

    With a key the signature is checked first. CertificateProblem, KeyProblem, PlaceTaken, PdfExtraMissing, OSError.
    """
    files.refuse_place(out, made_from=(file, key))
    certificate = _certificate(file, key)
    made = print_certificate(
        certificate,
        language=language,
        certificate_url=certificate_url,
        checked_with=certificate.key_id if key else None,
    )
    files.replace(out, made.data)
    return tuple(_told(out, made, checked=key is not None))


def _certificate(file: Path, key: Path | None) -> Certificate:
    compact = read_compact(file)
    return verify(compact, keys.read_public(key)) if key else read_unverified(compact)


def _told(out: Path, made: Printed, *, checked: bool) -> Iterator[str]:
    pages = "1 page" if made.pages == 1 else f"{made.pages} pages"
    yield f"{out}: {made.standard}, {pages}, {'signature checked' if checked else 'signature NOT checked (see --key)'}"
    if made.standard == "PDF":
        yield f"no font to embed was found, hence no PDF/A-3B: apt-get install {fonts.PACKAGE}"
