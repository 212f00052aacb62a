"""Addresses of background work."""

from __future__ import annotations

from django.urls import path

from collector.background import views

urlpatterns = [
    path("tasks/<str:token>", views.task, name="task"),
    path("tasks/<str:token>/file", views.file, name="task_file"),
]
