"""The first tables of this room."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from collector.guards import Guarded


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("parties", "0002_language"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="ChainHead",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("sha256", models.CharField(blank=True, default="", max_length=64)),
                        ("count", models.BigIntegerField(default=0)),
                    ],
                ),
                migrations.CreateModel(
                    name="SignedStatement",
                    fields=[
                        ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                        ("sha256", models.CharField(max_length=64, unique=True)),
                        ("previous", models.CharField(max_length=64, unique=True)),
                        ("kind", models.CharField(max_length=40)),
                        ("word", models.CharField(blank=True, default="", max_length=40)),
                        ("who", models.TextField()),
                        ("said_at", models.DateTimeField()),
                        ("compact", models.BinaryField()),
                        (
                            "customer",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="parties.organisation",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "indexes": [models.Index(fields=["kind", "seq"], name="statements_kind")],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Subject",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=20)),
                        ("name", models.CharField(max_length=200)),
                        ("word", models.CharField(blank=True, default="", max_length=40)),
                        (
                            "statement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="subjects",
                                to="statements.signedstatement",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["kind", "name", "statement"], name="statements_about")],
                    },
                ),
            ]
        ),
    ]
