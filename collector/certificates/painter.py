"""The process that makes one PDF: `python -m collector.certificates.painter LANGUAGE URL KEY` < certificate > page.

After the certificate, which has no line's end in it, a line of JSON may follow: what was said about it since.
"""

from __future__ import annotations

import resource
import sys

import msgspec

from agent.certificates.certificate import read_unverified
from agent.certificates.jws import MAX_BYTES
from agent.errors import AgentError
from agent.pdf import Afterwards, print_certificate

MEMORY, SECONDS, LARGEST = 1 << 30, 30, 8 << 20
MOST_SAID = 64 * 1024


def main() -> int:
    """Make it. Exit status 1 with one line on standard error where it cannot be made."""
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, LARGEST)):
        resource.setrlimit(limit, (most, most))
    language, url, key_id = sys.argv[1:]
    try:
        compact, _line, said = sys.stdin.buffer.read(MAX_BYTES + MOST_SAID).partition(b"\n")
        made = print_certificate(
            read_unverified(compact),
            language=language,
            certificate_url=url,
            checked_with=key_id,
            afterwards=msgspec.json.decode(said, type=Afterwards) if said else None,
        )
    except (AgentError, msgspec.MsgspecError) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(made.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
