"""The overwrite methods: each is a row of passes with its source beside it. Adding one is adding a row.

A pass is the bytes that repeat over the drive from offset 0 on, or RANDOM: a cryptographic stream.
One pass is enough on any drive made this century (NIST SP 800-88 Rev. 2); the long ones are here because contracts
name them. Verification after the last pass is the policy's, not the method's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

RANDOM: bytes | None = None
ZEROS = b"\x00"
ONES = b"\xff"


@dataclass(frozen=True)
class Method:
    """A named sequence of passes; `source` says who prescribed it."""

    name: str
    passes: tuple[bytes | None, ...]
    source: str


def _repeated(*patterns: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(pattern) for pattern in patterns)


# The order of the published table. Gutmann lets the 27 be shuffled; a fixed order can be resumed and checked.
_GUTMANN = (
    *(RANDOM,) * 4,
    *_repeated("55", "aa", "924924", "492492", "249249"),
    *(bytes([value]) for value in range(0x00, 0x100, 0x11)),
    *_repeated("924924", "492492", "249249", "6db6db", "b6db6d", "db6db6"),
    *(RANDOM,) * 4,
)

_ROWS = (
    Method("zero", (ZEROS,), "NIST SP 800-88 Rev. 1, appendix A: one pass of a fixed value"),
    Method("one", (ONES,), "NIST SP 800-88 Rev. 1, appendix A: one pass of a fixed value"),
    Method("random", (RANDOM,), "one pass of a cryptographic stream"),
    Method(
        "pattern-complement",
        _repeated("55", "aa"),
        "NIST SP 800-88 Rev. 1, table A-8 (removable flash): a pattern, then its complement",
    ),
    Method(
        "dod-5220.22-m",
        (ZEROS, ONES, RANDOM),
        "DoD 5220.22-M (1995) 8-306, matrix item d: a character, its complement, a random character",
    ),
    Method(
        "dod-5220.22-m-ece",
        (ZEROS, ONES, RANDOM, b"\x55", ZEROS, ONES, RANDOM),
        "DoD 5220.22-M (1995) 8-306, matrix items e, c, e: the three passes, one character, the three passes",
    ),
    Method("hmg-is5-baseline", (ZEROS,), "HMG Infosec Standard 5 (CESG), baseline: one pass of zeros"),
    Method("hmg-is5-enhanced", (ZEROS, ONES, RANDOM), "HMG Infosec Standard 5 (CESG), enhanced: 0, 1, random"),
    Method(
        "rcmp-tssit-ops-ii",
        (ZEROS, ONES, ZEROS, ONES, ZEROS, ONES, RANDOM),
        "RCMP TSSIT OPS-II, appendix on media sanitization: 0 and 1 three times, then random",
    ),
    Method(
        "bsi-vsitr",
        (ZEROS, ONES, ZEROS, ONES, ZEROS, ONES, b"\xaa"),
        "BSI VSITR: 0 and 1 three times, then 10101010",
    ),
    Method("gutmann", _GUTMANN, "P. Gutmann, Secure Deletion of Data, USENIX Security 1996, section 3, table 1"),
    Method(
        "schneier",
        (ONES, ZEROS, *(RANDOM,) * 5),
        "B. Schneier, Applied Cryptography, 2nd ed. (1996), section 10.9: 1, 0, five times random",
    ),
)

METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _ROWS})


def pattern_name(repeated: bytes | None) -> str:
    """Name a pass as it stands in `PassRecord.pattern`: the repeated bytes in hex, or "random"."""
    return "random" if repeated is None else repeated.hex()
