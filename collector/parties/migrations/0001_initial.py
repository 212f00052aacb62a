"""The first tables of this room."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

import collector.moments
from collector.guards import Guarded


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = []

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Person",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                        ("login", models.CharField(max_length=64, unique=True)),
                        ("name", models.TextField()),
                        ("title", models.TextField(blank=True, default="")),
                        ("email", models.EmailField(blank=True, default="", max_length=254)),
                        ("operator_id", models.CharField(blank=True, default="", max_length=64)),
                        (
                            "language",
                            models.CharField(choices=[("da", "da"), ("en", "en")], default="en", max_length=2),
                        ),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("disabled_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("operator_id", ""), _negated=True),
                                fields=("operator_id",),
                                name="person_operator_id",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("language__in", ("da", "en"))), name="person_language"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("login", ""), _negated=True),
                                    django.db.models.lookups.Exact(
                                        models.F("login"), django.db.models.functions.text.Lower("login")
                                    ),
                                ),
                                name="person_login",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AuditEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(db_index=True, default=collector.moments.now)),
                        ("who", models.TextField()),
                        ("action", models.CharField(db_index=True, max_length=60)),
                        ("subject", models.TextField(blank=True, default="")),
                        ("detail", models.JSONField(default=dict)),
                        ("address", models.CharField(blank=True, default="", max_length=45)),
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
                ),
                migrations.CreateModel(
                    name="OneTimeLink",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("token_sha256", models.CharField(max_length=64, unique=True)),
                        ("purpose", models.CharField(max_length=20)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("ends_at", models.DateTimeField()),
                        ("used_at", models.DateTimeField(null=True)),
                        (
                            "person",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="links",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("purpose__in", ("first-administrator", "sign-in", "invitation"))),
                                name="link_purpose",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Organisation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.TextField(unique=True)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("customer", "customer"),
                                    ("operator", "operator"),
                                    ("reseller", "reseller"),
                                    ("buyer", "buyer"),
                                    ("recycler", "recycler"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("cvr", models.CharField(blank=True, default="", max_length=8)),
                        ("gln", models.CharField(blank=True, default="", max_length=13)),
                        ("vat_registered", models.BooleanField(default=False)),
                        ("dial", models.SmallIntegerField(blank=True, null=True)),
                        ("address", models.TextField(blank=True, default="")),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("kind__in", ("customer", "operator", "reseller", "buyer", "recycler"))
                                ),
                                name="organisation_kind",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("cvr", ""),
                                    django.db.models.lookups.Exact(django.db.models.functions.text.Length("cvr"), 8),
                                    _connector="OR",
                                ),
                                name="organisation_cvr",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("gln", ""),
                                    django.db.models.lookups.Exact(django.db.models.functions.text.Length("gln"), 13),
                                    _connector="OR",
                                ),
                                name="organisation_gln",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("dial__isnull", True), ("dial__range", (1, 3)), _connector="OR"),
                                name="organisation_dial",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("name", ""), _negated=True), name="organisation_named"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Membership",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("administrator", "administrator"),
                                    ("team_lead", "team_lead"),
                                    ("technician", "technician"),
                                    ("validator", "validator"),
                                    ("finance", "finance"),
                                    ("customer_data", "customer_data"),
                                    ("customer_finance", "customer_finance"),
                                    ("buyer", "buyer"),
                                    ("auditor", "auditor"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "organisation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="memberships",
                                to="parties.organisation",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("person", "organisation", "role"), name="membership_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "role__in",
                                        (
                                            "administrator",
                                            "team_lead",
                                            "technician",
                                            "validator",
                                            "finance",
                                            "customer_data",
                                            "customer_finance",
                                            "buyer",
                                            "auditor",
                                        ),
                                    )
                                ),
                                name="membership_role",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Invitation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("role", models.CharField(max_length=20)),
                        ("name", models.TextField(blank=True, default="")),
                        ("email", models.EmailField(blank=True, default="", max_length=254)),
                        (
                            "made_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "link",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invitation",
                                to="parties.onetimelink",
                            ),
                        ),
                        (
                            "organisation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invitations",
                                to="parties.organisation",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "role__in",
                                        (
                                            "administrator",
                                            "team_lead",
                                            "technician",
                                            "validator",
                                            "finance",
                                            "customer_data",
                                            "customer_finance",
                                            "buyer",
                                            "auditor",
                                        ),
                                    )
                                ),
                                name="invitation_role",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CustomerName",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.TextField(unique=True)),
                        (
                            "organisation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="names",
                                to="parties.organisation",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="ApiToken",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.TextField()),
                        ("token_sha256", models.CharField(max_length=64, unique=True)),
                        ("scopes", models.JSONField(default=list)),
                        ("made_at", models.DateTimeField(default=collector.moments.now)),
                        ("ends_at", models.DateTimeField()),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tokens",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("ends_at__gt", models.F("made_at"))), name="token_ends"
                            )
                        ],
                    },
                ),
            ]
        )
    ]
