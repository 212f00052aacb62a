"""The nine roles, and what each opens. Pure.

Who sees what: `STAFF` work for the house and see every customer's rows but for technicians, who see their own lots;
`CUSTOMERS` see the rows of the organisation that their membership names, and never another's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ADMINISTRATOR = "administrator"
TEAM_LEAD = "team_lead"
TECHNICIAN = "technician"
VALIDATOR = "validator"
FINANCE = "finance"
CUSTOMER_DATA = "customer_data"
CUSTOMER_FINANCE = "customer_finance"
BUYER = "buyer"
AUDITOR = "auditor"

ROLES = (
    ADMINISTRATOR,
    TEAM_LEAD,
    TECHNICIAN,
    VALIDATOR,
    FINANCE,
    CUSTOMER_DATA,
    CUSTOMER_FINANCE,
    BUYER,
    AUDITOR,
)
EVERY_CUSTOMER = frozenset({ADMINISTRATOR, TEAM_LEAD, VALIDATOR, FINANCE})
STAFF = EVERY_CUSTOMER | {TECHNICIAN}
CUSTOMERS = frozenset({CUSTOMER_DATA, CUSTOMER_FINANCE, AUDITOR})
SEE_CERTIFICATES = STAFF | CUSTOMERS
"""Who may open the certificates at all; the rows and the fields are another question."""
MONEY = (FINANCE, CUSTOMER_FINANCE, AUDITOR)
"""Who may see prices at all: of their own organisation's agreements, and of no others."""
KINDS = ("customer", "operator", "reseller", "buyer", "recycler")
FITS = {
    **dict.fromkeys(STAFF, frozenset({"operator"})),
    FINANCE: frozenset({"operator", "reseller"}),
    CUSTOMER_DATA: frozenset({"customer"}),
    CUSTOMER_FINANCE: frozenset({"customer"}),
    BUYER: frozenset({"buyer", "reseller"}),
    AUDITOR: frozenset(KINDS),
}
"""Role -> the kinds of organisation in which a person can have it."""


@dataclass(frozen=True)
class Standing:
    """One membership: a role in an organisation of some kind."""

    role: str
    organisation: int
    kind: str


@dataclass(frozen=True)
class Sight:
    """What a person's memberships let them see. Nothing, for somebody who has none."""

    standings: frozenset[Standing] = frozenset()
    operator_id: str = ""
    """What stations call this person: a technician's own lots are those of their certificates."""

    @property
    def roles(self) -> frozenset[str]:
        """The roles, whatever the organisation."""
        return frozenset(one.role for one in self.standings)

    def has(self, roles: Iterable[str]) -> bool:
        """Say whether one of these roles is held anywhere."""
        return not self.roles.isdisjoint(roles)

    @property
    def every_customer(self) -> bool:
        """Whether no row is hidden for its customer's sake."""
        return self.has(EVERY_CUSTOMER)

    @property
    def customers(self) -> frozenset[int]:
        """The organisations whose rows are seen."""
        return frozenset(one.organisation for one in self.standings if one.role in CUSTOMERS)

    @property
    def own_lots(self) -> bool:
        """Whether the lots of this person's own certificates are seen."""
        return self.has((TECHNICIAN,)) and bool(self.operator_id)


NOTHING = Sight()
