"""The room selling, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class SellingConfig(AppConfig):
    """Stock, sales that are typed or scanned, what a buyer sees."""

    name = "collector.selling"
    label = "selling"
