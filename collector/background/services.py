"""What happens to a task. Each change is one short statement, so that no task holds the intake's database up."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from collector.background.errors import TooMuchWaiting
from collector.background.kinds import KINDS, Made
from collector.background.models import DONE, FAILED, RUNNING, WAITING, Task
from collector.moments import now
from collector.owned import make_folder
from collector.parties.models import Person

LOG = logging.getLogger(__name__)
MOST, MOST_OF_ONE = 1_000, 20
"""Tasks that wait: in all, and of one person."""
HELD = timedelta(seconds=30)
PAUSE_S = (10, 60, 600)
"""Before the second, the third and each later try."""
KEPT = timedelta(days=1)
"""How long a task that has ended, and its file, are kept."""
LONGEST_PROBLEM = 500
FILE = "file"


def ask(kind: str, told: Mapping[str, Any], person: Person | None) -> Task:
    """Put a task into the queue. Raise TooMuchWaiting where it is full."""
    if kind not in KINDS:
        raise ValueError(f"no room does {kind} in the background")
    with transaction.atomic():
        open_ = Task.objects.filter(state__in=(WAITING, RUNNING))
        most = MOST if person is None else MOST_OF_ONE
        for waiting, limit in ((open_.filter(person=person).count(), most), (open_.count(), MOST)):
            if waiting >= limit:
                raise TooMuchWaiting(count=waiting)
        return Task.objects.create(token=secrets.token_urlsafe(32), kind=kind, told=dict(told), person=person)


def take() -> Task | None:
    """Take the task whose turn it is. None where there is none, or another worker was faster."""
    due = Task.objects.filter(state=WAITING, due_at__lte=now()).order_by("due_at", "id").first()
    if due is None:
        return None
    taken = Task.objects.filter(pk=due.pk, state=WAITING, tries=due.tries).update(
        state=RUNNING, tries=F("tries") + 1, held_until=now() + HELD
    )
    due.refresh_from_db()
    return due if taken == 1 else None


def hold(task: Task) -> None:
    """Say that it is still being done."""
    _mine(task).update(held_until=now() + HELD)


def done(task: Task, made: Made | None) -> None:
    """Keep what came of it. Raise ValueError for a file that is not in the task's folder."""
    changes: dict[str, str] = {}
    if made is not None:
        if made.path.resolve().parent != folder(task).resolve() or not made.path.is_file():
            raise ValueError(f"{made.path} is no file in the task's own folder")
        made.path.replace(folder(task) / FILE)
        changes = {"file_name": made.name, "media": made.media}
    _mine(task).update(state=DONE, ended_at=now(), held_until=None, **changes)


def fail(task: Task, problem: str, *, again: bool) -> None:
    """Note that it failed; `again`: it is tried once more, if it has a try left."""
    kind = KINDS.get(task.kind)
    problem = problem[:LONGEST_PROBLEM]
    if again and kind is not None and task.tries < kind.tries:
        pause = PAUSE_S[min(task.tries, len(PAUSE_S)) - 1]
        _mine(task).update(state=WAITING, due_at=now() + timedelta(seconds=pause), held_until=None, problem=problem)
        LOG.warning("task %s (%d) is tried again in %d s: %s", task.kind, task.pk, pause, problem)
        return
    if _mine(task).update(state=FAILED, ended_at=now(), held_until=None, problem=problem):
        LOG.error("task %s (%d) failed: %s", task.kind, task.pk, problem)
        shutil.rmtree(folder(task), ignore_errors=True)


def give_back(task: Task) -> None:
    """Put a task back that the worker's own end cut off: that was no try of its."""
    _mine(task).update(state=WAITING, tries=F("tries") - 1, held_until=None)


def recover() -> None:
    """Take up tasks whose worker is gone: its time has passed, and nobody moved it on."""
    for task in Task.objects.filter(state=RUNNING, held_until__lt=now()):
        fail(task, "the worker ended while it did this", again=True)


def trim() -> None:
    """Forget what ended a day ago, with its files; and folders that belong to no task."""
    for task in Task.objects.filter(state__in=(DONE, FAILED), ended_at__lt=now() - KEPT):
        shutil.rmtree(folder(task), ignore_errors=True)
        task.delete()
    known = set(Task.objects.values_list("token", flat=True))
    place = place_of_files()
    for one in place.iterdir() if place.is_dir() else ():
        if one.name not in known:
            shutil.rmtree(one, ignore_errors=True)


def place_of_files() -> Path:
    """Say where the folders of tasks are."""
    return Path(getattr(settings, "COLLECTOR_TASKS_DIR", "tasks"))  # collector/boot.py: beside the keys


def folder(task: Task) -> Path:
    """Say where a task's own folder is, which is there while it is being done and while its file is kept."""
    return place_of_files() / task.token


def fresh_folder(task: Task) -> Path:
    """Make its folder, with nothing of an earlier try in it."""
    make_folder(place_of_files())
    shutil.rmtree(folder(task), ignore_errors=True)
    make_folder(folder(task))
    return folder(task)


def _mine(task: Task) -> Any:  # noqa: ANN401 - a query set
    """Find the row, if this try is still the one that does it: a worker that was late changes nothing."""
    return Task.objects.filter(pk=task.pk, state=RUNNING, tries=task.tries)
