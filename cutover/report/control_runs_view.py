"""Puts together what the report shows of the control runs and of the second look at the gates. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = 40


def control_runs(report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the section; `rows` is empty where no control run was asked for."""
    part: Mapping[str, Any] = report.get("control_runs") or {}
    audit: Mapping[str, Any] = report.get("gate_audit") or {}
    violations = list(audit.get("violations") or ())
    return {
        "rows": [{**row, "state": _state(row)} for row in part.get("rows") or ()],
        "total": part.get("total", 0),
        "caught": part.get("caught", 0),
        "audited": bool(audit),
        "claim": audit.get("claim", ""),
        "not_checked": audit.get("not_checked", ""),
        "steps": audit.get("checked", 0),
        "violations": violations[:SHOWN],
        "violated": len(violations),
        "state": "violated" if violations else "held",
    }


def _state(row: Mapping[str, Any]) -> str:
    """In a sound run there is nothing to catch: it passes when nobody complained."""
    if row["must_catch"] == "nobody":
        return "pass" if row["caught"] else "fail"
    return "caught" if row["caught"] else "missed"
