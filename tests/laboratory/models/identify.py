"""The 512 bytes of IDENTIFY DEVICE (ACS-4, 7.13.6) as a drive in its present state answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.laboratory.models.ata import AtaDrive


def identify(drive: AtaDrive) -> bytes:
    """512 bytes, with a good checksum."""
    words = [0] * 256
    words[0], words[47], words[49], words[50], words[53] = 0x0040, 0x8010, 0x2F00, 0x4000, 0x0006
    words[63], words[76], words[80], words[88] = 0x0007, 0x000E, 0x07F0, 0x007F
    words[217] = drive.rotation
    _text(words, 10, 20, drive.serial)
    _text(words, 23, 8, drive.firmware)
    _text(words, 27, 40, drive.model)
    _sizes(words, drive)
    _features(words, drive)
    if "security" in drive.features:
        _security(words, drive)
    for place in range(4):
        words[108 + place] = drive.wwn >> 16 * (3 - place) & 0xFFFF
    head = b"".join(word.to_bytes(2, "little") for word in words[:255]) + b"\xa5"
    return head + bytes([-sum(head) & 0xFF])


def _text(words: list[int], first: int, size: int, text: str) -> None:
    raw = text.encode("ascii").ljust(size)[:size]
    words[first : first + size // 2] = [raw[i] << 8 | raw[i + 1] for i in range(0, size, 2)]


def _sizes(words: list[int], drive: AtaDrive) -> None:
    shown = drive.sizes.shown
    short = min(shown, 0x0FFFFFFF)
    words[60], words[61] = short & 0xFFFF, short >> 16
    words[100:104] = [shown >> 16 * place & 0xFFFF for place in range(4)]
    block = drive.medium.block_bytes
    words[106] = 0x4000 | (block > 512) << 12
    if block > 512:
        words[117], words[118] = block // 2 & 0xFFFF, block // 2 >> 16


def _features(words: list[int], drive: AtaDrive) -> None:
    has = drive.features.__contains__
    words[82] = 0x4061 | has("security") << 1 | has("hpa") << 10
    words[83], words[84] = 0x7400 | has("dco") << 11, 0x4100  # 48-bit addresses, flush; a WWN
    words[85] = words[82] & ~2 | (drive.lock.user is not None) << 1
    words[86], words[87] = words[83] & 0x3FFF | has("amac") << 15, 0x4100
    words[119], words[120] = 0x4000 | has("amac") << 8, 0x4000
    if has("sanitize"):
        words[59] = 1 << 12 | has("crypto") << 13 | has("overwrite") << 14 | has("block") << 15


def _security(words: list[int], drive: AtaDrive) -> None:
    lock = drive.lock
    words[89] = words[90] = drive.erase_minutes // 2 or 1
    words[92] = 0xFFFE
    flags = (
        True,
        lock.user is not None,
        lock.locked,
        lock.frozen,
        lock.expired,
        "enhanced" in drive.features,
        False,
        False,
        lock.user is not None and lock.maximum,
    )
    words[128] = sum(flag << bit for bit, flag in enumerate(flags))
