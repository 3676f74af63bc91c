"""Puts together what the report shows of the documents that lie across a switch. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cutover.report.wording import amount

VIOLATIONS_SHOWN = 10


def straddlers(report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the section; `cases` is empty where nothing was looked at."""
    part: Mapping[str, Any] = report.get("straddlers") or {}
    return {
        "cases": [_case(case) for case in part.get("cases") or ()],
        "violations": part.get("violations", 0),
    }


def _case(case: Mapping[str, Any]) -> dict[str, Any]:
    state = "unused" if not case["count"] and case["obeyed"] else "obeyed" if case["obeyed"] else "broken"
    return {
        "title": case["title"],
        "policy": case["policy"],
        "count": case["count"],
        "state": state,
        "money": [{"currency": row["currency"], "amount": amount(row["amount"])} for row in case["money"]],
        "where": case["where"],
        "violated": case["violated"],
        "violations": [
            f"{row['transaction_id']}: {row['why']}" if row["transaction_id"] else row["why"]
            for row in case["violations"][:VIOLATIONS_SHOWN]
        ],
        "examples": [{"text": row["text"], "trace": row["trace"]} for row in case["examples"]],
    }
