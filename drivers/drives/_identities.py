"""Tells serial numbers and world wide names that name a drive from those that name none. Pure.

Bridges, sticks and drives whose maker forgot answer with a default, which any number of others answer with too. If it
were believed, one such drive would be taken for another: its job would go on there, its label would fit there.
`_nameless` lists what was met; the rules here find its kin. They are narrow: a real number must not be refused.
"""

from __future__ import annotations

import re

from drivers.drives._nameless import SERIALS, WWNS

# USB vendor numbers of bridge makers, as the head of a default serial: eight more digits follow, twelve in all (USB
# Mass Storage Bulk-Only Transport 1.0, 4.1.1, asks for twelve). Only those with a letter: SanDisk counts in digits.
BRIDGE_MAKERS = ("152D", "174C", "0BDA", "13FD", "067B", "05E3", "14CD", "04FC", "1F75", "058F")
COUNTED = (
    *("0123456789ABCDEF", "1234567890ABCDEF", "01234567890123456789", "ABCDEF0123456789", "ABCDEF1234567890"),
    *("FEDCBA9876543210", "9876543210", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
)
LEAST_COUNTED = 8  # so many signs in order, and two thirds of a serial, are nobody's number
ZEROS = ((3, 1), (6, 2), (8, 4))  # so many zeros at least, and so few signs behind them
MOST_AFTER_ZEROS = 4
LEAST_ALIKE = 8
LONGEST_REPEATED = 4
_NOTHING = re.compile(r"[^0-9A-Z]")


def names_a_drive(serial: str | None) -> bool:
    """Say whether a serial number can be one drive's own."""
    plain = _plain(serial or "")
    return bool(plain) and plain not in _SERIALS and not any(rule(plain) for rule in _RULES)


def believable(found: str) -> str | None:
    """Pass on the serial number as a device told it. None where it names no drive, or has one sign only."""
    return found if len(_plain(found)) > 1 and names_a_drive(found) else None


def wwn_names_a_drive(wwn: str | None) -> bool:
    """Say whether a world wide name is one drive's own.

    The name: NAA, EUI-64, NGUID, or what the kernel makes up for old NVMe.
    """
    kind, digits = _parted(wwn or "")
    if kind == "nvme":  # nvme.<vendor>-<serial in hex>-<model in hex>-<namespace>
        parts = digits.split("-")
        return len(parts) == 4 and names_a_drive(_text(parts[1]))
    plain = _plain(digits)
    if not plain or plain in _WWNS or (len(plain) > 4 and len(set(plain)) == 1):
        return False
    if not re.fullmatch(r"[0-9A-F]{16}|[0-9A-F]{32}", plain):
        return True  # a card's CID, an UUID, what a program made up
    return len(plain.strip("0")) > MOST_AFTER_ZEROS if kind == "eui" else _company_and_number(plain)


def _company_and_number(naa: str) -> bool:
    """NAA 5 and 6 have the company right behind the format, NAA 2 behind 12 bits of its own (SPC-5, 7.7.6.6)."""
    if naa[0] not in "56":
        return naa.strip("0F") != ""
    company, number = naa[1:7], naa[7:]
    return company not in ("000000", "FFFFFF") and len(set(number)) > 1


def _parted(wwn: str) -> tuple[str, str]:
    """("naa", digits) of `0x5000..`, `naa.5000..`; ("eui", digits), ("nvme", the rest); ("", all) of anything else."""
    found = re.fullmatch(r"(0x|naa\.|eui\.|nvme\.|uuid\.)?(.*)", wwn.strip().lower(), re.DOTALL)
    head = (found and found[1]) or ""
    kind = {"0x": "naa", "naa.": "naa", "eui.": "eui", "nvme.": "nvme"}.get(head, "")
    return kind, found[2] if found else ""


def _text(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode("ascii", errors="replace").strip()
    except ValueError:
        return ""


def _plain(text: str) -> str:
    return _NOTHING.sub("", text.upper())


def _one_sign(plain: str) -> bool:
    return len(set(plain)) == 1 and (len(plain) > 1 or plain.isdigit())


def _repeated(plain: str) -> bool:
    """ "ABABABAB", "20202020" (blanks, as hex), "123412341234": a few signs, over and over."""
    return any(
        len(plain) >= max(8, 2 * size) and plain == (plain[:size] * len(plain))[: len(plain)]
        for size in range(2, LONGEST_REPEATED + 1)
    )


def _counted(plain: str) -> bool:
    """In order all through, or for so long that a person or a reference firmware counted."""
    if (len(plain) > 2 or plain.isdigit()) and any(plain in order for order in COUNTED):
        return True
    least = max(LEAST_COUNTED, -(-len(plain) * 2 // 3))
    runs = (plain[start : start + least] for start in range(len(plain) - least + 1))
    return any(run in order for run in runs for order in COUNTED)


def _each_doubled(plain: str) -> bool:
    """ "1122334455667788": counted, each sign so often."""
    once = plain[::2]
    return len(plain) >= LEAST_COUNTED and once == plain[1::2] and any(once in order for order in COUNTED)


def _first_of_many(plain: str) -> bool:
    """ "000000000001": zeros, and behind them the place of one drive in a box, or nothing."""
    number = plain.lstrip("0")
    zeros = len(plain) - len(number)
    alike = len(plain) >= LEAST_ALIKE and len(set(plain[:-1])) == 1  # "111111111112"
    return alike or any(zeros >= least and len(number) <= most for least, most in ZEROS)


def _of_a_bridge(plain: str) -> bool:
    return len(plain) == 12 and plain.startswith(BRIDGE_MAKERS) and bool(re.fullmatch("[0-9A-F]+", plain))


_RULES = (_one_sign, _repeated, _counted, _each_doubled, _first_of_many, _of_a_bridge)
_SERIALS = frozenset(map(_plain, SERIALS))
_WWNS = frozenset(_plain(_parted(wwn)[1]) for wwn in WWNS)
