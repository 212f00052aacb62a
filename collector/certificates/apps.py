"""The room certificates, as Django knows it."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    """Search, one certificate, its proof."""

    name = "collector.certificates"
    label = "certificates"

    def ready(self) -> None:
        """Listen for certificates that are stored, and for names that customers are given."""
        import_module("collector.certificates.listening")
