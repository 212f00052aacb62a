"""Django's own commands for whoever changes a model: `python -m collector.manage makemigrations units`.

They run over a database in memory: nothing here reads or changes a collector's data.
"""

from __future__ import annotations

import os
import sys

from collector.boot import SETTINGS


def main() -> None:
    """Run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    from django.conf import settings
    from django.core.management import execute_from_command_line

    settings.SECRET_KEY = "for development alone"
    execute_from_command_line([sys.argv[0], *sys.argv[1:]])


if __name__ == "__main__":
    main()
