"""What happened to units: their certificates, those without a unit, and a queue of all that are there."""

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

UNITEVENT_KIND = (
    "collected", "received", "drives_counted", "certificate_linked", "certificate_unlinked", "validated",
    "graded", "part_removed", "part_fitted", "offered", "sold", "sale_reversed", "returned_by_buyer",
    "given_back", "own_use", "scrapped", "destroyed", "moved", "reported_missing", "found", "accepted",
    "kind_told", "merged", "separated",
)  # fmt: skip


def wait(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Let every certificate that is there wait for its unit, as those that arrive do."""
    with editor.connection.cursor() as cursor:
        cursor.execute("INSERT INTO units_waiting (arrival) SELECT arrival FROM intake_certificate")


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("units", "0002_registers")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
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
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at__isnull", True)),
                                fields=("certificate",),
                                name="link_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("validation__in", ("", "accepted", "rejected"))),
                                name="link_validation",
                            ),
                        ],
                    },
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
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("kind__in", UNITEVENT_KIND)), name="unit_event_kind"
                            ),
                        ],
                        "indexes": [
                            models.Index(fields=["unit", "id"], name="event_of_unit"),
                            models.Index(
                                condition=models.Q(("certificate", ""), _negated=True),
                                fields=["certificate"],
                                name="event_of_certificate",
                            ),
                        ],
                    },
                ),
                migrations.RunPython(wait),
            ]
        )
    ]
