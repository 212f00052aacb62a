"""NVMe admin commands and what comes back (NVM Express Base 2.0, NVM Command Set 1.0). Pure.

`format_nvm` and `sanitize` destroy; they are for whoever planned it. Everything else reads.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware_bridge.reply import Unreadable

PAGE = 4096
LOG_BYTES = 512
Sanitize = Literal["block", "crypto", "overwrite"]
SANITIZE_ACTIONS = {"exit-failure": 1, "block": 2, "overwrite": 3, "crypto": 4}  # Base 2.0, figure 303
FORMAT_ERASES = {"none": 0, "user-data": 1, "crypto": 2}  # SES, Base 2.0, figure 172


class AdminCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command of the admin queue. `data_in`: bytes that come back."""

    name: str
    opcode: int
    nsid: int = 0
    cdw10: int = 0
    cdw11: int = 0
    data_in: int = 0


# --- reading -------------------------------------------------------------------------------------------------


def identify_controller() -> AdminCommand:
    """Identify, CNS 01h (Base 2.0, 5.17.2.1)."""
    return AdminCommand(name="Identify Controller", opcode=0x06, cdw10=1, data_in=PAGE)


def identify_namespace(nsid: int) -> AdminCommand:
    """Identify, CNS 00h (NVM Command Set 1.0, 4.1.5.1)."""
    return AdminCommand(name="Identify Namespace", opcode=0x06, nsid=nsid, cdw10=0, data_in=PAGE)


def namespace_list(after: int = 0) -> AdminCommand:
    """Identify, CNS 02h: active namespaces with a greater number (Base 2.0, 5.17.2.2)."""
    return AdminCommand(name="Active Namespace list", opcode=0x06, nsid=after, cdw10=2, data_in=PAGE)


def sanitize_log() -> AdminCommand:
    """Get Log Page 81h (Base 2.0, 5.16.1.19)."""
    return AdminCommand(name="Sanitize Status log", opcode=0x02, cdw10=_numd(0x81), data_in=LOG_BYTES)


