"""What is asked of NetSuite in SuiteQL: columns by the mapping, answered under canonical names. Pure.

Each query ends in `key > ? ORDER BY key`: rows written meanwhile come last and shift no page. Dates are asked as
TO_CHAR, since a bare date follows the account's format; lists by BUILTIN.DF, which gives their names.
"""

# ruff: noqa: S608  # names come from the mapping and are checked when it is read; values are parameters

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router.canonical.kinds import Kind
from router.connectors.netsuite.records import RECORD_TYPES
from router.connectors.netsuite.vocabulary import Names

Fields = Mapping[str, Names]
_TABLES: Mapping[Kind, str] = {
    "customer": "customer",
    "contact": "contact",
    "rate_card": "billingratecard",
    "project": "job",
    "task": "projecttask",
    "resource": "employee",
    "assignment": "resourceallocation",
    "time_entry": "timebill",
    "milestone": "charge",
    "charge": "charge",
    "change_order": "customrecord_change_order",
    "revenue_schedule": "customrecord_revenue_schedule",
}
"""Kinds that are no transactions in NetSuite's sense."""
_CHARGE_TYPES: Mapping[Kind, str] = {"milestone": "Milestone", "charge": "Fixed Date"}
LOOK_UP_AT_ONCE = 200


def subsidiaries(fields: Fields) -> str:
    """Id and external id of every subsidiary in use."""
    c = fields["subsidiary.columns"]
    return (
        f"SELECT id, {c['external_id']} AS external_id FROM subsidiary WHERE {c['cancelled']} = 'F' "
        "AND id > ? ORDER BY id"
    )


def look_up(kind: Kind, fields: Fields, count: int, *, cancelled: bool) -> str:
    """Ids by external id, for `count` of them; `cancelled`: only masters already out of use."""
    marks = ", ".join("?" * count)
    c = fields["invoice.columns" if kind == "billing_event" else f"{kind}.columns"]
    table, where = _TABLES.get(kind), ""
    if table is None:
        table, where = "transaction", f"recordtype = '{RECORD_TYPES[kind].lower()}' AND "
    if kind in _CHARGE_TYPES:
        # Both kinds are of one record type, whose external ids they share: one is not taken for the other.
        where += f"BUILTIN.DF({c['kind']}) = '{_CHARGE_TYPES[kind]}' AND "
    elif "is_write_off" in c:
        where += f"{_write_offs(c['is_write_off'], kind)} AND "
    if cancelled and kind == "contract":
        where += f"{c['status']} = 'H' AND "
    elif cancelled:
        where += f"{c['cancelled' if kind == 'project' else 'status']} = 'T' AND "
    eid = c["document_id"]
    return (
        f"SELECT id, {eid} AS document_id FROM {table} WHERE {where}{eid} IN ({marks}) AND id > ? ORDER BY id"
    )


def _write_offs(column: str, kind: Kind) -> str:
    """Only credit memos that write off, or only those that do not."""
    return f"NVL({column}, 'F') = '{'T' if kind == 'write_off' else 'F'}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """A query with `{entities}` for the subsidiary marks; parameters are entities, since, until, last key."""

    sql: str
    dated: bool = True
    lines: str | None = None
    line_key: str = "uniquekey"


def _selected(c: Names, table: str, *attributes: str, shown: tuple[str, ...] = ()) -> str:
    """Columns under canonical names; `shown` are lists, given by name."""
    plain = [f"{table}.{c[name]} AS {_alias(name)}" for name in attributes]
    return ", ".join([*plain, *(f"BUILTIN.DF({table}.{c[name]}) AS {_alias(name)}" for name in shown)])


def _alias(name: str) -> str:
    # `number` is a word of SQL.
    return "document_number" if name == "number" else name


_DIMENSIONS = ("practice", "cost_center")
_LISTS = ("department", "service_line")


def _day(column: str) -> str:
    return f"TO_CHAR({column}, 'YYYY-MM-DD') AS accounting_date"


def _between(column: str) -> str:
    return f"{column} >= TO_DATE(?, 'YYYY-MM-DD') AND {column} < TO_DATE(?, 'YYYY-MM-DD')"


def _joins(fields: Fields, project: str, currency: str | None) -> str:
    """The project's external id, its customer's, and a currency's symbol."""
    p = fields["project.columns"]
    money = f"LEFT JOIN currency c ON c.id = {currency} " if currency else ""
    return (
        f"LEFT JOIN job j ON j.id = {project} LEFT JOIN customer cu ON cu.id = j.{p['customer_id']} {money}"
    )


