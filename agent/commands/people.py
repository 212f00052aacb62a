"""Who does it, as named on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import click

if TYPE_CHECKING:
    from agent.certificates.record import Operator
    from agent.settings import Settings


@overload
def operator_named(settings: Settings, named: str) -> Operator: ...
@overload
def operator_named(settings: Settings, named: str | None) -> Operator | None: ...
def operator_named(settings: Settings, named: str | None) -> Operator | None:
    """Find an operator by id or badge, with name and title.

    BadParameter for nobody that a configuration which knows people knows.
    """
    from agent.certificates.record import Operator

    if named is None:
        return None
    known = next((o for o in settings.operator if named in (o.id, o.badge)), None)
    if known is None and settings.operator:
        allowed = ", ".join(o.id for o in settings.operator)
        raise click.BadParameter(f"{named!r}: allowed is one of {allowed}", param_hint="'--operator'")
    return Operator(id=known.id, name=known.name, title=known.title) if known else Operator(id=named)
