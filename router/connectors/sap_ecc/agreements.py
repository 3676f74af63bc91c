"""Contracts, their changes, what falls due under them, and plans of their revenue, as BAPI calls. Pure.

TARGET_VAL of an item is what ECC keeps as its value: the fee, or the limit of an item that bills time or expenses. A
change order is the whole contract as it then stands: all items again, with version and effective date in customer
fields, which ECC's user exit checks and keeps in table ZVBAKV.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.canonical.billing import RevenueSchedule
from router.canonical.masters import Contract, ContractLine
from router.canonical.work import ChangeOrder, Charge, Milestone
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.formats import day_text, one_line, outside, soap_day
from router.connectors.sap_ecc.masters import methods
from router.connectors.sap_ecc.payloads import Call, Source, extension, rate_text, whole

_BILLING = {"time_and_materials": "T", "fixed_fee": "F", "retainer": "R", "subscription": "S"}
_BILLS = {"time": "T", "expenses": "E", "milestones": "M", "retainer": "R", "subscription": "S"}
_GROUPS = {"project": "P", "contract": "K", "customer": "C"}
_RATE_TYPES = {"spot": "M", "average": "A", "contract": "K"}
"""M is ECC's average rate of a day, the usual type for spot; A and K are this installation's."""
_RECOGNITION = {"as_billed": "", "straight_line": "L", "percentage_of_completion": "P", "milestone": "M"}
MILESTONE, CHARGE = "M", "C"
"""Usage of a row of MLST: a completed step, or a fee for a span of days."""


def contract(document: Contract, source: Source, *, known: str, cancel: bool = False) -> Call:
    """BAPI_CONTRACT_CREATEFROMDATA, or a change of all items; cancelling rejects the contract."""
    header = {
        "DOC_TYPE": "ZPS", "DISTR_CHAN": "10", "DIVISION": "00",
        **source.fields.row({
            "legal_entity": source.company(), "starts": soap_day(document.starts), "ends": soap_day(document.ends),
            "purchase_order": whole(document.purchase_order, 35, "purchase_order"), "currency": document.currency,
        }),
    }  # fmt: skip
    if cancel:
        rejected = {**header, **source.fields.row({"cancelled": "01"})}
        return Call("BAPI_CUSTOMERCONTRACT_CHANGE", {"SALESDOCUMENT": known, "CONTRACT_HEADER_IN": rejected})
    items, extensions = _items(document.lines, source)
    more = {
        "external_id": source.key, "accounting_date": source.day8, "billing": _BILLING[document.billing],
        "rate_card": source.ref("rate_card", document.rate_card_id) if document.rate_card_id else "",
        "contract_version": f"{document.contract_version:04d}", "group_by": _GROUPS[document.group_by],
        "rate_type": _RATE_TYPES[document.rate_type], "exchange_rate": rate_text(document.exchange_rate),
        "engagement": document.engagement_id or "",
    }  # fmt: skip
    sold_to = source.ref("customer", document.customer_id)
    extensions.insert(0, extension("BAPI_TE_VBAK", more))
    if known:
        change: dict[str, Value] = {"SALESDOCUMENT": known, "CONTRACT_HEADER_IN": header}
        return Call(
            "BAPI_CUSTOMERCONTRACT_CHANGE", {**change, "CONTRACT_ITEM_IN": items, "EXTENSIONIN": extensions}
        )
    values: dict[str, Value] = {
        "CONTRACT_HEADER_IN": header,
        "CONTRACT_ITEMS_IN": items,
        "CONTRACT_PARTNERS": [{"PARTN_ROLE": "AG", **source.fields.row({"customer_id": sold_to})}],
        "EXTENSIONIN": extensions,
    }
    return Call("BAPI_CONTRACT_CREATEFROMDATA", values)


def change_order(document: ChangeOrder, source: Source) -> Call:
    """BAPI_CUSTOMERCONTRACT_CHANGE: all items as they then stand, under a version and from a day on."""
    fields = source.names.section("contract")
    header = fields.row({"currency": document.currency})
    if document.ends is not None:
        header |= fields.row({"ends": soap_day(document.ends)})
    items, extensions = _items(document.lines, source)
    more = {
        "external_id": source.key, "accounting_date": source.day8, "contract_version": f"{document.contract_version:04d}",
        "effective": day_text(document.effective), "ends": day_text(document.ends),
        "project": source.ref("project", document.project_id), "reason": one_line(document.reason, 50),
    }  # fmt: skip
    values: dict[str, Value] = {
        "SALESDOCUMENT": source.ref("contract", document.contract_id),
        "CONTRACT_HEADER_IN": header,
        "CONTRACT_ITEM_IN": items,
        "EXTENSIONIN": [extension("BAPI_TE_ZVBAKV", more), *extensions],
    }
    return Call("BAPI_CUSTOMERCONTRACT_CHANGE", values)


def _items(
    lines: Sequence[ContractLine], source: Source
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    fields = source.names.section("contract")
    items, extensions = [], []
    for line in lines:
        position = f"{line.line * 10:06d}"
        item = fields.row({
            "line": position, "description": one_line(line.description, 40), "tax_code": source.tax(line.tax_code),
            "amount": outside(line.amount) if line.amount else "",
        })  # fmt: skip
        items.append({name: value for name, value in item.items() if value})
        more = {
            "line": position, "bills": _BILLS[line.bills], "service_line": source.dimension("service_line", line.service_line),
            "markup": f"{line.markup_basis_points:06d}", "recognition": _RECOGNITION[line.revenue],
            "starts": day_text(line.starts), "ends": day_text(line.ends),
        }  # fmt: skip
        extensions.append(extension("BAPI_TE_VBAP", more))
    return items, extensions


def milestone(document: Milestone, source: Source) -> Call:
    """BAPI_PROJECT_MAINTAIN: a completed milestone of a WBS element, billed by a contract item."""
    return _of_project(document, source, {"completed_on": soap_day(document.completed_on)}, usage=MILESTONE)


def charge(document: Charge, source: Source) -> Call:
    """BAPI_PROJECT_MAINTAIN: a row like a milestone's with service dates, billed by a contract item.

    A periodic billing plan (FPLT) would be the other place, but no BAPI posts into one.
    """
    days = {
        "service_from": day_text(document.service_from),
        "service_until": day_text(document.service_until),
    }
    done = {"service_until": soap_day(document.service_until)}
    return _of_project(document, source, done, usage=CHARGE, days=days)


def _of_project(
    document: Milestone | Charge,
    source: Source,
    done: dict[str, str],
    *,
    usage: str,
    days: dict[str, str] | None = None,
) -> Call:
    pspid = source.ref("project", document.project_id)
    row = source.fields.row({
        "project_id": pspid, "name": one_line(document.name, 40), "contract_id": source.ref("contract", document.contract_id),
        "contract_line": f"{document.contract_line * 10:06d}", "amount": outside(document.amount), "currency": document.currency,
        "accounting_date": soap_day(document.accounting_date), **done,
    })  # fmt: skip
    more = {"external_id": source.key, "usage": usage, **(days or {})}
    values: dict[str, Value] = {
        "I_PROJECT_DEFINITION": source.names.section("project").row({"document_id": pspid}),
        "I_METHOD_PROJECT": methods("WBS-Milestone", "Create", pspid),
        "I_WBS_MILESTONE_TABLE": [row],
        "EXTENSIONIN": [extension("BAPI_TE_MLST", more)],
    }
    return Call("BAPI_PROJECT_MAINTAIN", values)


def revenue_schedule(document: RevenueSchedule, source: Source) -> Call:
    """Z_COEXIST_REVPLAN_POST: a plan of revenue by period, kept in tables ZREVPLAN and ZREVPLANP.

    A function of the customer's: results analysis (KKA2) reckons its own plan and takes none from outside.
    """
    head = source.fields.row({
        "external_id": source.key, "legal_entity": source.company(), "accounting_date": soap_day(document.accounting_date),
        "project_id": source.ref("project", document.project_id), "contract_id": source.ref("contract", document.contract_id),
        "contract_line": f"{document.contract_line * 10:06d}", "currency": document.currency,
        "method": _RECOGNITION[document.method],
    })  # fmt: skip
    lines = [
        source.fields.row({"period": line.period.replace("-", ""), "amount": outside(line.amount)})
        for line in document.lines
    ]
    return Call("Z_COEXIST_REVPLAN_POST", {"IS_PLAN": head, "IT_PERIODS": lines})
