"""What each dependency costs to import: milliseconds and MiB resident, alone in a fresh interpreter, best of three.

python -m benchmarks.import_cost            (the table of docs/dependencies.md)
"""

from __future__ import annotations

import subprocess
import sys

MODULES = (
    "blake3",
    "click",
    "cryptography.hazmat.primitives.ciphers",
    "msgspec",
    "paho.mqtt.client",
    "serial",
    "pyudev",
    "smbus2",
    "minimalmodbus",
    "segno",
    "PIL.Image",
    "fpdf",
    "django.core.handlers.wsgi",
    "waitress",
    "whitenoise",
    "argon2",
    "psycopg",
    "xlsxwriter",
    "requests",
    "jwt",
    "fido2.server",
    "qrcode",
    "amqtt.broker",
    "agent.station",
)
PROBE = """
import time
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4
before, began = resident(), time.perf_counter()
import {module}
print((time.perf_counter() - began) * 1000, (resident() - before) / 1024)
"""


OF_DJANGO = ("allauth.account.views", "allauth.mfa.base.views", "ninja")
"""Imported as the web process has them: Django runs, with an empty configuration's apps."""
RUNNING = """
import time
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "allauth", "allauth.account", "allauth.mfa"], SECRET_KEY="x",
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"])
import django
django.setup()
"""


def cost(module: str, first: str = "") -> tuple[float, float] | None:
    """Milliseconds and MiB; None where it is not installed."""
    found = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", first + PROBE.format(module=module)], capture_output=True, check=False
        )
        if done.returncode:
            return None
        milliseconds, mebibytes = map(float, done.stdout.split())
        found.append((milliseconds, mebibytes))
    return min(found)


def main() -> None:
    """Print the table."""
    print(f"{'module':<42} {'ms':>6} {'MiB':>6}")
    for module in (*MODULES, *OF_DJANGO):
        found = cost(module, RUNNING if module in OF_DJANGO else "")
        print(f"{module:<42} {'not installed' if found is None else f'{found[0]:6.0f} {found[1]:6.1f}'}")


if __name__ == "__main__":
    main()
