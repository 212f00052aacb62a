"""The queue of background work."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded

STATES = ("waiting", "running", "done", "failed")
HELD = models.Q(
    models.Q(("held_until__isnull", False), ("state", "running")), ~models.Q(state="running"), _connector="OR"
)


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = [("parties", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Task",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("token", models.CharField(max_length=43, unique=True)),
                        ("kind", models.CharField(max_length=60)),
                        ("told", models.JSONField(default=dict)),
                        ("state", models.CharField(default="waiting", max_length=7)),
                        ("tries", models.PositiveSmallIntegerField(default=0)),
                        ("asked_at", models.DateTimeField(default=collector.moments.now)),
                        ("due_at", models.DateTimeField(default=collector.moments.now)),
                        ("held_until", models.DateTimeField(null=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                        ("file_name", models.TextField(default="")),
                        ("media", models.TextField(default="")),
                        ("problem", models.TextField(default="")),
                        (
                            "person",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["state", "due_at"], name="task_due"),
                            models.Index(fields=["person", "state"], name="task_person"),
                        ],
                        "constraints": [
                            models.CheckConstraint(condition=models.Q(("state__in", STATES)), name="task_state"),
                            models.CheckConstraint(condition=HELD, name="task_held"),
                        ],
                    },
                ),
            ]
        )
    ]
