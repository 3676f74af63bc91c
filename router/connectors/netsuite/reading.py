"""Rows of SuiteQL, under canonical names, as port records. Pure.

Sales lines are signed against their document in SuiteQL; codes come back as ours by any version of the mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from router.canonical.kinds import Kind
from router.canonical.money import Money, hours_value, round_half_up
from router.connectors.mapping import Mappings, Table
from router.connectors.netsuite.billed import kept_hours, work_of
from router.connectors.netsuite.decisions import INVOICE_STATUS, minutes_of
from router.connectors.port import Record
from router.model import SystemId

Row = Mapping[str, Any]
_TABLES: tuple[tuple[str, Table], ...] = (
    ("department", "departments"),
    ("practice", "practices"),
    ("service_line", "service_lines"),
    ("cost_center", "cost_centers"),
    ("tax_code", "tax_codes"),
)


class Unreadable(Exception):
    """A row is not what was asked for."""


def minor(text: Any, currency: str) -> int:
    """Exact minor units of an amount given as text or JSON number; raises ValueError."""
    try:
        return Money.parse(format(Decimal(str(text)), "f"), currency).minor
    except InvalidOperation as error:
        msg = f"{str(text)[:40]!r} is no amount"
        raise ValueError(msg) from error


def record_of(
    kind: Kind,
    row: Row,
    lines: Sequence[Row],
    *,
    work: Sequence[Row] = (),
    system: SystemId,
    entities: Mapping[str, str],
    mappings: Mappings,
) -> Record:
    """A port record of one row, its lines and the work it billed; raises Unreadable."""
    try:
        record = _record_of(kind, row, lines, system, entities, mappings)
        return replace(record, billed=work_of(work, record.currency, minor)) if work else record
    except (KeyError, ValueError, TypeError, ArithmeticError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _record_of(
    kind: Kind,
    row: Row,
    lines: Sequence[Row],
    system: SystemId,
    entities: Mapping[str, str],
    mappings: Mappings,
) -> Record:
    currency = str(row.get("currency", ""))
    given: dict[str, Any] = {
        "system": system,
        "kind": kind,
        "external_id": str(row.get("document_id", "")),
        "vendor_id": str(row["id"]),
        "number": str(row.get("document_number") or row["id"]),
        "legal_entity": entities[str(row["legal_entity"])],
        "accounting_date": str(row.get("accounting_date", "")),
        "currency": currency,
        "project_id": str(row.get("project_id", "")),
        "customer_id": str(row.get("customer_id", "")),
        "dimensions": _dimensions(row, mappings),
        "status": "posted",
    }
    return Record(**(given | _READERS[kind](row, lines, currency, mappings)))


def _dimensions(row: Row, mappings: Mappings) -> dict[str, str]:
    return {name: mappings.ours(table, str(row[name])) for name, table in _TABLES if row.get(name)}


Reader = Callable[[Row, Sequence[Row], str, Mappings], dict[str, Any]]


def _master(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    del lines, currency, mappings
    return {"status": "cancelled" if row.get("status") == "T" else "active"}


def _project(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    del lines, currency, mappings
    if row.get("cancelled") == "T":
        return {"status": "cancelled"}
    return {"status": "closed" if str(row.get("status", "")).casefold() == "closed" else "active"}


def _assignment(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    return {**_master(row, lines, currency, mappings), "minutes": _minutes(row["minutes"])}


def _minutes(hours: Any) -> int:
    minutes = minutes_of(str(hours))
    if minutes is None:
        msg = f"{str(hours)[:40]!r} are no hours"
        raise ValueError(msg)
    return minutes


def _time(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    del lines, mappings
    minutes, hundredths = kept_hours(str(row["minutes"]))
    rate = Money(minor(row.get("bill_rate", "0"), currency), currency)
    if hundredths is None:
        value = hours_value(minutes, rate).minor
    else:
        value = round_half_up(Fraction(hundredths * rate.minor, 100))
    return {
        "minutes": minutes,
        "hundredths": hundredths,
        "rate_minor": rate.minor,
        "net_minor": value,
        "total_minor": value,
    }


def _amount(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    del lines, mappings
    value = minor(row["amount"], currency)
    return {"net_minor": value, "total_minor": value}


def _none(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    del row, lines, currency, mappings
    return {}


def _total(sign: int) -> Reader:
    """Documents counted by their total alone, which is positive however SuiteQL signs it."""

    def read(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
        del lines, mappings
        value = sign * minor(row["total"], currency)
        status = _status(row) if sign > 0 or row.get("status") == "V" else "posted"
        return {"net_minor": value, "total_minor": value, "status": status}

    return read


def _status(row: Row) -> str:
    code = str(row.get("status", "A"))
    return INVOICE_STATUS.get(code, code.lower())


def _billed(sign: int) -> Reader:
    """Documents with lines; `sign` turns SuiteQL's line signs into the document's own."""

    def read(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
        shown = [_line(line, currency, sign, mappings) for line in lines]
        net = sum(line["net_minor"] for line in shown)
        total = -sign * minor(row["total"], currency)
        minutes = [line["minutes"] for line in shown if line["minutes"] is not None]
        return {
            "net_minor": net,
            "tax_minor": total - net,
            "total_minor": total,
            "minutes": sum(minutes) if minutes else None,
            "status": _status(row) if sign < 0 or row.get("status") == "V" else "posted",
            "lines": tuple(shown),
        }

    return read


def _line(line: Row, currency: str, sign: int, mappings: Mappings) -> dict[str, Any]:
    quantity = line.get("minutes")
    minutes = None if quantity is None else minutes_of(str(quantity))
    dimensions = _dimensions(line, mappings)
    return {
        "line": int(line["line"]),
        "description": str(line.get("description", "")),
        "net_minor": sign * minor(line["net"], currency),
        "tax_minor": sign * minor(line.get("tax", "0"), currency),
        "tax_code": dimensions.pop("tax_code", ""),
        "minutes": None if minutes is None else sign * minutes,
        **dimensions,
    }


def _schedule(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    del row, mappings
    shown: list[dict[str, Any]] = [
        {"line": at, "description": str(line["description"]), "net_minor": minor(line["net"], currency)}
        for at, line in enumerate(lines, start=1)
    ]
    value = sum(line["net_minor"] for line in shown)
    return {"net_minor": value, "total_minor": value, "lines": tuple(shown)}


def _journal(row: Row, lines: Sequence[Row], currency: str, mappings: Mappings) -> dict[str, Any]:
    """Debits are positive; an entry's net is nothing, its total the sum of its debits."""
    del row
    shown: list[dict[str, Any]] = [
        {
            "line": int(line["line"]),
            "description": str(line.get("description", "")),
            "net_minor": minor(line["net"], currency),
            "account": mappings.ours("accounts", str(line["account"])),
            **_dimensions(line, mappings),
            **_counterparty(line, mappings),
        }
        for line in lines
    ]
    return {
        "net_minor": sum(line["net_minor"] for line in shown),
        "total_minor": sum(line["net_minor"] for line in shown if line["net_minor"] > 0),
        "lines": tuple(shown),
    }


def _counterparty(line: Row, mappings: Mappings) -> dict[str, str]:
    """The other company of an intercompany entry."""
    given = line.get("counterparty")
    return {"counterparty": mappings.ours("entities", str(given))} if given else {}


_READERS: Mapping[Kind, Reader] = {
    "customer": _master,
    "contact": _master,
    "project": _project,
    "task": _master,
    "assignment": _assignment,
    "time_entry": _time,
    "expense_item": _amount,
    "milestone": _amount,
    "charge": _amount,
    "change_order": _none,
    "invoice": _billed(-1),
    "credit_memo": _billed(1),
    "payment": _total(1),
    "write_off": _total(-1),
    "revenue_schedule": _schedule,
    "journal_entry": _journal,
}
