"""What two parties agreed on: a version of an agreement, its rates, and the file in which they are written. Pure."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

ShareBase = Literal["gross", "net_standard", "net_margin", "net_costs", "fixed"]
Recognise = Literal["sold", "paid", "return_window"]
VatMode = Literal["margin", "standard", "export", "none"]
SHARE_BASES: tuple[ShareBase, ...] = ("gross", "net_standard", "net_margin", "net_costs", "fixed")
RECOGNISE: tuple[Recognise, ...] = ("sold", "paid", "return_window")
VAT_MODES: tuple[VatMode, ...] = ("margin", "standard", "export", "none")
FEE_PER = ("unit", "drive")
VALIDATION = ("none", "required")
ANY = "*"
KINDS = (
    "laptop", "desktop", "thin-client", "server", "tablet", "phone", "monitor", "loose-drive", "printer", "other",
)  # fmt: skip
"""What a rate may be for; `*` is for all others."""

BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
Ore = Annotated[int, Meta(ge=0, le=10**12)]
Days = Annotated[int, Meta(ge=0, le=3650)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Grade = Annotated[str, Meta(min_length=1, max_length=20)]


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is paid for units of a kind and a grade. Amounts are per piece, in øre."""

    kind: str
    grade: Grade = ANY
    share_bp: BasisPoints = 0
    floor_ore: Ore = 0
    consent_below_ore: Ore = 0
    fee_erased_ore: Ore = 0
    fee_attested_ore: Ore = 0
    fee_destroyed_ore: Ore = 0
    fixed_ore: Ore = 0
    scrap_fee_ore: Ore = 0
    itemised: bool = True


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version: what holds from a day on, until the next version's."""

    valid_from: date
    share_base: ShareBase
    recognise: Recognise = "sold"
    return_days: Days = 14
    fee_per: Literal["unit", "drive"] = "unit"
    fee_vat_bp: BasisPoints = 2500
    share_vat_bp: BasisPoints = 0
    attested_allowed: bool = False
    unread_allowed: bool = False
    validation: Literal["none", "required"] = "none"
    validator_differs: bool = True
    sample_bp: BasisPoints = 500
    unsold_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    set_off: bool = False
    rate: list[Rate] = []


class AgreementFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file that a person writes: who agrees on what."""

    customer: Name
    seller: Name
    title: Name
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "DKK"
    version: Annotated[list[Terms], Meta(min_length=1, max_length=100)]


def problems(file: AgreementFile) -> list[str]:
    """List what no type can say: days that stand twice, rates that stand twice or are for no kind."""
    found = []
    days = [one.valid_from for one in file.version]
    found += [f"version: {day} stands twice in valid_from; allowed is once" for day in _twice(days)]
    for place, terms in enumerate(file.version):
        where = f"version[{place}].rate"
        if not terms.rate:
            found.append(f'{where} is missing: a version has at least one; kind = "*" is for all')
        pairs = [(rate.kind, rate.grade) for rate in terms.rate]
        found += [f"{where}: kind {kind!r} with grade {grade!r} stands twice" for kind, grade in _twice(pairs)]
        found += [
            f"{where}: kind = {kind!r}: allowed is one of {', '.join((*KINDS, ANY))}"
            for kind in dict.fromkeys(rate.kind for rate in terms.rate)
            if kind not in (*KINDS, ANY)
        ]
    return found


def fingerprint(terms: Terms) -> str:
    """Hash what is agreed on, so that an approval is of these very terms and no others."""
    ordered = msgspec.structs.replace(terms, rate=sorted(terms.rate, key=lambda rate: (rate.kind, rate.grade)))
    return hashlib.sha256(msgspec.json.encode(ordered)).hexdigest()


def ruling(versions: list[Terms], day: date) -> Terms | None:
    """Choose the version that holds on a day: the newest that had begun; None before the first."""
    begun = [one for one in versions if one.valid_from <= day]
    return max(begun, key=lambda one: one.valid_from) if begun else None


def rate_for(rates: list[Rate], kind: str, grade: str) -> Rate | None:
    """Choose the rate: kind and grade, kind alone, grade alone, all others. None where none fits."""
    table = {(rate.kind, rate.grade): rate for rate in rates}
    for asked in ((kind, grade or ANY), (kind, ANY), (ANY, grade or ANY), (ANY, ANY)):
        if asked in table:
            return table[asked]
    return None


def _twice(values: list[Any]) -> list[Any]:
    return [value for value in dict.fromkeys(values) if values.count(value) > 1]
