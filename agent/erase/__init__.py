"""The erase engine: overwrites a drive by a method, reads it back, and says what that proves (docs/erasing.md)."""

from agent.erase.against import verify_against
from agent.erase.engine import erase
from agent.erase.job_spec import (
    Area,
    Checkpoint,
    EraseSpec,
    Limits,
    Progress,
    Renewed,
    ResumePoint,
    Step,
    Stop,
    VerifySpec,
)
from agent.erase.methods import METHODS, Method
from agent.erase.speed import Benchmark, benchmark

__all__ = [
    "METHODS",
    "Area",
    "Benchmark",
    "Checkpoint",
    "EraseSpec",
    "Limits",
    "Method",
    "Progress",
    "Renewed",
    "ResumePoint",
    "Step",
    "Stop",
    "VerifySpec",
    "benchmark",
    "erase",
    "verify_against",
]
