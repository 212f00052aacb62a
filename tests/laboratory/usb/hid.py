"""Keyboards of the class HID (Device Class Definition for HID 1.11, boot protocol): scanners and keypads that type.

Usages are those of the HID Usage Tables 1.3, page 0x07, with the keycaps of a US keyboard.
"""

from __future__ import annotations

import struct
import time

from tests.laboratory.usb.device import INTERRUPT, Device, Endpoint, Stalled

KEYS_IN = 0x81
GET_REPORT, GET_IDLE, GET_PROTOCOL, SET_REPORT, SET_IDLE, SET_PROTOCOL = 0x01, 0x02, 0x03, 0x09, 0x0A, 0x0B
REPORT_DESCRIPTOR = bytes.fromhex("""
    05 01 09 06 a1 01  05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02  95 01 75 08 81 01
    95 05 75 01 05 08 19 01 29 05 91 02  95 01 75 03 91 01
    95 06 75 08 15 00 25 65 05 07 19 00 29 65 81 00  c0
""")
"""HID 1.11, appendix B.1: a byte of modifiers, one reserved, six keys; five lamps the other way."""
LEFT_SHIFT = 0x02
ENTER, KEYPAD_ENTER = 0x28, 0x58
RELEASED = bytes(8)
PACE_S = 0.002
"""Between two reports: a scanner at full speed types a key in 2 to 8 ms."""

_ROWS = (
    (0x04, "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    (0x1E, "1234567890", "!@#$%^&*()"),
    (0x2C, " -=[]\\", " _+{}|"),
    (0x33, ";'`,./", ':"~<>?'),
)
USAGES = {
    character: (first + at, shift)
    for first, plain, shifted in _ROWS
    for row, shift in ((shifted, LEFT_SHIFT), (plain, 0))
    for at, character in enumerate(row)
}
"""Character -> (usage, modifiers)."""
KEYPAD = {str(digit): 0x59 + (digit - 1) % 10 for digit in range(10)}
KEYPAD |= {"/": 0x54, "*": 0x55, "-": 0x56, "+": 0x57, ".": 0x63}
"""Keycap of a keypad -> usage."""


class Keyboard(Device):
    """Says nothing until a key is pressed; what nobody listens for is lost, as it is on a real one.

    `lamps`: the lamps as the guest set them last (bit 0 Num Lock, 1 Caps Lock, 2 Scroll Lock).
    """

    interfaces = ((0x03, 0x01, 0x01),)
    endpoints = (Endpoint(KEYS_IN, INTERRUPT, 8, 4),)

    def __init__(self, *, serial: str, product: str, vendor: str = "Bench") -> None:
        super().__init__(serial=serial, product=product, vendor=vendor)
        self.extra[0] = struct.pack("<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, len(REPORT_DESCRIPTOR))
        self.lamps = 0
        self._idle, self._protocol = 0, 1

    def descriptor(self, kind: int, index: int) -> bytes:
        """Its HID descriptor, and that of its reports."""
        if kind == 0x21:
            return self.extra[0]
        if kind == 0x22:
            return REPORT_DESCRIPTOR
        return super().descriptor(kind, index)

    def class_request(self, kind: int, request: int, value: int, index: int, data: bytes) -> bytes:
        """HID 1.11, 7.2."""
        if request == SET_REPORT:
            self.lamps = data[0] if data else 0
        elif request == SET_IDLE:
            self._idle = value >> 8
        elif request == SET_PROTOCOL:
            self._protocol = value
        else:
            return self._told(request)
        return b""

    def _told(self, request: int) -> bytes:
        told = {GET_REPORT: RELEASED, GET_IDLE: bytes([self._idle]), GET_PROTOCOL: bytes([self._protocol])}
        if request not in told:
            raise Stalled
        return told[request]

    def detached(self) -> None:
        """Who listened hears nothing more."""
        super().detached()
        self.wanted_interrupts.clear()

    def press(self, usage: int, modifiers: int = 0) -> None:
        """A key down and up."""
        for report in (bytes([modifiers, 0, usage, 0, 0, 0, 0, 0]), RELEASED):
            self.interrupt(KEYS_IN, report)
            time.sleep(PACE_S)


class Scanner(Keyboard):
    """Types what it scans, and Enter, as if on a US keyboard. Its vendor's number is one that udev's rules know."""

    vendor_id, product_id = 0x05E0, 0x1200

    def __init__(self, *, serial: str = "S-0001", product: str = "Bar Code Scanner") -> None:
        super().__init__(serial=serial, product=product)

    def type(self, text: str) -> None:
        """The keys of this text; "\\n" is Enter. KeyError for a letter that a US keyboard has not."""
        for character in text:
            self.press(*((ENTER, 0) if character == "\n" else USAGES[character]))

    def scan(self, text: str) -> None:
        """One code."""
        self.type(f"{text}\n")


class NumberPad(Keyboard):
    """A person's keys, one by one."""

    vendor_id, product_id = 0x04D9, 0xA02A

    def __init__(self, *, serial: str = "K-0001", product: str = "Keypad") -> None:
        super().__init__(serial=serial, product=product)

    def key(self, cap: str) -> None:
        """What stands on the key: a digit, one of "/*-+.", or "enter"."""
        self.press(KEYPAD_ENTER if cap == "enter" else KEYPAD[cap])
