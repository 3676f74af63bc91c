"""Billing requests, invoices, credit memos, payments and write-offs as BAPI calls. Pure.

Accounting documents go line by line and balanced: the customer item first, then revenue items, then one tax item per
taxed revenue item. ECC reckons no tax here; where a document's tax was rounded on the document, what
its lines' taxes miss of it goes to the line with the most tax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.canonical.billing import BillingEvent, CreditMemo, Invoice, InvoiceLine, Payment, WriteOff
from router.canonical.money import Money
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.formats import one_line, outside, soap_day
from router.connectors.sap_ecc.keys import reference
from router.connectors.sap_ecc.names import Section
from router.connectors.sap_ecc.payloads import Call, Source, extension, rate_text, refers_to, whole

SECTION = "accounting"
"""The mapping's section of all documents that go through BAPI_ACC_DOCUMENT_POST."""


def billing_event(document: BillingEvent, source: Source) -> Call:
    """BAPI_BILLINGDOC_CREATEMULTIPLE for one project of a contract, work up to a day.

    Further projects on the same invoice are named in the extension, a row each, under the same external id.
    """
    day = soap_day(document.accounting_date)
    row = {
        "ORDBILLTYP": "F2",
        **source.fields.row({
            "legal_entity": source.company(), "contract_id": source.ref("contract", document.contract_id),
            "accounting_date": day, "price_date": day, "through": soap_day(document.through), "currency": document.currency,
        }),
    }  # fmt: skip
    source.ref("customer", document.customer_id)
    more = {
        "external_id": source.key, "project": source.ref("project", document.project_id),
        "exchange_rate": rate_text(document.exchange_rate),
    }  # fmt: skip
    extensions = [extension("BAPI_TE_VBRK", more)]
    for project_id in document.with_projects:
        further = {"external_id": source.key, "project": source.ref("project", project_id)}
        extensions.append(extension("BAPI_TE_VBRKP", further))
    return Call("BAPI_BILLINGDOC_CREATEMULTIPLE", {"BILLINGDATAIN": [row], "EXTENSIONIN": extensions})


def invoice(document: Invoice, source: Source) -> Call:
    """BAPI_ACC_DOCUMENT_POST, document type DR; a re-billed one names the invoice it replaces."""
    customer = {
        "customer_id": source.ref("customer", document.customer_id),
        "due_date": soap_day(document.due_date),
    }
    more = {"due_date": f"{document.due_date:%Y%m%d}", "rebills": refers_to(document)}
    return _billed(document, source, kind="DR", customer=customer, sign=1, more=more)


def credit_memo(document: CreditMemo, source: Source) -> Call:
    """BAPI_ACC_DOCUMENT_POST, document type DG; the assignment names the invoice it clears."""
    more = {"text": one_line(document.reason, 50)}
    return _billed(document, source, kind="DG", customer=_clears(document, source), sign=-1, more=more)


def payment(document: Payment, source: Source) -> Call:
    """BAPI_ACC_DOCUMENT_POST, document type DZ: bank against the customer, assigned to the invoice."""
    more = {
        "text": one_line(document.bank_reference, 50),
        "exchange_rate": rate_text(document.exchange_rate),
    }
    paid = {"document_date": soap_day(document.paid_on)}
    return _settled(document, source, kind="DZ", account="CASH", head=paid, more=more)


def write_off(document: WriteOff, source: Source) -> Call:
    """BAPI_ACC_DOCUMENT_POST, document type DA: bad debt against the customer, assigned to the invoice."""
    more = {"text": one_line(document.reason, 50), "approved_by": one_line(document.approved_by, 50)}
    return _settled(document, source, kind="DA", account="BAD_DEBT", head={}, more=more)


def _clears(document: CreditMemo | Payment | WriteOff, source: Source) -> dict[str, str]:
    invoice_id = source.ref("invoice", document.invoice_id)
    return {
        "customer_id": source.ref("customer", document.customer_id),
        "invoice_id": whole(invoice_id, 18, "invoice_id"),
    }


