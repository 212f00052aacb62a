"""What certificates are found by, filled with those that are there."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import StateApps

from collector.certificates import search_follow, search_schema
from collector.guards import Guarded


def make_and_fill(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the indexes, and write the rows of the certificates that are there."""
    search_schema.make(editor.connection)
    search_follow.catch_up(editor.connection)


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = [("intake", "0003_found_elsewhere"), ("parties", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Found",
                    fields=[
                        (
                            "certificate",
                            models.OneToOneField(
                                db_column="arrival",
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="found",
                                serialize=False,
                                to="intake.certificate",
                            ),
                        ),
                        ("outcome", models.CharField(max_length=8)),
                        *(
                            (name, models.TextField())
                            for name in (
                                "number",
                                "drive_serial",
                                "serial",
                                "wwn",
                                "asset_tag",
                                "imei14",
                                "meid14",
                                "lot",
                                "customer_name",
                                "operator",
                                "operator_name",
                                "text",
                            )
                        ),
                        (
                            "customer",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="parties.organisation",
                            ),
                        ),
                        (
                            "station",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="intake.station",
                            ),
                        ),
                    ],
                ),
                migrations.RunPython(make_and_fill),
            ]
        )
    ]
