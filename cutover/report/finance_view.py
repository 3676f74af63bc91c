"""What the report shows of the month's money: entities, how revenue comes about, what ties. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cutover.report.headline import part
from cutover.report.wording import amount, number


def finance(report: Mapping[str, Any]) -> dict[str, Any]:
    """The section's rows; ties that do not hold come first, and at most one line a side and currency."""
    found = part(report, "finance")
    ties = list(found.get("ties") or ())
    open_ties = [row for row in ties if not row["ties"]]
    group = found.get("group_currency")
    entities = list(found.get("entities") or ())
    return {
        "entities": entities,
        "rows": list(found.get("rows") or ()),
        "group_currency": group,
        "sentence": _sentence(entities, group),
        "chart": "",
        "ties": [*open_ties, *(row for row in ties if row["ties"])],
        "tied": _tied(len(ties), len(open_ties)),
    }


def _tied(count: int, off: int) -> str:
    if off:
        return f"{number(off)} of {number(count)} comparisons do not tie; they stand first."
    return (
        f"All {number(count)} comparisons tie: PSA, journal, both ERPs' documents and their general ledgers"
        " say the same, to the minor unit."
    )


def _sentence(entities: list[Mapping[str, Any]], group: str | None) -> str:
    margins = [Decimal(row["margin_in_group"]) for row in entities if row.get("margin_in_group") is not None]
    if not group or not margins:
        return "Revenue, what of it is billed, and what it cost."
    without = [row["legal_entity"] for row in entities if row.get("without_rate")]
    told = f"The group's margin is {amount(str(sum(margins)))} {group}"
    return told + (f", without what {', '.join(without)} has no exchange rate for." if without else ".")
