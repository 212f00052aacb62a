"""Whatever bytes a stranger posts, or a row holds: one clear line, one word, never an exception, never a false yes."""

from __future__ import annotations

import json
import random
import re
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificates.certificate import TYPE, verify
from agent.certificates.jws import MAX_BYTES
from agent.errors import CertificateProblem
from agent.pdf import print_certificate
from agent.pdf.fonts import FOLDERS
from collector.certificates.examine import DEEPEST, STEPS, Examined, examine
from collector.certificates.posted import LARGEST_FILE, MOST_FILES, Answer, attached, check_file, check_files
from tests.collector.certificates.samples import (
    HEADER,
    KEYS,
    KID,
    OTHER,
    PAYLOAD,
    attested,
    b64,
    erased,
    forge,
    not_erased,
    signed,
    unread,
    with_payload,
)

GENUINE = erased()
quick = settings(max_examples=150, deadline=None)


def judged(data: bytes) -> tuple[Answer, Examined]:
    answer = check_file("certificate.jws", data, KEYS)
    return answer, examine(data, KEYS)


def assert_one_clear_line(line: str) -> None:
    assert 3 < len(line) <= 400
    assert not [c for c in line if unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp")]


@pytest.mark.parametrize("make", [erased, unread, attested, not_erased])
def test_a_genuine_certificate_holds_in_every_step(make: Callable[[], object]) -> None:
    made = make()
    assert isinstance(made, type(GENUINE))
    found = examine(made.compact, KEYS)
    assert [(step.name, step.holds) for step in found.steps] == [(name, True) for name in STEPS]
    assert (found.verdict, found.certificate, found.problem, found.id) == ("holds", made, "", made.id)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_an_editors_end_of_line_is_no_change(end: bytes) -> None:
    answer = check_file("x.jws", GENUINE.compact + end, KEYS)
    assert answer.examined is not None
    assert (answer.examined.verdict, answer.examined.id) == ("holds", GENUINE.id)
    assert KID in answer.line


def nested(levels: int) -> bytes:
    """A rightly signed certificate with a field of so many levels."""
    inside = b"[" * (levels - 1) + b"]" * (levels - 1)
    return signed(PAYLOAD[:-1] + b',"later":' + inside + b"}")


HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "another key": (forge({**HEADER, "kid": "x" * 43}, PAYLOAD, OTHER), "unknown_key", "not known here"),
    "another key under a known name": (forge(HEADER, PAYLOAD, OTHER), "does_not_hold", "signature does not fit"),
    "no alg": (signed(alg="none"), "no_certificate", "not alg EdDSA or Ed25519"),
    "another type": (signed(typ="benchwipe-receipt+jws"), "no_certificate", "not alg"),
    "truncated": (GENUINE.compact[:-40], "no_certificate|does_not_hold", "signature|parts"),
    "cut to two parts": (GENUINE.compact.rpartition(b".")[0], "no_certificate", "three parts"),
    "nothing but dots": (b"..", "no_certificate", "parts|JSON"),
    "a byte order mark": (b"\xef\xbb\xbf" + GENUINE.compact, "no_certificate", "parts|byte order"),
    "UTF-16": (GENUINE.compact.decode().encode("utf-16"), "no_certificate", "parts|byte order|three"),
    "NUL": (GENUINE.compact[:100] + b"\x00" + GENUINE.compact[101:], "no_certificate", "parts"),
    "not ASCII": (GENUINE.compact[:100] + b"\xc3\xa6" + GENUINE.compact[102:], "no_certificate", "parts"),
    "a space before it": (b" " + GENUINE.compact, "no_certificate", "parts"),
    "a megabyte": (GENUINE.compact + b"A" * 1_000_000, "no_certificate", "more than 65536 bytes"),
    "a number of 40,000 digits": (signed(PAYLOAD[:-1] + b',"n":' + b"9" * 40_000 + b"}"), "does_not_hold|holds", ""),
    "a sequence of 40,000 digits": (
        signed(PAYLOAD.replace(b'"sequence":1,', b'"sequence":' + b"9" * 40_000 + b",")), "does_not_hold", "sequence",
    ),
    "infinity": (signed(PAYLOAD.replace(b'"sequence":1,', b'"sequence":1e999,')), "does_not_hold", "sequence"),
    "a field twice behind a number of 40,000 digits": (
        signed(PAYLOAD[:-1] + b',"n":' + b"9" * 30_000 + b',"outcome":"erased"}'), "no_certificate", "'outcome' twice",
    ),
    "nested too deep": (nested(DEEPEST + 1), "no_certificate", f"deeper than {DEEPEST}"),
    "nested for ever": (nested(15_000), "no_certificate", f"deeper than {DEEPEST}"),
    "a header nested for ever": (forge(b"[" * 30_000, PAYLOAD), "no_certificate", f"deeper than {DEEPEST}"),
    "a field twice": (signed(PAYLOAD[:-1] + b',"outcome":"failed"}'), "no_certificate", "'outcome' twice"),
    "a field twice within": (
        signed(PAYLOAD.replace(b'"serial":"S00000001"', b'"serial":"S00000001","serial":"S2"')),
        "no_certificate", "twice",
    ),
    "alg twice": (
        forge(b'{"alg":"none","alg":"EdDSA","typ":"' + TYPE.encode() + b'","kid":"' + KID.encode() + b'"}', PAYLOAD),
        "no_certificate", "'alg' twice",
    ),
    "a list": (signed(b"[]"), "does_not_hold", "does not fit"),
    "null": (signed(b"null"), "does_not_hold", "does not fit"),
    "no JSON": (signed(b"\xff\xfe{"), "does_not_hold", "does not fit"),
    "lone surrogates": (with_payload(number="\ud800\ud800"), "does_not_hold", "does not fit"),
    "an unknown schema that steers": (with_payload(schema="\x1b[2J\u202egnol"), "does_not_hold", r"\\u001b\[2J\\u202e"),
    "an outcome that does not exist": (with_payload(outcome="wiped\u2028\x07"), "does_not_hold", "outcome"),
    "erased with a gap": (
        with_payload(unreached=[{"offset": 0, "bytes": 512, "reason": "write: EIO"}]), "does_not_hold", "not reached",
    ),
    "a field that nobody knows and nobody can read": (
        signed(PAYLOAD[:-1] + b',"later":"\xff"}'), "does_not_hold", "reads alike",
    ),
    "no number": (signed(PAYLOAD[:-1] + b',"later":NaN}'), "does_not_hold", "reads alike|does not fit"),
    "half a character": (signed(PAYLOAD[:-1] + b',"later":"\\ud800"}'), "does_not_hold", "reads alike|does not fit"),
    "extensions": (signed(crit=["exp"]), "no_certificate", "extensions"),
    "a kid that steers": (signed(kid="\x1b]0;\u202e" + "k" * 5000), "no_certificate", "names no key"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_get_one_word_and_one_line_of_truth(name: str) -> None:
    data, verdict, told = HOSTILE[name]
    answer, found = judged(data)
    assert re.fullmatch(verdict, found.verdict)
    assert re.search(told, found.problem)
    assert_one_clear_line(answer.line)
    if found.verdict != "holds":
        assert found.certificate is None
        assert_one_clear_line(found.problem)
        after = [step.holds for step in found.steps]
        assert after == sorted(after, key=lambda holds: {True: 0, False: 1, None: 2}[holds])


def test_nesting_that_is_allowed_is_allowed() -> None:
    assert examine(nested(DEEPEST - 1), KEYS).verdict == "holds"


def test_what_an_unproved_certificate_says_can_be_shown_but_is_never_a_certificate() -> None:
    found = examine(forge(HEADER, PAYLOAD, OTHER), KEYS)
    assert found.unverified is not None
    assert found.certificate is None


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """A real certificate with bytes flipped, cut, doubled, exchanged: in its text, and within its parts."""
    rng = random.Random(seed)
    whole = GENUINE.compact
    interesting = [b"\x00", b"\xff", b".", b"..", b"=", b"\n", b'"', b"{" * 50, b"\\u202e", b"\xed\xa0\x80", b"9" * 500]
    for _ in range(count):
        target = bytearray(rng.choice((whole, PAYLOAD, json.dumps(HEADER).encode())))
        inside = bytes(target) != whole
        for _ in range(rng.randint(1, 4)):
            at, kind = rng.randrange(len(target) + 1), rng.randrange(5)
            if kind == 0 and at < len(target):
                target[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                del target[at : at + rng.randint(1, 60)]
            elif kind == 2:
                target[at:at] = target[at : at + rng.randint(1, 60)]
            elif kind == 3:
                target[at:at] = rng.choice(interesting)
            elif at < len(target):
                target[at] = rng.randrange(256)
        if not target:
            continue
        data = bytes(target)
        if not inside:
            yield data
        elif data.startswith(b'{"alg"') or rng.random() < 0.1:
            yield forge(data, PAYLOAD)
        else:
            yield signed(data)


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_changed_certificates_never_raise_and_never_hold_where_the_verifier_refuses(seed: int) -> None:
    held = 0
    for data in mutations(seed, 500):
        answer, found = judged(data)
        assert_one_clear_line(answer.line)
        try:
            verify(data, KEYS)
            genuine = True
        except (CertificateProblem, RecursionError):
            genuine = False
        assert genuine or found.verdict != "holds", data
        assert (found.certificate is not None) == (found.verdict == "holds")
        held += found.verdict == "holds"
    assert held < 400


@given(name=st.text(st.characters(exclude_categories=[]), max_size=100), junk=st.binary(max_size=400))
@quick
def test_no_file_and_no_name_of_one_raises(name: str, junk: bytes) -> None:
    for data in (junk, b"%PDF-1.7\n" + junk, GENUINE.compact + junk, b64(junk) + b"." + b64(junk) + b"." + b64(junk)):
        answer = check_file(name, data, KEYS)
        assert_one_clear_line(f"{answer.name}: {answer.line}")


def test_size_and_count_have_limits_that_are_said() -> None:
    assert "more than" in check_file("big", b"x" * (LARGEST_FILE + 1), KEYS).line
    assert "more than 65536" in check_file("big", b"x" * (MAX_BYTES + 1), KEYS).line
    assert "empty" in check_file("none", b" \n", KEYS).line

    def endless() -> Iterator[tuple[str, bytes]]:
        while True:
            yield "again.jws", GENUINE.compact

    answers = check_files(endless(), KEYS)
    assert len(answers) == MOST_FILES + 1
    assert all(a.examined and a.examined.verdict == "holds" for a in answers[:-1])
    assert f"at most {MOST_FILES}" in answers[-1].line


def test_a_page_is_checked_by_what_is_attached_to_it() -> None:
    for folders in ((), FOLDERS):
        page = print_certificate(GENUINE, folders=folders).data
        assert list(attached(page)) == [GENUINE.compact]
        answer = check_file("page.pdf", page, KEYS)
        assert answer.examined is not None
        assert (answer.examined.verdict, answer.examined.id) == ("holds", GENUINE.id)
    forged = check_file("page.pdf", print_certificate(GENUINE).data, {})
    assert (forged.verdict, forged.code) == ("unknown_key", "key")


def test_a_page_with_nothing_attached_or_two_files_proves_nothing() -> None:
    assert "no certificate is attached" in check_file("p.pdf", b"%PDF-1.7\nnothing", KEYS).line
    page = print_certificate(GENUINE, folders=()).data
    assert "more than one" in check_file("p.pdf", page + page, KEYS).line


def test_a_page_that_would_unpack_to_gigabytes_is_unpacked_to_no_more_than_a_certificate() -> None:
    bomb = zlib.compress(b"A" * 200_000_000, 9)
    stream = b"6 0 obj\n<<\n/Filter /FlateDecode\n/Type /EmbeddedFile\n>>\nstream\n" + bomb + b"\nendstream\n"
    page = b"%PDF-1.7\n" + stream
    assert len(page) < LARGEST_FILE
    assert [len(found) for found in attached(page)] == [MAX_BYTES + 1]
    assert "more than 65536" in check_file("bomb.pdf", page, KEYS).line
    many = b"%PDF-1.7\n" + b"obj<</Type/EmbeddedFile" * 80_000
    assert len(attached(many)) <= MOST_FILES


SLOW = {
    "a text without an end": b'"' + b'\\"' * 23_000,
    "quotes": b'"' * 46_000,
    "backslashes": b'"' + b"\\" * 46_000,
    "brackets": b"[" * 46_000,
    "ten thousand names and one twice": b"{" + b",".join(b'"%d":0' % (n % 4_500) for n in range(4_501)) + b"}",
}


@pytest.mark.parametrize("name", SLOW)
def test_no_file_within_the_limits_takes_long(name: str) -> None:
    """Each is looked at in a fraction of a second; what grew with the square of its size would take minutes."""
    for data in (signed(SLOW[name]), forge(SLOW[name], b"{}")):
        assert len(data) < MAX_BYTES
        assert examine(data, KEYS).verdict == "no_certificate" or examine(data, KEYS).verdict == "does_not_hold"


def test_the_depth_is_counted_without_a_readers_stack() -> None:
    assert sys.getrecursionlimit() < 20_000
    assert examine(signed(b'{"a":' * 20_000), KEYS).verdict == "no_certificate"
    assert examine(signed(PAYLOAD[:-1] + b',"note":"' + b"[{" * 200 + b'"}'), KEYS).verdict == "holds"
