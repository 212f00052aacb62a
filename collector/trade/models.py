"""The tables of the trade, under the name by which Django looks for them."""

from __future__ import annotations

from collector.trade.agreement_models import (
    Agreement,
    AgreementRate,
    AgreementVersion,
    Approval,
    Consent,
    Sale,
    SaleEvent,
    SaleLine,
)
from collector.trade.settlement_models import (
    LedgerEntry,
    Objection,
    ObjectionAnswer,
    Period,
    SettledEntry,
    Settlement,
    SettlementFile,
    SettlementLine,
    SettlementNumber,
)

__all__ = [
    "Agreement",
    "AgreementRate",
    "AgreementVersion",
    "Approval",
    "Consent",
    "LedgerEntry",
    "Objection",
    "ObjectionAnswer",
    "Period",
    "Sale",
    "SaleEvent",
    "SaleLine",
    "SettledEntry",
    "Settlement",
    "SettlementFile",
    "SettlementLine",
    "SettlementNumber",
]
