"""Addresses of the alarms that go out."""

from __future__ import annotations

from django.urls import path

from collector.notices import views

urlpatterns = [
    path("notices", views.notices, name="notices"),
    path("notices/messages", views.messages_page, name="notices-messages"),
    path("notices/messages/<str:message>/replay", views.replay),
    path("notices/<int:number>/test", views.test),
    path("notices/<int:number>/pause", views.pause),
    path("notices/<int:number>/resume", views.resume),
    path("notices/<int:number>/remove", views.remove),
    path("notices/<int:number>/replay", views.replay_failed),
]
