"""`benchwipe outbox`: looks rows up in the ledger, and finds what has left it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.certificates.certificate import certificate_id, read_unverified
from agent.errors import AgentError, CertificateProblem
from agent.jobs.ledger import Ledger
from agent.jobs.outbox_rows import Again, Waiting


class NotToBeSent(AgentError):
    """Nothing of that name can be sent again."""

    code = "BW-A42"
    message = "{name}: {problem}"
    hint = "`benchwipe outbox list` shows the outbox; certificates of this station lie in its state folder."


@contextlib.contextmanager
def opened(state_dir: Path) -> Iterator[Ledger]:
    """Open the ledger that is there; none is made. NotToBeSent, LedgerProblem."""
    path = state_dir / "ledger.sqlite3"
    if not path.exists():
        raise NotToBeSent(name=path, problem="there is no ledger")
    with contextlib.closing(Ledger(state_dir)) as ledger:
        yield ledger


def listed(row: Waiting) -> dict[str, Any]:
    """Write a row as JSON."""
    return {
        "id": row.id,
        "kind": row.kind,
        "number": row.number,
        "state": "waiting" if row.refused is None else "rejected",
        "attempts": row.attempts,
        "reason": row.refused,
    }


def find(ledger: Ledger, name: str) -> Again:
    """Find what is to be sent, by id or number: a row of the outbox, a certificate's file, a statement.

    NotToBeSent.
    """
    known = ledger.chain.certificate_of(name)
    name = known[0] if known else name
    row = next((row for row in ledger.outbox.listed() if row.id == name), None)
    if row is not None:
        return Again(row.id, row.kind, b"")
    statement = ledger.outbox.statement(name)
    if statement is not None:
        return Again(name, "statement", statement)
    if known is None:
        raise NotToBeSent(name=name, problem="no row, certificate or statement of this station has that id or number")
    return Again(name, "cert", _certificate(ledger.certificates_dir / f"{name}.jws", name))


def _certificate(path: Path, name: str) -> bytes:
    """The bytes of a certificate's file, if they are those that were signed and numbered."""
    try:
        compact = path.read_bytes()
        read_unverified(compact)
    except OSError as error:
        raise NotToBeSent(name=path, problem=error.strerror or error) from None
    except CertificateProblem as problem:
        raise NotToBeSent(name=path, problem=problem.fields["problem"]) from None
    if certificate_id(compact) != name:
        raise NotToBeSent(name=path, problem="its bytes are not those of that certificate")
    return compact
