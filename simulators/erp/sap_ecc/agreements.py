"""BAPIs of agreements: contracts, their versions, and plans of their revenue. All wait for the commit.

A change of a contract that carries a version (BAPI_TE_ZVBAKV) goes through the customer's user exit: it must be the
next one, and stands in table ZVBAKV. TARGET_VAL of an item is its fee or, of time and expenses, its limit.
"""

from __future__ import annotations

from typing import Any

from simulators.core.bookkeeping import BooksError
from simulators.core.rows import (
    Bills,
    ChangeOrder,
    Contract,
    ContractLine,
    Customer,
    Project,
    RateCard,
    RevenueSchedule,
    ScheduleLine,
)
from simulators.erp.sap_ecc.errors import SUCCESS, Refusal, bapiret2
from simulators.erp.sap_ecc.extensions import row_of, rows_of
from simulators.erp.sap_ecc.formats import day_of, of_outside_amount, padded
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.state import Ecc

_BILLS: dict[str, Bills] = {
    "T": "time",
    "E": "expenses",
    "M": "milestones",
    "R": "retainer",
    "S": "subscription",
}
_BILLING: dict[str, Any] = {
    "T": "time_and_materials",
    "F": "fixed_fee",
    "R": "retainer",
    "S": "subscription",
}
_GROUPS = {"P": "project", "K": "contract", "C": "customer"}
_RATE_TYPES = {"M": "spot", "A": "average", "K": "contract"}
METHODS = {"L": "straight_line", "P": "percentage_of_completion", "M": "milestone"}


