"""Files that a stranger posts -> one line of truth for each, within limits. Pure, never raises.

A certificate's file is taken, with an editor's one end of line or without, and the PDF page that benchwipe
makes, out of which the attached certificate is taken: the page itself proves nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from agent.certificates.jws import MAX_BYTES
from collector.certificates.check_words import VERDICTS, say
from collector.certificates.examine import Examined, Keys, Verdict, examine
from collector.text import visible

MOST_FILES = 20
LARGEST_FILE = 2 << 20  # a page with its attachment has some 100 kB; a certificate has 64 KiB at most
LONGEST_NAME = 80
_ENDS = re.compile(rb"\r?\n\Z")
_BOM = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ATTACHED = re.compile(rb"/EmbeddedFile\b")  # the type of an attached file's stream (ISO 32000-1, 7.11.4)
LONGEST_DICTIONARY = 1024


@dataclass(frozen=True)
class Answer:
    """What is said of one file. `line` is one visible line in English, whatever the file and its name held.

    `verdict` and `code` are the keys of its words in either language (check_words.py).
    """

    name: str
    verdict: Verdict
    code: str
    line: str
    examined: Examined | None = None


def check_files(files: Iterable[tuple[str, bytes]], keys: Keys) -> tuple[Answer, ...]:
    """Check at most MOST_FILES files; the next one is answered with the limit, and no more are looked at."""
    some = list(islice(files, MOST_FILES + 1))
    answers = [check_file(name, data, keys) for name, data in some[:MOST_FILES]]
    if len(some) > MOST_FILES:
        line = f"not looked at: at most {MOST_FILES} files are checked at once"
        answers.append(_refused(_name(some[MOST_FILES][0]), "count", line))
    return tuple(answers)


def check_file(name: str, data: bytes, keys: Keys) -> Answer:
    """Check one file."""
    shown = _name(name)
    if len(data) > LARGEST_FILE:
        return _refused(shown, "size", f"not looked at: more than {LARGEST_FILE} bytes")
    if not data.strip():
        return _refused(shown, "empty", "the file is empty")
    if data.startswith(b"%PDF-"):
        return _check_page(shown, data, keys)
    if data.startswith(_BOM):
        return _refused(shown, "bom", "no certificate: a byte order mark stands before it; take the file as it was")
    return _told(shown, examine(_ENDS.sub(b"", data), keys))


def attached(page: bytes) -> Sequence[bytes]:
    """Take what is attached to a PDF: at most MOST_FILES streams, each unpacked to no more than a certificate has."""
    return tuple(islice(_streams(page), MOST_FILES))


def _streams(page: bytes) -> Iterator[bytes]:
    """Each stream whose dictionary, which stands just before it, says that it is an attached file."""
    for found in islice(_ATTACHED.finditer(page), MOST_FILES):
        begins = page.find(b"stream", found.end(), found.end() + LONGEST_DICTIONARY)
        if begins < 0:
            continue
        dictionary = page[max(0, found.start() - LONGEST_DICTIONARY) : begins].rpartition(b" obj")[2]
        begins += len(b"stream\r\n" if page.startswith(b"stream\r\n", begins) else b"stream\n")
        body = page[begins : begins + MAX_BYTES + LONGEST_DICTIONARY]
        if b"/FlateDecode" not in dictionary:
            yield body.partition(b"endstream")[0].rstrip(b"\r\n")
            continue
        try:
            yield zlib.decompressobj().decompress(body, MAX_BYTES + 1)
        except zlib.error:
            continue


def _check_page(name: str, data: bytes, keys: Keys) -> Answer:
    answers = [_told(name, examine(found, keys)) for found in attached(data)]
    if len(answers) != 1:
        told = "no certificate is attached to it" if not answers else "more than one file is attached to it"
        return _refused(name, "page", f"a PDF that proves nothing by itself: {told}")
    return answers[0]


def _told(name: str, examined: Examined) -> Answer:
    failed = examined.failed
    if failed is None:
        return Answer(name, "holds", "", f"genuine: signed with key {examined.key_id}", examined)
    line = visible(f"{say(VERDICTS[examined.verdict], 'en').lower()}: {failed.told}")
    return Answer(name, examined.verdict, failed.name, line, examined)


def _refused(name: str, code: str, line: str) -> Answer:
    return Answer(name, "no_certificate", code, line)


def _name(name: str) -> str:
    return visible(name, LONGEST_NAME) or "a file without a name"