def _ids(fields: Fields) -> str:
    """Our ids of project and customer."""
    p, cu = fields["project.columns"], fields["customer.columns"]
    return f"j.{p['document_id']} AS project_id, cu.{cu['document_id']} AS customer_id"


def _symbol(fields: Fields) -> str:
    return f"c.{fields['currency.columns']['code']} AS currency"


def _customer(fields: Fields) -> ReadBack:
    c = fields["customer.columns"]
    return ReadBack(
        dated=False,
        sql=f"SELECT t.id, {_selected(c, 't', 'document_id', 'number', 'legal_entity', 'status')}, {_symbol(fields)} "
        f"FROM customer t LEFT JOIN currency c ON c.id = t.{c['currency']} "
        f"WHERE t.{c['legal_entity']} IN ({{entities}}) AND t.id > ? ORDER BY t.id",
    )


def _contact(fields: Fields) -> ReadBack:
    c, cu = fields["contact.columns"], fields["customer.columns"]
    return ReadBack(
        dated=False,
        sql=f"SELECT t.id, {_selected(c, 't', 'document_id', 'legal_entity', 'status')}, "
        f"cu.{cu['document_id']} AS customer_id FROM contact t "
        f"LEFT JOIN customer cu ON cu.id = t.{c['customer_id']} "
        f"WHERE t.{c['legal_entity']} IN ({{entities}}) AND t.id > ? ORDER BY t.id",
    )


def _project(fields: Fields) -> ReadBack:
    c, cu = fields["project.columns"], fields["customer.columns"]
    own = _selected(
        c, "t", "document_id", "number", "legal_entity", "cancelled", *_DIMENSIONS, shown=("status", *_LISTS)
    )
    return ReadBack(
        dated=False,
        sql=f"SELECT t.id, {own}, {_symbol(fields)}, cu.{cu['document_id']} AS customer_id, "
        f"t.{c['document_id']} AS project_id "
        f"FROM job t LEFT JOIN currency c ON c.id = t.{c['currency']} "
        f"LEFT JOIN customer cu ON cu.id = t.{c['customer_id']} "
        f"WHERE t.{c['legal_entity']} IN ({{entities}}) AND t.id > ? ORDER BY t.id",
    )


def _of_project(kind: Kind) -> Callable[[Fields], ReadBack]:
    """Planning: it lies in the subsidiary of its project."""

    def made(fields: Fields) -> ReadBack:
        c, p = fields[f"{kind}.columns"], fields["project.columns"]
        own = _selected(c, "t", *[name for name in ("document_id", "minutes") if name in c])
        return ReadBack(
            dated=False,
            sql=f"SELECT t.id, {own}, j.{p['legal_entity']} AS legal_entity, {_ids(fields)} "
            f"FROM {_TABLES[kind]} t {_joins(fields, 't.' + c['project_id'], None)}"
            f"WHERE j.{p['legal_entity']} IN ({{entities}}) AND t.id > ? ORDER BY t.id",
        )

    return made


def _time_entry(fields: Fields) -> ReadBack:
    c, p = fields["time_entry.columns"], fields["project.columns"]
    own = _selected(c, "t", "document_id", "minutes", "bill_rate", "legal_entity", *_DIMENSIONS, shown=_LISTS)
    on = "t." + c["accounting_date"]
    return ReadBack(
        sql=f"SELECT t.id, {own}, {_symbol(fields)}, {_day(on)}, {_ids(fields)} "
        f"FROM timebill t {_joins(fields, 't.' + c['project_id'], 'j.' + p['currency'])}"
        f"WHERE t.{c['legal_entity']} IN ({{entities}}) AND {_between(on)} AND t.id > ? ORDER BY t.id",
    )


