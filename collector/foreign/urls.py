"""The address of what other programs say that they erased."""

from __future__ import annotations

from django.urls import path

from collector.foreign import views

urlpatterns = [path("foreign", views.foreign, name="foreign")]
