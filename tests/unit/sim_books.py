"""Small books to bill from: one customer, contract and project, in three currencies; and virtual time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from simulators.core.books import Books
from simulators.core.firm_data import FirmData, Personality, firm_data
from simulators.core.rows import Contract, ContractLine, Customer, Invoice, Project, TimeRow

T = TypeVar("T")

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
