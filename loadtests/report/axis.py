"""Axes of a run: seconds from its start, and values on a linear or a logarithmic scale. Pure.

`cutover.report.svg.TimeAxis` lays out dates of a weekend; a run of seconds or hours has no date.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cutover.report.svg import Canvas
from loadtests.report.wording import plain

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_LOG_FROM = 50.0
"""A range of values wider than this, highest to lowest, asks for a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class RunAxis:
    """Seconds of a run between two x positions."""

    end_s: float
    x0: float
    x1: float

    def x(self, at_s: float) -> float:
        """Where a moment lies; what is outside is drawn at the edge."""
        whole = max(self.end_s, 1e-9)
        return self.x0 + (self.x1 - self.x0) * min(max(at_s, 0.0), whole) / whole

    def ticks(self, apart: float = 64) -> list[float]:
        """Round moments at least `apart` pixels from each other."""
        most = max(1.0, (self.x1 - self.x0) / apart)
        step = next((one for one in _STEPS_S if self.end_s / one <= most), None)
        if step is None:
            step = 86400 * math.ceil(self.end_s / 86400 / most)
        return [float(step * at) for at in range(int(self.end_s / step + 1e-9) + 1)]

    def grid(self, canvas: Canvas, top: float, bottom: float) -> None:
        """Lines at the round moments."""
        for at in self.ticks():
            canvas.line(self.x(at), top, self.x(at), bottom, "grid")

    def labels(self, canvas: Canvas, y: float) -> None:
        """The moments in words."""
        for at in self.ticks():
            x = self.x(at)
            canvas.text(x, y, elapsed(at), "quiet", anchor="end" if x > canvas.width - 24 else "middle")


@dataclass(frozen=True, slots=True)
class Scale:
    """Values between two y positions, the greater one above."""

    low: float
    high: float
    top: float
    bottom: float
    log: bool = False

    def y(self, value: float) -> float:
        """Where a value lies; what is outside is drawn at the edge."""
        kept = min(max(value, self.low), self.high)
        if self.log:
            part = math.log(kept / self.low) / math.log(self.high / self.low)
        else:
            part = (kept - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * part

    def ticks(self) -> list[float]:
        """Round values to draw a line at: decades, or a few even steps without 0."""
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
            return [v for at in range(first, last + 1) if self.low <= (v := 10.0**at) <= self.high]
        step = nice((self.high - self.low) / 2)
        return [v for at in range(1, 12) if (v := self.low + step * at) <= self.high * 1.0001]

    def draw(self, canvas: Canvas, x0: float, x1: float, *, unit: str = "") -> None:
        """Lines and figures at the round values, the lowest figure at the bottom."""
        for value in self.ticks():
            y = self.y(value)
            canvas.line(x0, y, x1, y, "grid")
            canvas.text(x0 - 6, y + 4, plain(value) + unit, "quiet figures", anchor="end")
        if not self.log:
            canvas.text(x0 - 6, self.bottom + 1, "0", "quiet figures", anchor="end")
        canvas.line(x0, self.bottom, x1, self.bottom, "axis")


def scale_of(values: Sequence[float], top: float, bottom: float) -> Scale:
    """A scale for values from 0 up; logarithmic, with room below, where their range asks for it."""
    most = max(values, default=0.0)
    least = min((value for value in values if value > 0), default=0.0)
    if least > 0 and most / least >= _LOG_FROM:
        return Scale(10.0 ** math.floor(math.log10(least)), most * 1.15, top, bottom, log=True)
    return Scale(0.0, most * 1.08 if most > 0 else 1.0, top, bottom)


def linear(most: float, top: float, bottom: float) -> Scale:
    """A linear scale from 0 to a little above the highest value."""
    return Scale(0.0, most * 1.08 if most > 0 else 1.0, top, bottom)


def nice(step: float) -> float:
    """The greatest 1, 2 or 5 times a power of ten that is not above `step`."""
    if step <= 0:
        return 1.0
    base = 10.0 ** math.floor(math.log10(step))
    return float(next(base * factor for factor in (5, 2, 1) if base * factor <= step * 1.0001))


def elapsed(seconds: float) -> str:
    """A moment of the run: `45 s`, `2:30`, `1:05:00 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole // 60 % 60:02d} h"
