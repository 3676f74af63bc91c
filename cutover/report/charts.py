"""Draws load and breaks: small multiples of backlog and throughput, and bars of counts. Pure.

Each system has its own scale, written at its axis, as an ERP takes a hundred times what a CRM does;
the time axis is shared, so that a storm in one system can be seen in the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from cutover.report.svg import CHAR, Canvas, TimeAxis, short
from cutover.report.wording import clock, number, when, words

WIDTH = 960
LEFT = 52
AREA = 62
COLUMNS = 34
PANEL = 30 + AREA + 8 + COLUMNS + 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One system's deliveries per bucket, and the faults it had."""

    system: str
    arrived: Sequence[int]
    settled: Sequence[int]
    backlog: Sequence[int]
    left: Sequence[int]
    faults: Sequence[tuple[str, datetime | None, datetime | None]] = ()


def load_chart(
    loads: Sequence[Load],
    *,
    start: datetime,
    bucket_minutes: int,
    window: tuple[datetime | None, datetime | None],
    crashes: Sequence[datetime],
) -> Markup:
    """Backlog areas and settled columns of each system on one time axis."""
    count = max((len(load.backlog) for load in loads), default=1)
    bucket = timedelta(minutes=bucket_minutes)
    axis = TimeAxis(start, start + bucket * count, LEFT, WIDTH - 8)
    peaks = "; ".join(f"{load.system} at most {number(max(load.backlog, default=0))}" for load in loads)
    canvas = Canvas(
        "load",
        width=WIDTH,
        height=PANEL * len(loads) + 44,
        title="Backlog and throughput per system",
        desc=f"Open deliveries: {peaks or 'none'}. The table below holds the figures per part of a day.",
    )
    for at, load in enumerate(loads):
        _panel(canvas, PANEL * at, load, axis, bucket, window, crashes)
    bottom = PANEL * len(loads) + 6
    shown = None
    for tick in axis.ticks(64):
        anchor = "end" if axis.x(tick) > WIDTH - 20 else "middle"
        canvas.text(axis.x(tick), bottom + 10, clock(tick), "quiet", anchor=anchor)
        if tick.date() != shown:
            canvas.text(axis.x(tick), bottom + 24, when(tick)[:10].rstrip(), "quiet strong", anchor="middle")
            shown = tick.date()
    return canvas.render()


def _panel(
    canvas: Canvas, top: float, load: Load, axis: TimeAxis, bucket: timedelta,
    window: tuple[datetime | None, datetime | None], crashes: Sequence[datetime],
) -> None:  # fmt: skip
    area_top, area_bottom = top + 30, top + 30 + AREA
    columns_top, columns_bottom = area_bottom + 8, area_bottom + 8 + COLUMNS
    opens, closes = window
    if opens is not None and closes is not None and opens < axis.end and closes > axis.start:
        canvas.rect(
            axis.x(opens), area_top, axis.x(closes) - axis.x(opens), columns_bottom - area_top, "window"
        )
    for tick in axis.ticks(64):
        canvas.line(axis.x(tick), area_top, axis.x(tick), columns_bottom, "grid")
    for _, since, until in load.faults:
        x0, x1 = axis.x(since or axis.start), axis.x(until or axis.end)
        canvas.rect(x0, area_top, max(x1 - x0, 2), columns_bottom - area_top, "fault", hatched=True)
    most, busiest = max(load.backlog, default=0), max(load.settled, default=0)
    _area(canvas, load.backlog, axis, bucket, area_top, area_bottom, most)
    for at, value in enumerate(load.settled):
        if value:
            x0, x1 = axis.x(axis.start + bucket * at), axis.x(axis.start + bucket * (at + 1))
            height = max(COLUMNS * value / busiest, 1)
            canvas.rect(x0 + 0.5, columns_bottom - height, x1 - x0 - 1, height, "column")
    canvas.line(LEFT, area_bottom, axis.x1, area_bottom, "axis")
    canvas.line(LEFT, columns_bottom, axis.x1, columns_bottom, "axis")
    for crash in crashes:
        canvas.line(axis.x(crash), area_top, axis.x(crash), columns_bottom, "crash")
        canvas.mark(axis.x(crash), area_top, "bad")
    canvas.text(LEFT - 6, area_top + 8, number(most), "quiet figures", anchor="end")
    if most:
        canvas.text(LEFT - 6, area_bottom, "0", "quiet figures", anchor="end")
    canvas.text(LEFT - 6, columns_top + 9, number(busiest), "quiet figures", anchor="end")
    canvas.text(0, top + 14, load.system, "strong")
    _headline(canvas, top, load, axis, bucket)
    _labels(canvas, load, axis, area_top, crashes)