def _charge(kind: Kind) -> Callable[[Fields], ReadBack]:
    def made(fields: Fields) -> ReadBack:
        c = fields[f"{kind}.columns"]
        on = "t." + c["accounting_date"]
        return ReadBack(
            sql=f"SELECT t.id, {_selected(c, 't', 'document_id', 'amount', 'legal_entity')}, {_symbol(fields)}, "
            f"{_day(on)}, {_ids(fields)} "
            f"FROM charge t {_joins(fields, 't.' + c['project_id'], 't.' + c['currency'])}"
            f"WHERE t.{c['legal_entity']} IN ({{entities}}) AND {_between(on)} "
            f"AND BUILTIN.DF(t.{c['kind']}) = '{_CHARGE_TYPES[kind]}' AND t.id > ? ORDER BY t.id",
        )

    return made


def _custom(kind: Kind, lines: str | None = None) -> Callable[[Fields], ReadBack]:
    """A custom record; its children are a table of their own."""

    def made(fields: Fields) -> ReadBack:
        c, table = fields[f"{kind}.columns"], _TABLES[kind]
        on, entity = "t." + c["accounting_date"], "t." + c["legal_entity"]
        children = None
        if lines is not None:
            g = fields[f"{kind}.line_columns"]
            children = (
                f"SELECT l.id, l.{g['schedule']} AS document, l.{g['period']} AS description, l.{g['amount']} AS net "
                f"FROM {lines} l JOIN {table} t ON t.id = l.{g['schedule']} "
                f"WHERE {entity} IN ({{entities}}) AND {_between(on)} AND l.id > ? ORDER BY l.id"
            )
        return ReadBack(
            sql=f"SELECT t.id, {_selected(c, 't', 'document_id', 'legal_entity')}, {_symbol(fields)}, "
            f"{_day(on)}, {_ids(fields)} "
            f"FROM {table} t {_joins(fields, 't.' + c['project_id'], 't.' + c['currency'])}"
            f"WHERE {entity} IN ({{entities}}) AND {_between(on)} AND t.id > ? ORDER BY t.id",
            lines=children,
            line_key="id",
        )

    return made


def _expense_item(fields: Fields) -> ReadBack:
    c, g = fields["expense_item.columns"], fields["expense_item.line_columns"]
    on = "t." + c["accounting_date"]
    return ReadBack(
        sql=f"SELECT t.id, {_selected(c, 't', 'document_id', 'number')}, {_day(on)}, "
        f"{_selected(g, 'l', 'amount', 'legal_entity', *_DIMENSIONS, shown=_LISTS)}, "
        f"{_symbol(fields)}, {_ids(fields)} "
        "FROM transaction t JOIN transactionline l ON l.transaction = t.id AND l.mainline = 'F' "
        f"{_joins(fields, 'l.' + g['project_id'], 't.' + c['currency'])}"
        f"WHERE t.recordtype = 'expensereport' AND l.{g['legal_entity']} IN ({{entities}}) "
        f"AND {_between(on)} AND t.id > ? ORDER BY t.id",
    )


def _documents(kind: Kind) -> Callable[[Fields], ReadBack]:
    """Receivables, with their lines where the kind has them."""

    def made(fields: Fields) -> ReadBack:
        c = fields[f"{kind}.columns"]
        p, cu = fields["project.columns"], fields["customer.columns"]
        on = "t." + c["accounting_date"]
        only = ""
        if "is_write_off" in c:
            only = f"AND {_write_offs('t.' + c['is_write_off'], kind)} "
        record_type = RECORD_TYPES[kind].lower()
        return ReadBack(
            sql=f"SELECT t.id, {_selected(c, 't', 'document_id', 'number', 'status', 'total')}, {_day(on)}, "
            f"{_symbol(fields)}, cu.{cu['document_id']} AS customer_id, j.{p['document_id']} AS project_id, "
            f"m.{c['legal_entity']} AS legal_entity "
            "FROM transaction t JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T' "
            f"JOIN currency c ON c.id = t.{c['currency']} LEFT JOIN customer cu ON cu.id = t.{c['customer_id']} "
            f"LEFT JOIN job j ON j.id = t.{c['project_id']} WHERE t.recordtype = '{record_type}' {only}"
            f"AND m.{c['legal_entity']} IN ({{entities}}) AND {_between(on)} AND t.id > ? ORDER BY t.id",
            lines=_bill_lines(kind, fields, on, record_type) if f"{kind}.line_columns" in fields else None,
        )

    return made


