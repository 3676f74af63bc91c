"""BAPI_PROJECT_MAINTAIN: a list of methods (create, update, a milestone) on objects, then `Save`."""

from __future__ import annotations

from typing import Any

from simulators.core.bookkeeping import BooksError
from simulators.core.rows import Contract, Customer, MilestoneRow, Project
from simulators.erp.sap_ecc.errors import SUCCESS, Refusal, bapiret2
from simulators.erp.sap_ecc.extensions import row_of
from simulators.erp.sap_ecc.formats import day_of, of_outside_amount, padded
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.masters import project_of
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.state import Ecc


def maintain_project(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """Runs the methods in I_METHOD_PROJECT; nothing is registered without the method `Save` at the end."""
    methods = [(row.get("OBJECTTYPE", ""), row.get("METHOD", "")) for row in call.table("I_METHOD_PROJECT")]
    if not methods or methods[-1][1].upper() != "SAVE":
        raise Refusal("B1501", "I_METHOD_PROJECT", "Save", parameter="I_METHOD_PROJECT")
    definition = call.row("I_PROJECT_DEFINITION")
    pspid = definition.get("PROJECT_DEFINITION", "").strip()
    steps: list[Step] = []
    returned = []
    for kind, method in methods[:-1]:
        match kind.upper(), method.upper():
            case "PROJECTDEFINITION", "CREATE":
                steps.append(_create(ecc, pspid, project_of(ecc, call, definition)))
                returned.append(bapiret2(SUCCESS, "CJ040", pspid))
            case "PROJECTDEFINITION", "UPDATE":
                steps.append(_update(ecc, pspid, call, definition))
                returned.append(bapiret2(SUCCESS, "CJ040", pspid))
            case "WBS-MILESTONE", "CREATE":
                step, number, wbs = _milestone(ecc, call)
                steps.append(step)
                returned.append(bapiret2(SUCCESS, "CJ042", wbs, number))
            case _:
                raise Refusal("B1501", kind[:50], method[:50], parameter="I_METHOD_PROJECT")
    for step in steps:
        register(session, step)
    return {"E_PROJECT_DEFINITION": pspid, "RETURN": returned}


def _check_project(ecc: Ecc, row: Project) -> None:
    ecc.books.check_entity(row.entity)
    ecc.books.require(Customer, row.customer)
    contract = ecc.books.require(Contract, row.contract)
    ecc.books.check_currency(row.currency, contract.currency)


def _create(ecc: Ecc, pspid: str, row: Project) -> Step:
    if not pspid:
        raise Refusal("B1501", "PROJECT_DEFINITION", "", parameter="I_PROJECT_DEFINITION")

    def check() -> None:
        if ecc.books.by_vendor_id("project", pspid) or ecc.books.get("project", row.external_id):
            raise Refusal("CJ027", pspid, parameter="I_PROJECT_DEFINITION", field="PROJECT_DEFINITION")
        _check_project(ecc, row)

    def run() -> None:
        with ecc.numbering.given(pspid):
            ecc.books.put_project(row)

    return Step(check, run)


def _update(ecc: Ecc, pspid: str, call: Call, definition: Row) -> Step:
    found = ecc.books.by_vendor_id("project", pspid)
    if not isinstance(found, Project):
        raise Refusal("CJ021", pspid, parameter="I_PROJECT_DEFINITION", field="PROJECT_DEFINITION")
    if definition.get("DELETION_FLAG"):

        def flag() -> None:
            found.status = "closed"
            found.extra["loevm"] = "X"

        return Step(lambda: None, flag)
    row = project_of(ecc, call, definition)
    row.external_id = found.external_id
    return Step(lambda: _check_project(ecc, row), lambda: ecc.books.put_project(row))


def _milestone(ecc: Ecc, call: Call) -> tuple[Step, str, str]:
    rows = call.table("I_WBS_MILESTONE_TABLE")
    if len(rows) != 1:
        raise Refusal("B1501", "I_WBS_MILESTONE_TABLE", str(len(rows)), parameter="I_WBS_MILESTONE_TABLE")
    data = rows[0]
    extension = row_of("BAPI_TE_MLST", call.table("EXTENSIONIN"))
    done, posted = day_of(data.get("ACTUAL_DATE", "")), day_of(data.get("PSTNG_DATE", ""))
    if done is None:
        raise Refusal("B1501", "ACTUAL_DATE", "", parameter="I_WBS_MILESTONE_TABLE", field="ACTUAL_DATE")
    currency = data.get("CURRENCY", "")
    number = ecc.numbering.draw("milestone")
    wbs = data.get("WBS_ELEMENT", "")
    row = MilestoneRow(
        external_id=extension["ZZEXTID"],
        project=wbs,
        contract=padded(data.get("SALES_DOC", ""), 10),
        contract_line=int(data.get("ITM_NUMBER") or "0") // 10,
        name=data.get("DESCRIPTION", ""),
        amount_minor=of_outside_amount(data.get("AMOUNT", "0"), currency),
        completed_on=done,
        posting_date=posted or done,
        currency=currency,
    )

    def check() -> None:
        project = ecc.books.active_project(row.project)
        contract = ecc.books.require(Contract, row.contract)
        if all(line.line != row.contract_line for line in contract.lines):
            message = f"there is no item '{contract.number}/{row.contract_line}'"
            raise BooksError("UNKNOWN_CONTRACT", message, "ITM_NUMBER")
        ecc.books.check_currency(row.currency, project.currency)
        ecc.books.check_period(project.entity, row.posting_date)

    def run() -> None:
        with ecc.numbering.given(number):
            ecc.books.add_milestone(row, allow_duplicate=True)

    return Step(check, run), number, wbs
