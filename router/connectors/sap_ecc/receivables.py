"""Billing requests, invoices, credit memos and payments as BAPI calls. Pure.

Accounting documents go line by line and balanced: the customer item first, then revenue items, then one tax item per
taxed revenue item. ECC reckons no tax here; where a document's tax was rounded on the document, what
its lines' taxes miss of it goes to the line with the most tax.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.canonical.billing import BillingEvent, CreditMemo, Invoice, InvoiceLine, Payment
from router.canonical.money import Money
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.formats import one_line, outside, soap_day
from router.connectors.sap_ecc.keys import reference
from router.connectors.sap_ecc.payloads import Call, Source, dimensions, extension, whole

REVENUE, TAX, BANK = "0000400000", "0000230000", "0000100000"
"""G/L accounts of the firm's chart that ECC takes for services, tax on sales, and money received."""


def billing_event(document: BillingEvent, source: Source) -> Call:
    """BAPI_BILLINGDOC_CREATEMULTIPLE for one project of a contract, work up to a day."""
    row = {
        "SALESORG": source.company(), "ORDBILLTYP": "F2", "DOC_NUMBER": source.ref("contract", document.contract_id),
        "BILL_DATE": soap_day(document.accounting_date), "PRICE_DATE": soap_day(document.accounting_date),
        "SERV_DATE": soap_day(document.through), "CURRENCY": document.currency,
    }  # fmt: skip
    source.ref("customer", document.customer_id)
    fields = {"ZZEXTID": source.key, "POSID": source.ref("project", document.project_id)}
    values: dict[str, Value] = {"BILLINGDATAIN": [row], "EXTENSIONIN": [extension("BAPI_TE_VBRK", fields)]}
    return Call("BAPI_BILLINGDOC_CREATEMULTIPLE", values)


def invoice(document: Invoice, source: Source) -> Call:
    """BAPI_ACC_DOCUMENT_POST, document type DR."""
    customer = {
        "CUSTOMER": source.ref("customer", document.customer_id),
        "BLINE_DATE": soap_day(document.due_date),
    }
    extra = {"ZFBDT": f"{document.due_date:%Y%m%d}"}
    return _billed(document, source, kind="DR", customer=customer, sign=1, extra=extra)


def credit_memo(document: CreditMemo, source: Source) -> Call:
    """BAPI_ACC_DOCUMENT_POST, document type DG; the assignment names the invoice it clears."""
    customer = {
        "CUSTOMER": source.ref("customer", document.customer_id),
        "ALLOC_NMBR": whole(source.ref("invoice", document.invoice_id), 18, "invoice_id"),
    }
    extra = {"SGTXT": one_line(document.reason, 50)}
    return _billed(document, source, kind="DG", customer=customer, sign=-1, extra=extra)


def payment(document: Payment, source: Source) -> Call:
    """BAPI_ACC_DOCUMENT_POST, document type DZ: bank against the customer, assigned to the invoice."""
    customer = {
        "ITEMNO_ACC": _item(1),
        "CUSTOMER": source.ref("customer", document.customer_id),
        "ALLOC_NMBR": whole(source.ref("invoice", document.invoice_id), 18, "invoice_id"),
    }
    fields = {"ZZEXTID": source.key, "SGTXT": one_line(document.bank_reference, 50)}
    if document.project_id:
        fields["POSID"] = source.delivery.refs.get(("project", document.project_id), "")
    values: dict[str, Value] = {
        "DOCUMENTHEADER": {**_header(document, source, "DZ"), "DOC_DATE": soap_day(document.paid_on)},
        "ACCOUNTGL": [{"ITEMNO_ACC": _item(2), "GL_ACCOUNT": BANK}],
        "ACCOUNTRECEIVABLE": [customer],
        "CURRENCYAMOUNT": [_amount(1, -document.amount), _amount(2, document.amount)],
        "EXTENSION2": [extension("BAPI_TE_BKPF", fields)],
    }
    return Call("BAPI_ACC_DOCUMENT_POST", values)


def _billed(
    document: Invoice | CreditMemo,
    source: Source,
    *,
    kind: str,
    customer: dict[str, str],
    sign: int,
    extra: dict[str, str],
) -> Call:
    project = source.ref("project", document.project_id) if document.project_id else ""
    taxes = line_taxes(document.lines, document.tax)
    revenue, tax_items = [], []
    amounts = [_amount(1, Money(sign * document.total.minor, document.currency))]
    extensions = [extension("BAPI_TE_BKPF", {"ZZEXTID": source.key, "POSID": project, **extra})]
    for n, line in enumerate(document.lines):
        item, tax_item = 2 + n, 2 + len(document.lines) + n
        revenue.append(_revenue(line, item, project, source.tax(line.tax_code)))
        amounts.append(_amount(item, Money(-sign * line.net.minor, document.currency)))
        extensions.append(extension("BAPI_TE_COBL", {"ITEMNO_ACC": _item(item), **dimensions(line)}))
        if taxes[n]:
            tax_items.append({
                "ITEMNO_ACC": _item(tax_item), "GL_ACCOUNT": TAX, "TAX_CODE": source.tax(line.tax_code),
                "ITEMNO_TAX": f"{item:06d}",
            })  # fmt: skip
            amounts.append(_amount(tax_item, Money(-sign * taxes[n], document.currency)))
    values: dict[str, Value] = {
        "DOCUMENTHEADER": _header(document, source, kind),
        "ACCOUNTGL": revenue,
        "ACCOUNTRECEIVABLE": [{"ITEMNO_ACC": _item(1), "COMP_CODE": source.company(), **customer}],
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


def _revenue(line: InvoiceLine, item: int, project: str, tax_code: str) -> dict[str, str]:
    row = {
        "ITEMNO_ACC": _item(item), "GL_ACCOUNT": REVENUE, "ITEM_TEXT": one_line(line.description, 50),
        "TAX_CODE": tax_code, "WBS_ELEMENT": project,
    }  # fmt: skip
    if line.minutes is not None:
        whole_hours, rest = divmod(abs(line.minutes) * 1000 + 30, 60_000)
        sign = "-" if line.minutes < 0 else ""
        row |= {"QUANTITY": f"{sign}{whole_hours}.{rest // 60:03d}", "BASE_UOM": "H"}
    return row


def _header(document: Invoice | CreditMemo | Payment, source: Source, kind: str) -> dict[str, str]:
    external_id = source.delivery.external_id
    return {
        "BUS_ACT": "RFBU", "USERNAME": "COEXIST", "HEADER_TXT": external_id[:25], "COMP_CODE": source.company(),
        "DOC_DATE": soap_day(document.accounting_date), "PSTNG_DATE": soap_day(document.accounting_date),
        "DOC_TYPE": kind, "REF_DOC_NO": reference(external_id),
    }  # fmt: skip


def _amount(item: int, money: Money) -> dict[str, str]:
    return {
        "ITEMNO_ACC": _item(item), "CURR_TYPE": "00", "CURRENCY": money.currency, "AMT_DOCCUR": outside(money),
    }  # fmt: skip


def _item(n: int) -> str:
    return f"{n:010d}"
