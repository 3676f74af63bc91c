"""Projects: BAPI_PROJECT_MAINTAIN (a list of methods on objects, then `Save`), and WBS elements of tasks.

BAPI_BUS2054_… work on a buffer: without BAPI_PS_INITIALIZATION before them they refuse, and without
BAPI_PS_PRECOMMIT after them the commit does.
"""

from __future__ import annotations

from typing import Any

from simulators.core.bookkeeping import BooksError
from simulators.core.rows import ChargeRow, Contract, Customer, MasterRow, MilestoneRow, Project
from simulators.erp.sap_ecc.errors import SUCCESS, Refusal, bapiret2, refused
from simulators.erp.sap_ecc.extensions import dims_of, row_of
from simulators.erp.sap_ecc.formats import day_of, of_outside_amount, padded
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.masters import check_unused, known, put
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.state import Ecc, refusal_of

CHARGE = "C"
"""Usage of a milestone row that is a fee for a span of days."""


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
    common: dict[str, Any] = {
        "external_id": extension["ZZEXTID"],
        "project": wbs,
        "contract": padded(data.get("SALES_DOC", ""), 10),
        "contract_line": int(data.get("ITM_NUMBER") or "0") // 10,
        "name": data.get("DESCRIPTION", ""),
        "amount_minor": of_outside_amount(data.get("AMOUNT", "0"), currency),
        "posting_date": posted or done,
        "currency": currency,
    }
    row: MilestoneRow | ChargeRow
    if extension["ZZUSAGE"] == CHARGE:
        begins, ends = day_of(extension["ZZBEGDA"]), day_of(extension["ZZENDDA"]) or done
        if begins is None or ends < begins:
            raise Refusal("B1501", "ZZBEGDA", extension["ZZBEGDA"], parameter="EXTENSIONIN", field="ZZBEGDA")
        row = ChargeRow(**common, service_from=begins, service_until=ends)
    else:
        row = MilestoneRow(**common, completed_on=done)
    return _fee(ecc, row, number), number, wbs


def _fee(ecc: Ecc, row: MilestoneRow | ChargeRow, number: str) -> Step:
    def check() -> None:
        project = ecc.books.active_project(row.project)
        contract = ecc.books.require(Contract, row.contract)
        day = row.service_from if isinstance(row, ChargeRow) else row.completed_on
        fitting = [line for line in contract.lines_on(day) if line.line == row.contract_line]
        wanted = ("retainer", "subscription") if isinstance(row, ChargeRow) else ()
        if not fitting or (wanted and fitting[0].bills not in wanted):
            message = f"there is no item '{contract.number}/{row.contract_line}'"
            raise BooksError("UNKNOWN_CONTRACT", message, "ITM_NUMBER")
        ecc.books.check_currency(row.currency, project.currency)
        ecc.books.check_period(project.entity, row.posting_date)

    def run() -> None:
        with ecc.numbering.given(number):
            if isinstance(row, ChargeRow):
                ecc.books.add_charge(row, allow_duplicate=True)
            else:
                ecc.books.add_milestone(row, allow_duplicate=True)

    return Step(check, run)


def initialize(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_PS_INITIALIZATION: an empty project buffer for this session."""
    del ecc, call
    session.project_buffer = "open"
    return {}


def precommit(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_PS_PRECOMMIT: check what is in the buffer; every step is checked again here."""
    del ecc, call
    if session.project_buffer != "open":
        return {"ET_RETURN": [refused(Refusal("CJ085", "BAPI_PS_INITIALIZATION"))]}
    try:
        for step in session.steps:
            step.check()
    except (Refusal, BooksError) as problem:
        detail = problem if isinstance(problem, Refusal) else refusal_of(problem)
        return {"ET_RETURN": [refused(detail)]}
    session.project_buffer = "checked"
    return {"ET_RETURN": []}


def maintain_task(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_BUS2054_CREATE_MULTI and …_CHANGE_MULTI: one WBS element below the project."""
    if session.project_buffer != "open":
        raise Refusal("CJ085", "BAPI_PS_INITIALIZATION")
    elements = call.table("IT_WBS_ELEMENT")
    if len(elements) != 1:
        raise Refusal("B1501", "IT_WBS_ELEMENT", str(len(elements)), parameter="IT_WBS_ELEMENT")
    number = elements[0].get("WBS_ELEMENT", "").strip()
    extension = row_of("BAPI_TE_PRPS", call.table("EXTENSIONIN"))
    project = ecc.books.require(Project, call.text("I_PROJECT_DEFINITION"))
    row = MasterRow(
        of="task",
        external_id=extension["ZZEXTID"],
        entity=ecc.entity(extension["ZZBUKRS"]),
        extra={
            "project": project.vendor_id,
            "name": elements[0].get("DESCRIPTION", ""),
            "billable": elements[0].get("WBS_BILLING_ELEMENT", ""),
            "budat": extension["ZZBUDAT"],
        },
    )
    change = call.function.name == "BAPI_BUS2054_CHANGE_MULTI"
    if change:
        row.external_id = known(ecc, "task", number).external_id
    elif not number or ecc.books.by_vendor_id("master", number):
        raise Refusal("CJ027", number, parameter="IT_WBS_ELEMENT", field="WBS_ELEMENT")

    def check() -> None:
        ecc.books.active_project(project.vendor_id)
        if not change:
            check_unused(ecc, row)

    register(session, Step(check, lambda: put(ecc, row, number)))
    return {"ET_RETURN": [bapiret2(SUCCESS, "CJ040", number)]}


def project_of(ecc: Ecc, call: Call, definition: Row) -> Project:
    """The project definition of BAPI_PROJECT_MAINTAIN as a row of the books."""
    extension = row_of("BAPI_TE_PROJ", call.table("EXTENSIONIN"))
    return Project(
        external_id=extension["ZZEXTID"],
        customer=padded(extension["ZZKUNNR"], 10),
        contract=padded(extension["ZZVBELN"], 10),
        entity=ecc.entity(definition.get("COMP_CODE", "")),
        name=definition.get("DESCRIPTION", ""),
        currency=definition.get("PROJECT_CURRENCY", ""),
        dims=dims_of(extension),
        status="closed" if definition.get("SYSTEM_STATUS") == "CLSD" else "active",
        starts=day_of(definition.get("START", "")),
        ends=day_of(definition.get("FINISH", "")),
        extra={"budat": extension["ZZBUDAT"]},
    )
