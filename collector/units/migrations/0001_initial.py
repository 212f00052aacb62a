"""Units, lots and registers, and a queue of the certificates that are there."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import StateApps

import collector.moments
from collector.guards import Guarded


def wait(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Let every certificate that is there wait for its unit, as those that arrive do."""
    with editor.connection.cursor() as cursor:
        cursor.execute("INSERT INTO units_waiting (arrival) SELECT arrival FROM intake_certificate")


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
                    name="Waiting",
                    fields=[
                        (
                            "certificate",
                            models.OneToOneField(
                                db_column="arrival",
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="intake.certificate",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Loose",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("why", models.CharField(max_length=20)),
                        ("since", models.DateTimeField(default=collector.moments.now)),
                        (
                            "certificate",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="intake.certificate",
                                to_field="id",
                            ),
                        ),
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
                ),
                migrations.CreateModel(
                    name="Mapping",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("header_sha256", models.CharField(max_length=64)),
                        ("headings", models.JSONField()),
                        ("columns", models.JSONField()),
                        ("system", models.CharField(max_length=20)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
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
                            "made_by",
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
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="RegisterImport",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("file_name", models.TextField()),
                        ("fingerprint", models.CharField(max_length=64)),
                        ("rows", models.PositiveIntegerField()),
                        ("new", models.PositiveIntegerField()),
                        ("changed", models.PositiveIntegerField()),
                        ("same", models.PositiveIntegerField()),
                        ("rejected", models.JSONField(default=list)),
                        ("headings", models.JSONField(default=list)),
                        ("dropped", models.JSONField(default=list)),
                        ("who", models.TextField()),
                        ("at", models.DateTimeField(default=collector.moments.now)),
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
                            "lot",
                            models.ForeignKey(
                                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="units.lot"
                            ),
                        ),
                        (
                            "mapping",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="imports", to="units.mapping"
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
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
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
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="RegisterRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("row_number", models.PositiveIntegerField()),
                        ("rule", models.CharField(max_length=20)),
                        ("department", models.TextField(blank=True, default="")),
                        ("location", models.TextField(blank=True, default="")),
                        ("state", models.TextField(blank=True, default="")),
                        ("encrypted", models.BooleanField(null=True)),
                        ("last_seen_on", models.DateField(null=True)),
                        ("raw", models.JSONField(default=list)),
                        ("fingerprint", models.CharField(max_length=64)),
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
                            "first_import",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="units.registerimport",
                            ),
                        ),
                        (
                            "last_import",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="units.registerimport",
                            ),
                        ),
                        (
                            "unit",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT, related_name="row", to="units.unit"
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
                    name="Question",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=20)),
                        ("key", models.CharField(max_length=200, unique=True)),
                        ("certificate", models.CharField(blank=True, default="", max_length=64)),
                        ("data", models.JSONField(default=dict)),
                        ("asked_at", models.DateTimeField(default=collector.moments.now)),
                        ("answer", models.CharField(blank=True, default="", max_length=20)),
                        ("reason", models.TextField(blank=True, default="")),
                        ("who", models.TextField(blank=True, default="")),
                        ("answered_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "answered_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
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
                            "other",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="units.unit",
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="questions",
                                to="units.unit",
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
                ),
                migrations.CreateModel(
                    name="DriveLink",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("drive", models.CharField(max_length=128)),
                        ("outcome", models.CharField(max_length=8)),
                        ("finished_at", models.DateTimeField()),
                        ("operator", models.CharField(blank=True, default="", max_length=64)),
                        ("rule", models.CharField(max_length=20)),
                        ("validation", models.CharField(blank=True, default="", max_length=8)),
                        ("destroyed_at", models.DateTimeField(blank=True, null=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "certificate",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="links",
                                to="intake.certificate",
                                to_field="id",
                            ),
                        ),
                        (
                            "unit",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="links", to="units.unit"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="UnitEvent",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=20)),
                        ("occurred_at", models.DateTimeField(default=collector.moments.now)),
                        ("recorded_at", models.DateTimeField(default=collector.moments.now)),
                        ("who", models.TextField()),
                        ("place", models.TextField(blank=True, default="")),
                        ("certificate", models.CharField(blank=True, default="", max_length=64)),
                        ("statement", models.CharField(blank=True, default="", max_length=64)),
                        ("data", models.JSONField(default=dict)),
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
                            "unit",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="events",
                                to="units.unit",
                            ),
                        ),
                    ],
                ),
                migrations.AddConstraint(
                    model_name="lot",
                    constraint=models.UniqueConstraint(fields=("customer", "code"), name="lot_once"),
                ),
                migrations.AddConstraint(
                    model_name="lot",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("state__in", ("open", "collected", "received", "closed"))), name="lot_state"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="lot",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("vat_origin__in", ("unknown", "non_deducted", "deducted"))),
                        name="lot_vat_origin",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="lot",
                    constraint=models.CheckConstraint(
                        condition=models.Q(models.Q(("code", ""), _negated=True), ("customer__isnull", False)),
                        name="lot_named",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="lot",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", False), ("state", "closed")),
                            models.Q(models.Q(("state", "closed"), _negated=True), ("closed_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="lot_closed_at",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="custody",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("step__in", ("collected", "received", "handed_over", "closed"))),
                        name="custody_step",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="custody",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("step", "closed")), fields=("lot",), name="custody_closed_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="mapping",
                    constraint=models.UniqueConstraint(fields=("customer", "header_sha256"), name="mapping_once"),
                ),
                migrations.AddConstraint(
                    model_name="mapping",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("customer__isnull", False)), name="mapping_customer"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="registerimport",
                    constraint=models.UniqueConstraint(fields=("customer", "fingerprint"), name="register_import_once"),
                ),
                migrations.AddConstraint(
                    model_name="registerimport",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("customer__isnull", False)), name="register_import_customer"
                    ),
                ),
                migrations.AddIndex(
                    model_name="unit",
                    index=models.Index(fields=["customer", "headline"], name="unit_headline_of"),
                ),
                migrations.AddIndex(
                    model_name="unit",
                    index=models.Index(fields=["customer", "kind", "disposal"], name="unit_disposal_of"),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("customer__isnull", False)), name="unit_customer"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
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
                                    "unknown",
                                ),
                            )
                        ),
                        name="unit_kind",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("made_by__in", ("register", "intake", "certificate", "import", "person"))),
                        name="unit_made_by",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("presence__in", ("in_use", "expected", "received", "missing", "unexpected", "duplicate"))
                        ),
                        name="unit_presence",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("data__in", ("none", "open", "failed", "erased", "attested", "destroyed"))),
                        name="unit_data",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("disposal__in", ("", "stock", "sold", "scrapped", "given_back", "own_use"))
                        ),
                        name="unit_disposal",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "headline__in",
                                (
                                    "conflict",
                                    "missing",
                                    "unexpected",
                                    "duplicate",
                                    "failed",
                                    "received",
                                    "awaiting_validation",
                                    "attested",
                                    "erased",
                                    "destroyed",
                                    "expected",
                                    "in_use",
                                ),
                            )
                        ),
                        name="unit_headline",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("merged_into", models.F("id")), _negated=True), name="unit_not_itself"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("received_at__isnull", False),
                            models.Q(("lot__isnull", True), ("disposal", "")),
                            _connector="OR",
                        ),
                        name="unit_received_somewhere",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="registerrow",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("customer__isnull", False)), name="register_row_customer"
                    ),
                ),
                migrations.AddIndex(
                    model_name="question",
                    index=models.Index(
                        condition=models.Q(("answered_at__isnull", True)),
                        fields=["customer", "id"],
                        name="question_open",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="question",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                (
                                    "tag_and_serial",
                                    "two_units",
                                    "suggestion",
                                    "drives",
                                    "not_received",
                                    "another_customer",
                                    "kind",
                                    "grade",
                                ),
                            )
                        ),
                        name="question_kind",
                    ),
                ),
                migrations.AddIndex(
                    model_name="identifier",
                    index=models.Index(fields=["kind", "norm"], name="identifier_lookup"),
                ),
                migrations.AddConstraint(
                    model_name="identifier",
                    constraint=models.UniqueConstraint(fields=("unit", "kind", "norm"), name="identifier_once"),
                ),
                migrations.AddConstraint(
                    model_name="identifier",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                (
                                    "serial",
                                    "asset_tag",
                                    "imei14",
                                    "meid14",
                                    "eid",
                                    "uuid",
                                    "drive_serial",
                                    "wwn",
                                    "mac",
                                ),
                            )
                        ),
                        name="identifier_kind",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="identifier",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("source__in", ("register", "intake", "certificate", "import", "person"))),
                        name="identifier_source",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="identifier",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("norm", ""), _negated=True), name="identifier_norm"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="drivelink",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)), fields=("certificate",), name="link_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="drivelink",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("validation__in", ("", "accepted", "rejected"))), name="link_validation"
                    ),
                ),
                migrations.AddIndex(
                    model_name="unitevent",
                    index=models.Index(fields=["unit", "id"], name="event_of_unit"),
                ),
                migrations.AddIndex(
                    model_name="unitevent",
                    index=models.Index(
                        condition=models.Q(("certificate", ""), _negated=True),
                        fields=["certificate"],
                        name="event_of_certificate",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="unitevent",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                (
                                    "collected",
                                    "received",
                                    "drives_counted",
                                    "certificate_linked",
                                    "certificate_unlinked",
                                    "validated",
                                    "graded",
                                    "part_removed",
                                    "part_fitted",
                                    "offered",
                                    "sold",
                                    "sale_reversed",
                                    "returned_by_buyer",
                                    "given_back",
                                    "own_use",
                                    "scrapped",
                                    "destroyed",
                                    "moved",
                                    "reported_missing",
                                    "found",
                                    "accepted",
                                    "kind_told",
                                    "merged",
                                    "separated",
                                ),
                            )
                        ),
                        name="unit_event_kind",
                    ),
                ),
                migrations.RunPython(wait),
            ]
        )
    ]