def _numd(page: int) -> int:
    """CDW10 of Get Log Page: the number of dwords less one above the page's number."""
    return (LOG_BYTES // 4 - 1) << 16 | page


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """Identify Controller. Capacities in bytes; 0 where the controller does not keep them."""

    serial: str
    model: str
    firmware: str
    security_commands: bool
    format: bool
    namespace_management: bool
    total_capacity: int
    unallocated_capacity: int
    replay_protected_units: int
    sanitize: tuple[Sanitize, ...]
    no_deallocate_inhibited: bool
    most_namespaces: int
    format_all: bool
    erase_all: bool
    crypto_erase: bool


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """Identify Namespace, as formatted now. Sizes in bytes; metadata and protection are what Format must keep."""

    blocks: int
    block_bytes: int
    metadata_bytes: int
    format_index: int
    metadata_inline: bool
    protection: int
    protection_first: bool

    @property
    def bytes(self) -> int:
        """What the namespace shows."""
        return self.blocks * self.block_bytes


class SanitizeLog(msgspec.Struct, frozen=True, kw_only=True):
    """The sanitize status log page. `status`: 0 never, 1 success, 2 running, 3 failed, 4 success but deallocated."""

    progress: int
    status: int
    global_data_erased: bool
    command: int
    overwrite_s: int
    block_s: int
    crypto_s: int


def parse_controller(data: bytes) -> Controller | Unreadable:
    """Parse 4096 bytes of Identify Controller (Base 2.0, figure 275)."""
    if len(data) < PAGE or not any(data[:PAGE]):
        return Unreadable(f"Identify Controller of {len(data)} bytes, or empty", data[:LOG_BYTES])
    oacs, sanicap, fna = _le(data, 256, 2), _le(data, 328, 4), data[524]
    kinds: tuple[tuple[int, Sanitize], ...] = ((1, "block"), (0, "crypto"), (2, "overwrite"))
    return Controller(
        serial=_text(data[4:24]),
        model=_text(data[24:64]),
        firmware=_text(data[64:72]),
        security_commands=bool(oacs & 1),
        format=bool(oacs & 2),
        namespace_management=bool(oacs & 8),
        total_capacity=_le(data, 280, 16),
        unallocated_capacity=_le(data, 296, 16),
        replay_protected_units=_le(data, 312, 4) & 7,
        sanitize=tuple(kind for bit, kind in kinds if sanicap & 1 << bit),
        no_deallocate_inhibited=bool(sanicap & 1 << 29),
        most_namespaces=_le(data, 516, 4),
        format_all=bool(fna & 1),
        erase_all=bool(fna & 2),
        crypto_erase=bool(fna & 4),
    )


def parse_namespace(data: bytes) -> Namespace | Unreadable:
    """Parse 4096 bytes of Identify Namespace (NVM Command Set 1.0, figure 97).

    They are all zeros for an inactive one.
    """
    if len(data) < PAGE or not any(data[:PAGE]):
        return Unreadable(f"Identify Namespace of {len(data)} bytes, or of no namespace", data[:LOG_BYTES])
    flbas = data[26]
    index = flbas & 0xF | (flbas >> 1 & 0x30 if data[25] > 15 else 0)  # bits 6:5 count only with more than 16 formats
    at = 128 + 4 * index
    exponent = data[at + 2]
    if not 9 <= exponent <= 32:
        return Unreadable(f"Identify Namespace: blocks of 2^{exponent} bytes", data[:LOG_BYTES])
    return Namespace(
        blocks=_le(data, 0, 8),
        block_bytes=1 << exponent,
        metadata_bytes=_le(data, at, 2),
        format_index=index,
        metadata_inline=bool(flbas & 0x10),
        protection=data[29] & 7,
        protection_first=bool(data[29] & 8),
    )


def parse_namespace_list(data: bytes) -> tuple[int, ...] | Unreadable:
    """Parse up to 1024 numbers, ascending, ended by a zero."""
    if len(data) < PAGE:
        return Unreadable(f"a namespace list of {len(data)} bytes", data)
    numbers = [_le(data, at, 4) for at in range(0, PAGE, 4)]
    count = numbers.index(0) if 0 in numbers else len(numbers)
    if numbers[:count] != sorted(set(numbers[:count])) or any(numbers[count:]):
        return Unreadable("a namespace list that does not ascend", data[:LOG_BYTES])
    return tuple(numbers[:count])


def parse_sanitize_log(data: bytes) -> SanitizeLog | Unreadable:
    """Parse 512 bytes of log page 81h (Base 2.0, figure 235). An unknown status is unreadable, not "never"."""
    if len(data) < 20 or _le(data, 2, 2) & 7 > 4:
        return Unreadable("the sanitize log tells no known status", data)
    return SanitizeLog(
        progress=_le(data, 0, 2),
        status=_le(data, 2, 2) & 7,
        global_data_erased=bool(_le(data, 2, 2) & 1 << 8),
        command=_le(data, 4, 4),
        overwrite_s=_le(data, 8, 4),
        block_s=_le(data, 12, 4),
        crypto_s=_le(data, 16, 4),
    )


def _le(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _text(raw: bytes) -> str:
    return "".join(chr(b) for b in raw if 0x20 <= b < 0x7F).strip()


# --- commands that erase -------------------------------------------------------------------------------------


def format_nvm(nsid: int, now: Namespace, *, erase: Literal["user-data", "crypto"]) -> AdminCommand:
    """Format NVM (Base 2.0, 5.14): destroys. Format, metadata and protection stay as the namespace has them now."""
    cdw10 = (
        now.format_index & 0xF
        | now.metadata_inline << 4
        | now.protection << 5
        | now.protection_first << 8
        | FORMAT_ERASES[erase] << 9
        | (now.format_index >> 4) << 12
    )
    return AdminCommand(name=f"Format NVM ({erase})", opcode=0x80, nsid=nsid, cdw10=cdw10)


def sanitize(
    action: Literal["block", "crypto", "overwrite", "exit-failure"],
    *,
    pattern: int = 0,
    passes: int = 1,
    invert: bool = False,
    no_deallocate: bool = False,
) -> AdminCommand:
    """Sanitize (Base 2.0, 5.24): destroys all of the NVM subsystem. 1 to 16 `passes` of a 32-bit pattern."""
    if not 1 <= passes <= 16 or not 0 <= pattern < 1 << 32:
        raise ValueError(f"{passes} passes of {pattern:#x}")
    cdw10 = SANITIZE_ACTIONS[action]
    if action == "overwrite":
        cdw10 |= (passes & 0xF) << 4 | invert << 8
    if action != "exit-failure":
        cdw10 |= no_deallocate << 9
    return AdminCommand(
        name=f"Sanitize ({action})", opcode=0x84, cdw10=cdw10, cdw11=pattern if action == "overwrite" else 0
    )
