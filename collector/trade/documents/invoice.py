"""The services of a settlement as an electronic invoice: Peppol BIS Billing 3.0 (UBL 2.1, EN 16931), or a credit note.

Pieces with one price stand in one line. Denmark identifies companies by CVR (ISO 6523 scheme 0184) and public buyers by
GLN (0088). Made from what was signed; nothing is chosen here but the form.
"""

from __future__ import annotations

from collections import Counter
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from collector.text import visible
from collector.trade.documents.model import Order, Party
from collector.trade.documents.words import KINDS, OUTCOMES
from collector.trade.rules.balance import vat_of
from collector.trade.rules.money import percent, written

CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
UBL = "urn:oasis:names:specification:ubl:schema:xsd"
CBC, CAC = f"{{{UBL}:CommonBasicComponents-2}}", f"{{{UBL}:CommonAggregateComponents-2}}"
CVR_SCHEME, GLN_SCHEME = "0184", "0088"
PIECE = "C62"  # UN/ECE Recommendation 20: one
for _prefix, _name in (("cbc", "CommonBasicComponents"), ("cac", "CommonAggregateComponents")):
    register_namespace(_prefix, f"{UBL}:{_name}-2")
SERVICES = ("fee", "scrapped", "correction")


def invoice(order: Order) -> bytes | None:
    """Write the invoice; None where there is nothing to be invoiced, or a company has no number to be found by."""
    lines = _pieces(order)
    total = -order.document["fees_ore"]
    if not lines or not order.seller.cvr or not (order.customer.gln or order.customer.cvr):
        return None
    return _Invoice(order, lines, credit=total < 0).written()