def create_contract(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_CONTRACT_CREATEFROMDATA: sold-to party (role AG), items, and what each item bills."""
    partners = {row.get("PARTN_ROLE"): row.get("PARTN_NUMB", "") for row in call.table("CONTRACT_PARTNERS")}
    row = _contract(ecc, call, "CONTRACT_ITEMS_IN", customer=padded(partners.get("AG", ""), 10))

    def check() -> None:
        _check_contract(ecc, row)
        found = ecc.books.get("contract", row.external_id) if row.external_id else None
        if found is not None:
            raise Refusal("F2042", row.external_id, found.vendor_id)

    def run() -> None:
        with ecc.numbering.given(number):
            ecc.books.put_contract(row)

    check()
    number = ecc.numbering.draw("contract")
    register(session, Step(check, run))
    return {"SALESDOCUMENT": number, "RETURN": [bapiret2(SUCCESS, "V1311", "Contract", number)]}


def change_contract(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_CUSTOMERCONTRACT_CHANGE: new items replace the old; a reason for rejection ends the contract."""
    number = padded(call.text("SALESDOCUMENT"), 10)
    found = ecc.books.by_vendor_id("contract", number)
    if not isinstance(found, Contract):
        raise Refusal("V1045", number, parameter="SALESDOCUMENT")
    if rows_of("BAPI_TE_ZVBAKV", call.table("EXTENSIONIN")):
        register(session, _amended(ecc, call, found))
        return {"RETURN": [bapiret2(SUCCESS, "V1311", "Contract", number)]}
    rejected = bool(call.row("CONTRACT_HEADER_IN").get("REASON_REJ"))
    row = None if rejected else _contract(ecc, call, "CONTRACT_ITEM_IN", customer=found.customer)

    def check() -> None:
        if row is not None:
            _check_contract(ecc, row)
            if row.version < found.version:
                _check_version(found, row.version, found.version)

    def run() -> None:
        if row is None:
            found.active = False
        else:
            row.external_id = found.external_id
            ecc.books.put_contract(row)

    register(session, Step(check, run))
    return {"RETURN": [bapiret2(SUCCESS, "V1311", "Contract", number)]}


def _amended(ecc: Ecc, call: Call, contract: Contract) -> Step:
    extension = row_of("BAPI_TE_ZVBAKV", call.table("EXTENSIONIN"))
    header = call.row("CONTRACT_HEADER_IN")
    effective, posted = day_of(extension["ZZEFFDT"]), day_of(extension["ZZBUDAT"])
    lines = _lines(ecc, call, "CONTRACT_ITEM_IN", header.get("CURRENCY", ""))
    if effective is None or posted is None or not lines:
        raise Refusal("B1501", "ZZEFFDT", extension["ZZEFFDT"], parameter="EXTENSIONIN", field="ZZEFFDT")
    ecc.books.check_currency(header.get("CURRENCY", ""), contract.currency)
    row = ChangeOrder(
        external_id=extension["ZZEXTID"],
        posting_date=posted,
        contract=contract.vendor_id,
        project=extension["POSID"],
        version=int(extension["ZZVERSION"] or "0"),
        effective=effective,
        ends=day_of(extension["ZZENDDA"]),
        lines=lines,
        reason=extension["ZZREASON"],
    )

    def check() -> None:
        _check_version(contract, row.version, contract.version + 1)
        if row.project:
            ecc.books.require(Project, row.project)
        ecc.books.check_period(contract.entity, row.posting_date)

    def run() -> None:
        with ecc.numbering.given(f"{contract.vendor_id}{row.version:04d}"):
            ecc.books.add_change_order(row, allow_duplicate=True)

    return Step(check, run)


def _check_version(contract: Contract, version: int, wanted: int) -> None:
    if version != wanted:
        raise Refusal(
            "ZC001", contract.number, f"{contract.version:04d}", f"{version:04d}", field="ZZVERSION"
        )


def _check_contract(ecc: Ecc, row: Contract) -> None:
    ecc.books.check_entity(row.entity)
    ecc.books.require(Customer, row.customer)
    if row.rate_card:
        ecc.books.require(RateCard, row.rate_card)


def _contract(ecc: Ecc, call: Call, items: str, *, customer: str) -> Contract:
    header = call.row("CONTRACT_HEADER_IN")
    extension = row_of("BAPI_TE_VBAK", call.table("EXTENSIONIN"))
    starts = day_of(header.get("CT_VALID_F", ""))
    lines = _lines(ecc, call, items, header.get("CURRENCY", ""))
    if starts is None or not lines:
        raise Refusal("B1501", "CONTRACT_HEADER_IN", "CT_VALID_F", parameter="CONTRACT_HEADER_IN")
    return Contract(
        external_id=extension["ZZEXTID"],
        customer=customer,
        entity=ecc.entity(header.get("SALES_ORG", "")),
        currency=header.get("CURRENCY", ""),
        billing=_BILLING.get(extension["ZZBILLING"], "time_and_materials"),
        starts=starts,
        ends=day_of(header.get("CT_VALID_T", "")),
        lines=lines,
        rate_card=extension["ZZKNUMH"] or None,
        version=int(extension["ZZVERSION"] or "1"),
        group_by=_GROUPS.get(extension["ZZGROUP"], "project"),
        engagement=extension["ZZENGAGE"],
        rate_type=_RATE_TYPES.get(extension["ZZKURST"], "spot"),
        exchange_rate=extension["ZZKURSF"] or None,
        extra={"bstnk": header.get("PURCH_NO_C", ""), "budat": extension["ZZBUDAT"]},
    )


def _lines(ecc: Ecc, call: Call, items: str, currency: str) -> list[ContractLine]:
    kinds = {row["POSNR"]: row for row in rows_of("BAPI_TE_VBAP", call.table("EXTENSIONIN"))}
    return [
        _line(ecc, item, kinds.get(item.get("ITM_NUMBER", "").rjust(6, "0"), {}), currency)
        for item in call.table(items)
    ]


def _line(ecc: Ecc, item: Row, more: Row, currency: str) -> ContractLine:
    amount = item.get("TARGET_VAL", "")
    value = (of_outside_amount(amount, currency) if amount else 0) or None
    bills = _BILLS.get(more.get("ZZBILLS", "T"), "time")
    limited = bills in ("time", "expenses")
    return ContractLine(
        line=int(item.get("ITM_NUMBER") or "0") // 10,
        bills=bills,
        description=item.get("SHORT_TEXT", ""),
        tax_code=ecc.tax_code(item.get("TAX_CODE", "")),
        service_line=more.get("ZZSRVL", ""),
        amount_minor=None if limited else value,
        cap_minor=value if limited else None,
        deferred=bool(more.get("ZZRECOG")),
        markup_bp=int(more.get("ZZMARKUP") or "0"),
    )


def post_plan(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """Z_COEXIST_REVPLAN_POST: a plan of revenue by period."""
    head = call.row("IS_PLAN")
    posted, method = day_of(head.get("BUDAT", "")), METHODS.get(head.get("ZZMETHOD", ""))
    contract = ecc.books.require(Contract, padded(head.get("VBELN", ""), 10))
    item = int(head.get("POSNR") or "0") // 10
    if posted is None or method is None:
        raise Refusal("B1501", "ZZMETHOD", head.get("ZZMETHOD", ""), parameter="IS_PLAN", field="ZZMETHOD")
    if all(line.line != item for line in contract.lines):
        raise BooksError("UNKNOWN_CONTRACT", f"there is no item '{contract.number}/{item}'", "POSNR")
    ecc.books.check_currency(head.get("WAERS", ""), contract.currency)
    row = RevenueSchedule(
        external_id=head.get("ZZEXTID", ""),
        posting_date=posted,
        project=head.get("POSID", ""),
        contract=contract.vendor_id,
        method=method,
        lines=[
            ScheduleLine(
                period=f"{period.get('SPMON', '')[:4]}-{period.get('SPMON', '')[4:]}",
                amount_minor=of_outside_amount(period.get("WRBTR", "0"), contract.currency),
            )
            for period in call.table("IT_PERIODS")
        ],
        extra={"item": item},
    )

    def check() -> None:
        ecc.books.require(Project, row.project)
        ecc.books.check_period(contract.entity, posted)

    def run() -> None:
        with ecc.numbering.given(number):
            ecc.books.add_revenue_schedule(row, allow_duplicate=True)

    check()
    number = ecc.numbering.draw("plan")
    register(session, Step(check, run))
    return {"EV_PLAN": number, "RETURN": [bapiret2(SUCCESS, "V1311", "Revenue plan", number)]}
