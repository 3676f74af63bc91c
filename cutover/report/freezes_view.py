"""Puts together what the report shows of the freezes: who was held, who posted beside the router. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROWS_SHOWN = 40


def freezes(report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the section; `rows` is empty where nothing was frozen."""
    rows = [_freeze(row) for row in report.get("freezes") or ()]
    return {"rows": rows, "beside": sum(len(row["beside"]) for row in rows)}


def _freeze(row: Mapping[str, Any]) -> dict[str, Any]:
    asked = row["beside_asked"]
    beside = list(row["beside"])
    state = "broken" if beside else "held" if asked else "inconclusive"
    held = list(row["held_by"])
    return {
        "wave": row["wave"],
        "scope": ", ".join(row["entities"]) + (f" ({', '.join(row['kinds'])})" if row["kinds"] else ""),
        "from": row["from"],
        "until": row["until"],
        "minutes": row["minutes"],
        "held": row["held"],
        "held_by": held[:ROWS_SHOWN],
        "held_more": max(0, len(held) - ROWS_SHOWN),
        "asked": ", ".join(asked),
        "beside": beside[:ROWS_SHOWN],
        "state": state,
    }
