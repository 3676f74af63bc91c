"""BAPIs of master data: customers, contracts, projects, conditions, people. All wait for the commit."""

from __future__ import annotations

from typing import Any, Literal

from simulators.core.rows import Contract, ContractLine, Customer, MasterRow, Project, RateCard, RoleRate
from simulators.erp.sap_ecc.errors import SUCCESS, Refusal, bapiret2
from simulators.erp.sap_ecc.extensions import dims_of, row_of, rows_of
from simulators.erp.sap_ecc.formats import day_of, of_outside_amount, padded
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.state import Ecc

Bills = Literal["time", "expenses", "milestones"]
_BILLS: dict[str, Bills] = {"T": "time", "E": "expenses", "M": "milestones"}


def create_customer(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_CUSTOMER_CREATEFROMDATA1."""
    row = _customer(ecc, call, row_of("BAPI_TE_KNA1", call.table("EXTENSIONIN")))

    def check() -> None:
        ecc.books.check_entity(row.entity)
        found = ecc.books.get("customer", row.external_id) if row.external_id else None
        if found is not None:
            raise Refusal("F2042", row.external_id, found.vendor_id)

    def run() -> None:
        with ecc.numbering.given(number):
            ecc.books.put_customer(row)

    check()
    number = ecc.numbering.draw("customer")
    register(session, Step(check, run))
    return {"CUSTOMERNO": number, "RETURN": [bapiret2(SUCCESS, "V1311", "Customer", number)]}


def change_customer(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_CUSTOMER_CHANGEFROMDATA1; LOEVM in the extension flags the customer for deletion."""
    number = padded(call.text("CUSTOMERNO"), 10)
    extension = row_of("BAPI_TE_KNA1", call.table("EXTENSIONIN"))
    row = _customer(ecc, call, extension)
    row.active = not extension["LOEVM"]

    def check() -> Customer:
        found = ecc.books.by_vendor_id("customer", number)
        if not isinstance(found, Customer):
            raise Refusal("F2153", number, parameter="CUSTOMERNO")
        return found

    def run() -> None:
        row.external_id = check().external_id
        ecc.books.put_customer(row)

    register(session, Step(check, run))
    return {"RETURN": [bapiret2(SUCCESS, "V1311", "Customer", number)]}


def _customer(ecc: Ecc, call: Call, extension: Row) -> Customer:
    data = call.row("PI_COMPANYDATA")
    name = "".join(data.get(part, "").ljust(35) for part in ("NAME", "NAME_2", "NAME_3", "NAME_4")).rstrip()
    if not name:
        raise Refusal("B1501", "PI_COMPANYDATA-NAME", "", parameter="PI_COMPANYDATA", field="NAME")
    return Customer(
        external_id=extension["ZZEXTID"],
        name=name,
        currency=data.get("CURRENCY", ""),
        country=data.get("COUNTRYISO", "") or data.get("COUNTRY", ""),
        entity=ecc.entity(extension["ZZBUKRS"]),
        tax_registration=extension["ZZSTCEG"] or None,
        email=data.get("E_MAIL") or None,
        terms_days=int(extension["ZZTERM"] or "30"),
        extra={"budat": extension["ZZBUDAT"]},
    )


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
    rejected = bool(call.row("CONTRACT_HEADER_IN").get("REASON_REJ"))
    row = None if rejected else _contract(ecc, call, "CONTRACT_ITEM_IN", customer=found.customer)

    def check() -> None:
        if row is not None:
            _check_contract(ecc, row)

    def run() -> None:
        if row is None:
            found.active = False
        else:
            row.external_id, row.version = found.external_id, found.version + 1
            ecc.books.put_contract(row)

    register(session, Step(check, run))
    return {"RETURN": [bapiret2(SUCCESS, "V1311", "Contract", number)]}


def _check_contract(ecc: Ecc, row: Contract) -> None:
    ecc.books.check_entity(row.entity)
    ecc.books.require(Customer, row.customer)
    if row.rate_card:
        ecc.books.require(RateCard, row.rate_card)


def _contract(ecc: Ecc, call: Call, items: str, *, customer: str) -> Contract:
    header = call.row("CONTRACT_HEADER_IN")
    extension = row_of("BAPI_TE_VBAK", call.table("EXTENSIONIN"))
    kinds = {row["POSNR"]: row for row in rows_of("BAPI_TE_VBAP", call.table("EXTENSIONIN"))}
    starts = day_of(header.get("CT_VALID_F", ""))
    lines = []
    for item in call.table(items):
        position = item.get("ITM_NUMBER", "").rjust(6, "0")
        kind = kinds.get(position, {})
        amount = item.get("TARGET_VAL", "")
        minor = of_outside_amount(amount, header.get("CURRENCY", "")) if amount else 0
        lines.append(
            ContractLine(
                line=int(position) // 10,
                bills=_BILLS.get(kind.get("ZZBILLS", "T"), "time"),
                description=item.get("SHORT_TEXT", ""),
                tax_code=ecc.tax_code(item.get("TAX_CODE", "")),
                service_line=kind.get("ZZSRVL", ""),
                amount_minor=minor or None,
            )
        )
    if starts is None or not lines:
        raise Refusal("B1501", "CONTRACT_HEADER_IN", "CT_VALID_F", parameter="CONTRACT_HEADER_IN")
    return Contract(
        external_id=extension["ZZEXTID"],
        customer=customer,
        entity=ecc.entity(header.get("SALES_ORG", "")),
        currency=header.get("CURRENCY", ""),
        billing="fixed_fee" if extension["ZZBILLING"] == "F" else "time_and_materials",
        starts=starts,
        ends=day_of(header.get("CT_VALID_T", "")),
        lines=lines,
        rate_card=extension["ZZKNUMH"] or None,
        extra={"bstnk": header.get("PURCH_NO_C", ""), "budat": extension["ZZBUDAT"]},
    )


def maintain_conditions(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_PRICES_CONDITIONS: hourly prices of one condition record, one item a role and start."""
    heads = call.table("TI_BAPICONDCT")
    extension = row_of("BAPI_TE_KONH", call.table("EXTENSIONIN"))
    rates = []
    currency = ""
    for item in call.table("TI_BAPICONDIT"):
        currency = item.get("CONDCURR", "")
        starts = day_of(item.get("VALID_FROM", ""))
        if starts is None:
            raise Refusal("B1501", "TI_BAPICONDIT-VALID_FROM", "", field="VALID_FROM")
        minor = of_outside_amount(item.get("COND_VALUE", "0"), currency)
        rates.append(RoleRate(item.get("VARKEY", "")[-32:].strip(), minor, starts))
    if not heads or not rates:
        raise Refusal("B1501", "TI_BAPICONDIT", "", parameter="TI_BAPICONDIT")
    card = RateCard(
        external_id=extension["ZZEXTID"],
        currency=currency,
        rates=rates,
        name=extension["ZZNAME"],
        entity=ecc.entity(extension["ZZBUKRS"]),
        extra={"budat": extension["ZZBUDAT"]},
    )
    found = ecc.books.get("rate_card", card.external_id)
    number = found.vendor_id if found is not None else ecc.numbering.draw("rate_card")

    def run() -> None:
        with ecc.numbering.given(number):
            ecc.books.put_rate_card(card)

    register(session, Step(lambda: None, run))
    return {
        "TO_BAPIKNUMHS": [{"COND_NO_OLD": heads[0].get("COND_NO", ""), "COND_NO_NEW": number}],
        "TO_BAPIRET2": [bapiret2(SUCCESS, "VK023", card.external_id)],
    }


def maintain_person(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """HR_MAINTAIN_MASTERDATA: infotypes as field values; 0105/9001 carries the sender's id of the person."""
    values: dict[str, str] = {}
    for given in call.table("PROPOSED_VALUES"):
        infotype, subtype = given.get("INFTY", "").rjust(4, "0"), given.get("SUBTY", "")
        values[f"{infotype}{subtype}-{given.get('FNAME', '')}"] = given.get("FVAL", "")
    external = values.get("01059001-USRID_LONG", "")
    if not external:
        raise Refusal("B1501", "0105/9001 USRID_LONG", "", parameter="PROPOSED_VALUES")
    entity = ecc.entity(values.get("0001-BUKRS", ""))
    row = MasterRow(of="resource", external_id=external, entity=entity, extra=dict(values))
    found = ecc.books.get("master", external)
    number = found.vendor_id if found is not None else ecc.numbering.draw("master")

    def run() -> None:
        with ecc.numbering.given(number):
            ecc.books.put_master(row)

    register(session, Step(lambda: None, run))
    return {"EMPLOYEENUMBER": number, "RETURN": [bapiret2(SUCCESS, "PG001", number)]}


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
