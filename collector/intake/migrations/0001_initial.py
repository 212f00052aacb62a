"""The first tables of this room."""

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

    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("parties", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Certificate",
                    fields=[
                        ("arrival", models.BigAutoField(primary_key=True, serialize=False)),
                        ("id", models.CharField(max_length=64, unique=True)),
                        ("sequence", models.BigIntegerField()),
                        ("previous", models.CharField(max_length=300, null=True)),
                        ("chain", models.CharField(max_length=5)),
                        ("number", models.TextField()),
                        ("outcome", models.CharField(max_length=8)),
                        ("serial", models.TextField()),
                        ("model", models.TextField()),
                        ("asset_tag", models.TextField()),
                        ("customer_name", models.TextField()),
                        ("lot", models.TextField()),
                        ("operator", models.TextField()),
                        ("finished_at", models.TextField()),
                        ("clock_synchronised", models.BooleanField()),
                        ("received_at", models.DateTimeField()),
                        ("search", models.TextField()),
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
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("chain__in", ("ok", "gap", "known", "fork"))),
                                name="certificate_chain_state",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("outcome__in", ("erased", "unread", "attested", "failed", "aborted", "refused"))
                                ),
                                name="certificate_outcome_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("sequence__range", (1, 9007199254740992))),
                                name="certificate_sequence",
                            ),
                        ],
                        "indexes": [
                            models.Index(fields=["outcome", "arrival"], name="intake_outcome"),
                            models.Index(fields=["number"], name="intake_number"),
                            models.Index(fields=["serial"], name="intake_serial"),
                            models.Index(fields=["asset_tag"], name="intake_asset"),
                            models.Index(fields=["lot"], name="intake_lot"),
                            models.Index(fields=["customer_name"], name="intake_customer_name"),
                            models.Index(fields=["operator", "lot"], name="intake_operator"),
                            models.Index(fields=["received_at"], name="intake_received"),
                        ],
                    },
                    managers=[
                        ("unfiltered", django.db.models.manager.Manager()),
                    ],
                ),
                migrations.CreateModel(
                    name="Station",
                    fields=[
                        ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                        ("first_seen", models.DateTimeField(default=collector.moments.now)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="CertificateBytes",
                    fields=[
                        (
                            "certificate",
                            models.OneToOneField(
                                db_column="id",
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="bytes",
                                serialize=False,
                                to="intake.certificate",
                                to_field="id",
                            ),
                        ),
                        ("compact", models.BinaryField()),
                    ],
                ),
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        ("arrival", models.BigAutoField(primary_key=True, serialize=False)),
                        ("station", models.CharField(max_length=64)),
                        ("boot_id", models.TextField()),
                        ("seq", models.BigIntegerField()),
                        ("event", models.TextField()),
                        ("payload", models.BinaryField()),
                        ("received_at", models.DateTimeField()),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("station", "boot_id", "seq"), name="event_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Quarantine",
                    fields=[
                        ("arrival", models.BigAutoField(primary_key=True, serialize=False)),
                        ("digest", models.CharField(max_length=64)),
                        ("topic", models.TextField()),
                        ("station", models.TextField()),
                        ("reason", models.TextField()),
                        ("payload", models.BinaryField()),
                        ("size", models.BigIntegerField()),
                        ("times", models.BigIntegerField(default=1)),
                        ("received_at", models.DateTimeField()),
                        ("last_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [models.Index(fields=["station", "arrival"], name="intake_quarantine_station")],
                        "constraints": [models.UniqueConstraint(fields=("topic", "digest"), name="quarantine_once")],
                    },
                ),
                migrations.AddField(
                    model_name="certificate",
                    name="station",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="certificates",
                        to="intake.station",
                    ),
                ),
                migrations.CreateModel(
                    name="StationKey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("thumbprint", models.CharField(max_length=43)),
                        ("x", models.CharField(max_length=43)),
                        ("source", models.CharField(default="enrolled", max_length=16)),
                        ("first_seen", models.DateTimeField(default=collector.moments.now)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "enrolled_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "station",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="intake.station"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("station", "thumbprint"), name="station_key_once"),
                            models.CheckConstraint(
                                condition=models.Q(("source__in", ("enrolled", "configuration", "old"))),
                                name="station_key_source",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Statement",
                    fields=[
                        ("arrival", models.BigAutoField(primary_key=True, serialize=False)),
                        ("sha256", models.CharField(max_length=64, unique=True)),
                        ("typ", models.CharField(max_length=100)),
                        ("certificate", models.CharField(max_length=64, null=True)),
                        ("body", models.BinaryField()),
                        ("received_at", models.DateTimeField()),
                        (
                            "station",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="statements",
                                to="intake.station",
                            ),
                        ),
                        (
                            "signed_by",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="intake.stationkey",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["certificate", "arrival"], name="intake_statement_certificate"),
                            models.Index(fields=["station", "arrival"], name="intake_statement_station"),
                        ],
                    },
                ),
                migrations.AddField(
                    model_name="certificate",
                    name="signed_by",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="intake.stationkey",
                    ),
                ),
                migrations.CreateModel(
                    name="ToldGap",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("first", models.BigIntegerField()),
                        ("last", models.BigIntegerField()),
                        ("why", models.TextField()),
                        ("received_at", models.DateTimeField()),
                        (
                            "station",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="told_gaps",
                                to="intake.station",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("station", "first", "last"), name="told_gap_once"),
                            models.CheckConstraint(
                                condition=models.Q(("first__gte", 1), ("first__lte", models.F("last"))),
                                name="told_gap_order",
                            ),
                        ],
                    },
                ),
                migrations.AddIndex(
                    model_name="certificate",
                    index=models.Index(fields=["station", "sequence"], name="intake_of_station"),
                ),
                migrations.AddIndex(
                    model_name="certificate",
                    index=models.Index(fields=["station", "chain"], name="intake_chain"),
                ),
            ]
        )
    ]
