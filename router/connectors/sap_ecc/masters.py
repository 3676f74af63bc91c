"""Customers, rate cards, contracts, projects, milestones and people as BAPI calls. Pure.

`known` is ECC's id when the master is there already (looked up first, as ECC would double it): then it is changed, not created.
"""

from __future__ import annotations

from router.canonical.masters import Contract, Customer, Project, RateCard, Resource
from router.canonical.work import Milestone
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.formats import one_line, outside, soap_day
from router.connectors.sap_ecc.keys import project_key
from router.connectors.sap_ecc.payloads import Call, Source, day8, dimensions, extension, whole

_BILLS = {"time": "T", "expenses": "E", "milestones": "M"}
NAME_PART = 35
"""KNA1-NAME1 to NAME4."""


def customer(document: Customer, source: Source, *, known: str, cancel: bool = False) -> Call:
    """BAPI_CUSTOMER_CREATEFROMDATA1 or …CHANGEFROMDATA1; cancelling sets the deletion flag."""
    name = one_line(document.name, 4 * NAME_PART)
    parts = [name[at : at + NAME_PART] for at in range(0, 4 * NAME_PART, NAME_PART)]
    data = {
        "NAME": parts[0], "NAME_2": parts[1], "NAME_3": parts[2], "NAME_4": parts[3],
        "STREET": one_line(document.address or "", 60), "COUNTRY": document.country, "COUNTRYISO": document.country,
        "CURRENCY": document.currency, "CURRENCY_ISO": document.currency, "E_MAIL": one_line(document.email or "", 241),
    }  # fmt: skip
    company = source.company()
    fields = {
        "ZZEXTID": source.key, "ZZBUKRS": company, "ZZBUDAT": day8(document),
        "ZZSTCEG": whole(document.tax_registration, 20, "tax_registration"),
        "ZZTERM": f"{document.payment_terms_days:03d}", "LOEVM": "X" if cancel else "",
    }  # fmt: skip
    values: dict[str, Value] = {
        "PI_COMPANYDATA": data,
        "PI_COPYREFERENCE": {"SALESORG": company, "DISTR_CHAN": "10", "DIVISION": "00"},
        "EXTENSIONIN": [extension("BAPI_TE_KNA1", fields)],
    }
    if known:
        return Call("BAPI_CUSTOMER_CHANGEFROMDATA1", {"CUSTOMERNO": known, **values})
    return Call("BAPI_CUSTOMER_CREATEFROMDATA1", values)


def rate_card(document: RateCard, source: Source) -> Call:
    """BAPI_PRICES_CONDITIONS: one condition record, an item for each role and start."""
    fields = {
        "ZZEXTID": source.key, "ZZBUDAT": day8(document), "ZZBUKRS": source.company(), "ZZNAME": one_line(document.name, 60),
    }  # fmt: skip
    items = [
        {
            "OPERATION": "009", "COND_NO": "$000000001", "COND_COUNT": f"{n % 100:02d}", "VALID_FROM": soap_day(rate.starts),
            "VALID_TO": "9999-12-31", "VARKEY": f"{source.key[:68]:<68}{rate.role:<32}", "COND_VALUE": outside(rate.hourly),
            "CONDCURR": document.currency, "COND_UNIT": "H",
        }
        for n, rate in enumerate(document.rates, start=1)
    ]  # fmt: skip
    head = {
        "OPERATION": "009",
        "COND_NO": "$000000001",
        "APPLICATIO": "V",
        "COND_TYPE": "ZHR0",
        "VARKEY": source.key,
    }
    values: dict[str, Value] = {
        "TI_BAPICONDCT": [head],
        "TI_BAPICONDIT": items,
        "EXTENSIONIN": [extension("BAPI_TE_KONH", fields)],
    }
    return Call("BAPI_PRICES_CONDITIONS", values)


def contract(document: Contract, source: Source, *, known: str, cancel: bool = False) -> Call:
    """BAPI_CONTRACT_CREATEFROMDATA, or a change of all items; cancelling rejects the contract."""
    header = {
        "DOC_TYPE": "ZPS", "SALES_ORG": source.company(), "DISTR_CHAN": "10", "DIVISION": "00",
        "CT_VALID_F": soap_day(document.starts), "CT_VALID_T": soap_day(document.ends),
        "PURCH_NO_C": whole(document.purchase_order, 35, "purchase_order"), "CURRENCY": document.currency,
    }  # fmt: skip
    if cancel:
        rejected = {**header, "REASON_REJ": "01"}
        return Call("BAPI_CUSTOMERCONTRACT_CHANGE", {"SALESDOCUMENT": known, "CONTRACT_HEADER_IN": rejected})
    items, extensions = [], []
    for line in document.lines:
        position = f"{line.line * 10:06d}"
        item = {
            "ITM_NUMBER": position, "SHORT_TEXT": one_line(line.description, 40), "TAX_CODE": source.tax(line.tax_code),
            "TARGET_VAL": outside(line.amount) if line.amount else "",
        }  # fmt: skip
        items.append({name: value for name, value in item.items() if value})
        fields = {"POSNR": position, "ZZBILLS": _BILLS[line.bills], "ZZSRVL": line.service_line}
        extensions.append(extension("BAPI_TE_VBAP", fields))
    card = source.ref("rate_card", document.rate_card_id) if document.rate_card_id else ""
    fields = {
        "ZZEXTID": source.key, "ZZBUDAT": day8(document), "ZZKNUMH": card,
        "ZZBILLING": "F" if document.billing == "fixed_fee" else "T",
    }  # fmt: skip
    sold_to = source.ref("customer", document.customer_id)
    extensions.insert(0, extension("BAPI_TE_VBAK", fields))
    if known:
        change: dict[str, Value] = {"SALESDOCUMENT": known, "CONTRACT_HEADER_IN": header}
        return Call(
            "BAPI_CUSTOMERCONTRACT_CHANGE", {**change, "CONTRACT_ITEM_IN": items, "EXTENSIONIN": extensions}
        )
    values: dict[str, Value] = {
        "CONTRACT_HEADER_IN": header,
        "CONTRACT_ITEMS_IN": items,
        "CONTRACT_PARTNERS": [{"PARTN_ROLE": "AG", "PARTN_NUMB": sold_to}],
        "EXTENSIONIN": extensions,
    }
    return Call("BAPI_CONTRACT_CREATEFROMDATA", values)


