"""Puts together what the report shows as evidence: exceptions, invariants, resilience, input, options. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cutover.report.wording import EVENTS, amount, instant, number, pattern, words

ROWS_SHOWN = 200
"""Rows of the input's complaints on the page; all are counted, and truncation is said."""


def exceptions(report: Mapping[str, Any]) -> dict[str, Any]:
    """What waits for a person: grouped by reason first, then one by one."""
    part = report.get("exceptions") or {}
    rows = list(part.get("rows") or ())
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        # An ERP names the document in its message; without that, a thousand refusals are one reason.
        why = str(row.get("why") or "")
        key = (*(str(row.get(name) or "") for name in ("state", "target", "code", "kind")), pattern(why))
        groups.setdefault(key, []).append(why)
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return {
        "total": part.get("total"),
        "truncated": bool(part.get("truncated")),
        "rows": [{**row, "amount": amount(row.get("amount"))} for row in rows],
        "groups": [
            {"state": state, "target": target, "code": code, "kind": kind, "count": len(told),
             "why": told[0] if len(dict.fromkeys(told)) == 1 else why}
            for (state, target, code, kind, why), told in ranked[:ROWS_SHOWN]
        ],
    }  # fmt: skip


def invariants(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each claim with its outcome in words."""
    rows = report.get("invariants") or ()
    return [{**row, "state": "held" if row.get("held") else "violated"} for row in rows]


def resilience(report: Mapping[str, Any]) -> dict[str, Any]:
    """What was thrown at the router and how it came through."""
    part = report.get("resilience") or {}
    attempts: Mapping[str, int] = part.get("attempts") or {}
    whole = sum(attempts.values())
    ranked = sorted(attempts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "recorded": bool(part),
        "attempts": [
            {"event": event, "count": count, "share": _per_cent(count, whole), "means": EVENTS.get(event, "")}
            for event, count in ranked
        ],
        "attempts_total": whole,
        "faults": _faults(report, part),
        "crashes": list((report.get("options") or {}).get("crashes") or ()),
        "lives": part.get("router_lives"),
        "people_retried": part.get("people_retried"),
        "settled": part.get("settled") or {},
    }


def _faults(report: Mapping[str, Any], part: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every planned fault and how often it fired; one that never fired has tested nothing."""
    planned = (report.get("options") or {}).get("faults") or {}
    fired: Mapping[str, Mapping[str, int]] = part.get("faults_fired") or {}
    rows: list[dict[str, Any]] = []
    for system in sorted({*planned, *fired}):
        names: set[str] = set()
        for fault in planned.get(system) or ():
            name = str(fault.get("name", ""))
            names.add(name)
            count = (fired.get(system) or {}).get(name, 0)
            rows.append(_fault(system, name, fault, count))
        rows += [
            _fault(system, name, {}, count)
            for name, count in sorted((fired.get(system) or {}).items())
            if name not in names
        ]
    return rows


def _fault(system: str, name: str, fault: Mapping[str, Any], count: int) -> dict[str, Any]:
    shown = ("name", "kind", "from", "until")
    return {
        "system": system,
        "name": name,
        "kind": words(fault.get("kind", "")),
        "from": instant(fault.get("from")),
        "until": instant(fault.get("until")),
        "how": {key: fault[key] for key in fault if key not in shown},
        "count": count,
        "state": "fired" if count else "never fired",
    }


def _per_cent(part: int, whole: int) -> str:
    if not whole:
        return ""
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %" if tenths or not part else "< 0.1 %"


def given(report: Mapping[str, Any]) -> dict[str, Any]:
    """What came in: rows left out, what was assumed, what the gateway refused."""
    part = report.get("input") or {}
    return {
        "row_errors": _listed(part.get("row_errors") or ()),
        "refused": _listed(part.get("refused_by_gateway") or ()),
        "never_billed": _listed(part.get("never_billed") or ()),
        "assumptions": list(part.get("assumptions") or ()),
        "fields": _fields(part.get("refused_by_gateway") or ()),
        "extracts": (report.get("options") or {}).get("extracts"),
    }


def _listed(rows: Sequence[Any]) -> dict[str, Any]:
    return {"total": len(rows), "rows": list(rows[:ROWS_SHOWN]), "truncated": len(rows) > ROWS_SHOWN}


def _fields(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of rows of unknown shape, in order of first appearance."""
    return list(dict.fromkeys(str(name) for row in rows[:ROWS_SHOWN] for name in row))[:8]


def options(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the run was determined by, and the command that repeats it."""
    part = report.get("options") or {}
    budgets: Mapping[str, Mapping[str, Any]] = part.get("budgets") or {}
    personalities: Mapping[str, Mapping[str, Any]] = part.get("personalities") or {}
    return {
        "size": part.get("size"),
        "extracts": part.get("extracts"),
        "crashes": list(part.get("crashes") or ()),
        "budgets": [
            {"system": name, **{key: number(row.get(key)) for key in ("concurrency", "per_minute", "bulk")}}
            for name, row in sorted(budgets.items())
        ],
        "personalities": [{"system": name, **row} for name, row in sorted(personalities.items())],
        "traits": list(dict.fromkeys(key for name in sorted(personalities) for key in personalities[name])),
        "command": report.get("reproduce") or "",
    }
