"""Draws the plan against the rehearsal: the whole run in one strip, then each stretch of steps close up.

A cutover takes minutes inside days, so one axis can't show both. The strip has a lane per wave and
names the stretches A, B, C; below, each stretch has an axis of its own and a row per step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from cutover.report.schedule import Planned, deciding_chain, stretches
from cutover.report.svg import CHAR, Canvas, TimeAxis, short
from cutover.report.wording import MARKS, clock, day, number, when

WIDTH = 960
LEFT = 176
RIGHT = 140
ROW = 22
LANE = 20
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What stands still in the picture: the window, the router's deaths, the faults' windows."""

    opens: datetime | None
    closes: datetime | None
    crashes: Sequence[datetime] = ()
    faults: Sequence[tuple[str, datetime, datetime]] = ()


def gantt(steps: Sequence[Planned], moments: Moments, *, start: datetime, end: datetime) -> Markup:
    """The timeline of a run as one SVG; the caller puts the table beside it."""
    groups = stretches(steps)
    lanes = list(dict.fromkeys(str(step.row.get("wave", "")) for step in steps))
    troubled = bool(moments.crashes or moments.faults)
    strip = 44 + LANE * (len(lanes) + troubled) + 34
    height = strip + sum(_height(group) for group in groups)
    canvas = Canvas(
        "gantt",
        width=WIDTH,
        height=height,
        title="Timeline: planned against rehearsed",
        desc=_describe(steps, moments),
    )
    whole = TimeAxis(
        min([start, *(step.first for step in steps)]),
        max([end, *(step.last for step in steps)]),
        LEFT,
        WIDTH - 16,
    )
    _strip(canvas, whole, steps, moments, lanes)
    for letter, group in zip(_letters(len(groups)), groups, strict=True):
        x0 = whole.x(min(step.first for step in group))
        x1 = whole.x(max(step.last for step in group))
        canvas.line(x0, 37, max(x1, x0 + 3), 37, "bracket")
        canvas.text((x0 + x1) / 2, 32, letter, "strong", anchor="middle")
    y, critical = float(strip), frozenset(deciding_chain(steps))
    for letter, group in zip(_letters(len(groups)), groups, strict=True):
        _stretch(canvas, y, letter, group, moments, critical)
        y += _height(group)
    return canvas.render()


def _letters(count: int) -> list[str]:
    return [chr(ord("A") + at) if at < 26 else str(at + 1) for at in range(count)]


def _describe(steps: Sequence[Planned], moments: Moments) -> str:
    outcomes = [str(step.row.get("outcome")) for step in steps]
    told = ", ".join(
        f"{outcomes.count(name)} {name}" for name in ("done", "failed", "not run") if name in outcomes
    )
    window = f" The window is {when(moments.opens)} to {when(moments.closes)}." if moments.opens else ""
    return f"{len(steps)} steps: {told or 'none'}.{window} The table below holds every figure."


def _strip(
    canvas: Canvas, axis: TimeAxis, steps: Sequence[Planned], moments: Moments, lanes: Sequence[str]
) -> None:
    top, rows = 44.0, len(lanes) + bool(moments.crashes or moments.faults)
    bottom = top + LANE * rows
    _window(canvas, axis, moments, top, bottom, named=True)
    axis.draw(canvas, top, bottom)
    for at, wave in enumerate(lanes):
        y = top + LANE * at
        canvas.text(0, y + 14, short(wave, 26), "strong")
        for step in steps:
            if str(step.row.get("wave", "")) == wave:
                _bars(canvas, axis, step, y + 4, 12)
    if rows > len(lanes):
        y = top + LANE * len(lanes)
        canvas.text(0, y + 14, "faults, restarts", "quiet")
        for _, since, until in moments.faults:
            x = axis.x(since)
            canvas.rect(x, y + 6, max(axis.x(until) - x, 3), 8, "fault", hatched=True)
        for crash in moments.crashes:
            canvas.mark(axis.x(crash), y + 10, "bad")


def _window(
    canvas: Canvas, axis: TimeAxis, moments: Moments, top: float, bottom: float, *, named: bool = False
) -> None:
    """The window's shade and its two edges."""
    if moments.opens is None or moments.closes is None:
        return
    if moments.opens < axis.end and moments.closes > axis.start:
        x0, x1 = axis.x(moments.opens), axis.x(moments.closes)
        canvas.rect(x0, top, x1 - x0, bottom - top, "window")
    for at, name in ((moments.opens, "opens"), (moments.closes, "closes")):
        if axis.holds(at):
            x = axis.x(at)
            canvas.line(x, top - (12 if named else 0), x, bottom, "edge")
            if named:
                close = axis.x(moments.closes) - x < CHAR * 15 and name == "opens" and x > CHAR * 22
                room = x + CHAR * 22 < WIDTH and not close  # a short window's two names stand to either side
                canvas.text(
                    x + (3 if room else -3), 12, f"window {name}", "quiet", anchor="start" if room else "end"
                )
                canvas.line(x, 4, x, top - 12, "edge")


