"""What is known of a path that somebody wants to erase, for agent/planning/safety.py to judge. Pure: values alone.

`examine.py` gathers them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from drivers.drives.drive import Drive

Kind = Literal["missing", "file", "directory", "character", "other", "block", "unreadable"]


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One use of the drive or of something on it. `target`: the mount point, the holder's name, or the program."""

    kind: Literal["mount", "swap", "holder", "protected", "writer"]
    device: str
    target: str = ""

    @property
    def sentence(self) -> str:
        """In words, for a person."""
        words = {
            "mount": f"{self.device} is mounted on {self.target}",
            "swap": f"{self.device} is active swap",
            "holder": f"{self.target} stands on {self.device}",
            "protected": f"this station's {self.target} lies on it",
            "writer": f"{self.target} has {self.device} open for writing",
        }
        return words[self.kind]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """`drive` is None where it could not be identified; `problem` says why. `in_bay` is None on the command line."""

    path: str
    kind: Kind
    problem: str = ""
    real_path: str = ""
    number: str = ""
    disk_sequence: int | None = None
    partition_of: str = ""
    no_drive: str = ""
    uses: tuple[Use, ...] = ()
    beside: tuple[Use, ...] = ()
    """Uses of the drive's other namespaces (NVMe): its own commands reach those too."""
    unasked: tuple[str, ...] = ()
    """What could not be asked at all, so that some use may be missing above; one clause each."""
    unseen: str = ""
    """Why some program that writes to it may be missing among the uses; empty where every process was seen."""
    counted: bool = True
    """Whether the kernel counts what is written to it: that decides where not every process is seen."""
    writers: Literal["none", "unknown"] | None = None
    """None where nobody asked: it is refused anyway, or simulated."""
    held: bool = False
    holder: str = ""
    read_only: bool = False
    capacity_bytes: int = 0
    logical_block_bytes: int = 512
    drive: Drive | None = None
    in_bay: bool | None = None
