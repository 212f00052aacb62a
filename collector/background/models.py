"""What waits to be done in the background, what is being done, and what came of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from collector.moments import now
from collector.parties.models import Person, one_of

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
STATES = (WAITING, RUNNING, DONE, FAILED)


class Task(models.Model):
    """One piece of work. Whoever asked for it is the only one who sees it."""

    token = models.CharField(max_length=43, unique=True)
    """In its address, and the name of its folder: nobody guesses it."""
    kind = models.CharField(max_length=60)
    told: models.JSONField[Any, Any] = models.JSONField(default=dict)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    state = models.CharField(max_length=7, default=WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(default=now)
    due_at = models.DateTimeField(default=now)
    held_until = models.DateTimeField(null=True)
    """A worker that does it moves this moment on; once it has passed, that worker is gone."""
    ended_at = models.DateTimeField(null=True)
    file_name = models.TextField(default="")
    media = models.TextField(default="")
    problem = models.TextField(default="")

    class Meta:
        """Found by what is due; by who asked."""

        constraints = (
            models.CheckConstraint(name="task_state", condition=one_of("state", STATES)),
            models.CheckConstraint(
                name="task_held", condition=Q(state=RUNNING, held_until__isnull=False) | ~Q(state=RUNNING)
            ),
        )
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "due_at"], name="task_due"),
            models.Index(fields=["person", "state"], name="task_person"),
        ]
