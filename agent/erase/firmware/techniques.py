"""How each firmware technique is carried out: a row each. What it is worth stands with the plan. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from drivers.drives.drive import Capabilities, CommandSet, Drive, speaks

Machine = Literal["sanitize", "security", "format"]
Kind = Literal["block", "crypto", "overwrite", "normal", "enhanced", "user-data"]
Leaves = Literal["pattern", "constant", "either", "anything"]
"""What may be read afterwards: what we named; the same everywhere; whatever a lost key makes of it; one of these two.

Self-encrypting drives may change their key for an enhanced erase and for Format (Base 2.0, figure 172) too.
"""


@dataclass(frozen=True)
class How:
    """One technique. `patience_s`: how long it may take where neither the drive nor the policy says."""

    name: str
    speaks: CommandSet
    machine: Machine
    kind: Kind
    leaves: Leaves
    patience_s: float


HOUR = 3600.0
_BLOCK, _CRYPTO, _WHOLE = 12 * HOUR, HOUR, 96 * HOUR  # 22 TB at 100 MB/s take 61 hours

_ROWS = (
    How("ata-secure-erase", "ata", "security", "normal", "constant", 24 * HOUR),
    How("ata-secure-erase-enhanced", "ata", "security", "enhanced", "either", 24 * HOUR),
    How("ata-sanitize-block", "ata", "sanitize", "block", "constant", _BLOCK),
    How("ata-sanitize-crypto", "ata", "sanitize", "crypto", "anything", _CRYPTO),
    How("ata-sanitize-overwrite", "ata", "sanitize", "overwrite", "pattern", _WHOLE),
    How("nvme-format-user-data", "nvme", "format", "user-data", "either", 4 * HOUR),
    How("nvme-format-crypto", "nvme", "format", "crypto", "anything", _CRYPTO),
    How("nvme-sanitize-block", "nvme", "sanitize", "block", "constant", _BLOCK),
    How("nvme-sanitize-crypto", "nvme", "sanitize", "crypto", "anything", _CRYPTO),
    How("nvme-sanitize-overwrite", "nvme", "sanitize", "overwrite", "pattern", _WHOLE),
    How("scsi-sanitize-block", "scsi", "sanitize", "block", "constant", _BLOCK),
    How("scsi-sanitize-crypto", "scsi", "sanitize", "crypto", "anything", _CRYPTO),
    How("scsi-sanitize-overwrite", "scsi", "sanitize", "overwrite", "pattern", _WHOLE),
)
HOW: Mapping[str, How] = MappingProxyType({row.name: row for row in _ROWS})
FIRMWARE_TECHNIQUES = tuple(HOW)


def supported(drive: Drive) -> tuple[str, ...]:
    """The techniques that the drive says it has, in whatever state it is."""
    can = drive.capabilities
    if can is None:
        return ()
    return tuple(row.name for row in _ROWS if row.speaks == speaks(drive) and _has(row, can))


def _has(row: How, can: Capabilities) -> bool:
    if row.machine == "sanitize":
        return row.kind in can.sanitize
    if row.machine == "format":
        return bool(can.format_crypto if row.kind == "crypto" else can.format)
    return bool(can.security_supported and (row.kind == "normal" or can.enhanced_erase))
