"""The state folder as a whole: who holds it, whose its files are, and whether a restore was cut off in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from agent import files
from agent.errors import AgentError

LOCK = "daemon.lock"
UNFINISHED = "restore.unfinished"


class AlreadyRunning(AgentError):
    """Another daemon uses this state folder."""

    code = "BW-A11"
    message = "another benchwipe daemon runs on {state_dir}"


class RestoreUnfinished(AgentError):
    """A restore was cut off after it began to put files in their places."""

    code = "BW-A29"
    message = "{state_dir}: a restore was cut off here, and part of it may be missing"
    hint = "Run `benchwipe restore` with the backup again."


def hold(state_dir: Path) -> int:
    """Hold a lock that dies with its process: one daemon, restore or exchange of keys at a time. AlreadyRunning."""
    descriptor = os.open(state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        give_to_owner(state_dir / LOCK, of=state_dir)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning(state_dir=state_dir) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def view_folder(state_dir: Path) -> Path:
    """Name the folder beside it for people who may only look: public key and view socket; the installer makes it."""
    return state_dir.with_name(f"{state_dir.name}-view")


def refuse_unfinished(state_dir: Path) -> None:
    """Raise RestoreUnfinished where a restore did not come to its end."""
    if os.path.lexists(state_dir / UNFINISHED):
        raise RestoreUnfinished(state_dir=state_dir)


def mark_unfinished(state_dir: Path) -> None:
    """Mark this folder: from here on nothing in it counts, until `clear_unfinished`."""
    files.replace(state_dir / UNFINISHED, b"", mode=0o600)


def clear_unfinished(state_dir: Path) -> None:
    """Clear the mark: everything is in its place."""
    (state_dir / UNFINISHED).unlink(missing_ok=True)
    files.flush_folder(state_dir)


def give_to_owner(path: Path, *, of: Path) -> None:
    """Give what root makes in a folder of the service's user to that user, who could not read it otherwise."""
    if os.geteuid() != 0:
        return
    owner = of.stat()
    with contextlib.suppress(PermissionError):  # a file system without owners
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
