"""What stands on a settlement, in Danish and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["da", "en"]
SECTIONS: Mapping[Language, Mapping[str, str]] = {
    "da": {
        "sale": "A. Salg",
        "fee": "B. Ydelser",
        "correction": "C. Rettelser vedr. tidligere perioder",
        "unsold": "D. Ikke solgt",
        "scrapped": "E. Skrottet og destrueret",
        "sum": "F. Sum",
    },
    "en": {
        "sale": "A. Sales",
        "fee": "B. Services",
        "correction": "C. Corrections of earlier periods",
        "unsold": "D. Not sold",
        "scrapped": "E. Scrapped and destroyed",
        "sum": "F. Sum",
    },
}
KINDS: Mapping[Language, Mapping[str, str]] = {
    "da": {
        "laptop": "bærbar", "desktop": "stationær", "thin-client": "tynd klient", "server": "server",
        "tablet": "tablet", "phone": "telefon", "monitor": "skærm", "loose-drive": "løst drev", "printer": "printer",
        "other": "andet", "unknown": "ukendt",
    },
    "en": {
        "laptop": "laptop", "desktop": "desktop", "thin-client": "thin client", "server": "server", "tablet": "tablet",
        "phone": "phone", "monitor": "monitor", "loose-drive": "loose drive", "printer": "printer", "other": "other",
        "unknown": "unknown",
    },
}  # fmt: skip
CHANNELS: Mapping[Language, Mapping[str, str]] = {
    "da": {"web": "webshop", "broker": "mægler", "shop": "butik", "internal": "internt", "donation": "donation"},
    "en": {"web": "web shop", "broker": "broker", "shop": "shop", "internal": "internal", "donation": "donation"},
}
OUTCOMES: Mapping[Language, Mapping[str, str]] = {
    "da": {"erased": "slettet", "attested": "nulstillet", "destroyed": "destrueret", "scrapped": "skrottet"},
    "en": {"erased": "erased", "attested": "reset", "destroyed": "destroyed", "scrapped": "scrapped"},
}
COLUMNS: Mapping[Language, Mapping[str, str]] = {
    "da": {
        "section": "Afsnit", "unit": "Enhed", "asset_tag": "Udstyrets nummer", "serial": "Serienummer", "kind": "Art",
        "grade": "Stand", "certificate": "Certifikat", "sold_on": "Solgt den", "channel": "Kanal", "price_ore": "Pris",
        "base_ore": "Grundlag", "rate_bp": "Sats %", "amount_ore": "Beløb", "vat_bp": "Moms %", "corrects": "Retter",
        "outcome": "Udfald", "since": "Modtaget", "age": "Dage", "statement": "Erklæring", "pieces": "Antal",
    },
    "en": {
        "section": "Section", "unit": "Unit", "asset_tag": "Asset tag", "serial": "Serial number", "kind": "Kind",
        "grade": "Grade", "certificate": "Certificate", "sold_on": "Sold on", "channel": "Channel",
        "price_ore": "Price", "base_ore": "Base", "rate_bp": "Rate %", "amount_ore": "Amount", "vat_bp": "VAT %",
        "corrects": "Corrects", "outcome": "Outcome", "since": "Received", "age": "Days", "statement": "Statement",
        "pieces": "Pieces",
    },
}  # fmt: skip
SUMS: Mapping[Language, Mapping[str, str]] = {
    "da": {
        "share_ore": "Kundens andel", "share_vat_ore": "Moms af andelen", "fees_ore": "Ydelser",
        "fees_vat_ore": "Moms af ydelser", "opening_ore": "Overført fra sidste afregning",
        "payable_ore": "Udbetales til kunden", "closing_ore": "Overføres til næste afregning",
    },
    "en": {
        "share_ore": "The customer's share", "share_vat_ore": "VAT of the share", "fees_ore": "Services",
        "fees_vat_ore": "VAT of services", "opening_ore": "Carried from the last settlement",
        "payable_ore": "Paid to the customer", "closing_ore": "Carried to the next settlement",
    },
}  # fmt: skip
TEXTS: Mapping[Language, Mapping[str, str]] = {
    "da": {
        "title": "Afregning", "number": "Afregning nr.", "seller": "Sælger", "customer": "Kunde", "agreement": "Aftale",
        "versions": "Versioner gældende fra", "period": "Periode", "issued": "Udstedt",
        "late": "vedr. tidligere periode",
        "rounding": "Hver linje er afrundet én gang til hele øre, en halv væk fra nul. Summerne er summen af de trykte "
        "linjer. Moms er beregnet for hver sats af summen af dens linjer, andel og ydelser hver for sig.",
        "set_off": "Ydelserne er modregnet i kundens andel, som aftalt.",
        "no_set_off": "Ydelserne faktureres for sig og er ikke modregnet i andelen.",
        "vat": "Moms af andelen: {share} %. Moms af ydelser: {fee} %. Behandlingen er parternes valg i aftalen.",
        "check": "Den underskrevne afregning (.jws) er vedhæftet denne side og er det, der gælder. SHA-256 af den:",
        "how": "Kontrol: benchwipe-collector statement verify FIL.jws, eller enhver JOSE-programdel (RFC 7515).",
        "page": "Side {number} af {count}", "none": "Ingen linjer.",
        "previous": "Sælgerens forrige afregning, SHA-256:",
        "first": "Sælgerens første afregning.", "overdue": "over fristen:", "cvr": "CVR", "gln": "GLN", "sum": "I alt",
        "plain": "Ingen skrifttype at indlejre på denne maskine: filen er en almindelig PDF og ikke PDF/A.",
    },
    "en": {
        "title": "Settlement", "number": "Settlement no.", "seller": "Seller", "customer": "Customer",
        "agreement": "Agreement", "versions": "Versions valid from", "period": "Period", "issued": "Issued",
        "late": "of an earlier period",
        "rounding": "Each line is rounded once to a whole øre, a half away from zero. Totals are the sums of the "
        "printed lines. VAT is computed for each rate on the sum of its lines, share and services apart.",
        "set_off": "Services are set off against the customer's share, as agreed.",
        "no_set_off": "Services are invoiced by themselves and not set off against the share.",
        "vat": "VAT of the share: {share} %. VAT of services: {fee} %. The treatment is the parties' choice.",
        "check": "The signed settlement (.jws) is attached to this page, and is what counts. Its SHA-256:",
        "how": "To check: benchwipe-collector statement verify FILE.jws, or any JOSE library (RFC 7515).",
        "page": "Page {number} of {count}", "none": "No lines.",
        "previous": "The seller's settlement before, SHA-256:",
        "first": "The seller's first settlement.", "overdue": "too long:", "cvr": "CVR", "gln": "GLN", "sum": "In all",
        "plain": "This machine has no font to embed: the file is an ordinary PDF and no PDF/A.",
    },
}  # fmt: skip
