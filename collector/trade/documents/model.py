"""What the documents of a settlement are made from: plain values, on their way into another process. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from collector.trade.documents.words import Language


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who is named in a settlement's head, and in an invoice."""

    name: str
    cvr: str = ""
    gln: str = ""
    address: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """All that is asked for. `document` is what is signed; `extras` are what people are shown beside each line."""

    document: dict[str, Any]
    extras: list[dict[str, Any]]
    seller: Party
    customer: Party
    title: str
    currency: str
    set_off: bool
    share_vat_bp: int
    fee_vat_bp: int
    first_day: str
    last_day: str
    language: Language
    keys_dir: str
    alg: str
