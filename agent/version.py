"""The program's version. Its one source is the newest tag of git, `v1.2.3`.

A package tells what was written into `version.txt` when it was built; a checkout asks git. PEP 440 words both.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
WRITTEN = "version.txt"
UNKNOWN = "0+unknown"
FIRST = (0, 1, 0)
"""What a checkout without any tag is on its way to."""
GIT_S = 10.0
TAGS = ("--tags", "--match=v[0-9]*.[0-9]*.[0-9]*", "--exclude=*[!v.0-9]*", "--exclude=?*v*", "--exclude=*.*.*.*")
"""Which tags are versions, in git's patterns: three numbers and nothing else."""
DESCRIBED = re.compile(r"(?:v(\d+)\.(\d+)\.(\d+)-(\d+)-g)?([0-9a-f]{7,40})(-dirty)?")


@cache
def version() -> str:
    """Tell the version of the program that runs."""
    return version_of(HERE.parent)


def version_of(tree: Path) -> str:
    """Tell the version of the sources in a folder: what was written at its build, else what git says of it."""
    try:
        return (tree / HERE.name / WRITTEN).read_text("ascii").strip()
    except OSError:
        # A folder that only lies in somebody's repository is none of its versions.
        return _of_checkout(tree) if (tree / ".git").exists() else UNKNOWN


def _of_checkout(tree: Path) -> str:
    said = _git(tree, "describe", "--long", "--always", "--dirty", "--abbrev=8", *TAGS)
    found = DESCRIBED.fullmatch(said)
    if found is None:
        return UNKNOWN
    *parts, ahead, commit, dirty = found.groups()
    if ahead is None:
        ahead = _git(tree, "rev-list", "--count", "HEAD") or "0"
        return _between(FIRST, ahead, commit, dirty)
    major, minor, patch = map(int, parts)
    if ahead == "0" and not dirty:
        return f"{major}.{minor}.{patch}"
    return _between((major, minor, patch + 1), ahead, commit, dirty)


def _between(coming: tuple[int, int, int], ahead: str, commit: str, dirty: str | None) -> str:
    """Word a commit that has no tag: older than the version that may come, newer than the one before it."""
    return f"{'.'.join(map(str, coming))}.dev{ahead}+g{commit}{'.dirty' if dirty else ''}"


def _git(tree: Path, *words: str) -> str:
    """Ask git; no answer is an empty one. Root may ask in a user's folder: it runs that user's program anyway."""
    import subprocess  # a checkout alone pays for it, and no station

    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(tree), *words]
    try:
        done = subprocess.run(
            command,
            env={**environment, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.stdout.write(f"{version()}\n")
