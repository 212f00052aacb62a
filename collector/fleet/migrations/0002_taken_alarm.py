"""Who took which alarm."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("fleet", "0001_initial"),
        ("parties", "0002_language"),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="TakenAlarm",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("station", models.CharField(max_length=64)),
                        ("alarm", models.CharField(max_length=100)),
                        ("since", models.CharField(max_length=40)),
                        ("code", models.CharField(max_length=40)),
                        ("taken_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("station", "alarm", "since"), name="fleet_alarm_once")
                        ],
                    },
                ),
            ]
        )
    ]
