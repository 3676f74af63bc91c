"""What is asked of NetSuite in SuiteQL, and how its rows become port records. Pure.

Each query ends in `key > ? ORDER BY key`: rows written meanwhile come last and shift no page. Dates are asked as TO_CHAR, since
a bare date follows the account's format. Sales lines are signed against their document in SuiteQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from router.canonical.kinds import Kind
from router.canonical.money import Money, hours_value
from router.connectors.netsuite.decisions import INVOICE_STATUS, minutes_of
from router.connectors.port import Record
from router.model import SystemId

Row = Mapping[str, Any]
_DAY = "TO_DATE(?, 'YYYY-MM-DD')"
SUBSIDIARIES = "SELECT id, externalid, name FROM subsidiary WHERE isinactive = 'F' AND id > ? ORDER BY id"
_LOOK_UP_TABLES = {
    "customer": "customer",
    "rate_card": "billingratecard",
    "project": "job",
    "resource": "employee",
    "time_entry": "timebill",
    "milestone": "charge",
}
LOOK_UP_AT_ONCE = 200


def look_up(kind: Kind, record_type: str, count: int, *, cancelled: bool) -> str:
    """Ids by external id, for `count` of them; `cancelled`: only masters already out of use."""
    marks = ", ".join("?" * count)
    table = _LOOK_UP_TABLES.get(kind)
    if table is None:
        closed = " AND status = 'H'" if cancelled else ""
        return (
            f"SELECT id, externalid FROM transaction WHERE recordtype = '{record_type.lower()}'{closed} "  # noqa: S608  # a constant
            f"AND externalid IN ({marks}) AND id > ? ORDER BY id"
        )
    closed = " AND isinactive = 'T'" if cancelled else ""
    return f"SELECT id, externalid FROM {table} WHERE externalid IN ({marks}){closed} AND id > ? ORDER BY id"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """A query with `{entities}` for the subsidiary marks; parameters are entities, since, until, last key."""

    sql: str
    key: str = "id"
    dated: bool = True
    lines: str | None = None


_LINE_COLUMNS = (
    "l.uniquekey, l.transaction, l.linesequencenumber, l.memo, l.foreignamount, l.tax1amt, l.quantity, "
    "BUILTIN.DF(l.taxcode) AS taxcode, BUILTIN.DF(l.department) AS department, BUILTIN.DF(l.class) AS class, "
    "l.custcol_practice, l.custcol_cost_center"
)


def _documents(record_type: str, entity: str = "customer") -> str:
    return (
        "SELECT t.id, t.externalid, t.tranid, t.status, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, "  # noqa: S608
        "t.foreigntotal, c.symbol AS currency, cu.externalid AS customer, j.externalid AS project, m.subsidiary "
        "FROM transaction t JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T' "
        f"JOIN currency c ON c.id = t.currency LEFT JOIN {entity} cu ON cu.id = t.entity "
        f"LEFT JOIN job j ON j.id = t.job WHERE t.recordtype = '{record_type}' AND m.subsidiary IN ({{entities}}) "
        f"AND t.trandate >= {_DAY} AND t.trandate < {_DAY} AND t.id > ? ORDER BY t.id"
    )


def _lines(record_type: str) -> str:
    return (
        f"SELECT {_LINE_COLUMNS} FROM transactionline l JOIN transaction t ON t.id = l.transaction "  # noqa: S608
        f"WHERE t.recordtype = '{record_type}' AND l.mainline = 'F' AND l.taxline = 'F' "
        f"AND l.subsidiary IN ({{entities}}) AND t.trandate >= {_DAY} AND t.trandate < {_DAY} "
        "AND l.uniquekey > ? ORDER BY l.uniquekey"
    )


READ_BACKS: Mapping[Kind, ReadBack] = {
    "customer": ReadBack(
        dated=False,
        sql="SELECT t.id, t.externalid, t.entityid, t.isinactive, t.subsidiary, c.symbol AS currency "
        "FROM customer t LEFT JOIN currency c ON c.id = t.currency "
        "WHERE t.subsidiary IN ({entities}) AND t.id > ? ORDER BY t.id",
    ),
    "project": ReadBack(
        dated=False,
        sql="SELECT t.id, t.externalid, t.entityid, t.isinactive, BUILTIN.DF(t.entitystatus) AS status, "
        "t.subsidiary, c.symbol AS currency, cu.externalid AS customer, BUILTIN.DF(t.department) AS department, "
        "BUILTIN.DF(t.class) AS class, t.custentity_practice, t.custentity_cost_center "
        "FROM job t LEFT JOIN currency c ON c.id = t.currency LEFT JOIN customer cu ON cu.id = t.parent "
        "WHERE t.subsidiary IN ({entities}) AND t.id > ? ORDER BY t.id",
    ),
    "time_entry": ReadBack(
        sql="SELECT t.id, t.externalid, t.hours, t.rate, t.subsidiary, c.symbol AS currency, "
        "TO_CHAR(t.custcol_posting_date, 'YYYY-MM-DD') AS posted, j.externalid AS project, "
        "cu.externalid AS customer, BUILTIN.DF(t.department) AS department, BUILTIN.DF(t.class) AS class, "
        "t.custcol_practice, t.custcol_cost_center FROM timebill t JOIN job j ON j.id = t.customer "
        "LEFT JOIN currency c ON c.id = j.currency LEFT JOIN customer cu ON cu.id = j.parent "
        "WHERE t.subsidiary IN ({entities}) AND t.custcol_posting_date >= TO_DATE(?, 'YYYY-MM-DD') "
        "AND t.custcol_posting_date < TO_DATE(?, 'YYYY-MM-DD') AND t.id > ? ORDER BY t.id",
    ),
    "milestone": ReadBack(
        sql="SELECT t.id, t.externalid, t.amount, t.subsidiary, c.symbol AS currency, "
        "TO_CHAR(t.custcol_posting_date, 'YYYY-MM-DD') AS posted, j.externalid AS project, "
        "cu.externalid AS customer FROM charge t JOIN job j ON j.id = t.project "
        "LEFT JOIN currency c ON c.id = t.currency LEFT JOIN customer cu ON cu.id = j.parent "
        "WHERE t.subsidiary IN ({entities}) AND t.custcol_posting_date >= TO_DATE(?, 'YYYY-MM-DD') "
        "AND t.custcol_posting_date < TO_DATE(?, 'YYYY-MM-DD') AND t.id > ? ORDER BY t.id",
    ),
    "expense_item": ReadBack(
        sql="SELECT t.id, t.externalid, t.tranid, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS posted, "
        "l.foreignamount AS amount, l.subsidiary, c.symbol AS currency, j.externalid AS project, "
        "cu.externalid AS customer, BUILTIN.DF(l.department) AS department, BUILTIN.DF(l.class) AS class, "
        "l.custcol_practice, l.custcol_cost_center FROM transaction t "
        "JOIN transactionline l ON l.transaction = t.id AND l.mainline = 'F' "
        "JOIN currency c ON c.id = t.currency LEFT JOIN job j ON j.id = l.entity "
        "LEFT JOIN customer cu ON cu.id = j.parent WHERE t.recordtype = 'expensereport' "
        "AND l.subsidiary IN ({entities}) AND t.trandate >= TO_DATE(?, 'YYYY-MM-DD') AND t.trandate < TO_DATE(?, 'YYYY-MM-DD') "
        "AND t.id > ? ORDER BY t.id",
    ),
    "invoice": ReadBack(sql=_documents("invoice"), lines=_lines("invoice")),
    "credit_memo": ReadBack(sql=_documents("creditmemo"), lines=_lines("creditmemo")),
    "payment": ReadBack(sql=_documents("customerpayment")),
}


class Unreadable(Exception):
    """A row is not what was asked for."""


def guarded(read: Callable[[], Record]) -> Record:
    """Run a reader; any odd shape becomes Unreadable."""
    try:
        return read()
    except (KeyError, ValueError, TypeError, ArithmeticError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def minor(text: Any, currency: str) -> int:
    """Exact minor units of an amount given as text or JSON number; raises ValueError."""
    try:
        return Money.parse(format(Decimal(str(text)), "f"), currency).minor
    except InvalidOperation as error:
        msg = f"{str(text)[:40]!r} is no amount"
        raise ValueError(msg) from error


def record_of(
    kind: Kind, row: Row, lines: Sequence[Row], *, system: SystemId, entities: Mapping[str, str]
) -> Record:
    """A port record of one row; raises Unreadable."""
    return guarded(lambda: _record_of(kind, row, lines, system, entities))


def _record_of(
    kind: Kind, row: Row, lines: Sequence[Row], system: SystemId, entities: Mapping[str, str]
) -> Record:
    currency = str(row.get("currency", ""))
    given: dict[str, Any] = {
        "system": system,
        "kind": kind,
        "external_id": str(row.get("externalid", "")),
        "vendor_id": str(row["id"]),
        "number": str(row.get("tranid") or row.get("entityid") or row["id"]),
        "legal_entity": entities[str(row["subsidiary"])],
        "accounting_date": str(row.get("trandate") or row.get("posted") or ""),
        "currency": currency,
        "project_id": str(row.get("project", "")),
        "customer_id": str(row.get("customer", "")),
        "dimensions": _dimensions(row),
        "status": "posted",
    }
    return Record(**(given | _READERS[kind](row, lines, currency)))


def _dimensions(row: Row) -> dict[str, str]:
    columns = (
        ("department", "department"),
        ("practice", "custcol_practice"),
        ("practice", "custentity_practice"),
        ("service_line", "class"),
        ("cost_center", "custcol_cost_center"),
        ("cost_center", "custentity_cost_center"),
        ("tax_code", "taxcode"),
    )
    return {name: str(row[column]) for name, column in columns if row.get(column)}


def _master(row: Row, lines: Sequence[Row], currency: str) -> dict[str, Any]:
    del lines, currency
    if row.get("isinactive") == "T":
        return {"status": "cancelled"}
    return {"status": "closed" if str(row.get("status", "")).casefold() == "closed" else "active"}


def _project(row: Row, lines: Sequence[Row], currency: str) -> dict[str, Any]:
    return {**_master(row, lines, currency), "project_id": str(row.get("externalid", ""))}


def _time(row: Row, lines: Sequence[Row], currency: str) -> dict[str, Any]:
    del lines
    minutes = minutes_of(str(row["hours"]))
    if minutes is None:
        msg = f"{str(row['hours'])[:40]!r} are no hours"
        raise ValueError(msg)
    value = hours_value(minutes, Money(minor(row.get("rate", "0"), currency), currency)).minor
    return {"minutes": minutes, "net_minor": value, "total_minor": value}


def _amount(row: Row, lines: Sequence[Row], currency: str) -> dict[str, Any]:
    del lines
    value = minor(row["amount"], currency)
    return {"net_minor": value, "total_minor": value}


def _payment(row: Row, lines: Sequence[Row], currency: str) -> dict[str, Any]:
    del lines
    value = minor(row["foreigntotal"], currency)
    return {"net_minor": value, "total_minor": value, "status": _status(row)}


def _status(row: Row) -> str:
    code = str(row.get("status", "A"))
    return INVOICE_STATUS.get(code, code.lower())


def _billed(sign: int) -> Callable[[Row, Sequence[Row], str], dict[str, Any]]:
    """Documents with lines; `sign` turns SuiteQL's line signs into the document's own."""

    def read(row: Row, lines: Sequence[Row], currency: str) -> dict[str, Any]:
        shown = [_line(line, currency, sign) for line in lines]
        net = sum(line["net_minor"] for line in shown)
        total = -sign * minor(row["foreigntotal"], currency)
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


def _line(line: Row, currency: str, sign: int) -> dict[str, Any]:
    quantity = line.get("quantity")
    minutes = None if quantity is None else minutes_of(str(quantity))
    return {
        "line": int(line["linesequencenumber"]),
        "description": str(line.get("memo", "")),
        "net_minor": sign * minor(line["foreignamount"], currency),
        "tax_minor": sign * minor(line.get("tax1amt", "0"), currency),
        "tax_code": str(line.get("taxcode", "")),
        "minutes": None if minutes is None else sign * minutes,
        **{name: value for name, value in _dimensions(line).items() if name != "tax_code"},
    }


_READERS: Mapping[Kind, Callable[[Row, Sequence[Row], str], dict[str, Any]]] = {
    "customer": _master,
    "project": _project,
    "time_entry": _time,
    "milestone": _amount,
    "expense_item": _amount,
    "invoice": _billed(-1),
    "credit_memo": _billed(1),
    "payment": _payment,
}
