"""What a policy asks of an erasure: plain frozen data, from the configuration or built in."""

from __future__ import annotations

from typing import Annotated

import msgspec

from agent.erase import Limits, VerifySpec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How drives of a customer or lot are erased.

    `method` is an overwrite method, a firmware technique, or one of the two policies of NIST SP 800-88 that choose by
    the drive: "nist-clear" and "nist-purge".
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    method: str = "nist-clear"
    verify: VerifySpec = VerifySpec()
    limits: Limits = Limits()
    accept_hidden_area: bool = False


NIST_CLEAR = Policy(name="nist-clear", method="nist-clear")
NIST_PURGE = Policy(name="nist-purge", method="nist-purge")
BUILT_IN = {p.name: p for p in (NIST_CLEAR, NIST_PURGE)}
