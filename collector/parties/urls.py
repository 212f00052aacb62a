"""Addresses of people, of organisations, of oneself, and of what a one-time link does."""

from __future__ import annotations

from django.urls import path

from collector.parties import languages, me_views, people_views, views

urlpatterns = [
    path("language", languages.choose, name="language"),
    path("welcome/<str:token>", views.welcome, name="welcome"),
    path("me", me_views.me, name="me"),
    path("me/sessions/<int:number>/end", me_views.end_session),
    path("me/identities/<int:number>/unlink", me_views.unlink_identity),
    path("me/tokens", me_views.make_token),
    path("me/tokens/<int:number>/revoke", me_views.revoke_token),
    path("people", people_views.people, name="people"),
    path("people/invitations/<int:number>/withdraw", people_views.withdraw),
    path("people/<int:number>", people_views.person, name="person"),
    path("people/<int:number>/roles", people_views.give_role),
    path("people/<int:number>/roles/<int:membership>/remove", people_views.take_role),
    path("people/<int:number>/identities/<int:identity>/unlink", people_views.unlink_identity),
    path("people/<int:number>/disable", people_views.disable),
    path("people/<int:number>/enable", people_views.enable),
    path("people/<int:number>/sessions/end", people_views.end_sessions),
    path("people/<int:number>/link", people_views.sign_in_link),
    path("organisations", people_views.organisations, name="organisations"),
    path("organisations/<int:number>", people_views.organisation, name="organisation"),
    path("organisations/<int:number>/names", people_views.give_name),
    path("audit", people_views.audit, name="audit"),
]
