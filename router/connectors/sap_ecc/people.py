"""People and their planned work as function calls. Pure."""

from __future__ import annotations

from datetime import timedelta

from router.canonical.masters import Assignment, Resource
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.formats import hundredths, one_line, outside, soap_day
from router.connectors.sap_ecc.payloads import Call, Source

EMPLOYED, WITHDRAWN = "3", "0"
"""Employment status of infotype 0000."""


def resource(document: Resource, source: Source, *, known: str) -> Call:
    """HR_MAINTAIN_MASTERDATA: name, assignment, working time, newest basic pay, our id in infotype 0105 subtype 9001.

    Somebody who leaves is withdrawn from the day after the last day of work.
    """
    manager = document.manager_id or ""
    hours = hundredths(document.weekly_minutes)
    values = [
        ("0001", "", "legal_entity", source.company()),
        ("0001", "", "cost_center", source.dimension("cost_center", document.cost_center)),
        ("0001", "", "role", document.role),
        ("0001", "", "department", source.dimension("department", document.department)),
        ("0001", "", "manager_id", source.delivery.refs.get(("resource", manager), manager)),
        ("0002", "", "name", one_line(document.name, 80)),
        ("0007", "", "weekly_minutes", f"{hours // 100}.{hours % 100:02d}"),
        ("0008", "", "cost_rate", outside(document.cost_rate)),
        ("0008", "", "currency", document.currency),
        ("0105", "0010", "email", one_line(document.email or "", 241)),
        ("0105", "9001", "external_id", source.key),
    ]
    begin = soap_day(document.accounting_date)
    rows = [_proposed(source, row, begin) for row in values]
    hired = soap_day(document.hired_on or document.accounting_date)
    rows.append(_proposed(source, ("0000", "", "employment", EMPLOYED), hired))
    if document.left_on is not None:
        gone = soap_day(document.left_on + timedelta(days=1))
        rows.append(_proposed(source, ("0000", "", "employment", WITHDRAWN), gone))
    head: dict[str, Value] = {"PERNR": known, "MASSN": "02"} if known else {"MASSN": "01", "ACTIO": "INS"}
    return Call("HR_MAINTAIN_MASTERDATA", {**head, "PROPOSED_VALUES": rows})


def _proposed(source: Source, value: tuple[str, str, str, str], begin: str) -> dict[str, str]:
    infotype, subtype, attribute, text = value
    return {
        "INFTY": infotype,
        "SUBTY": subtype,
        "BEGDA": begin,
        "ENDDA": "9999-12-31",
        "FNAME": source.fields[attribute],
        "FVAL": text,
    }


def assignment(document: Assignment, source: Source, *, known: str) -> Call:
    """Z_COEXIST_ASSIGNMENT_SAVE: a person's planned hours on a WBS element, kept in table ZPSASSIGN.

    A function of the customer's: workforce planning (CMP2) knows persons on WBS elements, but no BAPI writes it.
    """
    hours = hundredths(document.minutes)
    row = source.fields.row({
        "external_id": source.key, "legal_entity": source.company(), "accounting_date": soap_day(document.accounting_date),
        "project_id": source.ref("project", document.project_id), "resource_id": source.ref("resource", document.resource_id),
        "role": document.role, "starts": soap_day(document.starts), "ends": soap_day(document.ends),
        "minutes": f"{'-' if hours < 0 else ''}{abs(hours) // 100}.{abs(hours) % 100:02d}",
    })  # fmt: skip
    return Call("Z_COEXIST_ASSIGNMENT_SAVE", {"IV_ASSIGNMENT": known, "IS_ASSIGNMENT": row})
