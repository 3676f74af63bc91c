"""The pictures of many runs: when they ended, how long each step took, what each change buys. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from cutover.report.svg import Canvas, TimeAxis, short
from cutover.report.wording import clock, day, instant, when

WIDTH = 960
LEFT = 190
RIGHT = 130
ROW = 22
APART = timedelta(hours=3)
"""Hours in which no step runs part the picture: minutes of work inside days can't share an axis."""
Row = Mapping[str, Any]


def ends_chart(ends: Row) -> Markup | str:
    """How many runs ended when, with the end of the window."""
    bins, closes = ends["bins"], instant(ends["closes"])
    if not bins or closes is None:
        return ""
    width = timedelta(minutes=ends["bin_minutes"])
    times = [instant(row["from"]) for row in bins]
    first = min(at for at in times if at is not None)
    last = first + width * len(bins)
    near = closes - last <= 3 * (last - first) and first - closes <= 3 * (last - first)
    axis = TimeAxis(
        min(first, closes) - width if near else first - width, max(last, closes) + width if near else last + width,
        44, WIDTH - 16,
    )  # fmt: skip
    most = max(row["runs"] for row in bins)
    canvas = Canvas(
        "ends", width=WIDTH, height=232, title="When the runs ended",
        desc=f"{ends['through']} runs ended between {when(first)} and {when(last)}; the window closes {when(closes)}.",
    )  # fmt: skip
    top, bottom = 34.0, 190.0
    axis.draw(canvas, top, bottom)
    for share in (most, -(-most // 2)):
        y = bottom - (bottom - top) * share / most
        canvas.line(44, y, WIDTH - 16, y, "grid")
        canvas.text(38, y + 4, str(share), "quiet figures", anchor="end")
    for row, at in zip(bins, times, strict=True):
        if at is None or not row["runs"]:
            continue
        x, height = axis.x(at), (bottom - top) * row["runs"] / most
        late = at >= closes
        canvas.rect(
            x + 1,
            bottom - height,
            max(axis.x(at + width) - x - 2, 2),
            height,
            "ran bad" if late else "ran",
            hatched=late,
        )
    if axis.holds(closes):
        x = axis.x(closes)
        canvas.line(x, 8, x, bottom, "edge")
        canvas.text(
            x - 4,
            16,
            f"window closes {day(closes)} {clock(closes)}Z",
            "quiet",
            anchor="end" if x > 200 else "start",
        )
    else:
        left = closes > last
        canvas.text(
            WIDTH - 16,
            16,
            f"window closes {when(closes)}, {'after' if left else 'before'} all of this",
            "quiet",
            anchor="end",
        )
    return canvas.render()


def steps_chart(steps: Sequence[Row], on_path: Mapping[str, float]) -> Markup | str:
    """Each step from its median start to its median end, with the end that nine of ten runs kept."""
    placed = [
        (row, start, middle, late)
        for row in steps
        if (start := instant(row["start_p50"]))
        and (middle := instant(row["end_p50"]))
        and (late := instant(row["end_p90"]))
    ]
    if not placed:
        return ""
    placed.sort(key=lambda one: one[1])
    groups: list[list[tuple[Row, datetime, datetime, datetime]]] = []
    until: datetime | None = None
    for one in placed:
        if until is None or one[1] > until + APART:
            groups.append([])
        groups[-1].append(one)
        until = one[3] if until is None else max(until, one[3])
    height = sum(66 + ROW * len(group) for group in groups)
    canvas = Canvas(
        "steps", width=WIDTH, height=height, title="Steps: half of the runs, and nine of ten",
        desc=f"{len(placed)} steps from median start to median end and to the end at P90. The table holds every figure.",
    )  # fmt: skip
    y = 0.0
    for group in groups:
        _group(canvas, y, group, on_path)
        y += 66 + ROW * len(group)
    return canvas.render()


def _group(
    canvas: Canvas,
    y: float,
    group: Sequence[tuple[Row, datetime, datetime, datetime]],
    on_path: Mapping[str, float],
) -> None:
    first, last = min(one[1] for one in group), max(one[3] for one in group)
    room = max((last - first) / 20, timedelta(minutes=2))
    axis = TimeAxis(first - room, last + room, LEFT, WIDTH - RIGHT)
    top, bottom = y + 24, y + 28 + ROW * len(group)
    canvas.line(0, y + 2, WIDTH, y + 2, "rule")
    until = clock(last) if day(first) == day(last) else f"{day(last)} {clock(last)}"
    canvas.text(0, y + 17, f"{day(first)} {clock(first)} – {until}Z", "strong")
    canvas.text(WIDTH, y + 17, "P50 / P90 min · on the path", "quiet", anchor="end")
    axis.draw(canvas, top, bottom)
    at = top + 2
    for row, start, middle, late in group:
        canvas.text(0, at + 15, short(row["id"], 30), "strong" if on_path.get(row["id"], 0) >= 50 else "")
        x = axis.x(start)
        canvas.rect(x, at + 3, max(axis.x(late) - x, 3), 16, "planned")
        canvas.rect(x, at + 6, max(axis.x(middle) - x, 3), 10, "ran")
        figures = f"{row['minutes']['p50']} / {row['minutes']['p90']} · {on_path.get(row['id'], 0.0):.0f}%"
        canvas.text(WIDTH, at + 15, figures, "figures", anchor="end")
        at += ROW


def tornado(changes: Sequence[Row]) -> Markup | str:
    """Minutes saved by each change: the median of the pairs and its interval."""
    rows = [row for row in changes if row["minutes_saved"] is not None]
    if not rows:
        return ""
    reach = max(
        [1.0, *(abs(row["minutes_saved"][name] or 0) for row in rows for name in ("value", "low", "high"))]
    )
    x0, x1 = 330.0, WIDTH - 150.0
    middle = (x0 + x1) / 2

    def x(minutes: float) -> float:
        return float(middle + (x1 - x0) / 2 * minutes / reach)

    height = 40 + 26 * len(rows)
    canvas = Canvas(
        "tornado", width=WIDTH, height=height, title="What each change buys",
        desc="Minutes the end comes earlier (right) or later (left) in the median, with its interval.",
    )  # fmt: skip
    canvas.text(middle - 6, 14, f"later, up to {reach:.0f} min", "quiet", anchor="end")
    canvas.text(middle + 6, 14, f"earlier, up to {reach:.0f} min", "quiet")
    canvas.line(middle, 20, middle, height - 14, "axis")
    for at, row in enumerate(rows):
        y, saved = 24.0 + 26 * at, row["minutes_saved"]
        noise = row["verdict"] == "within noise"
        canvas.text(0, y + 15, short(row["says"], 50), "quiet" if noise else "")
        ends = sorted((x(0), x(saved["value"])))
        canvas.rect(
            ends[0],
            y + 4,
            max(ends[1] - ends[0], 1),
            14,
            "column" if noise else "ran" + (" bad" if saved["value"] < 0 else ""),
        )
        if saved["low"] is not None:
            low, high = x(saved["low"]), x(saved["high"])
            canvas.line(low, y + 11, high, y + 11, "deadline")
            for end in (low, high):
                canvas.line(end, y + 7, end, y + 15, "deadline")
        canvas.text(WIDTH, y + 15, f"{row['gained_percent']['value']:+.1f} points", "figures", anchor="end")
    return canvas.render()