def project(document: Project, source: Source, *, known: str, cancel: bool = False) -> Call:
    """BAPI_PROJECT_MAINTAIN: create or update the definition; cancelling sets its deletion flag."""
    pspid = known or project_key(source.delivery.external_id)
    definition = {
        "PROJECT_DEFINITION": pspid, "DESCRIPTION": one_line(document.name, 40), "COMP_CODE": source.company(),
        "PROJECT_CURRENCY": document.currency, "START": soap_day(document.starts), "FINISH": soap_day(document.ends),
        "SYSTEM_STATUS": "CLSD" if document.status == "closed" else "REL", "DELETION_FLAG": "X" if cancel else "",
    }  # fmt: skip
    fields = {"ZZEXTID": source.key, "ZZBUDAT": day8(document), **dimensions(document)}
    if not cancel:
        fields["ZZKUNNR"] = source.ref("customer", document.customer_id)
        fields["ZZVBELN"] = source.ref("contract", document.contract_id)
    methods = _methods("ProjectDefinition", "Update" if known else "Create", pspid)
    values: dict[str, Value] = {
        "I_PROJECT_DEFINITION": definition,
        "I_METHOD_PROJECT": methods,
        "EXTENSIONIN": [extension("BAPI_TE_PROJ", fields)],
    }
    return Call("BAPI_PROJECT_MAINTAIN", values)


def milestone(document: Milestone, source: Source) -> Call:
    """BAPI_PROJECT_MAINTAIN: a completed milestone of a WBS element, billed by a contract item."""
    pspid = source.ref("project", document.project_id)
    row = {
        "WBS_ELEMENT": pspid, "DESCRIPTION": one_line(document.name, 40),
        "SALES_DOC": source.ref("contract", document.contract_id), "ITM_NUMBER": f"{document.contract_line * 10:06d}",
        "AMOUNT": outside(document.amount), "CURRENCY": document.currency,
        "ACTUAL_DATE": soap_day(document.completed_on), "PSTNG_DATE": soap_day(document.accounting_date),
    }  # fmt: skip
    values: dict[str, Value] = {
        "I_PROJECT_DEFINITION": {"PROJECT_DEFINITION": pspid},
        "I_METHOD_PROJECT": _methods("WBS-Milestone", "Create", pspid),
        "I_WBS_MILESTONE_TABLE": [row],
        "EXTENSIONIN": [extension("BAPI_TE_MLST", {"ZZEXTID": source.key})],
    }
    return Call("BAPI_PROJECT_MAINTAIN", values)


def _methods(kind: str, method: str, key: str) -> list[dict[str, str]]:
    return [
        {"REFNUMBER": "000001", "OBJECTTYPE": kind, "METHOD": method, "OBJECTKEY": key},
        {"REFNUMBER": "000002", "OBJECTTYPE": "", "METHOD": "Save", "OBJECTKEY": ""},
    ]


def resource(document: Resource, source: Source, *, known: str) -> Call:
    """HR_MAINTAIN_MASTERDATA: name, assignment, basic pay, and our id in infotype 0105 subtype 9001."""
    values = (
        ("0001", "", "BUKRS", source.company()),
        ("0001", "", "KOSTL", document.cost_center),
        ("0001", "", "ZZROLE", document.role),
        ("0001", "", "ZZDEPT", document.department),
        ("0002", "", "NACHN", one_line(document.name, 80)),
        ("0008", "", "BET01", outside(document.cost_rate)),
        ("0008", "", "WAERS", document.currency),
        ("0105", "0010", "USRID_LONG", one_line(document.email or "", 241)),
        ("0105", "9001", "USRID_LONG", source.key),
    )
    begin = soap_day(document.accounting_date)
    rows = [
        {
            "INFTY": infotype,
            "SUBTY": subtype,
            "BEGDA": begin,
            "ENDDA": "9999-12-31",
            "FNAME": name,
            "FVAL": value,
        }
        for infotype, subtype, name, value in values
    ]
    head = {"PERNR": known, "MASSN": "02"} if known else {"MASSN": "01", "ACTIO": "INS"}
    return Call("HR_MAINTAIN_MASTERDATA", {**head, "PROPOSED_VALUES": rows})
