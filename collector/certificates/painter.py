"""The process that makes PDFs: `python -m collector.certificates.painter LANGUAGE URL`.

Each certificate comes on standard input behind its length in four bytes; after it, since no line's end is in it, a
line of JSON may follow: what was said about it since. Its page, or a line that says why there is none, goes to
standard output behind `+` or `-` and its length. It ends when its input does.
"""

from __future__ import annotations

import resource
import sys

import msgspec

from agent.certificates.certificate import read_unverified
from agent.certificates.jws import MAX_BYTES
from agent.errors import AgentError
from agent.pdf import Afterwards, print_certificate

MEMORY, SECONDS = 1 << 30, 30
MOST_SAID = 64 * 1024
MADE, FAILED = b"+", b"-"
LENGTH = 4
"""Bytes of a length, the highest first."""


def main() -> int:
    """Make page after page. Each has its seconds of processor; all share the bound of memory."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    language, url = sys.argv[1:]
    while head := sys.stdin.buffer.read(LENGTH):
        length = int.from_bytes(head, "big")
        if len(head) < LENGTH or length > MAX_BYTES + MOST_SAID:
            return 1
        _allow_seconds()
        kind, told = _page(sys.stdin.buffer.read(length), language, url)
        sys.stdout.buffer.write(kind + len(told).to_bytes(LENGTH, "big") + told)
        sys.stdout.buffer.flush()
    return 0


def _page(told: bytes, language: str, url: str) -> tuple[bytes, bytes]:
    compact, _line, said = told.partition(b"\n")
    try:
        certificate = read_unverified(compact)
        made = print_certificate(
            certificate,
            language=language,
            certificate_url=url,
            checked_with=certificate.key_id,
            afterwards=msgspec.json.decode(said, type=Afterwards) if said else None,
        )
    except (AgentError, msgspec.MsgspecError) as error:
        return FAILED, str(error).encode("utf-8", "replace")
    return MADE, made.data


def _allow_seconds() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    sys.exit(main())
