"""Draws a run: its curves as panels over one time axis, what went wrong shaded through all of them. Pure.

Each panel has a scale of its own and its key beside its name, so that a line can be told without its colour:
areas are what happened, thin lines what was planned, dashes what was predicted, dots a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cutover.report.svg import CHAR, Canvas, short
from loadtests.report.axis import RunAxis, Scale, elapsed, linear, scale_of
from loadtests.report.series import Bucket, Series
from loadtests.report.wording import finite

WIDTH = 960
LEFT, RIGHT = 64, 8
AREA = 78
HEAD = 26
PANEL = HEAD + AREA + 12
LABEL = 14
LIMIT_DRAWN = 20
"""A limit further above than so many times the highest value would press the curve flat: it is told instead."""
BAND_ROW = 17
MARK_ROW = 15
BANDS_MAX = 40
ERPS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve of a panel."""

    name: str
    kind: str
    """`area`, `line`, `strong`, `dash` or `columns`: its class, and how it is told from the others."""
    series: Series
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Curves that share a scale."""

    title: str
    told: str
    lines: Sequence[Line]
    free_scale: bool = False
    """Logarithmic, if the range of values asks for it."""
    limits: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What the time axis shows besides the curves."""

    end_s: float
    last_start_s: float | None = None
    drained_s: float | None = None
    """After the start of the run."""
    bands: Sequence[tuple[str, float, float]] = field(default_factory=tuple)


def run_chart(panels: Sequence[Panel], moments: Moments) -> Markup:
    """All panels over one time axis, with the bands and moments of the run."""
    axis = RunAxis(max(moments.end_s, 1.0), LEFT, WIDTH - RIGHT)
    rows = _band_rows(moments.bands[:BANDS_MAX], axis)
    marks = _marks(moments, axis)
    head = 4 + MARK_ROW * (max((row for *_, row in marks), default=-1) + 1)
    top = head + BAND_ROW * (max((row for _, row in rows), default=-1) + 1)
    bottom = top + PANEL * len(panels) - 12
    told = "; ".join(f"{panel.title}: {panel.told}" for panel in panels)
    canvas = Canvas("run", width=WIDTH, height=bottom + 24, title="The run, second by second", desc=told)
    for at, panel in enumerate(panels):
        area = (top + PANEL * at + HEAD, top + PANEL * at + HEAD + AREA)
        for (_, since, until), _row in rows:
            x0, x1 = axis.x(since), axis.x(until)
            canvas.rect(x0, area[0], max(x1 - x0, 2), AREA, "fault", hatched=True)
        _panel(canvas, top + PANEL * at, panel, axis)
        for x, *_ in marks:
            canvas.line(x, area[0], x, area[1], "edge")
    for x, text, anchor, row in marks:
        canvas.line(x, MARK_ROW * row + 4, x, head, "edge")
        canvas.text(x + (4 if anchor == "start" else -4), MARK_ROW * row + 13, text, "quiet", anchor=anchor)
    for (name, since, until), row in rows:
        _band_label(canvas, name, axis.x(since), axis.x(until), head + BAND_ROW * row + 11)
    axis.labels(canvas, bottom + 15)
    return canvas.render()


def line_of(name: str, kind: str, series: Series, field_name: str, *, per_second: bool = False) -> Line:
    """The curve of one field of a series."""
    by = series.width_s if per_second else 1.0
    values = [series.value(bucket, field_name) for bucket in series.buckets]
    return Line(name=name, kind=kind, series=series, values=[None if v is None else v / by for v in values])


def erp_line(name: str, kind: str, series: Series, field_name: str, system: str) -> Line:
    """The curve of what one ERP did, per second."""

    def value(bucket: Bucket) -> float | None:
        told = bucket.erps.get(field_name)
        return None if told is None else told.get(system, 0.0) / series.width_s

    return Line(name=name, kind=kind, series=series, values=[value(bucket) for bucket in series.buckets])


