"""Customers, contacts, rate cards, projects and tasks as BAPI calls. Pure.

`known` is ECC's id when the master is there already (looked up first, as ECC would double it): then it is changed, not created.
"""

from __future__ import annotations

from router.canonical.masters import Contact, Customer, Project, RateCard, Task
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.formats import one_line, outside, soap_day
from router.connectors.sap_ecc.keys import external_key, project_key, task_key
from router.connectors.sap_ecc.payloads import Call, Source, extension, whole

NAME_PART = 35
"""KNA1-NAME1 to NAME4."""


def customer(document: Customer, source: Source, *, known: str, cancel: bool = False) -> Call:
    """BAPI_CUSTOMER_CREATEFROMDATA1 or …CHANGEFROMDATA1; cancelling sets the deletion flag.

    The customer above it in the hierarchy goes by ECC's number or, where that is not known yet, by our id.
    """
    name = one_line(document.name, 4 * NAME_PART)
    parts = [name[at : at + NAME_PART] for at in range(0, 4 * NAME_PART, NAME_PART)]
    data = source.fields.row({
        "name": parts[0], "name_2": parts[1], "name_3": parts[2], "name_4": parts[3],
        "address": one_line(document.address or "", 60), "city": one_line(document.city or "", 40),
        "postal_code": whole(document.postal_code, 10, "postal_code"),
        "country": document.country, "country_iso": document.country,
        "currency": document.currency, "currency_iso": document.currency, "email": one_line(document.email or "", 241),
    })  # fmt: skip
    parent = document.parent_id or ""
    more = source.own | {
        "tax_registration": whole(document.tax_registration, 20, "tax_registration"),
        "payment_terms_days": f"{document.payment_terms_days:03d}",
        "cancelled": "X" if cancel else "",
        "parent": source.delivery.refs.get(("customer", parent)) or external_key(parent),
    }
    area = {**source.fields.row({"legal_entity": source.company()}), "DISTR_CHAN": "10", "DIVISION": "00"}
    values: dict[str, Value] = {
        "PI_COMPANYDATA": data,
        "PI_COPYREFERENCE": area,
        "EXTENSIONIN": [extension("BAPI_TE_KNA1", more)],
    }
    if known:
        return Call("BAPI_CUSTOMER_CHANGEFROMDATA1", {"CUSTOMERNO": known, **values})
    return Call("BAPI_CUSTOMER_CREATEFROMDATA1", values)


def contact(document: Contact, source: Source, *, known: str) -> Call:
    """BAPI_BUSPARTNEREMPLOYE_CREATE or …_CHANGE: a contact person (KNVK) of a customer."""
    data = source.fields.row({
        "customer_id": source.ref("customer", document.customer_id), "name": one_line(document.name, 40),
        "email": one_line(document.email or "", 241),
    })  # fmt: skip
    values: dict[str, Value] = {
        "PARTNEREMPLOYEEDATA": data,
        "EXTENSIONIN": [extension("BAPI_TE_KNVK", source.own)],
    }
    if known:
        return Call("BAPI_BUSPARTNEREMPLOYE_CHANGE", {"PARTNEREMPLOYEEID": known, **values})
    return Call("BAPI_BUSPARTNEREMPLOYE_CREATE", values)


def rate_card(document: RateCard, source: Source) -> Call:
    """BAPI_PRICES_CONDITIONS: one condition record, an item for each role (and person) and start.

    The key of an item is the role (32) and the person (64), blank for everybody in the role.
    """
    more = source.own | {"name": one_line(document.name, 60)}
    items = [
        {
            "OPERATION": "009", "COND_NO": "$000000001", "COND_COUNT": f"{n % 100:02d}", "VALID_TO": "9999-12-31", "COND_UNIT": "H",
            **source.fields.row({
                "starts": soap_day(rate.starts), "hourly": outside(rate.hourly), "currency": document.currency,
                "key": f"{rate.role:<32}{rate.resource_id or '':<64}",
            }),
        }
        for n, rate in enumerate(document.rates, start=1)
    ]  # fmt: skip
    head = {
        "OPERATION": "009",
        "COND_NO": "$000000001",
        "APPLICATIO": "V",
        "COND_TYPE": "ZHR0",
        **source.fields.row({"key": source.key}),
    }
    values: dict[str, Value] = {
        "TI_BAPICONDCT": [head],
        "TI_BAPICONDIT": items,
        "EXTENSIONIN": [extension("BAPI_TE_KONH", more)],
    }
    return Call("BAPI_PRICES_CONDITIONS", values)


def project(document: Project, source: Source, *, known: str, cancel: bool = False) -> Call:
    """BAPI_PROJECT_MAINTAIN: create or update the definition; cancelling sets its deletion flag."""
    pspid = known or project_key(source.delivery.external_id)
    definition = source.fields.row({
        "document_id": pspid, "name": one_line(document.name, 40), "legal_entity": source.company(),
        "currency": document.currency, "starts": soap_day(document.starts), "ends": soap_day(document.ends),
        "status": "CLSD" if document.status == "closed" else "REL", "cancelled": "X" if cancel else "",
    })  # fmt: skip
    more = {"external_id": source.key, "accounting_date": source.day8, **source.dimensions(document)}
    if not cancel:
        more["customer"] = source.ref("customer", document.customer_id)
        more["contract"] = source.ref("contract", document.contract_id)
    values: dict[str, Value] = {
        "I_PROJECT_DEFINITION": definition,
        "I_METHOD_PROJECT": methods("ProjectDefinition", "Update" if known else "Create", pspid),
        "EXTENSIONIN": [extension("BAPI_TE_PROJ", more)],
    }
    return Call("BAPI_PROJECT_MAINTAIN", values)


def task(document: Task, source: Source, *, known: str) -> Call:
    """BAPI_BUS2054_CREATE_MULTI or …_CHANGE_MULTI: a WBS element of the project, billed or not.

    Project BAPIs of this family work on a buffer: BAPI_PS_INITIALIZATION empties it, BAPI_PS_PRECOMMIT checks it.
    """
    element = {
        **source.fields.row({
            "document_id": known or task_key(source.delivery.external_id),
            "name": one_line(document.name, 40),
            "billable": "X" if document.billable else "",
        }),
    }  # fmt: skip
    values: dict[str, Value] = {
        "I_PROJECT_DEFINITION": source.ref("project", document.project_id),
        "IT_WBS_ELEMENT": [element],
        "EXTENSIONIN": [extension("BAPI_TE_PRPS", source.own)],
    }
    function = "BAPI_BUS2054_CHANGE_MULTI" if known else "BAPI_BUS2054_CREATE_MULTI"
    return Call(function, values, opens="BAPI_PS_INITIALIZATION", closes="BAPI_PS_PRECOMMIT")


def methods(kind: str, method: str, key: str) -> list[dict[str, str]]:
    """The methods of BAPI_PROJECT_MAINTAIN: one on one object, then Save."""
    return [
        {"REFNUMBER": "000001", "OBJECTTYPE": kind, "METHOD": method, "OBJECTKEY": key},
        {"REFNUMBER": "000002", "OBJECTTYPE": "", "METHOD": "Save", "OBJECTKEY": ""},
    ]