def _pieces(order: Order) -> Counter[tuple[str, int, int]]:
    """(what, øre a piece, VAT) -> how many; of corrections those that give money back are below zero."""
    found: Counter[tuple[str, int, int]] = Counter()
    for line, extra in zip(order.document["lines"], order.extras, strict=True):
        if line["section"] not in SERVICES or line["amount_ore"] == 0 or extra.get("what") == "share":
            continue
        outcome = OUTCOMES[order.language].get(extra.get("outcome", ""), "")
        what = ", ".join(part for part in (KINDS[order.language].get(line["kind"], line["kind"]), outcome) if part)
        ore, pieces = abs(line["amount_ore"]), extra.get("pieces", 1)
        if ore % pieces:  # pieces of several prices were summed up
            pieces = 1
        found[what, ore // pieces, line["vat_bp"]] += pieces if line["amount_ore"] < 0 else -pieces
    return Counter({key: count for key, count in found.items() if count})


class _Invoice:
    def __init__(self, order: Order, lines: Counter[tuple[str, int, int]], *, credit: bool) -> None:
        self._order, self._credit = order, credit
        self._sign = -1 if credit else 1
        self._lines = [(what, ore, vat, count * self._sign) for (what, ore, vat), count in sorted(lines.items())]
        kind = "CreditNote" if credit else "Invoice"
        self._root = Element(f"{{{UBL}:{kind}-2}}{kind}")

    def written(self) -> bytes:
        """Write the whole document, elements in the schema's own order."""
        self._head()
        self._party("AccountingSupplierParty", self._order.seller, supplier=True)
        self._party("AccountingCustomerParty", self._order.customer, supplier=False)
        terms = SubElement(self._root, f"{CAC}PaymentTerms")
        _text(terms, "Note", "Efter aftale" if self._order.language == "da" else "As agreed")
        self._totals()
        for number, line in enumerate(self._lines, 1):
            self._line(number, *line)
        indent(self._root)
        body: bytes = tostring(self._root, encoding="UTF-8", xml_declaration=True)
        return body + b"\n"

    def _head(self) -> None:
        document, root = self._order.document, self._root
        _text(root, "CustomizationID", CUSTOMIZATION)
        _text(root, "ProfileID", PROFILE)
        _text(root, "ID", f"{document['number']}-B")
        _text(root, "IssueDate", document["issued_at"][:10])
        _text(root, "CreditNoteTypeCode" if self._credit else "InvoiceTypeCode", "381" if self._credit else "380")
        _text(root, "Note", f"{document['period']}, {document['agreement']}")
        _text(root, "DocumentCurrencyCode", self._order.currency)
        _text(root, "BuyerReference", document["agreement"])
        period = SubElement(root, f"{CAC}InvoicePeriod")
        _text(period, "StartDate", self._order.first_day)
        _text(period, "EndDate", self._order.last_day)

    def _party(self, role: str, one: Party, *, supplier: bool) -> None:
        party = SubElement(SubElement(self._root, f"{CAC}{role}"), f"{CAC}Party")
        public = bool(one.gln) and not supplier
        address = ("EndpointID", one.gln, GLN_SCHEME) if public else ("EndpointID", one.cvr, CVR_SCHEME)
        _text(party, address[0], address[1], schemeID=address[2])
        _text(SubElement(party, f"{CAC}PartyName"), "Name", one.name)
        postal = SubElement(party, f"{CAC}PostalAddress")
        if street := " ".join(one.address.split()):
            _text(postal, "StreetName", street)
        _text(SubElement(postal, f"{CAC}Country"), "IdentificationCode", "DK")
        if supplier:
            scheme = SubElement(party, f"{CAC}PartyTaxScheme")
            _text(scheme, "CompanyID", f"DK{one.cvr}")
            _text(SubElement(scheme, f"{CAC}TaxScheme"), "ID", "VAT")
        legal = SubElement(party, f"{CAC}PartyLegalEntity")
        _text(legal, "RegistrationName", one.name)
        if one.cvr:
            _text(legal, "CompanyID", one.cvr, schemeID=CVR_SCHEME)

    def _totals(self) -> None:
        net = sum(ore * count for _, ore, _, count in self._lines)
        rates = sorted({vat for _, _, vat, _ in self._lines})
        vat = vat_of((ore * count, bp) for _, ore, bp, count in self._lines)
        total = SubElement(self._root, f"{CAC}TaxTotal")
        self._money(total, "TaxAmount", vat)
        for bp in rates:
            taxable = sum(ore * count for _, ore, of, count in self._lines if of == bp)
            sub = SubElement(total, f"{CAC}TaxSubtotal")
            self._money(sub, "TaxableAmount", taxable)
            self._money(sub, "TaxAmount", vat_of([(taxable, bp)]))
            _category(SubElement(sub, f"{CAC}TaxCategory"), bp)
        sums = SubElement(self._root, f"{CAC}LegalMonetaryTotal")
        self._money(sums, "LineExtensionAmount", net)
        self._money(sums, "TaxExclusiveAmount", net)
        self._money(sums, "TaxInclusiveAmount", net + vat)
        self._money(sums, "PayableAmount", net + vat)

    def _line(self, number: int, what: str, ore: int, vat: int, count: int) -> None:
        kind, quantity = ("CreditNoteLine", "CreditedQuantity") if self._credit else ("InvoiceLine", "InvoicedQuantity")
        line = SubElement(self._root, f"{CAC}{kind}")
        _text(line, "ID", str(number))
        _text(line, quantity, str(count), unitCode=PIECE)
        self._money(line, "LineExtensionAmount", ore * count)
        item = SubElement(line, f"{CAC}Item")
        _text(item, "Name", what)
        _category(SubElement(item, f"{CAC}ClassifiedTaxCategory"), vat)
        self._money(SubElement(line, f"{CAC}Price"), "PriceAmount", ore)

    def _money(self, parent: Element, name: str, ore: int) -> None:
        _text(parent, name, written(ore, comma="."), currencyID=self._order.currency)


def _category(parent: Element, bp: int) -> None:
    """Standard rated, or zero rated where the agreement says 0 (UNCL 5305)."""
    _text(parent, "ID", "S" if bp else "Z")
    _text(parent, "Percent", percent(bp, comma="."))
    _text(SubElement(parent, f"{CAC}TaxScheme"), "ID", "VAT")


def _text(parent: Element, name: str, told: str, **attributes: str) -> None:
    SubElement(parent, f"{CBC}{name}", attributes).text = visible(told)
