"""Puts together what the report shows of the way back: its price over time, and each rollback that was gone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from cutover.report.svg import Canvas, TimeAxis
from cutover.report.wording import amount, clock, number, when
from router.clock import from_text

WIDTH = 960
LEFT = 52
AREA = 120
WAYS = (
    ("armed", "comes home by itself", "planned"),
    ("re_enter", "must be entered again", "ran"),
    ("stays", "stays behind", "ran bad"),
)
"""Way, what it means, and the look of it: the last is striped, so that no colour is needed to tell."""


def rollback(report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the section; `rows` is empty where nothing was switched, `done` where nothing went back."""
    part = report.get("rollback") or {}
    told = part.get("over_time") or {}
    rows = list(told.get("rows") or ())
    return {
        "chart": _chart(rows, told) if rows else "",
        "rows": _parts(rows),
        "group": told.get("group_currency") or "",
        "without_rate": ", ".join(told.get("without_rate") or ()),
        "worst": _worst(rows),
        "done": [_gone(one) for one in part.get("done") or ()],
        "turned_back": part.get("turned_back"),
    }


def _chart(rows: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> Markup:
    """The three ways stacked, hour by hour, with the switches and where an old ERP was retired."""
    bucket = timedelta(minutes=int(told["bucket_minutes"]))
    start = from_text(str(rows[0]["at"])) - bucket
    axis = TimeAxis(start, start + bucket * len(rows), LEFT, WIDTH - 8)
    most = max(sum(int(row[way]) for way, _, _ in WAYS) for row in rows)
    last = rows[-1]
    canvas = Canvas(
        "rollback",
        width=WIDTH,
        height=AREA + 60,
        title="Price of a rollback over time",
        desc="At the end: "
        + "; ".join(f"{number(last[way])} {means}" for way, means, _ in WAYS)
        + ". The table below holds the figures.",
    )
    top, bottom = 14, 14 + AREA
    for tick in axis.ticks(64):
        canvas.line(axis.x(tick), top, axis.x(tick), bottom, "grid")
    for at, row in enumerate(rows):
        x0, x1, base = axis.x(start + bucket * at), axis.x(start + bucket * (at + 1)), float(bottom)
        for way, _, look in WAYS:
            height = AREA * int(row[way]) / most if most else 0
            if height:
                canvas.rect(x0 + 0.5, base - height, x1 - x0 - 1, height, look, hatched=way == "stays")
                base -= height
    canvas.line(LEFT, bottom, axis.x1, bottom, "axis")
    canvas.text(LEFT - 6, top + 8, number(most), "quiet figures", anchor="end")
    canvas.text(LEFT - 6, bottom, "0", "quiet figures", anchor="end")
    moved: set[str] = set()
    for one in told.get("switches") or ():
        x = axis.x(from_text(str(one["at"])))
        canvas.line(x, top, x, bottom, "crash")
        what = "retire" if one["wave"] in moved and one.get("stage") == "cloud" else "switch"
        moved.add(str(one["wave"]))
        canvas.text(min(x + 4, axis.x1 - 90), top - 3, f"{what} {one['wave']}", "label")
    shown = None
    for tick in axis.ticks(64):
        anchor = "end" if axis.x(tick) > WIDTH - 20 else "middle"
        canvas.text(axis.x(tick), bottom + 16, clock(tick), "quiet", anchor=anchor)
        if tick.date() != shown:
            canvas.text(axis.x(tick), bottom + 30, when(tick)[:10].rstrip(), "quiet strong", anchor="middle")
            shown = tick.date()
    return canvas.render()


def _parts(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The table: the last hour of each part of a day."""
    found: dict[datetime, dict[str, Any]] = {}
    for row in rows:
        at = from_text(str(row["at"]))
        began = at - timedelta(minutes=1)
        key = began.replace(hour=began.hour // 6 * 6, minute=0, second=0, microsecond=0)
        found[key] = {
            "at": at,
            **{way: row[way] for way, _, _ in WAYS},
            **{f"{way}_money": amount(row[f"{way}_money"]) for way, _, _ in WAYS},
        }
    return [found[key] for key in sorted(found)]


def _worst(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The first hour after which something would have to stay behind."""
    return next(({"at": row["at"], "stays": row["stays"]} for row in rows if row["stays"]), None)


def _gone(one: Mapping[str, Any]) -> dict[str, Any]:
    price, moved = one.get("price") or {}, one.get("moved") or {}
    bad = next((gate for gate in one.get("gates") or () if gate["verdict"] != "pass"), None)
    said = one.get("problem") or (
        "" if bad is None else f"{bad['name']}: {bad['measured']} ({bad['threshold']})"
    )
    return {
        "wave": one["wave"],
        "entities": ", ".join(one["entities"]),
        "kinds": ", ".join(one["kinds"]) or "all kinds",
        "begun": one["begun"],
        "ended": one.get("ended"),
        "swapped": moved.get("swapped", 0),
        "entered": moved.get("entered", 0),
        "stays": price.get("stays", 0),
        "copied": moved.get("copied", 0),
        "released": one.get("released", 0),
        "verdict": "pass" if one.get("ok") else "fail",
        "why": one["why"],
        "said": said,
    }
