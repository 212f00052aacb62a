"""Names of roles and kinds, and of what stands in the audit trail, in the reader's language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ROLES: dict[str, Promise] = {
    "administrator": _("Administrator"),
    "team_lead": _("Team lead"),
    "technician": _("Technician"),
    "validator": _("Validator"),
    "finance": _("Finance"),
    "customer_data": _("Customer, data protection"),
    "customer_finance": _("Customer, finance"),
    "buyer": _("Buyer"),
    "auditor": _("Auditor"),
}
KINDS: dict[str, Promise] = {
    "customer": _("Customer"),
    "operator": _("Operator of benches"),
    "reseller": _("Reseller"),
    "buyer": _("Buyer"),
    "recycler": _("Recycler"),
}
SCOPES: dict[str, Promise] = {
    "certificates:read": _("certificates"),
    "stations:read": _("stations and their bays"),
    "metrics:read": _("figures of the collector itself"),
}
ACTIONS: dict[str, Promise] = {
    "person.added": _("person added"),
    "person.changed": _("person changed"),
    "person.disabled": _("person disabled"),
    "person.enabled": _("person enabled"),
    "person.signed_in": _("signed in"),
    "person.signed_out": _("signed out"),
    "person.sign_in_failed": _("sign-in failed"),
    "person.password_changed": _("password changed"),
    "membership.added": _("role given"),
    "membership.removed": _("role taken away"),
    "organisation.added": _("organisation added"),
    "organisation.changed": _("organisation changed"),
    "organisation.named": _("another name given"),
    "invitation.made": _("invitation made"),
    "invitation.withdrawn": _("invitation withdrawn"),
    "invitation.accepted": _("invitation accepted"),
    "link.made": _("sign-in link made"),
    "sessions.ended": _("sessions ended"),
    "second_factor.added": _("second factor added"),
    "second_factor.removed": _("second factor removed"),
    "second_factor.reset": _("second factor reset"),
    "token.made": _("API token made"),
    "token.revoked": _("API token revoked"),
    "identity.linked": _("identity linked"),
    "identity.unlinked": _("identity unlinked"),
    "identity.refused": _("identity refused"),
    "effect.factors_loaded": _("factor set loaded"),
    "effect.work_entered": _("jobs and hours entered"),
    "effect.figure_entered": _("figure entered"),
    "station.enrolled": _("station enrolled"),
    "station.revoked": _("station revoked"),
    "certificates.exported": _("certificates taken as a file"),
    "certificates.reported": _("certificates written to a file"),
    "database.triggers_mended": _("triggers of the database made again"),
}


def role(name: str) -> str:
    """Name a role."""
    return str(ROLES.get(name, name))


def kind(name: str) -> str:
    """Name a kind of organisation."""
    return str(KINDS.get(name, name))


def scope(name: str) -> str:
    """Name what a token may read."""
    return str(SCOPES.get(name, name))


def action(name: str) -> str:
    """Name what happened; what is not known here is shown as it stands."""
    return str(ACTIONS.get(name, name))
