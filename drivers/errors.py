"""Errors of the devices on the bench.

DriverError
├── UnknownDriver       no file of that name
├── BadDriverSettings   a setting that the driver does not take
├── DriverUnavailable   the library that it needs is not installed
├── DeviceGone          unplugged, or never there
│   └── DeviceTaken     another program has it
├── DeviceSilent        no answer within its deadline
│   └── DeviceGarbled   an answer that is none of its protocol
├── OutputDidNotFollow  an actuator read back otherwise than it was switched
└── DriveError          see drivers/drives/base.py
"""

from __future__ import annotations

from firmware_bridge.errors import CodedError


class DriverError(CodedError):
    """A device of the bench that does not do what it should."""

    code = "BW-D00"
    message = "{device}: {problem}"


class UnknownDriver(DriverError):
    """There is no driver of that name."""

    code = "BW-D01"
    message = "no {kind} driver is called {name!r}; known: {known}"


class BadDriverSettings(DriverError):
    """A driver's settings do not fit what it declares."""

    code = "BW-D02"
    message = "{where}: {problem}"


class DriverUnavailable(DriverError):
    """The driver is there, but a library that it needs is not installed."""

    code = "BW-D03"
    message = "{kind} driver {name!r} needs {missing}"
    hint = "Install it into benchwipe's environment."


class DeviceGone(DriverError):
    """The device was unplugged, or never was there."""

    code = "BW-D04"
    message = "{device} is not there"
    hint = "Check its cable."


class DeviceTaken(DeviceGone):
    """It is there, and another program has it for itself."""

    code = "BW-D08"
    message = "{device} is in use by another program"
    hint = "Close that program; a running daemon has its docks for itself."


class DeviceSilent(DriverError):
    """The device did not answer within its deadline."""

    code = "BW-D05"
    message = "{device} did not answer within {seconds} s"
    hint = "Check its cable and its power."


class DeviceGarbled(DeviceSilent):
    """What came is no answer of its protocol: noise on the line, another speed, or another device."""

    code = "BW-D07"
    message = "{device} answered {answer}, which is none of its answers"
    hint = "Check its cable, its address and the speed of its line."


class OutputDidNotFollow(DriverError):
    """An actuator was switched, and reads back otherwise."""

    code = "BW-D06"
    message = "{device}: bay {bay} reads back {found} after {wanted} was set"