def bands_of(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    """Name, from and until of each band that has them."""
    found = []
    for row in rows:
        since, until = finite(row.get("from_s")), finite(row.get("until_s"))
        if since is not None and until is not None and until >= since:
            found.append((str(row.get("name", "fault")), since, until))
    return sorted(found, key=lambda band: (band[1], band[2], band[0]))


def _panel(canvas: Canvas, top: float, panel: Panel, axis: RunAxis) -> None:
    area_top, area_bottom = top + HEAD, top + HEAD + AREA
    values = [value for line in panel.lines for value in line.values if value is not None]
    near = [(name, limit) for name, limit in panel.limits if values and limit <= max(values) * LIMIT_DRAWN]
    beyond = [name for name, limit in panel.limits if (name, limit) not in near]
    values += [limit for _, limit in near]
    if panel.free_scale:
        scale = scale_of(values, area_top, area_bottom)
    else:
        scale = linear(max(values, default=0.0), area_top, area_bottom)
    axis.grid(canvas, area_top, area_bottom)
    scale.draw(canvas, LEFT, axis.x1)
    for line in panel.lines:
        _curve(canvas, line, axis, scale)
    for name, limit in near:
        if scale.low <= limit <= scale.high:
            y = scale.y(limit)
            canvas.line(LEFT, y, axis.x1, y, "limit")
            canvas.text(LEFT + 4, y - 4 if y - area_top > LABEL else y + 12, name, "label")
    canvas.text(0, top + 16, panel.title, "strong")
    x = CHAR * 1.12 * len(panel.title) + 22
    for line in panel.lines:
        x = _key(canvas, x, top + 12, line)
    told = panel.told + (", log scale" if scale.log else "")
    told += f"; {', '.join(beyond)} {'lies' if len(beyond) == 1 else 'lie'} above" if beyond else ""
    canvas.text(WIDTH - RIGHT, top + 16, told, "quiet", anchor="end")


def _key(canvas: Canvas, x: float, y: float, line: Line) -> float:
    if line.kind in ("area", "columns", "column-bad"):
        canvas.rect(x, y - 4, 16, 9, _FILL[line.kind], hatched=line.kind == "column-bad")
        if line.kind == "area":
            canvas.line(x, y - 4, x + 16, y - 4, "backlog-line")
    else:
        canvas.line(x, y, x + 16, y, _STROKE[line.kind])
    canvas.text(x + 20, y + 4, line.name)
    return x + 20 + CHAR * len(line.name) + 14


_FILL = {"area": "backlog", "columns": "column", "column-bad": "ran bad"}
_STROKE = {"line": "thin", "strong": "thick", "dash": "dash"}


def _curve(canvas: Canvas, line: Line, axis: RunAxis, scale: Scale) -> None:
    if line.kind in ("columns", "column-bad"):
        _columns(canvas, line, axis, scale)
        return
    for points in _stretches(line, axis, scale):
        if line.kind == "area":
            canvas.path(
                [(points[0][0], scale.bottom), *points, (points[-1][0], scale.bottom)], "backlog", closed=True
            )
            canvas.path(points, "backlog-line")
        else:
            canvas.path(points, _STROKE[line.kind])


def _stretches(line: Line, axis: RunAxis, scale: Scale) -> list[list[tuple[float, float]]]:
    """Points of each stretch without a gap, a step a bucket; no line is drawn where nothing was measured."""
    found: list[list[tuple[float, float]]] = []
    open_ = False
    for bucket, value in zip(line.series.buckets, line.values, strict=True):
        if value is None:
            open_ = False
            continue
        if not open_:
            found.append([])
            open_ = True
        y, points = scale.y(value), found[-1]
        if points and points[-1][1] == y:
            points[-1] = (axis.x(bucket.t + line.series.width_s), y)  # a flat stretch needs its two ends only
            continue
        points += [(axis.x(bucket.t), y), (axis.x(bucket.t + line.series.width_s), y)]
    return found


def _columns(canvas: Canvas, line: Line, axis: RunAxis, scale: Scale) -> None:
    for bucket, value in zip(line.series.buckets, line.values, strict=True):
        if value:
            x0, x1 = axis.x(bucket.t), axis.x(bucket.t + line.series.width_s)
            y = min(scale.y(value), scale.bottom - 1)
            canvas.rect(x0, y, max(x1 - x0, 1.2), scale.bottom - y, _FILL[line.kind])


def _marks(moments: Moments, axis: RunAxis) -> list[tuple[float, str, str, int]]:
    """Place, words, anchor and row of each moment; two that lie close stand below one another."""
    found: list[tuple[float, str, str, int]] = []
    for name, moment in (("drained", moments.drained_s), ("last start", moments.last_start_s)):
        if moment is not None and 0 <= moment <= axis.end_s:
            x, text = axis.x(moment), f"{name} {elapsed(moment)}"
            room = CHAR * len(text) + 6
            right = x + room <= WIDTH if name == "drained" else x - room < LEFT
            # The earlier moment stands below the later one, so that its line does not cross the other's words.
            below = bool(found) and not (found[0][2] == "start" and not right)
            found.append((x, text, "start" if right else "end", int(below)))
    return found


def _band_rows(
    bands: Sequence[tuple[str, float, float]], axis: RunAxis
) -> list[tuple[tuple[str, float, float], int]]:
    """Each band with the row its name stands in, so that names don't cover one another."""
    free: list[float] = []
    placed = []
    for band in bands:
        name, since, until = band
        width = CHAR * min(len(name), 40) + 14
        left = min(axis.x(since), WIDTH - width)
        row = next((at for at, used in enumerate(free) if left >= used), len(free))
        if row == len(free):
            free.append(0.0)
        free[row] = max(left + width, axis.x(until)) + 4
        placed.append((band, row))
    return placed


def _band_label(canvas: Canvas, name: str, x0: float, x1: float, y: float) -> None:
    text = short(name, 40)
    width = CHAR * len(text)
    canvas.line(x0, y + 4, max(x1, x0 + 2), y + 4, "fault-bar")
    if x0 + width > WIDTH - 2:
        canvas.text(WIDTH - 2, y, text, "label", anchor="end")
    else:
        canvas.text(x0, y, text, "label")
