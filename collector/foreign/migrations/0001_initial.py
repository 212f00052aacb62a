"""The first tables of this room."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded

KEY = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = []

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="ForeignFile",
                    fields=[
                        KEY,
                        ("sha256", models.CharField(max_length=64, unique=True)),
                        ("name", models.TextField()),
                        ("tool", models.CharField(max_length=20)),
                        ("body", models.BinaryField()),
                        ("who", models.TextField()),
                        ("taken_at", models.DateTimeField(default=collector.moments.now)),
                    ],
                ),
                migrations.CreateModel(
                    name="ForeignRecord",
                    fields=[
                        KEY,
                        ("model", models.TextField(blank=True, default="")),
                        ("serial", models.TextField(blank=True, default="")),
                        ("norm", models.CharField(blank=True, default="", max_length=128)),
                        ("said", models.TextField(blank=True, default="")),
                        ("method", models.TextField(blank=True, default="")),
                        ("finished", models.TextField(blank=True, default="")),
                        (
                            "file",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="records",
                                to="foreign.foreignfile",
                            ),
                        ),
                    ],
                    options={"indexes": [models.Index(fields=["norm"], name="foreign_norm")]},
                ),
            ]
        ),
    ]