def _bill_lines(kind: Kind, fields: Fields, on: str, record_type: str) -> str:
    c, g = fields[f"{kind}.columns"], fields[f"{kind}.line_columns"]
    own = _selected(
        g, "l", "line", "description", "net", "tax", "minutes", *_DIMENSIONS, shown=("tax_code", *_LISTS)
    )
    return (
        f"SELECT l.uniquekey, l.transaction AS document, {own} "
        "FROM transactionline l JOIN transaction t ON t.id = l.transaction "
        f"WHERE t.recordtype = '{record_type}' AND l.mainline = 'F' AND l.taxline = 'F' "
        f"AND l.{c['legal_entity']} IN ({{entities}}) AND {_between(on)} "
        "AND l.uniquekey > ? ORDER BY l.uniquekey"
    )


def _journal_entry(fields: Fields) -> ReadBack:
    """Every line is asked for, main or not; accounts stand in the accounting lines."""
    c, g = fields["journal_entry.columns"], fields["journal_entry.line_columns"]
    p = fields["project.columns"]
    on, entity = "t." + c["accounting_date"], "l." + c["legal_entity"]
    own = _selected(g, "l", "line", "description", "net", *_DIMENSIONS, shown=_LISTS)
    return ReadBack(
        sql=f"SELECT t.id, {_selected(c, 't', 'document_id', 'number')}, {_day(on)}, {_symbol(fields)}, "
        f"j.{p['document_id']} AS project_id, "
        f"(SELECT MIN({entity}) FROM transactionline l WHERE l.transaction = t.id) AS legal_entity "
        f"FROM transaction t JOIN currency c ON c.id = t.{c['currency']} "
        f"LEFT JOIN job j ON j.id = t.{c['project_id']} WHERE t.recordtype = 'journalentry' "
        f"AND t.id IN (SELECT l.transaction FROM transactionline l WHERE {entity} IN ({{entities}})) "
        f"AND {_between(on)} AND t.id > ? ORDER BY t.id",
        lines=f"SELECT l.uniquekey, l.transaction AS document, {own}, a.{g['account']} AS account, "
        f"t.{c['counterparty']} AS counterparty "
        "FROM transactionline l JOIN transaction t ON t.id = l.transaction "
        "JOIN transactionaccountingline x ON x.transaction = l.transaction AND x.transactionline = l.id "
        f"JOIN account a ON a.id = x.account WHERE t.recordtype = 'journalentry' "
        f"AND {entity} IN ({{entities}}) AND {_between(on)} AND l.uniquekey > ? ORDER BY l.uniquekey",
    )


READ_BACKS: Mapping[Kind, Callable[[Fields], ReadBack]] = {
    "customer": _customer,
    "contact": _contact,
    "project": _project,
    "task": _of_project("task"),
    "assignment": _of_project("assignment"),
    "time_entry": _time_entry,
    "expense_item": _expense_item,
    "milestone": _charge("milestone"),
    "charge": _charge("charge"),
    "change_order": _custom("change_order"),
    "invoice": _documents("invoice"),
    "credit_memo": _documents("credit_memo"),
    "payment": _documents("payment"),
    "write_off": _documents("write_off"),
    "revenue_schedule": _custom("revenue_schedule", "customrecord_revenue_schedule_line"),
    "journal_entry": _journal_entry,
}
"""By kind: its query, in the words of a version."""
