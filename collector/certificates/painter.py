"""The process that makes one PDF: `python -m collector.certificates.painter LANGUAGE URL KEY` < certificate > page."""

from __future__ import annotations

import resource
import sys

from agent.certificates.certificate import read_unverified
from agent.certificates.jws import MAX_BYTES
from agent.errors import AgentError
from agent.pdf import print_certificate

MEMORY, SECONDS, LARGEST = 1 << 30, 30, 8 << 20


def main() -> int:
    """Make it. Exit status 1 with one line on standard error where it cannot be made."""
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, LARGEST)):
        resource.setrlimit(limit, (most, most))
    language, url, key_id = sys.argv[1:]
    try:
        certificate = read_unverified(sys.stdin.buffer.read(MAX_BYTES + 1))
        made = print_certificate(certificate, language=language, certificate_url=url, checked_with=key_id)
    except AgentError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(made.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
