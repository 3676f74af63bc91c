"""Draws money by cause: bars in a panel for each currency, as two currencies have no common scale. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from cutover.report.svg import CHAR, Canvas, short
from cutover.report.wording import amount, number

WIDTH = 960
ROW = 24
HEAD = 26
LEFT = 220
RIGHT = 170
"""Room for the figures behind the longest bar."""


def money_chart(panels: Mapping[str, Sequence[tuple[str, int, str, bool]]]) -> Markup:
    """Bars by currency: (label, absolute minor units, the same as text, without a cause)."""
    rows = sum(len(bars) for bars in panels.values())
    told = "; ".join(
        f"{currency}: " + ", ".join(f"{label} {amount(text)}" for label, _, text, _ in bars[:4])
        for currency, bars in panels.items()
    )
    canvas = Canvas(
        "money-by-cause", width=WIDTH, height=ROW * rows + (HEAD + 8) * len(panels),
        title="Money by cause and currency", desc=f"{told or 'none'}. The table below holds all figures.",
    )  # fmt: skip
    top = 0.0
    for currency, bars in panels.items():
        canvas.text(0, top + 16, currency, "strong")
        canvas.line(0, top + 22, WIDTH, top + 22, "grid")
        top += HEAD
        most = max((minor for _, minor, _, _ in bars), default=0)
        for label, minor, text, open_ in bars:
            canvas.text(0, top + 15, short(label, int(LEFT / CHAR) - 1), "strong" if open_ else "")
            # Whole pixels from whole minor units: no amount becomes a float.
            width = max((WIDTH - LEFT - RIGHT) * minor // most, 2) if most and minor else 0
            canvas.rect(LEFT, top + 3, width, 15, "ran bad" if open_ else "ran", hatched=open_)
            canvas.text(LEFT + width + 7, top + 15, amount(text), "figures strong" if open_ else "figures")
            top += ROW
        canvas.line(LEFT, top - ROW * len(bars), LEFT, top, "axis")
        top += 8
    return canvas.render()


def of_many(shown: int, whole: int, where: str) -> str:
    """`the first 20 of 312, all of them in breaks.jsonl`, or nothing where all are shown."""
    return "" if shown >= whole else f"{number(shown)} of {number(whole)}; all of them are in {where}"
