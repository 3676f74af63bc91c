"""People by infotypes (HR), and their planned work, a function of the customer's. All wait for the commit."""

from __future__ import annotations

from typing import Any

from simulators.core.rows import MasterRow, Project
from simulators.erp.sap_ecc.errors import SUCCESS, Refusal, bapiret2
from simulators.erp.sap_ecc.formats import day_of
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.masters import check_unused, known, put
from simulators.erp.sap_ecc.soap import Call
from simulators.erp.sap_ecc.state import Ecc

INFOTYPES = {
    "0000": ("STAT2",),
    "0001": ("BUKRS", "KOSTL", "ZZROLE", "ZZDEPT", "ZZMGR"),
    "0002": ("NACHN", "VORNA"),
    "0007": ("WOSTD",),
    "0008": ("BET01", "WAERS"),
    "0105": ("USRID_LONG",),
}
"""Field names of the infotypes that are kept."""
WITHDRAWN = "0"


def maintain_person(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """HR_MAINTAIN_MASTERDATA: infotypes as field values; 0105/9001 carries the sender's id of the person.

    Somebody withdrawn (0000-STAT2) is inactive from then on.
    """
    values: dict[str, str] = {}
    known_as = {new: old for old, new in ecc.config.renamed.items()}
    for given in call.table("PROPOSED_VALUES"):
        infotype, subtype = given.get("INFTY", "").rjust(4, "0"), given.get("SUBTY", "")
        name = given.get("FNAME", "")
        field = known_as.get(name, "" if name in ecc.config.renamed else name)
        if field not in INFOTYPES.get(infotype, ()):
            raise Refusal("PG016", name, infotype, parameter="PROPOSED_VALUES", field=name)
        values[f"{infotype}{subtype}-{field}"] = given.get("FVAL", "")
        if field == "STAT2":
            values[f"0000-since {given.get('FVAL', '')}"] = given.get("BEGDA", "")
    external = values.get("01059001-USRID_LONG", "")
    if not external:
        raise Refusal("B1501", "0105/9001 USRID_LONG", "", parameter="PROPOSED_VALUES")
    row = MasterRow(
        of="resource",
        external_id=external,
        entity=ecc.entity(values.get("0001-BUKRS", "")),
        active=values.get("0000-STAT2") != WITHDRAWN,
        extra=dict(values),
    )
    found = ecc.books.get("master", external)
    if found is not None and not (isinstance(found, MasterRow) and found.of == "resource"):
        raise Refusal("F2042", external, found.vendor_id)
    number = found.vendor_id if found is not None else ecc.numbering.draw("master")
    register(session, Step(lambda: None, lambda: put(ecc, row, number)))
    return {"EMPLOYEENUMBER": number, "RETURN": [bapiret2(SUCCESS, "PG001", number)]}


def save_assignment(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """Z_COEXIST_ASSIGNMENT_SAVE: create, or change the one named in IV_ASSIGNMENT."""
    data, number = call.row("IS_ASSIGNMENT"), call.text("IV_ASSIGNMENT")
    person = known(ecc, "resource", data.get("PERNR", "").rjust(8, "0"))
    project = ecc.books.require(Project, data.get("POSID", ""))
    starts, ends = day_of(data.get("BEGDA", "")), day_of(data.get("ENDDA", ""))
    if starts is None or ends is None or ends < starts:
        raise Refusal("B1501", "ENDDA", data.get("ENDDA", ""), parameter="IS_ASSIGNMENT", field="ENDDA")
    row = MasterRow(
        of="assignment",
        external_id=data.get("ZZEXTID", ""),
        entity=ecc.entity(data.get("BUKRS", "")),
        extra={
            "project": project.vendor_id,
            "resource": person.vendor_id,
            "role": data.get("ZZROLE", ""),
            "starts": starts.isoformat(),
            "ends": ends.isoformat(),
            "hours": data.get("ZZSTUNDEN", "0"),
            "budat": data.get("BUDAT", "").replace("-", ""),
        },
    )
    if number:
        row.external_id = known(ecc, "assignment", number).external_id
    else:
        check_unused(ecc, row)
        number = ecc.numbering.draw("assignment")
    register(session, Step(lambda: None, lambda: put(ecc, row, number)))
    return {"EV_ASSIGNMENT": number, "RETURN": [bapiret2(SUCCESS, "V1311", "Assignment", number)]}
