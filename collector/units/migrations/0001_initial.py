"""Units with their numbers, and the lots that they come in."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded

LOT_STATE = (
    "open", "collected", "received", "closed",
)  # fmt: skip
CUSTODY_STEP = (
    "collected", "received", "handed_over", "closed",
)  # fmt: skip
UNIT_KIND = (
    "laptop", "desktop", "thin-client", "server", "tablet", "phone", "monitor", "loose-drive", "printer",
    "other", "unknown",
)  # fmt: skip
UNIT_MADE_BY = (
    "register", "intake", "certificate", "import", "person",
)  # fmt: skip
UNIT_PRESENCE = (
    "in_use", "expected", "received", "missing", "unexpected", "duplicate",
)  # fmt: skip
UNIT_DATA = (
    "none", "open", "failed", "erased", "attested", "destroyed",
)  # fmt: skip
UNIT_DISPOSAL = (
    "", "stock", "sold", "scrapped", "given_back", "own_use",
)  # fmt: skip
UNIT_HEADLINE = (
    "conflict", "missing", "unexpected", "duplicate", "failed", "received", "awaiting_validation", "attested",
    "erased", "destroyed", "expected", "in_use",
)  # fmt: skip
IDENTIFIER_KIND = (
    "serial", "asset_tag", "imei14", "meid14", "eid", "uuid", "drive_serial", "wwn", "mac",
)  # fmt: skip


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = [("intake", "0003_found_elsewhere"), ("parties", "0002_language")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="CustomerRules",
                    fields=[
                        (
                            "customer",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="parties.organisation",
                            ),
                        ),
                        ("tag_prefix", models.CharField(blank=True, default="", max_length=100)),
                    ],
                ),
                migrations.CreateModel(
                    name="Lot",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.TextField()),
                        ("state", models.CharField(default="open", max_length=9)),
                        ("vat_origin", models.CharField(default="unknown", max_length=12)),
                        ("reference", models.TextField(blank=True, default="")),
                        ("opened_at", models.DateTimeField(default=collector.moments.now)),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
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
                            "opened_by",
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
                        "constraints": [
                            models.UniqueConstraint(fields=("customer", "code"), name="lot_once"),
                            models.CheckConstraint(condition=models.Q(("state__in", LOT_STATE)), name="lot_state"),
                            models.CheckConstraint(
                                condition=models.Q(("vat_origin__in", ("unknown", "non_deducted", "deducted"))),
                                name="lot_vat_origin",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(models.Q(("code", ""), _negated=True), ("customer__isnull", False)),
                                name="lot_named",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("closed_at__isnull", False), ("state", "closed")),
                                    models.Q(models.Q(("state", "closed"), _negated=True), ("closed_at__isnull", True)),
                                    _connector="OR",
                                ),
                                name="lot_closed_at",
                            ),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Custody",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("step", models.CharField(max_length=11)),
                        ("day", models.DateField()),
                        ("place", models.TextField(blank=True, default="")),
                        ("count", models.PositiveIntegerField(null=True)),
                        ("seals", models.JSONField(default=list)),
                        ("from_whom", models.TextField(blank=True, default="")),
                        ("to_whom", models.TextField(blank=True, default="")),
                        ("note", models.TextField(blank=True, default="")),
                        ("who", models.TextField()),
                        ("recorded_at", models.DateTimeField(default=collector.moments.now)),
                        ("statement", models.CharField(blank=True, default="", max_length=64)),
                        (
                            "person",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "lot",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="custody", to="units.lot"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(condition=models.Q(("step__in", CUSTODY_STEP)), name="custody_step"),
                            models.UniqueConstraint(
                                condition=models.Q(("step", "closed")), fields=("lot",), name="custody_closed_once"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Unit",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(default="unknown", max_length=12)),
                        ("kind_by", models.CharField(blank=True, default="", max_length=11)),
                        ("manufacturer", models.TextField(blank=True, default="")),
                        ("model", models.TextField(blank=True, default="")),
                        ("made_by", models.CharField(max_length=11)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("registered", models.BooleanField(default=False)),
                        ("received_at", models.DateTimeField(blank=True, null=True)),
                        ("accepted", models.BooleanField(default=False)),
                        ("drives_counted", models.PositiveSmallIntegerField(null=True)),
                        ("destroyed_at", models.DateTimeField(blank=True, null=True)),
                        ("grade", models.CharField(blank=True, default="", max_length=20)),
                        ("presence", models.CharField(max_length=10)),
                        ("data", models.CharField(default="open", max_length=9)),
                        ("disposal", models.CharField(blank=True, default="", max_length=10)),
                        ("headline", models.CharField(max_length=19)),
                        ("why", models.TextField(blank=True, default="")),
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
                            "expected_in",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="expected",
                                to="units.lot",
                            ),
                        ),
                        (
                            "lot",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="units",
                                to="units.lot",
                            ),
                        ),
                        (
                            "merged_into",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="merged",
                                to="units.unit",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                        "base_manager_name": "unfiltered",
                        "default_manager_name": "unfiltered",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("customer__isnull", False)), name="unit_customer"
                            ),
                            models.CheckConstraint(condition=models.Q(("kind__in", UNIT_KIND)), name="unit_kind"),
                            models.CheckConstraint(
                                condition=models.Q(("made_by__in", UNIT_MADE_BY)), name="unit_made_by"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("presence__in", UNIT_PRESENCE)), name="unit_presence"
                            ),
                            models.CheckConstraint(condition=models.Q(("data__in", UNIT_DATA)), name="unit_data"),
                            models.CheckConstraint(
                                condition=models.Q(("disposal__in", UNIT_DISPOSAL)), name="unit_disposal"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("headline__in", UNIT_HEADLINE)), name="unit_headline"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("merged_into", models.F("id")), _negated=True),
                                name="unit_not_itself",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("received_at__isnull", False),
                                    models.Q(("lot__isnull", True), ("disposal", "")),
                                    _connector="OR",
                                ),
                                name="unit_received_somewhere",
                            ),
                        ],
                        "indexes": [
                            models.Index(fields=["customer", "headline"], name="unit_headline_of"),
                            models.Index(fields=["customer", "kind", "disposal"], name="unit_disposal_of"),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Identifier",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=12)),
                        ("norm", models.CharField(max_length=128)),
                        ("seen_as", models.TextField()),
                        ("source", models.CharField(max_length=11)),
                        ("first_at", models.DateTimeField(default=collector.moments.now)),
                        ("retired_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "customer",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="parties.organisation",
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="identifiers",
                                to="units.unit",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("unit", "kind", "norm"), name="identifier_once"),
                            models.CheckConstraint(
                                condition=models.Q(("kind__in", IDENTIFIER_KIND)), name="identifier_kind"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("source__in", UNIT_MADE_BY)), name="identifier_source"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("norm", ""), _negated=True), name="identifier_norm"
                            ),
                        ],
                        "indexes": [
                            models.Index(fields=["kind", "norm"], name="identifier_lookup"),
                        ],
                    },
                ),
            ]
        )
    ]
