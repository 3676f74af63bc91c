"""Billing BAPIs: create billing documents from what a contract's project has unbilled, and read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulators.core.bookkeeping import BooksError
from simulators.core.rows import Contract, Invoice, Project
from simulators.erp.sap_ecc.billing_tables import is_billing
from simulators.erp.sap_ecc.errors import ERROR, SUCCESS, Refusal, bapiret2, refused
from simulators.erp.sap_ecc.extensions import rows_of
from simulators.erp.sap_ecc.formats import day_of, outside_amount, padded
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.state import Ecc, refusal_of


def create_billing(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_BILLINGDOC_CREATEMULTIPLE: one document a row; row n of the extension belongs to row n of the data.

    Rows of BAPI_TE_VBRKP name further projects for the document with their external id.
    """
    data = call.table("BILLINGDATAIN")
    extensions = rows_of("BAPI_TE_VBRK", call.table("EXTENSIONIN"))
    further: dict[str, list[str]] = {}
    for row in rows_of("BAPI_TE_VBRKP", call.table("EXTENSIONIN")):
        further.setdefault(row["ZZEXTID"], []).append(row["POSID"])
    if not data or len(data) != len(extensions):
        raise Refusal("B1501", "BILLINGDATAIN", str(len(data)), parameter="BILLINGDATAIN")
    answer: dict[str, list[Row]] = {"SUCCESS": [], "ERRORS": [], "RETURN": []}
    for row, extension in zip(data, extensions, strict=True):
        contract = padded(row.get("DOC_NUMBER", ""), 10)
        try:
            more = further.get(extension["ZZEXTID"], [])
            number = _register(ecc, session, row, extension, contract, more)
        except (Refusal, BooksError) as problem:
            refusal = problem if isinstance(problem, Refusal) else refusal_of(problem)
            answer["ERRORS"].append({"REF_DOC": contract, "MESSAGE": str(refusal)})
            answer["RETURN"].append(refused(refusal))
            continue
        answer["SUCCESS"].append({"REF_DOC": contract, "BILL_DOC": number})
        answer["RETURN"].append(bapiret2(SUCCESS, "VF311", number))
    return answer


def _register(
    ecc: Ecc, session: Session, row: Row, extension: Row, contract: str, more: Sequence[str]
) -> str:
    billed, through = day_of(row.get("BILL_DATE", "")), day_of(row.get("SERV_DATE", ""))
    if billed is None or through is None:
        raise Refusal("B1501", "BILL_DATE", "", parameter="BILLINGDATAIN", field="BILL_DATE")
    external, posid = extension["ZZEXTID"], extension["POSID"]

    def check() -> None:
        project = ecc.books.require(Project, posid)
        terms = ecc.books.require(Contract, contract)
        if not terms.active:
            raise Refusal("V1382", contract)
        ecc.books.check_period(project.entity, billed)
        others = [ecc.books.require(Project, other) for other in more]
        for other in others:
            if (other.customer, other.entity) != (project.customer, project.entity):
                raise Refusal("VF050", other.number, project.number, parameter="EXTENSIONIN", field="POSID")
            ecc.books.check_currency(other.currency, project.currency)
        billed_by = [
            (project, terms),
            *((other, ecc.books.require(Contract, other.contract)) for other in others),
        ]
        if not any(ecc.books.unbilled(on, under, through) for on, under in billed_by):
            raise Refusal("VF016", contract, parameter="BILLINGDATAIN")

    def run() -> None:
        with ecc.numbering.given(number):
            invoice = ecc.books.bill(
                external_id=external,
                project=posid,
                contract=contract,
                through=through,
                invoice_date=billed,
                allow_duplicate=True,
                with_projects=more,
                exchange_rate=extension["ZZKURSF"] or None,
            )
        invoice.extra["vbeln"] = number

    check()
    number = ecc.numbering.draw("billing")
    register(session, Step(check, run))
    return number


def billing_detail(ecc: Ecc, call: Call) -> dict[str, Any]:
    """BAPI_BILLINGDOC_GETDETAIL."""
    number = padded(call.text("BILLINGDOCUMENT"), 10)
    found = ecc.books.by_vendor_id("invoice", number)
    if not isinstance(found, Invoice) or not is_billing(found):
        return {"RETURN": [bapiret2(ERROR, "VF405", number, parameter="BILLINGDOCUMENT")]}
    return {"BILLINGDOCUMENTDETAIL": _detail(ecc, found), "RETURN": []}


def billing_list(ecc: Ecc, call: Call) -> dict[str, Any]:
    """BAPI_BILLINGDOC_GETLIST by reference documents (contracts), `I EQ` and `I BT` ranges."""
    ranges = []
    for row in call.table("REFDOCRANGE"):
        low = padded(row.get("REF_DOC_LOW", ""), 10)
        high = padded(row.get("REF_DOC_HIGH", ""), 10) if row.get("OPTION") == "BT" else low
        ranges.append((low, high))
    found = [
        _detail(ecc, row)
        for row in ecc.books.rows("invoice")
        if isinstance(row, Invoice)
        and is_billing(row)
        and any(low <= row.contract <= high for low, high in ranges)
    ]
    return {"BILLINGDOCUMENTDETAIL": found, "RETURN": []}


def _detail(ecc: Ecc, row: Invoice) -> Row:
    return {
        "BILLINGDOCUMENT": row.vendor_id,
        "BILLINGTYPE": "F2",
        "COMP_CODE": ecc.bukrs(row.entity),
        "SALES_ORG": ecc.bukrs(row.entity),
        "PAYER": row.customer,
        "BILL_DATE": row.posting_date.isoformat(),
        "NET_DATE": (row.due_date or row.posting_date).isoformat(),
        "CURRENCY": row.currency,
        "NET_VALUE": outside_amount(row.net_minor, row.currency),
        "TAX_VALUE": outside_amount(row.tax_minor, row.currency),
        "CANCELLED": "X" if row.status == "cancelled" else "",
        "POST_STATUS": "C",
    }
