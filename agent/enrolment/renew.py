"""A new certificate before the old one ends, or after. A program of its own: the daemon needs it six times a year.

`python -m agent.enrolment.renew FOLDER STATE_DIR` asks the collector by the station's signing key, for the same key
of the connection. Exit status 0 renewed, 1 not, with one line on standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from agent import files
from agent.certificates import enrolment, keys
from agent.certificates.signature import USUAL
from agent.enrolment import enrol, folder
from agent.enrolment.collector_tls import Trusted, read_address
from agent.enrolment.errors import CannotPlace
from agent.enrolment.facts import FACTS, read_facts
from agent.errors import AgentError


def renew(place: Path, state_dir: Path) -> str:
    """Renew the certificate in an enrolment's folder. Return until when the new one is valid. Raise AgentError."""
    facts = read_facts(place)
    if facts is None:
        raise CannotPlace(path=place / FACTS, problem="there is no enrolment to renew; `benchwipe enrol` makes one")
    key = keys.load(state_dir / keys.FILE_NAME)
    try:
        authority = (place / folder.AUTHORITY).read_text("ascii")
        connection = keys.private_key((place / folder.KEY).read_bytes())
        if not isinstance(connection, enrol.CONNECTION_KEY):
            raise CannotPlace(path=place / folder.KEY, problem="not a key that an enrolment made")
    except (OSError, ValueError, TypeError) as error:
        raise CannotPlace(path=place, problem=str(error)) from None
    trusted = Trusted(read_address(facts.url), authority, facts.by_system)
    about = enrol.request(facts.station, facts.authority, connection, key)
    _, answer = enrol.asked(trusted, enrolment.RENEW_PATH, enrolment.ask(about, key, typ=enrolment.RENEW, alg=USUAL))
    certificate = enrol.checked(answer, connection, facts.station, facts.authority)
    told = enrol.facts_of(
        certificate,
        url=facts.url,
        station=facts.station,
        authority=facts.authority,
        by_system=facts.by_system,
    )
    try:
        # The certificate first: facts that are older than it renew once more than is needed, and never less.
        files.replace(place / folder.CERTIFICATE, answer.certificate.encode())
        files.replace(place / FACTS, msgspec.json.encode(told))
    except OSError as error:
        raise CannotPlace(path=error.filename or place, problem=error.strerror or error) from None
    return told.ends


def main() -> int:
    """Renew the certificate; one line says what came of it."""
    try:
        print(renew(Path(sys.argv[1]), Path(sys.argv[2])))
    except AgentError as error:
        print(error.line(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
