"""What the report shows of the month's money: entities, how revenue comes about, what ties. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from markupsafe import Markup

from cutover.report.charts import WIDTH
from cutover.report.headline import part
from cutover.report.svg import Canvas
from cutover.report.wording import amount, number

ROW, LEFT, LABEL = 27, 64, 290
"""Height of a bar with its gap, where bars begin, and room for the figures after them."""


def finance(report: Mapping[str, Any]) -> dict[str, Any]:
    """The section's rows; ties that do not hold come first, and at most one line a side and currency."""
    found = part(report, "finance")
    ties = list(found.get("ties") or ())
    open_ties = [row for row in ties if not row["ties"]]
    group = found.get("group_currency")
    entities = list(found.get("entities") or ())
    return {
        "entities": entities,
        "rows": [row for row in found.get("rows") or () if any(map(_is_money, row.values()))],
        "group_currency": group,
        "sentence": _sentence(entities, group),
        "chart": _chart(entities, str(group or "")),
        "ties": [*open_ties, *(row for row in ties if row["ties"])],
        "tied": _tied(len(ties), len(open_ties)),
    }


def _chart(entities: list[Mapping[str, Any]], group: str) -> Markup | str:
    """A bar an entity: solid what is billed, outlined what is still to be billed."""
    rows = [
        (str(row["legal_entity"]), Decimal(row["billed_in_group"]), Decimal(row["unbilled_in_group"]))
        for row in entities
        if row.get("billed_in_group") is not None and row.get("unbilled_in_group") is not None
    ]
    most = max((abs(billed) + abs(unbilled) for _, billed, unbilled in rows), default=Decimal(0))
    if not group or not most:
        return ""
    told = "; ".join(f"{name}: {amount(str(billed))} and {amount(str(rest))}" for name, billed, rest in rows)
    canvas = Canvas(
        "revenue",
        width=WIDTH,
        height=ROW * len(rows) + 6,
        title="Billed and unbilled by entity",
        desc=f"In {group}, billed and unbilled: {told}.",
    )
    for at, (name, billed, rest) in enumerate(rows):
        y = ROW * at + 3
        solid, outlined = (
            int((WIDTH - LEFT - LABEL) * max(part, Decimal(0)) / most) for part in (billed, rest)
        )
        canvas.text(0, y + 14, name, "strong")
        canvas.rect(LEFT, y + 3, max(solid, 1), 16, "ran")
        canvas.rect(LEFT + solid, y + 3, max(outlined, 1), 16, "planned")
        figures = f"{amount(str(billed))} billed, {amount(str(rest))} unbilled"
        canvas.text(LEFT + solid + outlined + 7, y + 15, figures, "figures")
    canvas.line(LEFT, 0, LEFT, ROW * len(rows) + 4, "axis")
    return canvas.render()


def _is_money(value: object) -> bool:
    """Whether a cell holds an amount that is not zero: an entity's rows of nothing are not shown."""
    try:
        return bool(Decimal(str(value)))
    except InvalidOperation:
        return False


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
