"""Rows of the books as a record's JSON: what every record has, and who shows the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.core.rows import Row
from simulators.erp.netsuite import views_masters, views_posted
from simulators.erp.netsuite.account import Account
from simulators.erp.netsuite.shapes import Json, named

_OWN_HEAD = frozenset({"change_order", "revenue_schedule"})
"""Custom records name subsidiary and currency in fields of their own."""


def record(row: Row, account: Account) -> Json:
    """A record's JSON with its sublists expanded; empty properties are left out."""
    body: Json = {
        "id": row.vendor_id,
        "externalId": row.external_id or None,
        **_SHOWN[row.type](row, account),
    }
    entity, currency = getattr(row, "entity", ""), getattr(row, "currency", "")
    if row.type not in _OWN_HEAD and getattr(row, "of", "") not in ("task", "assignment"):
        if entity:
            body["subsidiary"] = named(account.entity_id(entity), account.books.firm.entities[entity].name)
        if currency and row.type != "time":
            body["currency"] = named(account.currency_id(currency), currency)
    body = row.extra.get("custom", {}) | body
    return {name: value for name, value in body.items() if value is not None}


_SHOWN: dict[str, Callable[[Any, Account], Json]] = {
    "customer": views_masters.customer,
    "master": views_masters.master,
    "rate_card": views_masters.rate_card,
    "contract": views_masters.sales_order,
    "project": views_masters.job,
    "time": views_posted.time_bill,
    "expense": views_posted.expense_report,
    "milestone": views_posted.charge,
    "charge": views_posted.charge,
    "change_order": views_posted.change_order,
    "invoice": views_posted.invoice,
    "credit_memo": views_posted.credit_memo,
    "payment": views_posted.payment,
    "write_off": views_posted.write_off,
    "journal_entry": views_posted.journal_entry,
    "revenue_schedule": views_posted.revenue_schedule,
}
