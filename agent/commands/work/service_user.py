"""The service's own user: root checks a configuration as the one who will have to live with it."""

from __future__ import annotations

import grp
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path

NAME = "benchwipe"
GROUPS = ("dialout", "input", "lp", "i2c")
"""The SupplementaryGroups of benchwipe.service."""


def of(state_dir: Path, *, usual: Path) -> pwd.struct_passwd | None:
    """Find whose the state folder is; None where that is root, or this process is not root's.

    Before its first start the folder may be missing: the usual one will be the user's whom the installer made.
    """
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwuid(state_dir.stat().st_uid) if state_dir.exists() or state_dir != usual else pwd.getpwnam(NAME)
    except (KeyError, OSError):
        return None
    return user if user.pw_uid else None


def call_as(user: pwd.struct_passwd, work: Callable[[], int]) -> int:
    """Call it in a process of that user's, with the groups that the unit gives it, and return what it returns.

    Its modules are those that are loaded: root's own folders are closed to it.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _become(user)
            status = work()
        except Exception as error:  # noqa: BLE001 - the edge of this process
            print(f"benchwipe: as {user.pw_name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended) if os.WIFEXITED(ended) else 1


def _become(user: pwd.struct_passwd) -> None:
    known = [group.gr_gid for group in grp.getgrall() if group.gr_name in GROUPS]
    os.setgroups([*dict.fromkeys([*os.getgrouplist(user.pw_name, user.pw_gid), *known])])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.environ |= {"HOME": "/", "USER": user.pw_name}
