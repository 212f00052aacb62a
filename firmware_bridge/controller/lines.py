"""What a bay's logic needs of its hardware. hal.py has the real ones; whatever stands in for them obeys this too."""


class BayLines:
    """The lines and sensors of one bay. Every method raises OSError when the hardware does not answer."""

    def write(self, outputs: int) -> None:
        """Switch wire.V12 .. wire.LED_3, absolutely."""
        raise NotImplementedError

    def read_outputs(self) -> int:
        """Read the lines as they really are, not as they were written; of lamps that are dimmed, as they were."""
        raise NotImplementedError

    def dim(self, percent: int) -> None:
        """Make lamps that are on so bright (1 to 100). Nothing happens where they can only be on or off."""
        return

    def read_inputs(self) -> int:
        """Read wire.PRESENT | wire.DOOR | wire.BUTTON, as they are now."""
        raise NotImplementedError

    def milliamps(self) -> int | None:
        """Measure the current into the drive, both rails together. None without a sensor."""
        return None

    def millivolts(self) -> int | None:
        """Measure the voltage of the higher rail. None without a sensor."""
        return None

    def decicelsius(self) -> int | None:
        """Measure the temperature at the drive, tenths of a degree. None without a sensor."""
        return None
