"""BAPI_ACC_DOCUMENT_POST: invoices (DR), credit memos (DG), payments (DZ) and write-offs (DA), line by line, balanced.

The BAPI reckons no tax: each revenue item's tax comes as an ACCOUNTTAX item that names it in ITEMNO_TAX. What lowers an invoice
names it in the customer item's assignment (ALLOC_NMBR), as clearing by assignment does; the BAPI knows no open items, so what
a payment or credit memo has beyond the invoice stays on the customer's account. A rate in the customer fields
comes before ECC's own table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from simulators.core.bookkeeping import BooksError
from simulators.core.ledger import ACCOUNTS
from simulators.core.money import rounded
from simulators.core.rows import CreditMemo, Customer, Invoice, InvoiceLine, Payment, Project, WriteOff
from simulators.erp.sap_ecc.errors import ERROR, SUCCESS, Refusal, bapiret2, refused
from simulators.erp.sap_ecc.extensions import dims_of, row_of, rows_of
from simulators.erp.sap_ecc.formats import day_of, of_outside_amount, padded
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.numbers import fi_key
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.state import Ecc, refusal_of

BAD_DEBT, CASH = "660000", "100000"


@dataclass(slots=True)
class Document:
    """The parts of a call that every document type reads alike."""

    header: Row
    extension: Row
    customer: Row
    entity: str
    on: date
    currency: str
    amounts: dict[str, int]
    """Signed minor units by item number, debit positive."""
    lines: list[InvoiceLine]
    accounts: list[str]
    """G/L accounts of the items, without leading zeros."""


def post_document(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """Checks and registers the document; an error comes as RW 609 with the detail after it."""
    system = ecc.config.logical_system
    try:
        document = _read(ecc, call)
        kind = document.header.get("DOC_TYPE", "")
        step = _BUILDERS.get(kind, _unknown)(ecc, document)
        step.check()  # a refused document draws no number
        number = ecc.numbering.draw(kind, document.header["COMP_CODE"])
        key = fi_key(number, document.header["COMP_CODE"], document.on)
        register(session, Step(step.check, _numbered(ecc, key, number, step)))
    except (Refusal, BooksError) as problem:
        detail = problem if isinstance(problem, Refusal) else refusal_of(problem)
        return {
            "RETURN": [
                bapiret2(ERROR, "RW609", "BKPFF", "$", system, parameter="DOCUMENTHEADER"),
                refused(detail),
            ]
        }
    return {
        "OBJ_TYPE": "BKPFF",
        "OBJ_KEY": key,
        "OBJ_SYS": system,
        "RETURN": [bapiret2(SUCCESS, "RW605", "BKPFF", key, system)],
    }


def _numbered(ecc: Ecc, key: str, number: str, step: Step) -> Any:
    def run() -> None:
        with ecc.numbering.given(key, number):
            step.run()

    return run


def _read(ecc: Ecc, call: Call) -> Document:
    header = call.row("DOCUMENTHEADER")
    on = day_of(header.get("PSTNG_DATE", ""))
    if on is None:
        raise Refusal("B1501", "PSTNG_DATE", "", parameter="DOCUMENTHEADER", field="PSTNG_DATE")
    if header.get("DOC_STATUS", "") not in ("", "4"):
        raise Refusal("B1501", "DOC_STATUS", header["DOC_STATUS"], parameter="DOCUMENTHEADER")
    amounts: dict[str, int] = {}
    currency = ""
    for row in call.table("CURRENCYAMOUNT"):
        if row.get("CURR_TYPE", "") not in ("", "00"):
            continue
        currency = row.get("CURRENCY", "")
        item = row.get("ITEMNO_ACC", "").rjust(10, "0")
        try:
            amounts[item] = of_outside_amount(row.get("AMT_DOCCUR", "0"), currency)
        except (ValueError, KeyError) as error:
            raise Refusal("RW033", row.get("AMT_DOCCUR", ""), currency, field="AMT_DOCCUR") from error
    if sum(amounts.values()):
        raise Refusal("RW022", parameter="CURRENCYAMOUNT")
    customers = call.table("ACCOUNTRECEIVABLE")
    if len(customers) != 1:
        raise Refusal("B1501", "ACCOUNTRECEIVABLE", str(len(customers)), parameter="ACCOUNTRECEIVABLE")
    extension = call.table("EXTENSION2")
    return Document(
        header=header,
        extension=row_of("BAPI_TE_BKPF", extension),
        customer=customers[0],
        entity=ecc.entity(header.get("COMP_CODE", "")),
        on=on,
        currency=currency,
        amounts=amounts,
        lines=_lines(ecc, call, amounts),
        accounts=[_account(row) for row in call.table("ACCOUNTGL")],
    )


def _account(row: Row) -> str:
    account = row.get("GL_ACCOUNT", "").lstrip("0")
    if account not in ACCOUNTS:
        raise Refusal("F5506", row.get("GL_ACCOUNT", ""), parameter="ACCOUNTGL", field="GL_ACCOUNT")
    return account


def _lines(ecc: Ecc, call: Call, amounts: dict[str, int]) -> list[InvoiceLine]:
    codings = {
        row["ITEMNO_ACC"].rjust(10, "0"): row for row in rows_of("BAPI_TE_COBL", call.table("EXTENSION2"))
    }
    taxes = {
        int(row.get("ITEMNO_TAX") or "0"): amounts.get(row.get("ITEMNO_ACC", "").rjust(10, "0"), 0)
        for row in call.table("ACCOUNTTAX")
    }
    lines = []
    for n, row in enumerate(call.table("ACCOUNTGL"), start=1):
        item = row.get("ITEMNO_ACC", "").rjust(10, "0")
        hours = Fraction(row.get("QUANTITY") or "0")
        lines.append(
            InvoiceLine(
                line=n,
                description=row.get("ITEM_TEXT", ""),
                net_minor=amounts.get(item, 0),
                tax_code=ecc.tax_code(row["TAX_CODE"]) if row.get("TAX_CODE") else "",
                minutes=rounded(hours * 60, "half_up") if row.get("BASE_UOM") == "H" else None,
                tax_minor=taxes.get(int(item), 0),
                dims=dims_of(codings.get(item, {})),
                source="",
            )
        )
    return lines


def _signed(lines: list[InvoiceLine], sign: int) -> list[InvoiceLine]:
    for line in lines:
        line.net_minor *= sign
        line.tax_minor = sign * (line.tax_minor or 0)
    return lines


def _common(document: Document) -> dict[str, Any]:
    return {
        "external_id": document.extension["ZZEXTID"],
        "posting_date": document.on,
        "entity": document.entity,
        "currency": document.currency,
        "exchange_rate": document.extension["ZZKURSF"] or None,
        "extra": {
            "xblnr": document.header.get("REF_DOC_NO", ""),
            "rebills": document.extension["ZZREBILL"],
            "approved_by": document.extension["ZZAPPROVER"],
        },
    }


def _invoice(ecc: Ecc, document: Document) -> Step:
    row = Invoice(
        **_common(document),
        customer=padded(document.customer.get("CUSTOMER", ""), 10),
        project=document.extension["POSID"],
        lines=_signed(document.lines, -1),
        due_date=day_of(document.extension["ZFBDT"]),
    )

    def check() -> None:
        ecc.books.require(Customer, row.customer)
        if row.project:
            project = ecc.books.require(Project, row.project)
            ecc.books.check_currency(row.currency, project.currency)
        if not row.lines:
            raise Refusal("B1501", "ACCOUNTGL", "", parameter="ACCOUNTGL")
        ecc.books.check_tax_codes([line.tax_code for line in row.lines])
        ecc.books.check_period(row.entity, row.posting_date)

    return Step(check, lambda: ecc.books.add_invoice(row, allow_duplicate=True))


def _credit_memo(ecc: Ecc, document: Document) -> Step:
    row = CreditMemo(
        **_common(document),
        invoice=document.customer.get("ALLOC_NMBR", ""),
        lines=_signed(document.lines, 1),
        reason=document.extension["SGTXT"],
    )

    def check() -> None:
        invoice = ecc.books.require(Invoice, row.invoice)
        ecc.books.check_currency(row.currency, invoice.currency)
        ecc.books.check_tax_codes([line.tax_code for line in row.lines])
        ecc.books.check_period(row.entity, row.posting_date)
        total = sum(line.net_minor + (line.tax_minor or 0) for line in row.lines)
        if total < 0:
            raise Refusal("RW033", str(total), row.currency, field="AMT_DOCCUR")

    return Step(check, lambda: ecc.books.add_credit_memo(row, allow_duplicate=True, rest_on_account=True))


def _payment(ecc: Ecc, document: Document) -> Step:
    row = Payment(
        **_common(document),
        invoice=document.customer.get("ALLOC_NMBR", ""),
        amount_minor=_credited(document, CASH),
        reference=document.extension["SGTXT"],
    )
    return Step(
        lambda: _check_clearing(ecc, row, rest_on_account=True),
        lambda: ecc.books.add_payment(row, allow_duplicate=True, rest_on_account=True),
    )


def _write_off(ecc: Ecc, document: Document) -> Step:
    row = WriteOff(
        **_common(document),
        invoice=document.customer.get("ALLOC_NMBR", ""),
        amount_minor=_credited(document, BAD_DEBT),
        reason=document.extension["SGTXT"],
    )
    return Step(lambda: _check_clearing(ecc, row), lambda: ecc.books.add_write_off(row, allow_duplicate=True))


def _credited(document: Document, account: str) -> int:
    """What the customer item credits, against one item of an account; raises Refusal for another account."""
    if document.accounts != [account]:
        given = document.accounts[0] if document.accounts else ""
        raise Refusal("F5506", given, parameter="ACCOUNTGL", field="GL_ACCOUNT")
    item = document.customer.get("ITEMNO_ACC", "").rjust(10, "0")
    return -document.amounts.get(item, 0)


def _check_clearing(ecc: Ecc, row: Payment | WriteOff, *, rest_on_account: bool = False) -> None:
    invoice = ecc.books.require(Invoice, row.invoice)
    ecc.books.check_currency(row.currency, invoice.currency)
    ecc.books.check_period(row.entity, row.posting_date)
    most = row.amount_minor if rest_on_account else invoice.open_minor
    if invoice.status == "cancelled" or not 0 < row.amount_minor <= most:
        raise Refusal("RW033", str(row.amount_minor), row.currency, field="AMT_DOCCUR")


def _unknown(ecc: Ecc, document: Document) -> Step:
    del ecc
    kind = document.header.get("DOC_TYPE", "")
    raise Refusal("B1501", "DOC_TYPE", kind, parameter="DOCUMENTHEADER", field="DOC_TYPE")


_BUILDERS = {"DR": _invoice, "DG": _credit_memo, "DZ": _payment, "DA": _write_off}
