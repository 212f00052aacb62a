"""Alarms that were heard, where they go, and what became of each message."""

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

    dependencies: ClassVar[list[tuple[str, str]]] = [("parties", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Destination",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=60, unique=True)),
                        ("kind", models.CharField(max_length=7)),
                        ("place", models.CharField(max_length=320)),
                        ("sealed", models.TextField(blank=True, default="")),
                        ("severity", models.CharField(default="warning", max_length=8)),
                        ("stations", models.TextField(blank=True, default="")),
                        ("ended_too", models.BooleanField(default=False)),
                        ("language", models.CharField(default="da", max_length=2)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("paused_at", models.DateTimeField(blank=True, null=True)),
                        ("paused_why", models.TextField(blank=True, default="")),
                        ("failing", models.BooleanField(default=False)),
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
                ),
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        ("id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                        ("subject", models.CharField(blank=True, default="", max_length=200)),
                        ("body", models.TextField()),
                        ("alarms", models.PositiveIntegerField(default=0)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("state", models.CharField(default="waiting", max_length=9)),
                        ("tries", models.PositiveSmallIntegerField(default=0)),
                        ("replayed", models.PositiveSmallIntegerField(default=0)),
                        ("due_at", models.DateTimeField(default=collector.moments.now)),
                        ("held_until", models.DateTimeField(blank=True, null=True)),
                        ("tried_at", models.DateTimeField(blank=True, null=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        ("outcome", models.TextField(blank=True, default="")),
                        (
                            "destination",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="notices.destination",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="StationAlarm",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("station", models.CharField(max_length=64)),
                        ("alarm", models.CharField(max_length=100)),
                        ("since", models.CharField(max_length=40)),
                        ("severity", models.CharField(max_length=8)),
                        ("code", models.CharField(max_length=40)),
                        ("text", models.TextField()),
                        ("times", models.PositiveIntegerField(default=1)),
                        ("raised_at", models.DateTimeField(default=collector.moments.now)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("ended_at", None)), fields=["station"], name="notices_alarm_open"
                            ),
                            models.Index(fields=["raised_at"], name="notices_alarm_raised"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("station", "alarm", "since"), name="notices_alarm_once"),
                            models.CheckConstraint(
                                condition=models.Q(("severity__in", ("warning", "critical"))),
                                name="notices_alarm_severity",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Notice",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("word", models.CharField(max_length=6)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "delivery",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notices",
                                to="notices.delivery",
                            ),
                        ),
                        (
                            "destination",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="notices.destination",
                            ),
                        ),
                        (
                            "alarm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notices",
                                to="notices.stationalarm",
                            ),
                        ),
                    ],
                ),
                migrations.AddConstraint(
                    model_name="destination",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("kind__in", ("mail", "webhook"))), name="notices_destination_kind"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="destination",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("severity__in", ("warning", "critical"))),
                        name="notices_destination_severity",
                    ),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(
                        condition=models.Q(("state__in", ("waiting", "sending"))),
                        fields=["state", "due_at"],
                        name="notices_delivery_due",
                    ),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(fields=["destination", "made_at"], name="notices_delivery_to"),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(fields=["state", "made_at"], name="notices_delivery_state"),
                ),
                migrations.AddConstraint(
                    model_name="delivery",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("state__in", ("waiting", "sending", "delivered", "given_up"))),
                        name="notices_delivery_state",
                    ),
                ),
                migrations.AddIndex(
                    model_name="notice",
                    index=models.Index(
                        condition=models.Q(("delivery", None)), fields=["destination"], name="notices_notice_waiting"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="notice",
                    constraint=models.UniqueConstraint(
                        fields=("alarm", "destination", "word"), name="notices_notice_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="notice",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("word__in", ("raised", "ended"))), name="notices_notice_word"
                    ),
                ),
            ]
        )
    ]
