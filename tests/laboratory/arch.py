"""The machines that a guest can be: this one's kind, made of its own files, and the station's, made of packages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """An architecture as Debian names it, and a machine of QEMU's that has it.

    `board`: QEMU's machine and processor, with two SATA buses `ide.0` and `ide.1`. `console`: the first serial port's
    name in the guest. `environment`: KEY=VALUE words on the kernel's command line, which hands them to all that runs.
    `warmed`: how the names begin of modules that a saved guest has imported already.
    """

    debian: str
    qemu: str
    board: tuple[str, ...]
    console: str
    environment: str = ""
    warmed: tuple[str, ...] = ("agent", "drivers", "firmware_bridge", "paho")


AMD64 = Arch("amd64", "qemu-system-x86_64", ("-M", "q35", "-cpu", "Nehalem,+rdrand"), "ttyS0")

ARM64 = Arch(
    "arm64",
    "qemu-system-aarch64",
    ("-M", "virt,gic-version=3", "-cpu", "cortex-a72", "-device", "ich9-ahci,id=ide"),
    "ttyAMA0",
    # The Raspberry Pi 4's Cortex-A72 was made without the instructions for AES, SHA and PMULL. QEMU 7.2 cannot take
    # them off, so OpenSSL is told not to use them (doc/man3/OPENSSL_armcap, bit 0: NEON).
    environment="OPENSSL_armcap=0x1",
    warmed=("agent.cli", "agent.commands"),  # a smoke run does without the daemon, whose imports alone take ten seconds
)
