"""A certificate's page says what the certificate says, carries it along, and keeps its shape for any drive's name."""

from __future__ import annotations

import functools
import io
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, get_args
from xml.etree import ElementTree

import msgspec
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from agent.certificates import keys as station_keys
from agent.certificates.certificate import TYPE, Certificate, read_unverified, sign
from agent.certificates.record import (
    Asset,
    Clock,
    CommandRecord,
    Customer,
    Interruption,
    Mismatch,
    Operator,
    OutcomeName,
    PassRecord,
    Reason,
    Record,
    Sample,
    SentinelRecord,
    Unreached,
    Verification,
)
from agent.cli import main
from agent.errors import CertificateProblem
from agent.pdf import fonts, print_certificate
from agent.pdf.document import NO_DATE, created
from agent.pdf.words import Words
from agent.phrases import LANGUAGES, keys
from agent.planning.reach import SECTORS
from drivers.drives.drive import HiddenArea, Writes
from tests.agent.samples import CAPACITY, HASH, record
from tests.patience import PROGRAM_S

KEY = Ed25519PrivateKey.generate()
OUTCOMES: tuple[OutcomeName, ...] = get_args(OutcomeName)
HEADLINES = {
    "en": {"erased": "ERASED", "failed": "DESTROY", "aborted": "ABORTED - ERASE AGAIN", "refused": "NOT ERASED"},
    "da": {"erased": "SLETTET", "failed": "DESTRUER", "aborted": "AFBRUDT - SLET IGEN", "refused": "IKKE SLETTET"},
}
HOSTILE = "\x1b[2J\u202eevil\x00\n{nb}{count}\U000f0000" + "W" * 400

poppler = pytest.mark.skipif(
    not all(map(shutil.which, ("pdftotext", "pdftoppm", "pdfdetach"))),
    reason="pdftotext, pdftoppm, pdfdetach are not installed (apt-get install poppler-utils)",
)
embeddable = pytest.mark.skipif(
    fonts.find() is None, reason=f"no font to embed is installed (apt-get install {fonts.PACKAGE})"
)


def ended(outcome: OutcomeName = "erased", **facts: Any) -> Record:  # noqa: ANN401 - fields of Record
    if outcome == "erased":
        return record(**facts)
    nothing = msgspec.structs.replace(
        record().sanitization, level="none", level_nist_800_88_r1="none", level_ieee_2883="none"
    )
    why = Reason(code="BW-E02", text="Parts of the drive could not be written or read", hint="Destroy it.")
    return record(**{"outcome": outcome, "sanitization": nothing, "reason": why, **facts})


def drive(**facts: Any) -> Any:  # noqa: ANN401 - fields of DriveRecord
    return msgspec.structs.replace(record().drive, **facts)


def printed(made: Record, **options: Any) -> bytes:  # noqa: ANN401 - options of print_certificate
    return print_certificate(sign(made, KEY), **options).data


def poppler_run(*command: str, data: bytes) -> bytes:
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=PROGRAM_S).stdout


def pages(data: bytes) -> list[str]:
    """The text of each page in the order it was printed, with single spaces."""
    text = poppler_run("pdftotext", "-raw", "-", "-", data=data).decode()
    return [" ".join(page.split()) for page in text.removesuffix("\f").split("\f")]


def text_of(made: Record, **options: Any) -> str:  # noqa: ANN401 - options of print_certificate
    return " ".join(pages(printed(made, **options)))


def words(data: bytes) -> list[tuple[int, str, float, float, float, float]]:
    """(page, word, left, top, right, bottom) in points."""
    tree = ElementTree.fromstring(poppler_run("pdftotext", "-bbox", "-", "-", data=data).decode())
    space = "{http://www.w3.org/1999/xhtml}"
    return [
        (number, word.text or "", *(float(word.attrib[edge]) for edge in ("xMin", "yMin", "xMax", "yMax")))  # type: ignore[misc]  # four
        for number, page in enumerate(tree.iter(f"{space}page"))
        for word in page.iter(f"{space}word")
    ]


@poppler
def test_what_another_program_wrote_is_said_with_how_much_and_not_that_the_drive_is_to_be_destroyed() -> None:
    why = Reason(
        code="BW-E60", text="Another program wrote 4096 bytes to the drive while it was erased", hint="Erase it again."
    )
    writes = Writes(ours=CAPACITY, seen=CAPACITY + 4096)
    made = ended("failed", reason=why, verification=msgspec.structs.replace(record().verification, writes=writes))
    english, danish = text_of(made, language="en"), text_of(made, language="da")
    assert "NOT ERASED - ERASE AGAIN" in english
    assert "destroy" not in english.lower()
    assert "4 096 of them NOT by this station" in english
    assert "Et andet program skrev 4096 byte på drevet, mens det blev slettet" in danish


