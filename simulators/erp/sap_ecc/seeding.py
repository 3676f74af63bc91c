"""Opening balances for tests and rehearsals: rows as a migration would load them, keyed by table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from simulators.core.rows import Contract, ContractLine, Customer, Project, RateCard, RoleRate
from simulators.erp.sap_ecc.state import Ecc


def seed(ecc: Ecc, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Takes `customer`, `rate_card`, `contract` and `project` lists with the books' field names.

    Answers with {kind: {external id: vendor id}}; raises BooksError, TypeError or ValueError for a bad row.
    A project's own `number` becomes its PSPID.
    """
    books, made = ecc.books, {}
    for kind, rows in data.items():
        ids: dict[str, str] = {}
        for given in rows:
            match kind:
                case "customer":
                    row: Any = books.put_customer(Customer(**given))
                case "rate_card":
                    rates = [
                        RoleRate(r["role"], int(r["hourly_minor"]), _day(r["starts"])) for r in given["rates"]
                    ]
                    row = books.put_rate_card(RateCard(**{**given, "rates": rates}))
                case "contract":
                    lines = [ContractLine(**line) for line in given["lines"]]
                    row = books.put_contract(Contract(**_dated(Contract, {**given, "lines": lines})))
                case "project":
                    pspid = str(given.get("number") or given["external_id"])[:24]
                    with ecc.numbering.given(pspid):
                        row = books.put_project(Project(**_dated(Project, given)))
                case _:
                    msg = f"{kind!r} is none of customer, rate_card, contract, project"
                    raise ValueError(msg)
            ids[row.external_id] = row.vendor_id
        made[kind] = ids
    return made


def _dated(cls: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(cls)}
    return {
        name: _day(value) if name in ("starts", "ends") and value is not None else value
        for name, value in given.items()
        if name in known
    }


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
