"""The erase engine: overwrites a drive by a method, reads it back, and says what that proves (docs/erasing.md).

Here are the values that go in and out. What works on drives (`agent.erase.engine`, `verify`, `speed`) is imported by
whoever does that work: an idle station does without it. What lives while a job runs stands in `agent.erase.signals`.
"""

from agent.erase.methods import METHODS, Method
from agent.erase.spec import (
    Area,
    Checkpoint,
    EraseSpec,
    KnownHash,
    Limits,
    PatternSpan,
    Progress,
    Renewed,
    ResumePoint,
    Step,
    VerifySpec,
)

__all__ = [
    "METHODS",
    "Area",
    "Checkpoint",
    "EraseSpec",
    "KnownHash",
    "Limits",
    "Method",
    "PatternSpan",
    "Progress",
    "Renewed",
    "ResumePoint",
    "Step",
    "VerifySpec",
]
