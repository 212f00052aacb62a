"""Addresses of certificates, and of the public check."""

from __future__ import annotations

from django.urls import path

from collector.certificates import check_views, export_views, statements_views, views

urlpatterns = [
    path("certificates", views.certificates, name="certificates"),
    path("certificates/export/<str:kind>", export_views.export, name="export"),
    path("certificates/<str:name>", views.certificate, name="certificate"),
    path("validation", statements_views.waiting, name="validation"),
    path("statements/<str:name>", statements_views.statement, name="statement"),
    path("quarantine", views.quarantine, name="quarantine"),
    path("stations/<str:station>/statements", views.statements, name="statements"),
    path("check", check_views.check, name="check"),
    path("check/keys/<str:kid>", check_views.key),
    path("check/<str:name>", check_views.checked, name="checked"),
    path("keys.jwks", check_views.keys),
]
