"""Tests of the collector. Its models can be imported once Django knows its settings; a fixture names the database."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collector.django_settings")
django.setup()
