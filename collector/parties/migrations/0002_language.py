"""A person may leave the language to the browser."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from collector.guards import Guarded

LANGUAGES = ("da", "en")


class Migration(migrations.Migration):
    """Nobody was asked before: what stands there was chosen by nobody."""

    dependencies: ClassVar[list[tuple[str, str]]] = [("parties", "0001_initial")]

    operations: ClassVar[list[Operation]] = [
        Guarded(
            [
                migrations.RemoveConstraint(model_name="person", name="person_language"),
                migrations.AlterField(
                    model_name="person",
                    name="language",
                    field=models.CharField(
                        blank=True, choices=[(code, code) for code in LANGUAGES], default="", max_length=2
                    ),
                ),
                migrations.AddConstraint(
                    model_name="person",
                    constraint=models.CheckConstraint(
                        condition=models.Q(language__in=("", *LANGUAGES)), name="person_language"
                    ),
                ),
            ]
        )
    ]
