"""How this board is wired. Edit it for another one; docs/controller.md has the same as a table.

Every output has a pull-down at its transistor's gate, so that a bay is off while the pins are not driven.
"""

LINK = "uart"  # "uart": GP0 and GP1, 115200 8N1; "usb": the board's own port, which then has no REPL
BAUD = 115200

I2C_12V = (0, 5, 4)  # bus, SCL, SDA: current of the 12 V rails, temperatures, expanders
I2C_5V = (1, 3, 2)  # current of the 5 V rails
I2C_HZ = 400000

# Bays on the board's own pins: 12 V, 5 V, lock, fan, three lamps; present, door, button (contacts to ground).
PIN_BAYS = (
    ((6, 7, 8, 9, 10, 11, 12), (13, 14, 15)),
    ((16, 17, 18, 19, 20, 21, 22), (26, 27, 28)),
)
# Further bays, one MCP23017 each: port A is the outputs, port B the inputs, bit for bit.
EXPANDERS: tuple[int, ...] = ()  # (0x20, 0x21, ..) for bays 3, 4, ..

# Lamps on the board's own pins are dimmed by switching them this often: above 3000 a second no eye and no camera is
# troubled by it (IEEE 1789-2015). Those on expanders are only on or off.
LAMP_HZ = 4000
LAMP_PERCENT = 50  # until a host says otherwise

# Sensors of bay n are at these addresses plus n. None: there are none.
CURRENT_CHIP: str | None = "ina219"  # or "ina226"
CURRENT_ADDRESS = 0x40
SHUNT_MILLIOHM = 50
TEMPERATURE_ADDRESS: int | None = 0x48  # TMP102, TMP75 or LM75
TWO_RAILS = True  # whether the 5 V rail has a sensor of its own

# The limits that no host can lift.
MAX_MILLIAMPS = 4000  # both rails together; a 3.5-inch disk takes about 2.7 A while it spins up
MAX_DECICELSIUS = 650
SPIN_UP_MS = 700  # between two bays that get power
BUSY_HOLD_S = 14400  # a busy bay without a host: 4 h, longer than most firmware erasures; the host may say otherwise

WATCHDOG_MS = 2000
