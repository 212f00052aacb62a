"""Numbers that a statement committed to by their hash."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from collector.guards import Guarded


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("statements", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.CreateModel(
                    name="Commitment",
                    fields=[
                        (
                            "statement",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="number",
                                serialize=False,
                                to="statements.signedstatement",
                            ),
                        ),
                        ("number", models.CharField(max_length=64)),
                    ],
                ),
            ]
        ),
    ]
