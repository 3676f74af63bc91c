"""Contracts, entries and expenses for the tests of the firm's rules."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from router.canonical.examples import EXAMPLES, example
from router.canonical.kinds import parse
from router.canonical.masters import Contract, ContractLine
from router.canonical.money import Money
from router.canonical.work import ExpenseItem, TimeEntry
from router.finance.terms import Terms


def made(kind: str, **changed: Any) -> Any:
    """The example of a kind with some fields changed."""
    header = {"legal_entity": "UK01", "region": "EMEA", "business_unit": "CONSULTING"}
    return parse({**header, "accounting_date": "2026-10-30", **EXAMPLES[kind], "kind": kind, **changed})


def entry(minutes: int, rate_minor: int = 15_000, name: str = "TE-1", **changed: Any) -> TimeEntry:
    """A billable entry at an hourly rate in pence."""
    fields: dict[str, Any] = {
        "document_id": name, "minutes": minutes, "bill_rate": Money(rate_minor, "GBP"), **changed,
    }  # fmt: skip
    return cast("TimeEntry", example("time_entry").model_copy(update=fields))


def expense(
    cost_minor: int, *, billed_minor: int | None = None, name: str = "EX-1", **changed: Any
) -> ExpenseItem:
    """A billable expense."""
    fields: dict[str, Any] = {
        "document_id": name,
        "amount": Money(cost_minor, "GBP"),
        "bill_amount": None if billed_minor is None else Money(billed_minor, "GBP"),
        **changed,
    }
    return cast("ExpenseItem", example("expense_item").model_copy(update=fields))


def line(bills: str, number: int = 1, **changed: Any) -> ContractLine:
    """A contract line; `fee` and `cap` in pence."""
    for name in ("fee", "cap"):
        if isinstance(changed.get(name), int):
            changed[name] = Money(changed[name], "GBP")
    return ContractLine.model_validate(
        {"line": number, "bills": bills, "description": "Service", "tax_code": "GB-STD",
         "service_line": "CONSULTING", **changed}
    )  # fmt: skip


def terms(*versions: tuple[date, list[ContractLine]], ends: date | None = None) -> tuple[Terms, ...]:
    """Versions of a contract by the day each takes effect."""
    return tuple(
        Terms(effective=day, version=at, lines=tuple(lines), ends=ends)
        for at, (day, lines) in enumerate(versions, start=1)
    )


def contract(*lines: ContractLine, **changed: Any) -> Contract:
    """A contract with these lines."""
    return cast("Contract", example("contract").model_copy(update={"lines": lines, **changed}))
