"""The account's own lists as rows of the SuiteQL tables."""

from __future__ import annotations

from datetime import date, timedelta

from simulators.core.ledger import ACCOUNTS
from simulators.erp.netsuite.account import Account
from simulators.erp.netsuite.columns_tran import Rows

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def lists_of(account: Account) -> Rows:
    """Subsidiaries, currencies, departments, classes and the chart of accounts."""
    for code, entity in account.books.firm.entities.items():
        yield (
            "subsidiary",
            {
                "id": int(account.entity_id(code)),
                "externalid": code,
                "name": entity.name,
                "currency": int(account.currency_id(entity.currency)),
                "country": entity.country,
                "isinactive": "F",
            },
        )
    for code in account.currencies:
        yield "currency", {"id": int(account.currency_id(code)), "symbol": code, "name": code}
    firm = account.books.firm
    for table, names in (("department", firm.departments), ("classification", firm.service_lines)):
        for at, listed in enumerate(names, start=1):
            yield table, {"id": at, "externalid": listed, "name": listed}
    for number, name in ACCOUNTS.items():
        yield (
            "account",
            {"id": int(number), "acctnumber": number, "accountsearchdisplayname": f"{number} {name}"},
        )


def periods_of(account: Account, year: int) -> Rows:
    """Months from January of last year to December of next year; closed when closed for every subsidiary."""
    ledger = account.books.ledger
    for at in range((year - 1) * 12, (year + 2) * 12):
        first = date(at // 12, at % 12 + 1, 1)
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        closed = not any(ledger.is_open(entity, last) for entity in account.entities)
        yield (
            "accountingperiod",
            {
                "id": at + 1,
                "periodname": f"{_MONTHS[at % 12]} {first.year}",
                "startdate": first.isoformat(),
                "enddate": last.isoformat(),
                "closed": "T" if closed else "F",
                "isquarter": "F",
                "isyear": "F",
            },
        )
