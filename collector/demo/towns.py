"""The two municipalities of the simulated year, with the agreements that they made. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from collector.demo.plan import Town

SUMMED = "itemised = false\n"
"""After a rate: its lines are printed as one sum."""


def _rate(kind: str, /, *, grade: str = "*", fees: Mapping[str, int], **facts: int) -> str:
    told = "".join(f"{name} = {value}\n" for name, value in {**facts, **fees}.items())
    return f'[[version.rate]]\nkind = "{kind}"\ngrade = "{grade}"\n{told}'


def _fees(erased: int, attested: int, destroyed: int) -> dict[str, int]:
    return {"fee_erased_ore": erased, "fee_attested_ore": attested, "fee_destroyed_ore": destroyed}


def _price_list(percent: int) -> str:
    """Kolding's price list: a fixed amount by kind and grade, whatever the buyer pays."""
    first = {"laptop": 55_000, "desktop": 30_000, "tablet": 25_000, "phone": 20_000}
    rows = [
        _rate(kind, grade=grade, fixed_ore=price * part * percent // 10_000, fees=_fees(6_500, 3_000, 9_000))
        for kind, price in first.items()
        for grade, part in (("A", 100), ("B", 75), ("C", 40))
    ]
    rows += [_rate(kind, fixed_ore=0, fees=_fees(6_500, 3_000, 9_000)) for kind in first]
    return "".join(rows) + _rate("*", fixed_ore=500, fees=_fees(0, 0, 0)) + SUMMED


def _shares(laptop: int, others: int) -> str:
    """Odense's shares by line item: large kinds apart, all others together."""
    rows = [_rate("laptop", share_bp=laptop, floor_ore=5_000, fees=_fees(7_500, 3_000, 9_000))]
    rows += [_rate(kind, share_bp=others, fees=_fees(7_500, 3_000, 9_000)) for kind in ("desktop", "tablet", "phone")]
    return "".join(rows) + _rate("*", share_bp=others, fees=_fees(0, 0, 0)) + SUMMED


def _version(share_base: str, recognise: str, *, set_off: bool) -> str:
    return (
        f'share_base = "{share_base}"\nrecognise = "{recognise}"\nreturn_days = 14\nfee_per = "unit"\n'
        'fee_vat_bp = 2500\nshare_vat_bp = 0\nattested_allowed = true\nunread_allowed = false\nvalidation = "none"\n'
        f"validator_differs = true\nsample_bp = 500\nunsold_days = 180\nset_off = {str(set_off).lower()}\n"
    )


KOLDING = Town(
    name="Kolding Kommune",
    short="KOL",
    seller="Refurb A/S",
    seller_kind="reseller",
    operator="Special Minds",
    title="Køb af brugt it-udstyr",
    computers=1_200,
    tablets=500,
    phones=600,
    terms=(
        _version("fixed", "return_window", set_off=True) + _price_list(100),
        _version("fixed", "return_window", set_off=True) + _price_list(90),
    ),
)
ODENSE = Town(
    name="Odense Kommune",
    short="ODE",
    seller="NordVirk",
    seller_kind="operator",
    operator="NordVirk",
    title="Salg af brugt it-udstyr",
    computers=3_500,
    tablets=1_400,
    phones=2_100,
    terms=(
        _version("net_margin", "sold", set_off=False) + _shares(4_000, 3_500),
        _version("net_margin", "sold", set_off=False) + _shares(4_500, 3_250),
    ),
)
TOWNS = (KOLDING, ODENSE)
