"""Registers: which columns a file has, what was taken in, its rows; and questions that wait for a person."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded

QUESTION_KIND = (
    "tag_and_serial", "two_units", "suggestion", "drives", "not_received", "another_customer", "kind",
    "grade",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("units", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
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
                        "constraints": [
                            models.UniqueConstraint(fields=("customer", "header_sha256"), name="mapping_once"),
                            models.CheckConstraint(
                                condition=models.Q(("customer__isnull", False)), name="mapping_customer"
                            ),
                        ],
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
                        "constraints": [
                            models.UniqueConstraint(fields=("customer", "fingerprint"), name="register_import_once"),
                            models.CheckConstraint(
                                condition=models.Q(("customer__isnull", False)), name="register_import_customer"
                            ),
                        ],
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
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("customer__isnull", False)), name="register_row_customer"
                            ),
                        ],
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
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("kind__in", QUESTION_KIND)), name="question_kind"
                            ),
                        ],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("answered_at__isnull", True)),
                                fields=["customer", "id"],
                                name="question_open",
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
