"""What was sold, and what became of it."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("parties", "0002_language"),
        ("trade", "0001_agreements"),
        ("units", "0001_initial"),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Sale",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("channel", models.CharField(max_length=8)),
                        ("reference", models.CharField(max_length=100)),
                        ("buyer_name", models.TextField(blank=True, default="")),
                        ("country", models.CharField(blank=True, default="", max_length=2)),
                        ("currency", models.CharField(max_length=3)),
                        ("bulk_ore", models.BigIntegerField(null=True)),
                        ("who", models.TextField()),
                        ("recorded_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "buyer",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="parties.organisation",
                            ),
                        ),
                        (
                            "seller",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.organisation"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("seller", "channel", "reference"), name="sale_once"),
                            models.CheckConstraint(
                                condition=models.Q(("channel__in", ("web", "broker", "shop", "internal", "donation"))),
                                name="sale_channel",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SaleLine",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("line", models.CharField(max_length=40)),
                        ("external_id", models.CharField(blank=True, default="", max_length=100)),
                        ("kind", models.CharField(max_length=12)),
                        ("grade", models.CharField(blank=True, default="", max_length=20)),
                        ("graded", models.CharField(blank=True, default="", max_length=20)),
                        ("quantity", models.PositiveIntegerField(default=1)),
                        ("price_ore", models.BigIntegerField()),
                        ("vat_mode", models.CharField(max_length=8)),
                        ("costs_ore", models.BigIntegerField(default=0)),
                        ("allocated", models.BooleanField(default=False)),
                        ("sold_on", models.DateField(db_index=True)),
                        ("paid_on", models.DateField(null=True)),
                        ("certificate", models.CharField(blank=True, default="", max_length=64)),
                        ("who", models.TextField()),
                        ("recorded_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "agreement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sale_lines",
                                to="trade.agreement",
                            ),
                        ),
                        (
                            "sale",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="trade.sale"
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sale_lines",
                                to="units.unit",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("sale", "line"), name="sale_line_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("quantity__gt", 0),
                                    models.Q(("unit__isnull", True), ("quantity", 1), _connector="OR"),
                                ),
                                name="sale_line_pieces",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("costs_ore__gte", 0), ("price_ore__gte", 0)), name="sale_line_price"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("vat_mode__in", ("margin", "standard", "export", "none"))),
                                name="sale_line_vat",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="SaleEvent",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(max_length=100)),
                        ("kind", models.CharField(max_length=6)),
                        ("price_ore", models.BigIntegerField(default=0)),
                        ("occurred_on", models.DateField()),
                        ("who", models.TextField()),
                        ("recorded_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "line",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="trade.saleline"
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("line", "external_id"), name="sale_event_once"),
                            models.CheckConstraint(
                                condition=models.Q(("kind__in", ("refund", "return", "cancel", "paid"))),
                                name="sale_event_kind",
                            ),
                            models.CheckConstraint(condition=models.Q(("price_ore__lte", 0)), name="sale_event_price"),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
            ]
        )
    ]
