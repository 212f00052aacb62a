"""Tests of the collector. Its models can be imported once Django knows its settings; a fixture names the database."""

import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collector.django_settings")
zone = os.environ.get("TZ")
django.setup()
# Django moves its process to the pages' time zone; the station's tests, in the same process, stay in the machine's.
os.environ.pop("TZ", None)
if zone is not None:
    os.environ["TZ"] = zone
time.tzset()
