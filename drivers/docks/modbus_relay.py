"""Modbus RTU relay boards as Waveshare makes them: FC05 switches a coil, FC01 reads them.

Value 5500 of FC05 toggles on these boards; it is never sent, since a repeated toggle is another state. Modbus over
serial line V1.02; the library checks address, function, length and CRC of each answer, and the echo of each write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import minimalmodbus
import msgspec

from drivers.deadline import Deadline
from drivers.docks._line import FAILURES, SerialBoard

ANSWER_S = 0.5  # one try; a board answers 8 coils in 20 ms at 9600 baud
READ_COILS, WRITE_COIL = 1, 5


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`address`: as set on the board. `first_coil`: of slot 1; 0 on Waveshare's."""

    port: Annotated[str, msgspec.Meta(min_length=1)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=32)] = 8
    address: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1
    baud: Literal[4800, 9600, 19200, 38400, 57600, 115200] = 9600
    first_coil: Annotated[int, msgspec.Meta(ge=0, le=65503)] = 0


class Driver(SerialBoard):
    """A request that got no answer is sent once more: both kinds are absolute."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.slots, settings.port, settings.baud)
        self._settings = settings

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Write `FF00` or `0000` to the coil."""
        coil = self._settings.first_coil + slot - 1
        self._try(lambda board: board.write_bit(coil, int(on), functioncode=WRITE_COIL), within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Read all coils in one question, so that a board with fewer is found out."""
        self.require(slot)
        first = self._settings.first_coil
        coils = self._try(lambda board: board.read_bits(first, self.slots, functioncode=READ_COILS), within)
        return bool(coils[slot - 1])

    def _try(self, ask: Callable[[minimalmodbus.Instrument], Any], within: Deadline) -> list[int]:
        silent = None
        for _ in range(2):
            port = self._line.open(Deadline(min(ANSWER_S, within.left())))
            try:
                return ask(minimalmodbus.Instrument(port, self._settings.address)) or []
            except minimalmodbus.NoResponseError as error:
                silent = error
            except (minimalmodbus.ModbusException, ValueError) as error:
                raise self._line.garbled(str(error)) from error
            except FAILURES as error:
                raise self._line.gone() from error
        raise self._line.silent(within) from silent