@poppler
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_an_erased_drive_gets_the_word_and_a_level(outcome: OutcomeName, language: str) -> None:
    text = text_of(ended(outcome), language=language)
    assert HEADLINES[language][outcome] in text
    assert ("Clear" in text) is (outcome == "erased")
    claims = [h for o, h in HEADLINES[language].items() if o != outcome and h not in HEADLINES[language][outcome]]
    assert not [claim for claim in claims if re.search(rf"\b{claim}\b", text)]
    if outcome != "erased":
        assert "(BW-E02)" in text
        assert ("Intet niveau certificeres" if language == "da" else "No level is certified") in text


@poppler
def test_the_page_names_everything_that_was_recorded() -> None:
    made = record(
        drive=drive(vendor="Ærø", model="Ærø Øre 5", serial="ÅØÆ-123", wwn="0x5000c500", firmware="FW9"),
        operator=Operator(id="op-7", name="Søren Ågård", title="Tekniker"),
        customer=Customer(name="Kolding Kommune", lot="LOT-77", reference="Sag 4711"),
        asset=Asset(tag="KOL-00042", kind="computer", manufacturer="Lenovo", model="T480", serial="PF1"),
        previous="c" * 64,
    )
    text = text_of(made, language="da")
    for told in ("Ærø Øre 5", "ÅØÆ-123", "0x5000c500", "FW9", "op-7", "Søren Ågård", "Kolding Kommune", "LOT-77"):
        assert told in text
    for told in ("Sag 4711", "KOL-00042", "Lenovo, T480, PF1", "67.1 MB".replace(".", ","), "67 108 864 byte"):
        assert told in text
    certificate = sign(made, KEY)
    for told in (certificate.id, certificate.key_id, "c" * 64, made.number, HASH[:32], "2026-11-22 20:00:00 UTC"):
        assert told in text
    assert "Ærø Ærø" not in text
    assert "Afventer: ingen har endnu taget stilling" in text


@poppler
def test_doubts_are_said() -> None:
    made = record(
        clock=Clock(source="unsynchronised", synchronised=False, boot_id="b", monotonic_ms=1),
        drive=drive(
            media="ssd",
            identity_source="bridge",
            bridge="JMS578",
            hidden_area=HiddenArea(kind="hpa", bytes=4096, outcome="not-removed"),
        ),
        verification=Verification(kind="none", result="not-run"),
    )
    text = text_of(made)
    assert "NOT set: date and time may be wrong" in text
    assert "As told by the USB bridge JMS578, not by the drive itself" in text
    assert "4 096 bytes lie outside of what the drive shows, and were not overwritten" in text
    assert "does not reach flash cells outside of the range" in text
    assert text.count("NOTHING was read back") == 2


