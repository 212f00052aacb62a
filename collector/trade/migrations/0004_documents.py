"""Settlements' lines and documents, and what customers object to."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("parties", "0002_language"),
        ("trade", "0003_settlements"),
        ("units", "0001_initial"),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Objection",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("subject", models.CharField(max_length=100)),
                        ("line", models.PositiveIntegerField()),
                        ("printed", models.JSONField()),
                        ("text", models.TextField()),
                        ("who", models.TextField()),
                        ("at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "period",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="objections",
                                to="trade.period",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
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
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="SettledEntry",
                    fields=[
                        (
                            "entry",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="settled",
                                serialize=False,
                                to="trade.ledgerentry",
                            ),
                        ),
                        ("line", models.PositiveIntegerField()),
                        (
                            "settlement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="entries",
                                to="trade.settlement",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="ObjectionAnswer",
                    fields=[
                        (
                            "objection",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="answer",
                                serialize=False,
                                to="trade.objection",
                            ),
                        ),
                        ("upheld", models.BooleanField()),
                        ("text", models.TextField()),
                        ("who", models.TextField()),
                        ("at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SettlementFile",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=12)),
                        ("sha256", models.CharField(max_length=64)),
                        ("data", models.BinaryField()),
                        (
                            "settlement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="files", to="trade.settlement"
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("settlement", "kind"), name="settlement_file_once"),
                            models.CheckConstraint(
                                condition=models.Q(("kind__in", ("jws", "pdf", "csv", "machine.csv", "xlsx", "xml"))),
                                name="settlement_file_kind",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="SettlementLine",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("line", models.PositiveIntegerField()),
                        ("section", models.CharField(max_length=10)),
                        ("printed", models.JSONField()),
                        ("amount_ore", models.BigIntegerField()),
                        (
                            "settlement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="trade.settlement"
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="units.unit",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("settlement", "line"), name="settlement_line_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("section__in", ("sale", "fee", "correction", "unsold", "scrapped"))
                                ),
                                name="settlement_line_section",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
            ]
        )
    ]
