"""What a policy asks of an erasure: plain frozen data, from the configuration or built in. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from agent.erase import Limits, VerifySpec

Fallback = Literal["none", "nist-clear"]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How drives of a customer or lot are erased.

    `method` is an overwrite method, a firmware technique, or one of the two policies of NIST SP 800-88 that choose by
    the drive: "nist-clear" and "nist-purge". `fallback`: what may be done instead where the drive cannot have that; a
    lower level is never taken without it. `hidden_area`: a drive that hides capacity is refused, or erased as far as it
    shows ("accept"), or made to show it first ("remove").

    `skip_capacity_proof`: drives on these buses are taken at their word for the capacity that they show.

    Before it begins: `match_serial` asks for a scan of the drive's own label, which must bear the serial number of the
    drive in the bay; `confirm` asks for YES. Both wait for ever.

    `allow_unidentified`: a drive that tells no identity of its own, only a default of its bridge or its maker, may be
    erased all the same. It is never known again: it cannot be resumed, nor matched with its label.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    method: str = "nist-clear"
    fallback: Fallback = "none"
    hidden_area: Literal["refuse", "accept", "remove"] = "refuse"
    verify: VerifySpec = VerifySpec()
    limits: Limits = Limits()
    confirm: bool = False
    match_serial: bool = False
    allow_unidentified: bool = False
    skip_capacity_proof: tuple[Literal["sas", "nvme"], ...] = ()


NIST_CLEAR = Policy(name="nist-clear", method="nist-clear")
NIST_PURGE = Policy(name="nist-purge", method="nist-purge")
BUILT_IN = {p.name: p for p in (NIST_CLEAR, NIST_PURGE)}
