"""Puts together what the report shows of the cross-checks: a row a check and currency, then each mismatch. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cutover.report.wording import amount, number
from router.canonical.money import Money

ROWS_SHOWN = 40
ITEMS_SHOWN = 5


def cross_checks(report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the section; `rows` is empty when no check was made."""
    checks = list(report.get("cross_checks") or ())
    return {
        "rows": [row for check in checks for row in _rows(check)],
        "mismatches": [_mismatches(check) for check in checks if check.get("rows")],
    }


def _rows(check: Mapping[str, Any]) -> list[dict[str, Any]]:
    causes = ", ".join(f"{cause} {count}" for cause, count in (check.get("causes") or {}).items())
    shared = {
        "name": check["name"],
        "verdict": check["verdict"],
        "sides": f"{check['left']} / {check['right']}" if check["left"] else check["problem"],
        "causes": causes or "none",
        "groups": check["groups"],
        "mismatches": check["mismatches"],
    }
    if not check["totals"]:
        return [{**shared, "currency": "", "left": "", "right": "", "difference": "", "ties": True}]
    return [
        {
            **shared,
            "currency": row["currency"] or ("minutes" if check["name"] == "hours" else ""),
            **{name: _figure(row[name], row["currency"]) for name in ("left", "right", "difference")},
            "ties": row["ties"],
        }
        for row in check["totals"]
    ]


def _figure(value: int, currency: str) -> str:
    return str(amount(str(Money(value, currency)))) if currency else str(number(value))


def _mismatches(check: Mapping[str, Any]) -> dict[str, Any]:
    rows = check["rows"]
    return {
        "name": check["name"],
        "total": len(rows),
        "rows": [
            {
                "key": " · ".join(str(value) for value in row["key"].values() if value),
                "currency": row["currency"] or "minutes",
                "left": row["left"],
                "right": row["right"],
                "difference": row["difference"],
                "items": [
                    f"{one['document_id'] or 'the rest'}: {one['why'] or one['code']} ({one['cause']})"
                    for one in row["items"][:ITEMS_SHOWN]
                ],
                "documents": row["documents"],
            }
            for row in rows[:ROWS_SHOWN]
        ],
    }