def _settled(
    document: Payment | WriteOff,
    source: Source,
    *,
    kind: str,
    account: str,
    head: Mapping[str, str],
    more: Mapping[str, str],
) -> Call:
    fields = source.names.section(SECTION)
    project = document.project_id and source.delivery.refs.get(("project", document.project_id), "")
    values: dict[str, Value] = {
        "DOCUMENTHEADER": _header(source, fields, kind, head),
        "ACCOUNTGL": [{"ITEMNO_ACC": _item(2), **fields.row({"account": source.account(account)})}],
        "ACCOUNTRECEIVABLE": [{"ITEMNO_ACC": _item(1), **fields.row(_clears(document, source))}],
        "CURRENCYAMOUNT": [_amount(fields, 1, -document.amount), _amount(fields, 2, document.amount)],
        "EXTENSION2": [
            extension("BAPI_TE_BKPF", {"external_id": source.key, "project": project or "", **more})
        ],
    }
    return Call("BAPI_ACC_DOCUMENT_POST", values)


def _billed(
    document: Invoice | CreditMemo,
    source: Source,
    *,
    kind: str,
    customer: Mapping[str, str],
    sign: int,
    more: Mapping[str, str],
) -> Call:
    fields = source.names.section(SECTION)
    project = source.ref("project", document.project_id) if document.project_id else ""
    taxes = line_taxes(document.lines, document.tax)
    revenue, tax_items = [], []
    amounts = [_amount(fields, 1, Money(sign * document.total.minor, document.currency))]
    own = {
        "external_id": source.key,
        "project": project,
        "exchange_rate": rate_text(document.exchange_rate),
    }
    extensions = [extension("BAPI_TE_BKPF", {**own, **more})]
    for n, line in enumerate(document.lines):
        item, tax_item = 2 + n, 2 + len(document.lines) + n
        revenue.append(_revenue(line, item, project, source, fields))
        amounts.append(_amount(fields, item, Money(-sign * line.net.minor, document.currency)))
        extensions.append(extension("BAPI_TE_COBL", {"item": _item(item), **source.dimensions(line)}))
        if taxes[n]:
            taxed = fields.row({
                "account": source.account("TAX_PAYABLE"), "tax_code": source.tax(line.tax_code),
            })  # fmt: skip
            tax_items.append({"ITEMNO_ACC": _item(tax_item), "ITEMNO_TAX": f"{item:06d}", **taxed})
            amounts.append(_amount(fields, tax_item, Money(-sign * taxes[n], document.currency)))
    receivable = fields.row({"legal_entity": source.company(), **customer})
    values: dict[str, Value] = {
        "DOCUMENTHEADER": _header(source, fields, kind, {}),
        "ACCOUNTGL": revenue,
        "ACCOUNTRECEIVABLE": [{"ITEMNO_ACC": _item(1), **receivable}],
        "ACCOUNTTAX": tax_items,
        "CURRENCYAMOUNT": amounts,
        "EXTENSION2": extensions,
    }
    return Call("BAPI_ACC_DOCUMENT_POST", values)


def line_taxes(lines: Sequence[InvoiceLine], tax: Money) -> list[int]:
    """Tax of each line in minor units, summing to the document's."""
    taxes = [line.tax.minor for line in lines]
    rest = tax.minor - sum(taxes)
    if rest:
        taxes[max(range(len(taxes)), key=lambda n: (abs(taxes[n]), -n))] += rest
    return taxes


def _revenue(line: InvoiceLine, item: int, project: str, source: Source, fields: Section) -> dict[str, str]:
    row = {
        "account": source.account("REVENUE"), "description": one_line(line.description, 50),
        "tax_code": source.tax(line.tax_code), "project_id": project,
    }  # fmt: skip
    if line.minutes is not None:
        whole_hours, rest = divmod(abs(line.minutes) * 1000 + 30, 60_000)
        sign = "-" if line.minutes < 0 else ""
        row |= {"quantity": f"{sign}{whole_hours}.{rest // 60:03d}", "unit": "H"}
    return {"ITEMNO_ACC": _item(item), **fields.row(row)}


def _header(source: Source, fields: Section, kind: str, more: Mapping[str, str]) -> dict[str, str]:
    external_id, day = source.delivery.external_id, soap_day(source.delivery.document.accounting_date)
    head = {
        "header_text": external_id[:25], "legal_entity": source.company(), "document_date": day, "accounting_date": day,
        "reference": reference(external_id), **more,
    }  # fmt: skip
    return {"BUS_ACT": "RFBU", "USERNAME": "COEXIST", "DOC_TYPE": kind, **fields.row(head)}


def _amount(fields: Section, item: int, money: Money) -> dict[str, str]:
    row = fields.row({"currency": money.currency, "amount": outside(money)})
    return {"ITEMNO_ACC": _item(item), "CURR_TYPE": "00", **row}


def _item(n: int) -> str:
    return f"{n:010d}"
