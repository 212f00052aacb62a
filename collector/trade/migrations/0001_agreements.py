"""Agreements, their versions and rates, and who said yes to them."""

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
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = [("parties", "0002_language"), ("units", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Agreement",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=80, unique=True)),
                        ("title", models.TextField()),
                        ("currency", models.CharField(default="DKK", max_length=3)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "customer",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.organisation"
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
                            models.UniqueConstraint(fields=("customer", "seller", "title"), name="agreement_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("customer", models.F("seller")), _negated=True),
                                    models.Q(("title", ""), _negated=True),
                                ),
                                name="agreement_two",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="AgreementVersion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("valid_from", models.DateField()),
                        ("share_base", models.CharField(max_length=12)),
                        ("recognise", models.CharField(max_length=13)),
                        ("return_days", models.PositiveSmallIntegerField()),
                        ("fee_per", models.CharField(max_length=5)),
                        ("fee_vat_bp", models.PositiveSmallIntegerField()),
                        ("share_vat_bp", models.PositiveSmallIntegerField()),
                        ("attested_allowed", models.BooleanField()),
                        ("unread_allowed", models.BooleanField()),
                        ("validation", models.CharField(max_length=8)),
                        ("validator_differs", models.BooleanField()),
                        ("sample_bp", models.PositiveSmallIntegerField()),
                        ("unsold_days", models.PositiveSmallIntegerField(null=True)),
                        ("set_off", models.BooleanField()),
                        ("fingerprint", models.CharField(max_length=64)),
                        ("binding_at", models.DateTimeField(null=True)),
                        (
                            "agreement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="versions",
                                to="trade.agreement",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("agreement", "valid_from"), name="version_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("share_base__in", ("gross", "net_standard", "net_margin", "net_costs", "fixed"))
                                ),
                                name="version_base",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("recognise__in", ("sold", "paid", "return_window"))),
                                name="version_recognise",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("fee_per__in", ("unit", "drive"))), name="version_fee_per"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("validation__in", ("none", "required"))), name="version_validation"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("fee_vat_bp__lte", 10000), ("sample_bp__lte", 10000), ("share_vat_bp__lte", 10000)
                                ),
                                name="version_parts",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="AgreementRate",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=12)),
                        ("grade", models.CharField(max_length=20)),
                        ("share_bp", models.PositiveSmallIntegerField()),
                        ("floor_ore", models.BigIntegerField()),
                        ("consent_below_ore", models.BigIntegerField()),
                        ("fee_erased_ore", models.BigIntegerField()),
                        ("fee_attested_ore", models.BigIntegerField()),
                        ("fee_destroyed_ore", models.BigIntegerField()),
                        ("fixed_ore", models.BigIntegerField()),
                        ("scrap_fee_ore", models.BigIntegerField()),
                        ("itemised", models.BooleanField()),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rates",
                                to="trade.agreementversion",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("version", "kind", "grade"), name="rate_once"),
                            models.CheckConstraint(condition=models.Q(("share_bp__lte", 10000)), name="rate_share"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "kind__in",
                                        (
                                            "laptop",
                                            "desktop",
                                            "thin-client",
                                            "server",
                                            "tablet",
                                            "phone",
                                            "monitor",
                                            "loose-drive",
                                            "printer",
                                            "other",
                                            "*",
                                        ),
                                    )
                                ),
                                name="rate_kind",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Approval",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("side", models.CharField(max_length=8)),
                        ("fingerprint", models.CharField(max_length=64)),
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
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="approvals",
                                to="trade.agreementversion",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.UniqueConstraint(fields=("version", "side", "fingerprint"), name="approval_once"),
                            models.CheckConstraint(
                                condition=models.Q(("side__in", ("seller", "customer"))), name="approval_side"
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Consent",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("lowest_ore", models.BigIntegerField()),
                        ("who", models.TextField()),
                        ("at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "agreement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="consents",
                                to="trade.agreement",
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
                        (
                            "unit",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="units.unit"
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
            ]
        )
    ]
