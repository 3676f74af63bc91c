"""Small books to bill from: one customer, contract and project, in three currencies; and virtual time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, TypeVar

import pytest

from simulators.core.books import Books, BooksError
from simulators.core.firm_data import FirmData, Personality, firm_data
from simulators.core.rows import ChargeRow, Contract, ContractLine, Customer, Invoice, Project, TimeRow

T = TypeVar("T")
Billing = Literal["time_and_materials", "fixed_fee", "retainer", "subscription"]

CLOUD = Personality(rounding="line", tax="line", hours="minutes")
LEGACY = Personality(rounding="document", tax="document", hours="hundredths")
DAY = date(2026, 9, 15)
MONTH_END = date(2026, 9, 30)


class StillClock:
    """Always the same instant."""

    def now(self) -> datetime:
        return datetime(2026, 9, 30, 22, tzinfo=UTC)


def firm() -> FirmData:
    """Three companies whose currencies have two, no and three decimal places."""
    entity = {"region": "R", "calendar": "monthly"}
    return firm_data(
        {
            "legal_entities": {
                "UK01": {
                    **entity,
                    "name": "UK",
                    "currency": "GBP",
                    "country": "GB",
                    "tax_code": "GB-STD",
                },
                "JP01": {
                    **entity,
                    "name": "JP",
                    "currency": "JPY",
                    "country": "JP",
                    "tax_code": "JP-STD",
                },
                "BH01": {
                    **entity,
                    "name": "BH",
                    "currency": "BHD",
                    "country": "BH",
                    "tax_code": "BH-STD",
                },
            },
            "calendars": {"monthly": {"closed_through": "2026-08-31"}},
            "tax_codes": {
                "GB-STD": {"basis_points": 2000},
                "JP-STD": {"basis_points": 1000},
                "BH-STD": {"basis_points": 1000},
                "ZERO": {"basis_points": 0},
            },
            "group_currency": "USD",
            "fx_rates": [
                {"type": "spot", "base": "GBP", "quote": "USD", "from": "2026-09-01", "rate": "1.25"},
                {"type": "spot", "base": "GBP", "quote": "USD", "from": date(2026, 9, 30), "rate": "1.3142"},
                {"base": "JPY", "quote": "USD", "from": "2026-09-01", "rate": "0.006713"},
                {"type": "average", "base": "GBP", "quote": "USD", "from": "2026-09-01", "rate": "1.28"},
            ],
        }
    )


def books(personality: Personality, entity: str = "UK01") -> Books:
    """Books with one customer C1, contract K1 and project P1 of an entity."""
    made = Books(firm(), personality, StillClock())
    currency = made.firm.entities[entity].currency
    tax = made.firm.entities[entity].tax_code
    made.put_customer(Customer(external_id="C1", name="Client", currency=currency, country="GB"))
    made.put_contract(
        Contract(
            external_id="K1",
            customer="C1",
            entity=entity,
            currency=currency,
            billing="time_and_materials",
            starts=date(2026, 1, 1),
            lines=[
                ContractLine(1, "time", "Services", tax, "CONSULTING"),
                ContractLine(2, "time", "Operations", tax, "OPERATIONS"),
                ContractLine(3, "expenses", "Expenses", "ZERO", "CONSULTING"),
                ContractLine(4, "milestones", "Fee", tax, "CONSULTING", 100_000),
            ],
        )
    )
    made.put_project(
        Project(external_id="P1", customer="C1", contract="K1", entity=entity, name="Work", currency=currency)
    )
    return made


def abroad(made: Books, currency: str, *, name: str = "X", lines: list[ContractLine] | None = None) -> None:
    """A further contract and project of UK01, in another currency; `name` ends their ids."""
    made.put_contract(
        Contract(
            external_id=f"K{name}",
            customer="C1",
            entity="UK01",
            currency=currency,
            billing="time_and_materials",
            starts=date(2026, 1, 1),
            lines=lines
            or [
                ContractLine(1, "time", "Services", "GB-STD", "CONSULTING"),
                ContractLine(2, "expenses", "Expenses", "ZERO", "CONSULTING"),
            ],
        )
    )
    made.put_project(
        Project(
            external_id=f"P{name}",
            customer="C1",
            contract=f"K{name}",
            entity="UK01",
            name=f"Work {name}",
            currency=currency,
        )
    )


def work(made: Books, *rows: tuple[str, str, int, int]) -> None:
    """Post time rows of (role, service line, minutes, rate)."""
    for n, (role, service_line, minutes, rate) in enumerate(rows):
        made.add_time(
            TimeRow(
                external_id=f"T{len(made.rows('time'))}-{n}",
                project="P1",
                posting_date=DAY,
                employee="E1",
                work_date=DAY,
                role=role,
                rate_minor=rate,
                minutes=minutes,
                dims={"service_line": service_line, "department": "DELIVERY"},
            )
        )


def bill(made: Books, event: str = "B1", through: date = MONTH_END) -> Invoice:
    """Bill the project at month-end."""
    return made.bill(external_id=event, project="P1", contract="K1", through=through, invoice_date=MONTH_END)


def refused(act: Callable[[], object]) -> BooksError:
    """What the books say to it."""
    with pytest.raises(BooksError) as caught:
        act()
    return caught.value


def time_row(name: str, minutes: int, rate: int = 10_000, **fields: Any) -> TimeRow:
    """An hour's work of a consultant."""
    values: dict[str, Any] = {
        "project": "P1",
        "posting_date": DAY,
        "employee": "E1",
        "work_date": DAY,
        "role": "CONSULTANT",
        "dims": {"service_line": "CONSULTING"},
    }
    return TimeRow(external_id=name, minutes=minutes, rate_minor=rate, **(values | fields))


def terms(made: Books, *lines: ContractLine, billing: Billing = "time_and_materials") -> Contract:
    """Contract K1 with other lines."""
    found = made.require(Contract, "K1")
    return made.put_contract(replace(found, lines=list(lines), billing=billing))


def capped(cap: int) -> ContractLine:
    """Services up to a cap."""
    return ContractLine(1, "time", "Services", "GB-STD", "CONSULTING", cap_minor=cap)


def balance(made: Books, entity: str = "UK01") -> dict[str, int]:
    """The trial balance without what is nothing."""
    return {account: minor for account, minor in made.ledger.trial_balance(entity).items() if minor}


def charge(name: str, line: int, minor: int, **fields: Any) -> ChargeRow:
    """September's fee."""
    values: dict[str, Any] = {
        "project": "P1",
        "contract": "K1",
        "posting_date": DAY,
        "service_from": date(2026, 9, 1),
        "service_until": MONTH_END,
        "name": "September",
    }
    return ChargeRow(external_id=name, contract_line=line, amount_minor=minor, **(values | fields))


START = datetime(2026, 9, 30, 22, tzinfo=UTC)


class VirtualClock:
    """Reads the time of the running `JumpLoop`."""

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())


class _Selector(selectors.DefaultSelector):
    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed += timeout or 0
        return super().select(0)


class JumpLoop(asyncio.SelectorEventLoop):
    """A loop whose time starts at 0 and jumps to the next timer instead of waiting."""

    def __init__(self) -> None:
        self._jumping = _Selector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


def in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end without waiting."""
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        return runner.run(main)
