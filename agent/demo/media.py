"""What stands on the demo's drives before they are erased: real file systems with recognisable files."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

SECRET = b"CPR 010190-1234 - Demo Kommune, not for anybody's eyes"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

SECTOR = 512
ROOT_ENTRIES = 512


def fill(image: Path, *, kind: str, size: int) -> str:
    """Make the image and put a file system with files on it; returns how it was made."""
    with image.open("wb") as file:
        file.truncate(size)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(24):
            text = b"".join(SECRET + f", case {number}, page {page}\n".encode() for page in range(800))
            (folder / f"CASE{number:02}.TXT").write_bytes(text)
        if kind == "ext4" and _run("mkfs.ext4", "-q", "-F", "-d", str(folder), str(image)):
            return "ext4"
        files = sorted(folder.iterdir())
        if _run("mkfs.vfat", str(image)) and _run("mcopy", "-i", str(image), *map(str, files), "::/"):
            return "vfat"
        write_fat16(image, size, files)
        return "FAT16, written by hand"


def holds_secret(image: Path) -> bool:
    """Say whether the recognisable text can still be found anywhere."""
    with image.open("rb") as file:
        before = b""
        while block := file.read(1 << 20):
            if SECRET in before + block:
                return True
            before = block[-len(SECRET) :]
    return False


def write_fat16(image: Path, size: int, files: list[Path]) -> None:
    """Write a FAT16 file system with these files, for machines without its tools.

    It is that of Microsoft's FAT specification 1.03.
    """
    sectors, per_cluster = size // SECTOR, 4
    fat_sectors = (sectors // per_cluster + 2) * 2 // SECTOR + 1
    boot = struct.pack(
        "<3s8sHBHBHHBHHHII", b"\xeb\x3c\x90", b"BENCHWIP", SECTOR, per_cluster, 1, 2, ROOT_ENTRIES,
        sectors if sectors < 65536 else 0, 0xF8, fat_sectors, 63, 255, 0, 0 if sectors < 65536 else sectors,
    )  # fmt: skip
    boot = (boot + struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 1, b"DEMO       ", b"FAT16   ")).ljust(
        510, b"\0"
    ) + b"\x55\xaa"
    table, root, data = [0xFFF8, 0xFFFF], b"", b""
    cluster_bytes = per_cluster * SECTOR
    for path in files:
        content = path.read_bytes()
        count = -(-len(content) // cluster_bytes)
        first = len(table)
        table += [*range(first + 1, first + count), 0xFFFF]
        name = path.stem.encode().ljust(8) + path.suffix[1:].encode().ljust(3)
        root += struct.pack("<11sB14xHI", name, 0x20, first, len(content))
        data += content.ljust(count * cluster_bytes, b"\0")
    fat = struct.pack(f"<{len(table)}H", *table).ljust(fat_sectors * SECTOR, b"\0")
    with image.open("r+b") as file:
        file.write(boot + fat + fat + root.ljust(ROOT_ENTRIES * 32, b"\0") + data)


def _run(name: str, *arguments: str) -> bool:
    program = shutil.which(name, path=PATH)
    if program is None:
        return False
    return subprocess.run([program, *arguments], capture_output=True, check=False, timeout=30).returncode == 0
