"""Addresses of certificates."""

from __future__ import annotations

from django.urls import path

from collector.certificates import views

urlpatterns = [
    path("certificates", views.certificates, name="certificates"),
    path("certificates/<str:name>", views.certificate, name="certificate"),
    path("quarantine", views.quarantine, name="quarantine"),
]
