"""The ledger, periods, and settlements with their numbers."""

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
        ("trade", "0002_sales"),
        ("units", "0001_initial"),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Period",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("first_day", models.DateField()),
                        ("last_day", models.DateField()),
                        ("state", models.CharField(default="open", max_length=8)),
                        ("proposal", models.JSONField(null=True)),
                        ("proposed_at", models.DateTimeField(null=True)),
                        (
                            "agreement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="periods",
                                to="trade.agreement",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("agreement", "first_day"), name="period_once"),
                            models.CheckConstraint(
                                condition=models.Q(("first_day__lte", models.F("last_day"))), name="period_days"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("state__in", ("open", "proposed", "closed"))), name="period_state"
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="SettlementNumber",
                    fields=[
                        (
                            "seller",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="parties.organisation",
                            ),
                        ),
                        ("last", models.PositiveIntegerField()),
                    ],
                ),
                migrations.CreateModel(
                    name="LedgerEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=9)),
                        ("subject", models.CharField(db_index=True, max_length=100)),
                        ("source", models.CharField(max_length=120)),
                        ("occurred_on", models.DateField()),
                        ("base_ore", models.BigIntegerField()),
                        ("rate_bp", models.PositiveSmallIntegerField(null=True)),
                        ("amount_ore", models.BigIntegerField()),
                        ("vat_bp", models.PositiveSmallIntegerField()),
                        ("certificate", models.CharField(blank=True, default="", max_length=64)),
                        ("why", models.TextField(blank=True, default="")),
                        ("recorded_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "agreement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="entries",
                                to="trade.agreement",
                            ),
                        ),
                        (
                            "corrects",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="corrected_by",
                                to="trade.ledgerentry",
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="ledger_entries",
                                to="units.unit",
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trade.agreementversion",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("kind", "source"), name="entry_once"),
                            models.CheckConstraint(
                                condition=models.Q(("kind__in", ("share", "fee", "scrap_fee"))), name="entry_kind"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("vat_bp__lte", 10000),
                                    models.Q(("rate_bp__isnull", True), ("rate_bp__lte", 10000), _connector="OR"),
                                ),
                                name="entry_vat",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Settlement",
                    fields=[
                        (
                            "period",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="settlement",
                                serialize=False,
                                to="trade.period",
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        ("issued_at", models.DateTimeField()),
                        ("who", models.TextField()),
                        ("share_ore", models.BigIntegerField()),
                        ("share_vat_ore", models.BigIntegerField()),
                        ("fees_ore", models.BigIntegerField()),
                        ("fees_vat_ore", models.BigIntegerField()),
                        ("opening_ore", models.BigIntegerField()),
                        ("payable_ore", models.BigIntegerField()),
                        ("closing_ore", models.BigIntegerField()),
                        ("lines_count", models.PositiveIntegerField()),
                        ("entries_sha256", models.CharField(max_length=64)),
                        ("document_sha256", models.CharField(max_length=64)),
                        ("previous_sha256", models.CharField(max_length=64, null=True)),
                        (
                            "issued_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
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
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("seller", "number"), name="settlement_number_once"),
                            models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="settlement_number"),
                            models.CheckConstraint(
                                condition=models.Q(("closing_ore__lte", 0), ("payable_ore__gte", 0)),
                                name="settlement_balance",
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
