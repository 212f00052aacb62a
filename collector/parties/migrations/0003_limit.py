"""Attempts to sign in are counted in the database: a restart forgets none."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from collector.guards import Guarded


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("parties", "0002_language")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Limit",
                    fields=[
                        ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                        ("value", models.TextField()),
                        ("until", models.FloatField(db_index=True)),
                    ],
                ),
            ]
        )
    ]
