"""A ZIP of certificates for a customer's file: each signed file with its page, a list, the keys, and how to check."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import IO, Literal

import msgspec

from agent.certificates.certificate import Certificate
from agent.certificates.jws import public_jwk
from agent.errors import CertificateProblem
from agent.pdf import Afterwards, load_painter, print_certificate
from collector.certificates.exports.columns import Language, moment
from collector.certificates.exports.text_files import people_csv
from collector.certificates.exports.zip_stream import FIRST_DAY, IN_MEMORY, PIECE, ZipStream
from collector.certificates.rules import Shown
from collector.errors import CollectorError
from collector.text import visible

Pages = Literal["with pages", "signed files alone"]
Paint = Callable[[Certificate, Afterwards | None], bytes]
Said = Callable[[str, Language], Afterwards | None]
_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
README: dict[Language, str] = {
    "da": """{count} certifikater. Hvert certifikat er filen <id>.jws: den er underskrevet, og den gælder.
PDF-siden ved siden af er en kopi til arkivet; samme fil er vedhæftet den.
liste.csv er en oversigt. {bad} holder ikke: de ligger i holder-ikke/ og beviser ingenting.

Kontrol: benchwipe certificate verify <id>.jws --key keys.jwks
Uden benchwipe: enhver JOSE-programdel (RFC 7515, Ed25519); id er filens SHA-256 (sha256sum).
keys.jwks er stationernes offentlige nøgler, som denne server kender dem. Sammenlign dem med stationens egne.
""",
    "en": """{count} certificates. Each certificate is the file <id>.jws: it is signed, and it is what counts.
The PDF page beside it is a copy for the file; the same bytes are attached to it.
list.csv is an overview. {bad} do not hold: they lie in does-not-hold/ and prove nothing.

To check: benchwipe certificate verify <id>.jws --key keys.jwks
Without benchwipe: any JOSE library (RFC 7515, Ed25519); the id is the file's SHA-256 (sha256sum).
keys.jwks holds the stations' public keys as this server knows them. Compare them with the stations' own.
""",
}
NAMES: dict[Language, tuple[str, str, str]] = {
    "da": ("liste.csv", "LÆS-MIG.txt", "holder-ikke"),
    "en": ("list.csv", "README.txt", "does-not-hold"),
}


def bundle(
    rows: Iterable[Shown],
    *,
    language: Language,
    pages: Pages = "with pages",
    paint: Paint | None = None,
    said: Said | None = None,
) -> Iterator[bytes]:
    """Give out the archive. Only for those who may read everything: a signed file holds customer, tag and persons.

    `paint` makes a page, or raises CertificateProblem or NoPaper; without it they are made in this process. `said`
    finds what is to stand on it of later statements; without it nobody was asked, and the page is silent of them.
    PdfExtraMissing before the first piece, where pages cannot be made on this machine.
    """
    if pages == "with pages":
        load_painter()
    return _Bundle(language, pages, paint or partial(_painted_here, language), said).pieces(rows)


def _painted_here(language: Language, certificate: Certificate, said: Afterwards | None) -> bytes:
    return print_certificate(certificate, language=language, checked_with=certificate.key_id, afterwards=said).data


class _Bundle:
    def __init__(self, language: Language, pages: Pages, paint: Paint, said: Said | None) -> None:
        self._language, self._pages, self._paint, self._said = language, pages, paint, said
        self._list_name, self._readme_name, self._bad_folder = NAMES[language]
        self._zip = ZipStream()
        self._keys: dict[str, dict[str, str]] = {}
        self._count = self._bad = 0

    def pieces(self, rows: Iterable[Shown]) -> Iterator[bytes]:
        """The list is written while the rows go by: they come but once."""
        try:
            with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as listed:
                head, *_ = people_csv([], audience="full", language=self._language)
                listed.write(head)
                for row in rows:
                    yield from self._certificate(row)
                    for piece in people_csv([row], audience="full", language=self._language):
                        listed.write(piece.removeprefix(head))
                listed.seek(0)
                yield from self._zip.add(self._list_name, _read(listed))
            yield from self._zip.add("keys.jwks", [msgspec.json.encode({"keys": list(self._keys.values())})])
            told = README[self._language].format(count=self._count, bad=self._bad)
            yield from self._zip.add(self._readme_name, [told.encode()])
            yield from self._zip.end()
        finally:
            self._zip.close()

    def _certificate(self, row: Shown) -> Iterator[bytes]:
        self._count += 1
        certificate = row.certificate
        if certificate is None:
            self._bad += 1
            name = f"{self._bad_folder}/{_plain(row.id)}"
            yield from self._zip.add(f"{name}.jws", [row.compact])
            yield from self._zip.add(f"{name}.txt", [f"{row.problem}\n".encode()])
            return
        if row.key is not None:
            self._keys.setdefault(certificate.key_id, {**public_jwk(row.key), "kid": certificate.key_id, "use": "sig"})
        when = moment(certificate.record.finished_at) or FIRST_DAY
        if self._pages == "with pages":
            yield from self._page(certificate, when)
        yield from self._zip.add(certificate.file_name, [certificate.compact], when=when)

    def _page(self, certificate: Certificate, when: datetime) -> Iterator[bytes]:
        name = f"{_plain(certificate.record.number)}-{certificate.id[:12]}"
        try:
            said = None if self._said is None else self._said(certificate.id, self._language)
            made = self._paint(certificate, said)
        except (CertificateProblem, CollectorError) as problem:
            yield from self._zip.add(f"{name}.txt", [f"no page: {visible(str(problem))}\n".encode()], when=when)
            return
        yield from self._zip.add(f"{name}.pdf", [made], when=when)


def _plain(text: str) -> str:
    """A file's name on any system, that climbs nowhere and hides nothing."""
    return _NAMES.sub("_", text)[:64].strip(".") or "_"


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