def _area(
    canvas: Canvas,
    backlog: Sequence[int],
    axis: TimeAxis,
    bucket: timedelta,
    top: float,
    bottom: float,
    most: int,
) -> None:
    if most <= 0:
        return
    points = [(axis.x(axis.start), bottom)]
    for at, value in enumerate(backlog):
        y = bottom - (bottom - top) * max(value, 0) / most
        points += [(axis.x(axis.start + bucket * at), y), (axis.x(axis.start + bucket * (at + 1)), y)]
    canvas.path([*points, (points[-1][0], bottom)], "backlog", closed=True)
    canvas.path(points[1:], "backlog-line")


def _headline(canvas: Canvas, top: float, load: Load, axis: TimeAxis, bucket: timedelta) -> None:
    most, busiest = max(load.backlog, default=0), max(load.settled, default=0)
    told = f"settled {number(sum(load.settled))}"
    if busiest:
        told += (
            f", at most {number(busiest)} in an hour"
            if bucket == timedelta(hours=1)
            else f", at most {busiest}"
        )
    told += f"; backlog at most {number(most)}"
    if most:
        told += f" ({when(axis.start + bucket * (load.backlog.index(most) + 1))})"
    left = load.left[-1] if load.left else 0
    told += f", {number(left)} at the end"
    canvas.text(CHAR * 1.25 * len(load.system) + 12, top + 14, told, "quiet")


def _labels(canvas: Canvas, load: Load, axis: TimeAxis, top: float, crashes: Sequence[datetime]) -> None:
    """Names of faults and restarts, each on the first free line."""
    wanted = [
        (axis.x(since or axis.start), axis.x(until or axis.end), short(name, 30))
        for name, since, until in load.faults
    ]
    wanted += [(axis.x(at), axis.x(at), f"restart {clock(at)}") for at in crashes]
    lines: list[float] = []
    for x0, x1, text in sorted(wanted):
        width = CHAR * len(text)
        ends = x1 + 4 + width > axis.x1
        left = x0 - 4 - width if ends else x1 + 4
        at = next((at for at, used in enumerate(lines) if left >= used), len(lines))
        if at == len(lines):
            lines.append(0)
        lines[at] = left + width + 6
        canvas.text(
            x0 - 4 if ends else x1 + 4, top + 10 + 13 * at, text, "label", anchor="end" if ends else "start"
        )


def bar_chart(name: str, rows: Sequence[tuple[str, int, bool]], *, title: str, unit: str) -> Markup:
    """Horizontal bars of counts, the figure beside each; `True` marks what nobody could explain."""
    longest = max((len(label) for label, _, _ in rows), default=0)
    left = min(max(CHAR * min(longest, 56) + 16, 120), 360)
    most = max((count for _, count, _ in rows), default=0)
    told = "; ".join(f"{label}: {number(count)}" for label, count, _ in rows[:6])
    canvas = Canvas(
        name, width=WIDTH, height=24 * len(rows) + 6, title=title, desc=f"{told or 'none'} ({unit})"
    )
    for at, (label, count, open_) in enumerate(rows):
        y = 24 * at + 3
        canvas.text(0, y + 13, short(label, 56), "strong" if open_ else "")
        width = max((WIDTH - left - 90) * count / most, 2) if most else 0
        canvas.rect(left, y + 2, width, 15, "ran bad" if open_ else "ran", hatched=open_)
        canvas.text(left + width + 7, y + 14, number(count), "figures strong" if open_ else "figures")
    canvas.line(left, 0, left, 24 * len(rows) + 4, "axis")
    return canvas.render()


def day_parts(load: Load, *, start: datetime, bucket_minutes: int) -> list[dict[str, Any]]:
    """The table beside the load chart: per six hours of a day what arrived, was settled, and stood open."""
    parts: dict[datetime, dict[str, Any]] = {}
    for at, (arrived, settled, backlog, left) in enumerate(
        zip(load.arrived, load.settled, load.backlog, load.left, strict=True)
    ):
        began = start + timedelta(minutes=bucket_minutes * at)
        key = began.replace(hour=began.hour // 6 * 6, minute=0, second=0, microsecond=0)
        row = parts.setdefault(key, {"at": key, "arrived": 0, "settled": 0, "most": 0, "left": 0})
        row["arrived"] += arrived
        row["settled"] += settled
        row["most"] = max(row["most"], backlog)
        row["left"] = left
    return [parts[key] for key in sorted(parts)]


def loads_of(timeline: Mapping[str, Any], faults: Mapping[str, Any], read: Any) -> list[Load]:
    """The loads of a report's timeline with each system's faults; `read` turns a value into an instant."""
    loads: list[Load] = []
    for system, rows in (timeline.get("series") or {}).items():
        named = [
            (words(fault.get("name", "")), read(fault.get("from")), read(fault.get("until")))
            for fault in faults.get(system) or ()
        ]
        loads.append(
            Load(
                system=str(system), arrived=rows.get("arrived", []), settled=rows.get("settled", []),
                backlog=rows.get("backlog", []), left=rows.get("left", []), faults=named,
            )
        )  # fmt: skip
    return loads
