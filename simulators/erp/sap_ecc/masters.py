"""BAPIs of master data: customers, their contact persons, price conditions. All wait for the commit."""

from __future__ import annotations

from typing import Any

from simulators.core.rows import Customer, MasterRow, RateCard, RoleRate
from simulators.erp.sap_ecc.errors import SUCCESS, Refusal, bapiret2
from simulators.erp.sap_ecc.extensions import row_of
from simulators.erp.sap_ecc.formats import day_of, of_outside_amount, padded
from simulators.erp.sap_ecc.luw import Session, Step, register
from simulators.erp.sap_ecc.soap import Call, Row
from simulators.erp.sap_ecc.state import Ecc


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
        parent=padded(extension["HKUNNR"], 10),
        city=data.get("CITY", ""),
        postal_code=data.get("POSTL_COD1", ""),
        extra={"budat": extension["ZZBUDAT"]},
    )


def create_contact(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_BUSPARTNEREMPLOYE_CREATE: a contact person of a customer."""
    row = _contact(ecc, call)
    check_unused(ecc, row)
    number = ecc.numbering.draw("contact")
    register(session, Step(lambda: check_unused(ecc, row), lambda: put(ecc, row, number)))
    return {"PARTNEREMPLOYEEID": number, "RETURN": [bapiret2(SUCCESS, "V1311", "Contact person", number)]}


def change_contact(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_BUSPARTNEREMPLOYE_CHANGE."""
    number = padded(call.text("PARTNEREMPLOYEEID"), 10)
    row = _contact(ecc, call)
    row.external_id = known(ecc, "contact", number).external_id
    register(session, Step(lambda: known(ecc, "contact", number), lambda: put(ecc, row, number)))
    return {"RETURN": [bapiret2(SUCCESS, "V1311", "Contact person", number)]}


def _contact(ecc: Ecc, call: Call) -> MasterRow:
    data = call.row("PARTNEREMPLOYEEDATA")
    extension = row_of("BAPI_TE_KNVK", call.table("EXTENSIONIN"))
    customer = ecc.books.require(Customer, padded(data.get("CUSTOMER", ""), 10))
    return MasterRow(
        of="contact",
        external_id=extension["ZZEXTID"],
        entity=ecc.entity(extension["ZZBUKRS"]),
        extra={
            "customer": customer.vendor_id,
            "name": data.get("NAME", ""),
            "email": data.get("E_MAIL", ""),
            "budat": extension["ZZBUDAT"],
        },
    )


def known(ecc: Ecc, of: str, number: str) -> MasterRow:
    """A master row of a sort by ECC's number; raises Refusal."""
    found = ecc.books.by_vendor_id("master", number)
    if not isinstance(found, MasterRow) or found.of != of:
        raise Refusal("00058", of, number)
    return found


def check_unused(ecc: Ecc, row: MasterRow) -> None:
    """Raises Refusal when a row has the sender's id already, whatever its sort: the ids share one index."""
    found = ecc.books.get("master", row.external_id) if row.external_id else None
    if found is not None:
        raise Refusal("F2042", row.external_id, found.vendor_id)


def put(ecc: Ecc, row: MasterRow, number: str) -> None:
    """Keep a master row under its number."""
    with ecc.numbering.given(number):
        ecc.books.put_master(row)


def maintain_conditions(ecc: Ecc, session: Session, call: Call) -> dict[str, Any]:
    """BAPI_PRICES_CONDITIONS: hourly prices of one condition record, one item a role (or person in it) and start."""
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
        role, person = item.get("VARKEY", "")[:32].strip(), item.get("VARKEY", "")[32:].strip()
        rates.append(RoleRate(role, minor, starts, employee=person))
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
