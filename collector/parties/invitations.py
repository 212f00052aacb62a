"""Invitations: a one-time link that makes a person with one role, sent by mail or shown once to whoever invites."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from collector.moments import now
from collector.parties import links, services
from collector.parties.errors import LinkProblem, PartyProblem
from collector.parties.models import Invitation, OneTimeLink, Organisation, Person
from collector.parties.roles import FITS, ROLES
from collector.parties.services import Actor

LOG = logging.getLogger(__name__)
WITHIN = timedelta(days=7)


@transaction.atomic
def invite(actor: Actor, organisation: Organisation, role: str, *, name: str = "", email: str = "") -> str:
    """Make an invitation; its link's token is what is returned, once. Raise PartyProblem."""
    if role not in ROLES or organisation.kind not in FITS[role]:
        told = {"name": organisation.name, "kind": organisation.kind, "role": role}
        raise PartyProblem(problem=_("%(name)s is a %(kind)s; it has no %(role)s") % told)
    token = links.make("invitation", within=WITHIN)
    link = links.find(token)
    Invitation.objects.create(
        link=link, organisation=organisation, role=role, name=name.strip(), email=email.strip(), made_by=actor.person
    )
    services.note(actor, "invitation.made", email or name, role=role, organisation=organisation.name)
    return token


def open_invitations() -> list[Invitation]:
    """List those that nobody took and that did not end."""
    rows = Invitation.objects.select_related("link", "organisation", "made_by")
    return list(rows.filter(link__used_at=None, link__ends_at__gt=now()).order_by("-pk"))


def of_link(link: OneTimeLink) -> Invitation:
    """Find the invitation of a link. Raise LinkProblem if it has none, or if whoever made it may invite no more."""
    found = Invitation.objects.select_related("organisation", "made_by").filter(link=link).first()
    if found is None or (found.made_by is not None and not found.made_by.is_active):
        raise LinkProblem
    return found


@transaction.atomic
def withdraw(actor: Actor, invitation: Invitation) -> None:
    """End an invitation that nobody took."""
    if OneTimeLink.objects.filter(pk=invitation.link_id, used_at=None).update(ends_at=now()):
        services.note(actor, "invitation.withdrawn", invitation.email or invitation.name, role=invitation.role)


@transaction.atomic
def accept(actor: Actor, link: OneTimeLink, invitation: Invitation, person: Person) -> Person:
    """Use the link up and keep the person with the role. Raise LinkProblem or PartyProblem; then nothing happened."""
    links.use(link)
    person.email = person.email or invitation.email
    services.save_person(actor, person, invitation.organisation, invitation.role)
    services.note(actor, "invitation.accepted", person.login, role=invitation.role)
    return person


def mail_is_set_up() -> bool:
    """Say whether invitations can be sent by mail."""
    return bool(settings.EMAIL_HOST) and bool(settings.DEFAULT_FROM_EMAIL)


def send(address: str, link: str, organisation: Organisation, language: str) -> bool:
    """Send the link. False where the mail server did not take it; then whoever invites is shown the link instead."""
    with translation.override(language):
        subject = _("An invitation to benchwipe")
        body = _(
            "You are invited to benchwipe at %(organisation)s.\n\nOpen this link within seven days. It works once:\n\n"
            "%(link)s\n\nIf you do not know what this is about, do nothing.\n"
        ) % {"organisation": organisation.name, "link": link}
    try:
        return EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address]).send() == 1
    except (OSError, smtplib.SMTPException) as error:
        LOG.error("the invitation was not sent by mail: %s", type(error).__name__)
        return False
