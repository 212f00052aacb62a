"""A customer's yes to a low price."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from collector.parties.models import Person
from collector.parties.services import Actor, note
from collector.trade import lookup
from collector.trade.agreements import speaks_for
from collector.trade.errors import NotSo
from collector.trade.models import Agreement, Consent


@transaction.atomic
def give(actor: Actor, agreement: Agreement, identifier: str, lowest_ore: int, person: Person) -> Consent:
    """Record that a unit may be sold from a price on. Raise NotSo."""
    if not speaks_for(person, agreement, "customer"):
        raise NotSo(
            problem=_("%(who)s is not of the finance of %(customer)s")
            % {"who": person.login, "customer": agreement.customer.name}
        )
    found = lookup.units_by_number([identifier], [agreement.customer_id]).get(identifier, [])
    if len(found) != 1:
        raise NotSo(problem=_("no unit, or more than one, has the number %(number)s") % {"number": identifier})
    made: Consent = Consent.unfiltered.create(
        agreement=agreement, unit=found[0], lowest_ore=lowest_ore, person=person, who=actor.who
    )
    note(actor, "agreement.consented", agreement.code, unit=found[0].pk, lowest_ore=lowest_ore)
    return made
