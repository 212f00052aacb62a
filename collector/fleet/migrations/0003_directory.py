"""What stations are told, and what they answered."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("fleet", "0002_taken_alarm"),
        ("intake", "0003_found_elsewhere"),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="StationDirectory",
                    fields=[
                        (
                            "station",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="directory",
                                serialize=False,
                                to="intake.station",
                            ),
                        ),
                        ("version", models.BigIntegerField()),
                        ("content_sha256", models.CharField(max_length=64)),
                        ("body", models.BinaryField()),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("state", models.CharField(blank=True, default="", max_length=8)),
                        ("reason", models.TextField(blank=True, default="")),
                        ("answered_at", models.DateTimeField(blank=True, null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="DirectoryEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=12)),
                        ("name", models.CharField(max_length=200)),
                        ("facts", models.JSONField(default=dict)),
                        ("changed_at", models.DateTimeField(default=collector.moments.now)),
                    ],
                    options={
                        "constraints": [models.UniqueConstraint(fields=("kind", "name"), name="fleet_directory_once")],
                    },
                ),
            ]
        )
    ]
