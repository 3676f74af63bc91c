"""What is open of an invoice, and its correction by a credit memo and a new invoice, pure.

A credit takes back a whole invoice at its own exchange rate, so that original and credit sum to
nothing in every account. What replaces it is a new invoice with the same customer, terms and
dimensions; tax of a changed line is computed anew, half up on the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from router.canonical.billing import CreditMemo, Invoice, Payment, WriteOff
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.canonical.money import Money, round_half_up
from router.canonical.reference import TaxCode
from router.errors import BadInput
from router.finance.identity import derived

BASIS = 10_000
INHERITED = ("department", "practice", "service_line", "cost_center", "description", "tax_code", "minutes")
"""What a corrected line keeps of the one with its number, where it says nothing itself."""


def settled(document: Document) -> Money | None:
    """What a document takes off an open invoice; None when it is of another kind."""
    if isinstance(document, CreditMemo):
        return document.total
    return document.amount if isinstance(document, Payment | WriteOff) else None


def open_of(invoice: Invoice, against: Iterable[Document]) -> Money:
    """What is still to be paid of an invoice after payments, credits and write-offs."""
    rest = invoice.total
    for document in against:
        taken = settled(document)
        if taken is not None:
            rest = rest - taken
    return rest


def credit_id(invoice_id: str) -> str:
    """The id of the credit memo of a whole invoice."""
    return derived(invoice_id, ".credit")


def rebill_id(invoice_id: str) -> str:
    """The id of the invoice that takes an invoice's place."""
    return derived(invoice_id, ".rebill")


def credit_of(invoice: Invoice, *, reason: str, on: date) -> CreditMemo:
    """The credit of a whole invoice."""
    data = _copied(invoice)
    return CreditMemo.model_validate(
        data
        | {
            "kind": "credit_memo",
            "document_id": credit_id(invoice.document_id),
            "accounting_date": on,
            "invoice_id": invoice.document_id,
            "reason": reason,
            "whole": True,
        }
    )


def rebill_of(
    invoice: Invoice, lines: Sequence[Mapping[str, Any]] | None, *, taxes: Mapping[str, TaxCode], on: date
) -> Invoice:
    """The invoice that takes its place: all of its lines, corrected; None: as they were.

    Raises BadInput naming the line and field that is wrong, or for lines that are less than nothing.
    """
    due = on + (invoice.due_date - invoice.accounting_date)
    header = {
        "kind": "invoice",
        "document_id": rebill_id(invoice.document_id),
        "accounting_date": on,
        "due_date": due,
        "rebills": invoice.document_id,
    }
    if lines is None:
        return Invoice.model_validate(_copied(invoice) | header)
    made = [_line(invoice, at, line, taxes) for at, line in enumerate(lines, 1)]
    net = sum(line["net"].minor for line in made)
    tax = sum(line["tax"].minor for line in made)
    currency = invoice.currency
    if net < 0 or net + tax < 0:
        raise BadInput(
            f"lines: they make {Money(net, currency)} net, {Money(net + tax, currency)} {currency} with tax,"
            " and an invoice asks for money",
            mend="bill at least nothing, and give what is owed back as a credit memo",
        )
    found = parse(
        _copied(invoice)
        | header
        | {
            "lines": [{name: _text(value) for name, value in line.items()} for line in made],
            "net": str(Money(net, currency)),
            "tax": str(Money(tax, currency)),
            "total": str(Money(net + tax, currency)),
        }
    )
    assert isinstance(found, Invoice)
    return found


def _copied(invoice: Invoice) -> dict[str, Any]:
    """The fields an invoice shares with what corrects it; the vendor's number is not one of them."""
    names = (
        "legal_entity", "region", "business_unit", "customer_id", "project_id", "contract_id", "currency",
        "exchange_rate", "lines", "net", "tax", "total",
    )  # fmt: skip
    return {name: getattr(invoice, name) for name in names}


def _line(
    invoice: Invoice, at: int, given: Mapping[str, Any], taxes: Mapping[str, TaxCode]
) -> dict[str, Any]:
    number = given.get("line", at)
    original = next((line for line in invoice.lines if line.line == number), None)
    line: dict[str, Any] = {"line": number}
    if original is not None:
        line |= {name: getattr(original, name) for name in (*INHERITED, "net", "tax")}
    line |= given
    line = {name: value for name, value in line.items() if value is not None}
    line["net"] = _money(line.get("net"), invoice.currency, f"lines.{at}.net")
    code = taxes.get(str(line.get("tax_code")))
    if code is None:
        raise BadInput(
            f"lines.{at}.tax_code: there is no {str(line.get('tax_code'))[:40]!r}",
            mend="use one of " + ", ".join(taxes),
        )
    same = original is not None and (line["net"], line["tax_code"]) == (original.net, original.tax_code)
    if "tax" in given:
        line["tax"] = _money(given["tax"], invoice.currency, f"lines.{at}.tax")
    elif not same:
        owed = round_half_up(Fraction(line["net"].minor * code.basis_points, BASIS))
        line["tax"] = Money(owed, invoice.currency)
    return line


def _money(value: Any, currency: str, field: str) -> Money:
    if isinstance(value, Money):
        return value
    try:
        return Money.parse(value, currency)
    except ValueError as error:
        raise BadInput(f"{field}: {error}", mend='give it as a decimal string such as "1100.00"') from error


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Money) else value
