"""A serial port of the class CDC ACM (USB CDC PSTN 1.2), and the Devantech relay module that speaks through one."""

from __future__ import annotations

from tests.laboratory.usb.device import BULK, INTERRUPT, Device, Endpoint, Stalled

NOTICE, IN, OUT = 0x83, 0x81, 0x02
SET_LINE_CODING, GET_LINE_CODING, SET_CONTROL_LINE_STATE, SEND_BREAK = 0x20, 0x21, 0x22, 0x23
FUNCTIONS = bytes.fromhex("05 24 00 10 01  05 24 01 00 01  04 24 02 02  05 24 06 00 01")


class CdcAcm(Device):
    """Bytes in, bytes out. Subclasses answer in `heard`."""

    device_class = 0x02
    interfaces = ((0x02, 0x02, 0x01), (0x0A, 0x00, 0x00))
    endpoints = (
        Endpoint(NOTICE, INTERRUPT, 16, 9, interface=0),
        Endpoint(IN, BULK, 512, interface=1),
        Endpoint(OUT, BULK, 512, interface=1),
    )

    def __init__(self, *, product: str = "Serial port", serial: str = "1") -> None:
        super().__init__(product=product, serial=serial)
        self.extra[0] = FUNCTIONS
        self.coding = bytes.fromhex("80 25 00 00 00 00 08")

    def class_request(self, kind: int, request: int, value: int, index: int, data: bytes) -> bytes:
        """Its line has no speed; what is set is remembered."""
        if request == GET_LINE_CODING:
            return self.coding
        if request == SET_LINE_CODING:
            self.coding = data
            return b""
        if request in (SET_CONTROL_LINE_STATE, SEND_BREAK):
            return b""
        raise Stalled

    def received(self, endpoint: int, data: bytes) -> None:
        """What came, and the answer to it."""
        answer = self.heard(data)
        if answer:
            self.send(IN, answer)

    def heard(self, data: bytes) -> bytes:
        """The answer to these bytes."""
        return b""


class Rly16(CdcAcm):
    """Eight relays. `welded` ones do not follow."""

    vendor_id, product_id = 0x04D8, 0xFFEE

    def __init__(self, *, serial: str = "00001234") -> None:
        super().__init__(product="USB-RLY16", serial=serial)
        self.states = 0
        self.welded = 0

    def heard(self, data: bytes) -> bytes:
        """Each byte is a command."""
        return b"".join(self._command(byte) for byte in data)

    def _command(self, byte: int) -> bytes:
        if byte == 0x5A:
            return bytes([9, 3])
        if byte == 0x5B:
            return bytes([self.states])
        if 0x65 <= byte <= 0x6C:
            self.states |= 1 << (byte - 0x65) & ~self.welded
        if 0x6F <= byte <= 0x76:
            self.states &= ~(1 << (byte - 0x6F) & ~self.welded)
        return b""
