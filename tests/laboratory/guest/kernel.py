"""Debian's stock kernel: the package fetched and unpacked, never installed."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import zlib
from pathlib import Path

from tests.laboratory.guest.debian import Apt, unpack_one
from tests.laboratory.guest.tools import BenchLacks, run

META = {"amd64": "linux-image-amd64", "arm64": "linux-image-arm64"}


def unpacked(cache: Path, apt: Apt, architecture: str) -> Path:
    """The folder with boot/vmlinux and lib/modules/ of the newest kernel that apt knows; fetched once a version."""
    package = apt.kernel(META[architecture])
    folder = cache / f"kernel-{package}"
    if folder.exists():
        return folder
    scratch = cache / f"{folder.name}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    archive = apt.fetch(scratch, package)
    unpack_one(archive, scratch, "./boot", "./lib/modules")
    archive.unlink()
    version = version_of(scratch)
    run(["depmod", "-b", str(scratch), version])
    image = (scratch / "boot" / f"vmlinuz-{version}").read_bytes()
    (scratch / "boot" / "vmlinux").write_bytes(bootable(image))
    scratch.rename(folder)
    return folder


def version_of(kernel: Path) -> str:
    """The kernel's release."""
    return next((kernel / "lib" / "modules").iterdir()).name


def bootable(image: bytes) -> bytes:
    """What QEMU boots fastest: an arm64 Image (Documentation/arm64/booting.rst) as it is, of a bzImage its kernel."""
    return image if image[0x38:0x3C] == b"ARM\x64" else decompressed(image)


def decompressed(image: bytes) -> bytes:
    """The ELF kernel in a bzImage (Documentation/x86/boot.rst): booted so, emulation need not decompress it."""
    sectors = image[0x1F1] or 4
    offset = int.from_bytes(image[0x248:0x24C], "little")
    size = int.from_bytes(image[0x24C:0x250], "little")
    start = (sectors + 1) * 512 + offset
    packed = image[start : start + size]
    if packed[:6] == b"\xfd7zXZ\0":
        kernel = lzma.LZMADecompressor().decompress(packed)
    elif packed[:4] == b"\x28\xb5\x2f\xfd":
        done = subprocess.run(["zstd", "-dcq"], input=packed[:-4], stdout=subprocess.PIPE, check=False)
        kernel = done.stdout
    elif packed[:2] == b"\x1f\x8b":
        kernel = zlib.decompressobj(31).decompress(packed)
    else:
        raise BenchLacks(f"the kernel is packed in a way that is not known: {packed[:6].hex()}")
    if kernel[:4] != b"\x7fELF":
        raise BenchLacks("no ELF kernel came out of vmlinuz")
    return kernel
