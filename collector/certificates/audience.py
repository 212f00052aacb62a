"""How much of a certificate somebody may read: all of it, or which one it is and what came of it. Pure.

Which rows somebody sees at all is decided in parties/managers.py; this is about what stands in them.
"""

from __future__ import annotations

from collector.certificates.exports.columns import Audience
from collector.parties.roles import ADMINISTRATOR, AUDITOR, CUSTOMER_DATA, TEAM_LEAD, VALIDATOR, Sight

READ_ALL = frozenset({ADMINISTRATOR, TEAM_LEAD, VALIDATOR})
READ_OWN = frozenset({CUSTOMER_DATA, AUDITOR})


def audience_of(sight: Sight, customer: int | None) -> Audience:
    """Say how much of a row of this customer a person reads, who sees it."""
    if sight.has(READ_ALL):
        return "full"
    if customer is not None and customer in sight.customers:
        held = {one.organisation for one in sight.standings if one.role in READ_OWN}
        return "full" if customer in held else "finance"
    # Neither as one of the house's staff nor as its customer's: it is of a technician's own lots.
    return "full" if sight.own_lots and not sight.every_customer else "finance"


def widest(sight: Sight) -> Audience:
    """Say how much a person reads of every row that they see: what a list for all of them may hold."""
    if sight.has(READ_ALL):
        return "full"
    held = {one.organisation for one in sight.standings if one.role in READ_OWN}
    return "finance" if sight.every_customer or sight.customers - held else "full"
