"""Errors of the station itself.

AgentError
├── SettingsError        a configuration that cannot be used: one line for each problem
├── KeyProblem           the signing key is missing, open to others, or not a key
│   └── KeyLost          this station had a key, and has it no more
├── CertificateProblem   bytes that are not a valid certificate
├── PlaceTaken           a copy would take the place of something that must stay
├── NotYours             only root and the service's own user may do that
├── NoViewer             this user may not even look at the station
├── LedgerProblem        the ledger cannot be read or written
│   └── LedgerConflict   its rows and the certificate files do not tell one story
└── IllegalTransition    a job or bay was asked to do what its table forbids: a defect of ours
"""

from __future__ import annotations

from firmware_bridge.errors import CodedError


class AgentError(CodedError):
    """The station itself cannot do what it was asked."""

    code = "BW-A00"
    message = "{problem}"


class SettingsError(AgentError):
    """A configuration that cannot be used. `problems` has one line each: key's path, value, what is allowed."""

    code = "BW-A01"
    message = "{where}: {count} problem(s) in the configuration"

    def __init__(self, where: str, problems: tuple[str, ...]) -> None:
        self.where = where
        self.problems = problems
        super().__init__(where=where, count=len(problems))


class KeyProblem(AgentError):
    """The signing key is missing, open to others, or not a key."""

    code = "BW-A02"
    message = "{path}: {problem}"


class KeyLost(KeyProblem):
    """This station had another key: a new one is a person's decision, never made by itself."""

    code = "BW-A28"
    message = "{path}: {problem}"
    hint = "Put it back from a backup; without one, `benchwipe key init --replace` begins a new chain."


class CertificateProblem(AgentError):
    """Bytes that are not a valid certificate."""

    code = "BW-A03"
    message = "not a valid certificate: {problem}"


class PlaceTaken(AgentError):
    """A copy would take the place of something that must stay."""

    code = "BW-A15"
    message = "{path} {problem}"
    hint = "Name another file."


class NotYours(AgentError):
    """Only root and the service's own user may do that."""

    code = "BW-A50"
    message = "{problem}"
    hint = "Type `sudo` before it."


class NoViewer(AgentError):
    """This user may not even look at the station."""

    code = "BW-A51"
    message = "this user is not in the group benchwipe-view, whose people may look at the station"
    hint = "Join it with `sudo adduser $USER benchwipe-view` and log in again, or type `sudo` before the command."


class LedgerProblem(AgentError):
    """The ledger cannot be read or written."""

    code = "BW-A04"
    message = "{path}: {problem}"


class LedgerConflict(LedgerProblem):
    """Its rows and the certificate files do not tell one story: whatever is certified now could be a second one."""

    code = "BW-A27"
    hint = "See `benchwipe ledger check`; `benchwipe ledger adopt` mends it on your word."


class IllegalTransition(AgentError):
    """A job or bay was asked to do what its table forbids."""

    code = "BW-A05"
    message = "{what} cannot go from {here} to {wanted}"
