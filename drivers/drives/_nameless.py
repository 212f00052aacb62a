"""Serial numbers and world wide names that were met on more than one drive: each names none.

Kept by hand: who meets another adds it, with where it was seen. What a rule of `_identities` finds by itself stands
here too where it was met often, so that the rules are tried against it. Signs, blanks and small letters do not count.
"""

from __future__ import annotations

from collections.abc import Mapping

_FIRMWARE = "what firmware makers put where a maker was to write (DMI type 1 to 3; SMBIOS 3.6, 7.2, has no default)"
_JMICRON = "JMicron bridges: rockstor-core issue 2318 (JMS567, four bays, one serial); openmediavault issue 1941"
_ROCKSTOR = "ORICO enclosures of 4, 5 and 8 bays: rockstor-core issue 2318"
_EWENT = "Ewent EW7017 adapter, the same on each: superuser.com question 1663951"
_CRUZER = "a SanDisk stick: nwipe issue 560"
_COUNTED = "counted up on a keyboard: descriptors of USB controllers' reference firmware"
_WORD = "no number at all: a word that a maker of bridges, sticks or card readers left where one was to stand"
_REALTEK = "Realtek card readers (0bda:0119, 0bda:0158): one serial in the kernel logs of many machines"
_ALCOR = "Alcor card readers (058f:6366), vendor and product before the same digits: kernel logs of many machines"
_DOCKS = "docks of several bays and sticks, counted down behind two letters: by-id listings of Sabrent's DB98765432146"
_ORICO = "ORICO enclosure of 5 bays, one serial for all: openmediavault pull request 746"
_NO_OUI = "NAA 5 without a company: bridges and refurbished disks; SPC-5, 7.7.6.6.5 wants an IEEE number there"

SERIALS: Mapping[str, str] = {
    "152D00539000": _JMICRON,
    "152D00578000": _JMICRON,
    "152D203380B6": _JMICRON,
    "000000000000": _ROCKSTOR,
    "000000000001": _CRUZER,
    "000000004BA8": _EWENT,
    "123456789299": _COUNTED,
    "123456789012": _COUNTED,
    "1234567890ABCDEF": _COUNTED,
    "0123456789ABCDEF": _COUNTED,
    "N/A": _FIRMWARE,
    "None": _FIRMWARE,
    "Null": _FIRMWARE,
    "OEM": _FIRMWARE,
    "Not Specified": _FIRMWARE,
    "Not Available": _FIRMWARE,
    "Not Applicable": _FIRMWARE,
    "Not Provided": _FIRMWARE,
    "Not Set": _FIRMWARE,
    "Not Defined": _FIRMWARE,
    "No Serial": _FIRMWARE,
    "No Serial Number": _FIRMWARE,
    "Unknown": _FIRMWARE,
    "Undefined": _FIRMWARE,
    "Unspecified": _FIRMWARE,
    "Empty": _FIRMWARE,
    "Invalid": _FIRMWARE,
    "Default": _FIRMWARE,
    "Default String": _FIRMWARE,
    "Serial": _FIRMWARE,
    "Serial Number": _FIRMWARE,
    "System Serial Number": _FIRMWARE,
    "Chassis Serial Number": _FIRMWARE,
    "To be filled by O.E.M.": _FIRMWARE,
    "To be filled by OEM by More String": _FIRMWARE,
    "Fill by OEM": _FIRMWARE,
    "O.E.M.": _FIRMWARE,
    "TBD": _FIRMWARE,
    "S/N": _WORD,
    "SN": _WORD,
    "USB": _WORD,
    "Disk": _WORD,
    "USB Disk": _WORD,
    "USB Device": _WORD,
    "Mass Storage": _WORD,
    "Generic": _WORD,
    "Test": _WORD,
    "Sample": _WORD,
    "DEADBEEF": _WORD,
    "CAFEBABE": _WORD,
    "20090815198100000": _REALTEK,
    "058F63666485": _ALCOR,
    "DB98765432146": _DOCKS,
    "DB9876543214E": _DOCKS,
    "20170331000C3": _ORICO,
}

WWNS: Mapping[str, str] = {
    "0x5000000000000000": _NO_OUI,
    "0x5000000000000001": _NO_OUI,
    "0x502b2a201d1c1b1a": "the same on Innodisk 3ME4 and Apacer AS340 drives of other serials: reports of smartctl",
}
