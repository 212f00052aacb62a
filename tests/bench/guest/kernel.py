"""Debian's stock kernel: the package fetched and unpacked, never installed."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import zlib
from pathlib import Path

from tests.bench.guest.tools import BenchLacks, run

META = {"amd64": "linux-image-amd64", "arm64": "linux-image-arm64"}


def unpacked(cache: Path, architecture: str = "amd64") -> Path:
    """The folder with boot/ and lib/modules/ of the newest kernel that apt knows; fetched once for each version."""
    package = _package(architecture)
    folder = cache / f"kernel-{package}".replace(":", "-")
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    scratch = cache / f"{folder.name}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    run(["apt-get", "--quiet=2", "download", package], cwd=scratch, timeout=300)
    archive = next(scratch.glob("*.deb"))
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as reader:
        run(["tar", "-x", "-C", str(scratch), "./boot", "./lib/modules"], stdin=reader.stdout, timeout=120)
    archive.unlink()
    version = version_of(scratch)
    run(["depmod", "-b", str(scratch), version])
    if architecture == "amd64":
        image = (scratch / "boot" / f"vmlinuz-{version}").read_bytes()
        (scratch / "boot" / "vmlinux").write_bytes(decompressed(image))
    scratch.rename(folder)
    return folder


def version_of(kernel: Path) -> str:
    """The kernel's release."""
    return next((kernel / "lib" / "modules").iterdir()).name


def _package(architecture: str) -> str:
    """The package that the meta package stands for."""
    meta = f"{META[architecture]}:{architecture}"
    names = _depends(meta)
    if not names:
        run(["apt-get", "--quiet=2", "update"], timeout=300, ok=True)  # an image of Debian comes without lists
        names = _depends(meta)
    if not names:
        raise BenchLacks(f"apt knows no {META[architecture]}:{architecture}; apt-get update, or another mirror?")
    name = names[0].removesuffix(f":{architecture}")
    return name if architecture == "amd64" else f"{name}:{architecture}"


def _depends(package: str) -> list[str]:
    shown = run(["apt-cache", "depends", package], timeout=60, ok=True)
    return [line.split()[-1] for line in shown.splitlines() if "Depends: linux-image-" in line]


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
