"""What of a certificate's persons a reader may see: on a buyer's page and a public one, none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.parties.roles import Sight

PERSONS = frozenset({"operator", "by", "name_of_operator", "requested_by", "accepted_by", "confirmed_by"})
"""Keys of a signed record that hold a person, wherever they stand in it."""
OF_CUSTOMER = frozenset({"customer", "asset", "asset_tag", "lot", "reference"})
"""Keys that name the customer and what it calls the unit."""


def sees_people(sight: Sight, customer: int | None) -> bool:
    """Say whether names of operators are shown to this reader: to who reads the certificate in full, nobody else."""
    return sight.in_full(customer)


def without_people(told: Any) -> Any:  # noqa: ANN401 - JSON
    """Copy a record or a part of it without whatever names a person."""
    return _without(told, PERSONS)


def public(told: Any) -> Any:  # noqa: ANN401 - JSON
    """Copy a record or a part of it without customer, tag and persons: for a buyer, and for the public."""
    return _without(told, PERSONS | OF_CUSTOMER)


def _without(told: Any, hidden: frozenset[str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(told, Mapping):
        return {key: _without(value, hidden) for key, value in told.items() if key not in hidden}
    if isinstance(told, list | tuple):
        return [_without(value, hidden) for value in told]
    return told
