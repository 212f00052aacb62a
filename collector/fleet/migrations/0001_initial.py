"""How stations become known: invitations, keys that wait, certificates of the authority."""

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

    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("intake", "0003_found_elsewhere"),
        ("parties", "0002_language"),
    ]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="StationInvitation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("station", models.CharField(max_length=64)),
                        ("secret_sha256", models.CharField(max_length=64, unique=True)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("ends_at", models.DateTimeField()),
                        ("wrong", models.PositiveSmallIntegerField(default=0)),
                        ("used_at", models.DateTimeField(blank=True, null=True)),
                        ("request_sha256", models.CharField(blank=True, default="", max_length=64)),
                        (
                            "made_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["station", "used_at"], name="fleet_invitation_station"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TlsCertificate",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("serial", models.CharField(max_length=40, unique=True)),
                        ("profile", models.CharField(max_length=8)),
                        ("name", models.TextField()),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("begins_at", models.DateTimeField()),
                        ("ends_at", models.DateTimeField()),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        ("cuts", models.PositiveSmallIntegerField(default=0)),
                        (
                            "station",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="tls",
                                to="intake.station",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("profile__in", ("server", "client"))), name="fleet_tls_profile"
                            ),
                        ],
                        "indexes": [
                            models.Index(fields=["station", "ends_at"], name="fleet_tls_station"),
                            models.Index(
                                condition=models.Q(("revoked_at", None), _negated=True),
                                fields=["ends_at"],
                                name="fleet_tls_revoked",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WaitingKey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("thumbprint", models.CharField(max_length=43)),
                        ("x", models.CharField(max_length=43)),
                        ("asked_at", models.DateTimeField(default=collector.moments.now)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("accepted", models.BooleanField(blank=True, null=True)),
                        (
                            "decided_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "invitation",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="waiting_key",
                                to="fleet.stationinvitation",
                            ),
                        ),
                        (
                            "station",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="waiting_keys",
                                to="intake.station",
                            ),
                        ),
                    ],
                ),
            ]
        )
    ]