@poppler
@pytest.mark.parametrize(
    ("confidence", "says"),
    [
        (
            "95 %: less than 0.15 % of the drive differs (2000 independent places)",
            "mindre end 0,15 % af drevet (2 000 uafhængige steder)",
        ),
        ("another sentence.", "another sentence."),
    ],
)
def test_a_sample_says_what_it_proves_and_what_not(confidence: str, says: str) -> None:
    sample = Sample(seed="ab" * 16, locations=2002, fraction=0.1, confidence=confidence)
    read = Verification(kind="sample", result="passed", bytes=CAPACITY // 8, sample=sample)
    text = text_of(record(verification=read), language="da")
    assert says in text
    assert "Små rester kan en stikprøve ikke finde" in text
    assert "12,5 % af drevet" in text
    assert "ab" * 16 in text


@poppler
def test_paper_says_where_it_is_not_known_who_else_wrote() -> None:
    read = Verification(kind="full", result="passed", bytes=CAPACITY, writers="unknown")
    assert "ikke alle stationens programmer kunne ses" in text_of(record(verification=read), language="da")
    known = msgspec.structs.replace(read, writers="none")
    assert "Andre, der skrev" not in text_of(record(verification=known), language="da")


@poppler
def test_almost_all_is_never_rounded_up_to_all() -> None:
    read = Verification(kind="full", result="failed", bytes=CAPACITY - 512)
    assert "99.9 % of the drive" in text_of(ended("failed", verification=read))


@poppler
def test_every_range_is_on_paper_and_every_page_names_its_certificate() -> None:
    missed = tuple(Unreached(offset=10**9 + 512 * i, bytes=512, reason=f"read: errno {i}") for i in range(160))
    wrong = tuple(Mismatch(offset=4096 * i, bytes=512) for i in range(7))
    paused = (Interruption(at="2026-11-22T19:00:00Z", reason="power was lost", resumed_at_offset=123456),)
    read = Verification(kind="full", result="failed", bytes=CAPACITY, mismatches=wrong, mismatches_truncated=True)
    made = ended("failed", unreached=missed, verification=read, interruptions=paused)
    found = pages(printed(made))
    text = " ".join(found)
    assert len(found) > 2
    for gap in missed:
        assert f"{gap.offset:,} 512 {gap.reason}".replace(",", " ") in text
    assert "2026-11-22 19:00:00 123 456 power was lost" in text
    assert "81 920 bytes (ranges: 160, see the list)" in text
    assert "the record's list is cut short" in text
    for number, page in enumerate(found, 1):
        assert f"page {number} of {len(found)}" in page
        assert sign(made, KEY).id in page


@poppler
def test_a_firmware_command_is_shown_as_sent_and_as_answered() -> None:
    command = CommandRecord(name="CRYPTO SCRAMBLE EXT", bytes="850b0600", status="completed", raw="7000aabb")
    done = msgspec.structs.replace(
        record().sanitization, method="ata-sanitize-crypto", technique="ata-sanitize-crypto", passes=()
    )
    read = msgspec.structs.replace(record().verification, sentinels=SentinelRecord(count=8))
    text = text_of(record(sanitization=msgspec.structs.replace(done, commands=(command,)), verification=read))
    assert "CRYPTO SCRAMBLE EXT completed 850b0600 7000aabb" in text
    assert "The drive's own command: ata-sanitize-crypto" in text
    assert "every block was reached" not in text


@poppler
def test_the_attachment_is_the_certificate_byte_for_byte(tmp_path: Path) -> None:
    made = sign(record(), KEY)
    (tmp_path / "page.pdf").write_bytes(print_certificate(made).data)
    subprocess.run(["pdfdetach", "-saveall", "page.pdf"], cwd=tmp_path, check=True, timeout=PROGRAM_S)
    assert (tmp_path / made.file_name).read_bytes() == made.compact


@poppler
@pytest.mark.parametrize("url", ["", "https://certifikater.example.dk/kolding/"])
def test_the_qr_code_is_read_back_from_the_page(url: str) -> None:
    made = sign(record(), KEY)
    data = print_certificate(made, certificate_url=url).data
    png = poppler_run("pdftoppm", "-r", "150", "-png", "-singlefile", "-", data=data)
    codes = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    assert [code.text for code in codes] == [f"{url or 'benchwipe:'}{made.id}"]


def hostile_record() -> Record:
    return ended(
        "failed",
        number=HOSTILE,
        drive=drive(vendor=HOSTILE, model="漢" * 300, serial="S" * 5000, wwn="e" + "\u0301" * 200, bridge=HOSTILE),
        asset=Asset(tag=HOSTILE, manufacturer="A b " * 900),
        customer=Customer(name="Long Name " * 300, lot=HOSTILE, reference=HOSTILE),
        operator=Operator(id=HOSTILE, name=HOSTILE),
        reason=Reason(code="BW-E99", text=HOSTILE * 3, hint=HOSTILE),
        unreached=tuple(Unreached(offset=512 * i, bytes=512, reason=HOSTILE) for i in range(30)),
        started_at=HOSTILE,
        finished_at=HOSTILE,
    )


@poppler
@pytest.mark.parametrize("folders", [fonts.FOLDERS, ()], ids=["embedded", "plain"])
def test_whatever_a_drive_calls_itself_it_stays_in_its_place(folders: tuple[Path, ...]) -> None:
    data = printed(hostile_record(), folders=folders)
    text = " ".join(pages(data))
    assert r"\x1b[2J\u202eevil\x00\x0a{nb}{count}" in text
    assert "..." in text
    assert not [c for c in text if not c.isprintable()]
    boxes = words(data)
    assert not [box for box in boxes if box[2] < 50 or box[3] < 30 or box[4] > 595.28 - 50 or box[5] > 841.89 - 15]
    assert not [
        (one, other)
        for number, one in enumerate(boxes)
        for other in boxes[number + 1 :]
        if one[0] == other[0]
        and min(one[4], other[4]) - max(one[2], other[2]) > 1
        and abs((one[3] + one[5]) - (other[3] + other[5])) < 6  # their middles are less than 3 points apart
    ]


def test_names_that_differ_look_different() -> None:
    glyphs = fonts.LATIN_1
    names = ["A", "Å", "A\u200b", "\u0410", "A\u0300\u0301", "\x00A", "\\x01A", "?A", "\ue000A"]
    assert len({fonts.shown(name, glyphs) for name in names}) == len(names)
    assert fonts.shown("A\u030a \u202e \u4e2d", glyphs) == r"Å \u202e \u4e2d"


@poppler
def test_the_page_says_whether_the_signature_was_checked() -> None:
    made = record()
    thumbprint = sign(made, KEY).key_id
    assert "The signature was NOT checked when this page was made" in text_of(made)
    checked = text_of(made, checked_with=thumbprint)
    assert f"The signature was checked when this page was made, with key {thumbprint}" in checked
    assert "NOT checked" not in checked


@embeddable
def test_with_a_font_it_is_a_pdf_a_3b_with_its_source_attached() -> None:
    made = print_certificate(sign(record(), KEY))
    assert made.standard == "PDF/A-3B"
    for told in (
        b"<pdfaid:part>3</",
        b"<pdfaid:conformance>B</",
        b"/AFRelationship /Source",
        b"/OutputIntents",
        b"/AF ",
    ):
        assert told in made.data
    assert b"/BaseFont /Helvetica" not in made.data


@poppler
def test_without_a_font_it_is_a_plain_pdf_and_says_so() -> None:
    made = print_certificate(sign(record(), KEY), language="da", folders=())
    assert made.standard == "PDF"
    assert b"pdfaid:part" not in made.data
    assert b"Almindelig PDF, ikke PDF/A" in made.data
    [page] = pages(made.data)
    assert "Almindelig PDF, ikke PDF/A" in page
    assert "Værkstedet, Bænk 1" in page


@pytest.mark.parametrize("folders", [fonts.FOLDERS, ()], ids=["embedded", "plain"])
def test_the_same_certificate_gives_the_same_file(folders: tuple[Path, ...]) -> None:
    made = sign(record(), KEY)
    assert print_certificate(made, folders=folders).data == print_certificate(made, folders=folders).data


def test_the_files_date_is_the_certificates() -> None:
    assert created("2026-11-22T20:00:00.123Z").isoformat() == "2026-11-22T20:00:00+00:00"
    assert created("2026-11-22T21:00:00+01:00").isoformat() == "2026-11-22T20:00:00+00:00"
    assert created("yesterday") == created("0001-01-01T00:00:00+14:00") == NO_DATE


def test_a_certificate_that_claims_more_than_it_shows_gets_no_page() -> None:
    empty = record(sanitization=msgspec.structs.replace(record().sanitization, passes=()))
    with pytest.raises(CertificateProblem, match="neither a pass nor a command"):
        print_certificate(unsigned(empty))


def test_figures_beyond_any_drive_get_no_page_and_no_traceback() -> None:
    made = ended("failed", drive=drive(capacity_bytes=10**400))
    with pytest.raises(CertificateProblem, match="no sizes of a drive"):
        print_certificate(unsigned(made))


def unsigned(made: Record) -> Certificate:
    """What somebody without a key can write into a file."""
    import base64

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    header = msgspec.json.encode({"alg": "EdDSA", "kid": "k" * 43, "typ": TYPE})
    return read_unverified(b".".join((part(header), part(msgspec.json.encode(made)), part(b"s" * 64))))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_sentences_in_letters_that_every_reader_has() -> None:
    english, danish = keys("pdf", "en"), keys("pdf", "da")
    assert list(english) == list(danish)
    for key in english:
        assert placeholders(english[key]) == placeholders(danish[key]), key
        assert english[key], key
        assert danish[key].encode("latin-1"), key


@poppler
def test_a_danish_page_has_in_danish_what_was_signed_in_english() -> None:
    made = msgspec.structs.replace(record().sanitization, not_reached=(SECTORS,))
    pause = Interruption(at="2026-11-22T20:00:00Z", reason="The drive was pulled out", resumed_at_offset=0)
    text = " ".join(text_of(record(sanitization=made, interruptions=(pause,)), language="da").split())
    assert "Ikke nået: sektorer, som drevet har taget ud af brug." in text
    assert "Drevet blev trukket ud" in text


def test_what_was_signed_in_english_is_read_in_danish_with_its_figures() -> None:
    told = "4096 bytes of hidden area"
    assert Words("da").signed(told) == "4096 byte skjult område"
    assert Words("en").signed(told) == told
    assert Words("da").signed("Something that nobody foresaw") == "Something that nobody foresaw"


def test_a_reason_with_words_of_its_own_is_told_by_its_code_and_then_as_it_was_signed() -> None:
    why = Reason(code="BW-E45", text="no such technique: /dev/sdb has no ata-sanitize-block", hint="")
    danish = Words("da").reason(why)
    assert danish == f"Drevet har ikke den metode. I certifikatet: {why.text} (BW-E45)."
    assert Words("en").reason(why) == f"{why.text} (BW-E45)."


class Done(NamedTuple):
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str


class Files:
    """A certificate, its station's key, another key."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.made = sign(record(), KEY)
        self.certificate = folder / self.made.file_name
        self.certificate.write_bytes(self.made.compact)
        self.key, self.other = folder / "station.jwk", folder / "other.jwk"
        self.key.write_text(station_keys.jwk_line(KEY.public_key()))
        self.other.write_text(station_keys.jwk_line(Ed25519PrivateKey.generate().public_key()))
        self.out = folder / "page.pdf"

    def pdf(self, *options: str | Path, out: Path | None = None) -> Done:
        command = ["benchwipe", "certificate", "pdf", self.certificate, "--out", out or self.out, *options]
        self._monkeypatch.setattr(sys, "argv", [str(word) for word in command])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capsys.readouterr()
        return Done(int(ended.value.code or 0), captured.out, captured.err)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Files:
    return Files(tmp_path, monkeypatch, capsys)


@poppler
def test_the_command_writes_the_page_in_the_stations_language_with_its_address(there: Files, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[station]\nid = "bench-01"\nlanguage = "da"\ncertificate_url = "https://c.example.dk/"\n')
    done = there.pdf("--config", config, "--key", there.key)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "signature checked" in done.stderr
    data = there.out.read_bytes()
    assert "Underskriften blev kontrolleret" in pages(data)[0]
    assert (
        data
        == print_certificate(
            there.made, language="da", certificate_url="https://c.example.dk/", checked_with=there.made.key_id
        ).data
    )
    assert there.pdf("--config", config, "--text", "en").exit_code == 0
    assert "NOT checked" in pages(there.out.read_bytes())[0]


def test_a_signature_that_does_not_fit_gives_no_page_and_keeps_the_old_one(there: Files) -> None:
    there.out.write_text("an older page")
    for option in (there.other, there.certificate):
        done = there.pdf("--key", option)
        assert done.exit_code in (1, 2)
        assert len(done.stderr.splitlines()) == 1
    there.certificate.write_bytes(there.made.compact[:-4] + b"AAAA")
    assert there.pdf("--key", there.key).exit_code == 1
    assert there.out.read_text() == "an older page"


def test_no_certificate_key_or_device_is_lost_to_a_page(there: Files, tmp_path: Path) -> None:
    link = tmp_path / "link.pdf"
    link.symlink_to(there.certificate)
    for out in (there.certificate, there.key, link, tmp_path / "new.jws", Path("/dev/null")):
        done = there.pdf("--key", there.key, out=out)
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), out
        assert "BW-A15" in done.stderr
    assert there.certificate.read_bytes() == there.made.compact
    assert not (tmp_path / "new.jws").exists()
    assert Path("/dev/null").is_char_device()


def test_without_the_extra_one_line_says_how_to_install_it(there: Files) -> None:
    code = "import sys; sys.modules[sys.argv.pop(1)] = None; from agent.cli import main; main()"
    run = functools.partial(subprocess.run, capture_output=True, text=True, timeout=PROGRAM_S, check=False)
    for library in ("fpdf", "segno"):
        command = [sys.executable, "-c", code, library, "certificate", "pdf", there.certificate, "--out", there.out]
        done = run([str(word) for word in command])
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert library in done.stderr
        assert "pip install 'benchwipe[pdf]'" in done.stderr
        assert not there.out.exists()


def test_a_pass_that_did_not_end_says_so() -> None:
    from agent.pdf.content import page_of

    half = PassRecord(number=1, pattern="00", bytes=512, started_at="2026-11-22T20:00:00Z", finished_at=None)
    done = msgspec.structs.replace(ended("aborted").sanitization, passes=(half,))
    page = page_of(sign(ended("aborted", sanitization=done), KEY), language="en", certificate_url="", checked_with=None)
    [table] = [section.table for section in page.sections if section.table]
    assert table.rows == (("1", "zeros (00)", "512", "2026-11-22 20:00:00", "not finished"),)
