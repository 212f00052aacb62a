"""The first tables of this room: factor sets, work done, figures with their source."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
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
                    name="FactorDocument",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("version", models.CharField(max_length=32, unique=True)),
                        ("sha256", models.CharField(max_length=64, unique=True)),
                        ("document", models.BinaryField()),
                        ("who", models.TextField()),
                        ("loaded_at", models.DateTimeField(default=collector.moments.now)),
                    ],
                ),
                migrations.CreateModel(
                    name="Figure",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("year", models.SmallIntegerField()),
                        ("who", models.TextField()),
                        ("at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "name",
                            models.CharField(
                                choices=[("social_value", "social_value"), ("co2_price", "co2_price")], max_length=16
                            ),
                        ),
                        ("amount_ore", models.BigIntegerField()),
                        ("source", models.TextField()),
                        ("dated", models.DateField()),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.organisation"
                            ),
                        ),
                        (
                            "organisation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.organisation"
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
                        "indexes": [models.Index(fields=["customer", "year"], name="figure_of_year")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("name__in", ("social_value", "co2_price"))), name="figure_name"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("source", ""), _negated=True), name="figure_source"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Work",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("year", models.SmallIntegerField()),
                        ("who", models.TextField()),
                        ("at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "terms",
                            models.CharField(
                                choices=[
                                    ("fleksjob", "fleksjob"),
                                    ("loentilskud", "loentilskud"),
                                    ("praktik", "praktik"),
                                    ("ordinary", "ordinary"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("persons", models.PositiveIntegerField()),
                        ("hours", models.PositiveIntegerField()),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.organisation"
                            ),
                        ),
                        (
                            "organisation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.organisation"
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
                        "indexes": [models.Index(fields=["customer", "year"], name="work_of_year")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("terms__in", ("fleksjob", "loentilskud", "praktik", "ordinary"))),
                                name="work_terms",
                            )
                        ],
                    },
                ),
            ]
        )
    ]
