"""Rows of the export, from rows of the journal. Pure: money is exact, nothing is rounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from router.canonical.money import Money

JOBS = 1000
"""Deliveries per transaction number, as the journal counts them."""
_OF_DOCUMENT = (
    "region", "business_unit", "customer_id", "contract_id", "project_id", "resource_id", "invoice_id",
    "department", "practice", "service_line", "cost_center", "role", "category", "minutes", "billable", "adjusts",
    "part_of",
)  # fmt: skip
_OWN = {
    "project": "project_id",
    "customer": "customer_id",
    "contract": "contract_id",
    "invoice": "invoice_id",
}


def money(currency: str | None, minor: int | None) -> dict[str, Any]:
    """The three columns of an amount."""
    if not currency or minor is None:
        return {"currency": currency or "", "amount_minor": minor, "amount": None}
    return {"currency": currency, "amount_minor": int(minor), "amount": str(Money(int(minor), currency))}


def number_text(seq: int) -> str:
    """A transaction's number as its id."""
    return f"T{seq:012d}"


def transaction(row: Mapping[str, Any]) -> dict[str, Any]:
    """A transaction with the dimensions of its document."""
    document = orjson.loads(row["canonical"]) if row["canonical"] else {}
    made = {name: document.get(name) for name in _OF_DOCUMENT}
    own = _OWN.get(row["kind"])
    if own is not None and made[own] is None:
        made[own] = document.get("document_id")
    names = (
        "correlation_id", "kind", "document_id", "verb", "source", "client", "state", "authority", "legal_entity",
        "accepted_at", "posted_at", "problem_code", "problem",
    )  # fmt: skip
    made |= {name: row[name] for name in names}
    made |= {"transaction_id": number_text(row["seq"]), "accounting_date": row["accounting_date"] or None}
    return made | money(row["currency"], row["amount_minor"])


def decision(row: Mapping[str, Any]) -> dict[str, Any]:
    """A routing decision."""
    return {**row, "transaction_id": number_text(row["seq"]), "hold": bool(row["hold"])}


def delivery(row: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery."""
    return {**row, "transaction_id": number_text(row["job_id"] // JOBS)}


def attempt(row: Mapping[str, Any]) -> dict[str, Any]:
    """A try."""
    return dict(row)


def difference(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored break."""
    data = orjson.loads(row["data"])
    key = data.get("key") or {}
    made = {**data, "run_id": row["run_id"], "at": row["at"]}
    made["document_id"] = key.get("document_id") or ", ".join(str(part) for part in key.values())
    return made | money(data.get("currency"), data.get("delta_minor"))


def event(made: Mapping[str, Any]) -> dict[str, Any]:
    """A business event, from its CloudEvent."""
    data = made["data"]
    currency = data.get("currency", "")
    text = data.get("amount") or data.get("total")
    minor = Money.parse(text, currency).minor if text and currency else None
    return {
        "event_id": made["id"],
        "name": made["type"].split(".")[2],
        "at": made["time"],
        "subject": made["subject"],
        "correlation_id": made.get("correlationid", ""),
        "legal_entity": data.get("legal_entity", ""),
        "data": orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode(),
    } | money(currency, minor)


def exception(row: Mapping[str, Any]) -> dict[str, Any]:
    """An exception, from its row in the list."""
    why = row["why"] or row["problem"]
    made = {**row, "exception_id": row["id"], "document_id": row["about"], "why": why}
    return made | money(row["currency"], row["amount_minor"])
