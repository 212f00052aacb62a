"""Searches have an index of their own now (collector/certificates): the ones here were another cost of each arrival."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from collector.guards import Guarded


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("intake", "0002_taken_over"), ("parties", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.RemoveIndex(model_name="certificate", name="intake_number"),
                migrations.RemoveIndex(model_name="certificate", name="intake_serial"),
                migrations.RemoveIndex(model_name="certificate", name="intake_asset"),
                migrations.AddIndex(
                    model_name="certificate",
                    index=models.Index(
                        fields=["chain", "arrival"], condition=~models.Q(chain="ok"), name="intake_broken"
                    ),
                ),
            ]
        )
    ]
