"""A controller's command: whether it is one, whose it is, and whether it still holds. Pure.

`sig` is a JWS in compact serialisation, `typ` "benchwipe-command+jws", signed by one of the station's
`controller_keys`. Its payload is JSON: the topic that the command is sent to, with `args`, `issued`, `not_after` and
`expected_rev` as they stand beside it. So a command fits one station, one type and one id, and any JOSE library makes
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import jws
from agent.errors import AgentError, CertificateProblem
from agent.messages import COMMAND_TYPE, Command, SignedCommand

TYPE = COMMAND_TYPE


class CommandProblem(AgentError):
    """Nothing that this station obeys."""

    code = "BW-A17"
    message = "{problem}"


def read(topic: str, payload: bytes, keys: Mapping[str, Ed25519PublicKey]) -> Command:
    """Read the command of this topic, signed by one of these keys (thumbprint -> key); else CommandProblem."""
    try:
        command = msgspec.json.decode(payload, type=Command)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandProblem(problem=f"not a command: {error}") from None
    if not keys:
        raise CommandProblem(problem="this station trusts no controller (mqtt.controller_keys)")
    try:
        statement = jws.verify(command.sig.encode(), keys, typ=TYPE)
        signed = msgspec.json.decode(statement.payload, type=SignedCommand)
    except CertificateProblem as problem:
        raise CommandProblem(problem=f"sig: {problem}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandProblem(problem=f"sig: what is signed is no command: {error}") from None
    if signed != SignedCommand(
        topic=topic,
        args=command.args,
        issued=command.issued,
        not_after=command.not_after,
        expected_rev=command.expected_rev,
    ):
        raise CommandProblem(problem="sig: another command was signed than this one")
    return command


def expired(command: Command, now: datetime) -> bool:
    """Say whether its time is over. CommandProblem where `not_after` is no moment with a time zone."""
    try:
        end = datetime.fromisoformat(command.not_after)
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise CommandProblem(problem=f"not_after is no time in RFC 3339: {command.not_after[:40]!r}")
    return now > end
