"""A proof of many rows: `make test` runs some of them, `make prove-NAME` (BENCHWIPE_PROVE) every one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def some(rows: Iterable[T], *, each: int) -> list[T]:
    """Every row of the whole proof, else each so-many-th of them, the first included."""
    return list(rows)[:: 1 if os.environ.get("BENCHWIPE_PROVE") else each]
