"""The first table of this room."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = [("parties", "0002_language")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="ListPrice",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=12)),
                        ("grade", models.CharField(default="*", max_length=20)),
                        ("price_ore", models.BigIntegerField()),
                        ("valid_from", models.DateField()),
                        ("who", models.TextField()),
                        ("recorded_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "seller",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="parties.organisation",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["seller", "kind", "grade", "valid_from"], name="list_price_lookup")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("price_ore__gte", 0)), name="list_price_not_negative"
                            )
                        ],
                    },
                ),
            ]
        ),
    ]