def _bars(canvas: Canvas, axis: TimeAxis, step: Planned, y: float, height: float) -> None:
    """The planned outline and, inside it, the rehearsed bar."""
    outcome = str(step.row.get("outcome"))
    x = axis.x(step.start)
    canvas.rect(x, y, max(axis.x(step.end) - x, 3), height, "planned")
    if step.began is not None:
        x = axis.x(step.began)
        ended = step.ended or step.began
        kind = "ran bad" if outcome == "failed" else "ran"
        canvas.rect(x, y + 3, max(axis.x(ended) - x, 3), height - 6, kind, hatched=outcome == "failed")
    if step.actual_began is not None:
        x = axis.x(step.actual_began)
        canvas.rect(
            x, y + height - 3, max(axis.x(step.actual_ended or step.actual_began) - x, 3), 5, "actual"
        )


def _height(group: Sequence[Planned]) -> float:
    waves = len({str(step.row.get("wave", "")) for step in group})
    return 34 + 20 * waves + ROW * len(group) + 44


def _stretch(
    canvas: Canvas,
    y: float,
    letter: str,
    group: Sequence[Planned],
    moments: Moments,
    critical: frozenset[str],
) -> None:
    """One stretch close up: a row per step, grouped by wave."""
    first, last = min(step.first for step in group), max(step.last for step in group)
    axis = TimeAxis(_floor(first), _floor(last - timedelta(seconds=1)) + _HOUR, LEFT, WIDTH - RIGHT)
    bottom = y + _height(group) - 44
    canvas.line(0, y, WIDTH, y, "rule")
    canvas.text(0, y + 20, f"{letter}", "strong")
    span = f"{day(first)} {clock(first)}–{clock(last)}Z"
    if first.date() != last.date():
        span = f"{day(first)} {clock(first)} – {day(last)} {clock(last)}Z"
    canvas.text(16, y + 20, span, "strong")
    canvas.text(WIDTH, y + 20, "rehearsed / planned min", "quiet", anchor="end")
    top = y + 30
    _window(canvas, axis, moments, top, bottom)
    axis.draw(canvas, top, bottom)
    wave, at = None, top + 4
    for step in group:
        if step.row.get("wave") != wave:
            wave = step.row.get("wave")
            canvas.text(0, at + 14, short(f"wave {wave}", 28), "quiet strong")
            at += 20
        _step(canvas, axis, step, at, critical=step.id in critical)
        at += ROW


def _step(canvas: Canvas, axis: TimeAxis, step: Planned, y: float, *, critical: bool) -> None:
    outcome = str(step.row.get("outcome"))
    if critical:
        canvas.rect(1, y + 5, 3, 13, "critical")
    canvas.text(10, y + 15, short(step.id, 25 if critical else 27), "strong" if critical else "")
    _bars(canvas, axis, step, y + 3, 16)
    deadline = step.deadline
    if deadline is not None and step.began is not None and axis.holds(deadline):
        x = axis.x(deadline)
        canvas.line(x, y + 2, x, y + 20, "deadline")
        canvas.line(x - 3, y + 2, x, y + 2, "deadline")
        canvas.line(x - 3, y + 20, x, y + 20, "deadline")
    _, tone = MARKS.get(outcome, ("", "open"))
    canvas.mark(WIDTH - RIGHT + 18, y + 11, tone)
    canvas.text(WIDTH - RIGHT + 30, y + 15, short(outcome, 9))
    took, planned = number(step.row.get("minutes")), number(step.row.get("planned_minutes"))
    canvas.text(WIDTH, y + 15, f"{took} / {planned}", "figures", anchor="end")


def _floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def moments_of(report: Mapping[str, Any], read: Any) -> Moments:
    """The window, crashes and timed faults of a report; `read` turns a value into an instant or None."""
    window, options = report.get("window") or {}, report.get("options") or {}
    timed: list[tuple[str, datetime, datetime]] = []
    for rows in (options.get("faults") or {}).values():
        for fault in rows:
            since, until = read(fault.get("from")), read(fault.get("until"))
            if since is not None and until is not None:
                timed.append((str(fault.get("name", "")), since, until))
    crashes = [at for at in map(read, options.get("crashes") or ()) if at is not None]
    return Moments(
        opens=read(window.get("opens")), closes=read(window.get("closes")), crashes=crashes, faults=timed
    )
