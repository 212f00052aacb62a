"""The room certificates, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    """Search, one certificate, its proof."""

    name = "collector.certificates"
    label = "certificates"
