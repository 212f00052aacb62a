"""What the program before had stored, and whom it believed."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

from collector.guards import Guarded
from collector.intake.takeover import take_over


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("intake", "0001_initial")]

    operations: ClassVar[list[Operation]] = [Guarded([migrations.RunPython(take_over)])]
