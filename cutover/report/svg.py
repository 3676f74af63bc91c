"""Draws with text: an SVG canvas, a time axis, the marks for states. Pure, same bytes every time.

Colours are classes, resolved by the page's style sheet for light, dark and paper. Every text and
attribute is escaped here. Coordinates are pixels of the view box, from the upper left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from cutover.report.wording import clean, clock, day

CHAR = 6.1
"""Width of an average character of chart text (11.5 px); an estimate, on the wide side."""
_STEPS_MIN = (5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday, so that weekly ticks fall on Mondays


def short(text: str, most: int) -> str:
    """Text cut to `most` characters, saying so."""
    text = clean(text)
    return text if len(text) <= most else text[: most - 1] + "…"


class Canvas:
    """One `<svg>` with a title and a description for those who can't see it."""

    def __init__(self, name: str, *, width: int, height: float, title: str, desc: str) -> None:
        name = f"chart-{name}"  # apart from the ids of the page
        self.name = name
        self.width = width
        self._parts: list[Markup] = [
            Markup(
                '<svg role="img" class="chart" viewBox="0 0 {} {}" aria-labelledby="{}-t {}-d" '
                'xmlns="http://www.w3.org/2000/svg"><title id="{}-t">{}</title><desc id="{}-d">{}</desc>'
            ).format(width, num(height), name, name, name, clean(title), name, clean(desc)),
            Markup(
                '<defs><pattern id="{}-h" width="5" height="5" patternUnits="userSpaceOnUse" '
                'patternTransform="rotate(45)"><path class="hatch" d="M0 0V5"/></pattern>'
                '<pattern id="{}-f" width="5" height="5" patternUnits="userSpaceOnUse" '
                'patternTransform="rotate(-45)"><path class="hatch-fault" d="M0 0V5"/></pattern></defs>'
            ).format(name, name),
        ]

    def rect(
        self, x: float, y: float, width: float, height: float, kind: str, *, hatched: bool = False
    ) -> None:
        """A rectangle; `hatched` lays stripes over its colour."""
        shape = Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>')
        place = (num(x), num(y), num(max(width, 0)), num(height))
        self._parts.append(shape.format(*place, kind))
        if hatched:
            fill = Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="url(#{}-{})"/>')
            self._parts.append(fill.format(*place, self.name, "f" if kind == "fault" else "h"))

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line."""
        shape = Markup('<path d="M{} {}L{} {}" class="{}"/>')
        self._parts.append(shape.format(num(x1), num(y1), num(x2), num(y2), kind))

    def path(self, points: list[tuple[float, float]], kind: str, *, closed: bool = False) -> None:
        """A line through points, or the area they enclose."""
        d = "L".join(f"{num(x)} {num(y)}" for x, y in points)
        self._parts.append(Markup('<path d="M{}{}" class="{}"/>').format(d, "Z" if closed else "", kind))

    def text(self, x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> None:
        """A line of text; `anchor` is start, middle or end."""
        at = Markup('<text x="{}" y="{}"{}{}>{}</text>')
        side = Markup("") if anchor == "start" else Markup(' text-anchor="{}"').format(anchor)
        named = Markup(' class="{}"').format(kind) if kind else Markup("")
        self._parts.append(at.format(num(x), num(y), side, named, clean(text)))

    def mark(self, x: float, y: float, tone: str) -> None:
        """The sign of a tone, drawn: a check, a cross, or an open circle."""
        if tone == "good":
            self.path([(x - 4, y), (x - 1, y + 3.5), (x + 4.5, y - 4)], "mark good")
        elif tone == "bad":
            self.line(x - 3.5, y - 3.5, x + 3.5, y + 3.5, "mark bad")
            self.line(x - 3.5, y + 3.5, x + 3.5, y - 3.5, "mark bad")
        else:
            circle = Markup('<circle cx="{}" cy="{}" r="3.5" class="mark open"/>')
            self._parts.append(circle.format(num(x), num(y)))

    def render(self) -> Markup:
        """The whole element."""
        return Markup("").join([*self._parts, Markup("</svg>")])


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Instants laid out between two x positions."""

    start: datetime
    end: datetime
    x0: float
    x1: float

    def x(self, at: datetime) -> float:
        """Where an instant lies; what is outside is drawn at the edge."""
        whole = max(1, _seconds(self.end - self.start))
        passed = min(max(_seconds(at - self.start), 0), whole)
        return self.x0 + (self.x1 - self.x0) * passed / whole

    def holds(self, at: datetime | None) -> bool:
        """Whether an instant lies on the axis."""
        return at is not None and self.start <= at <= self.end

    def ticks(self, apart: float = 52) -> list[datetime]:
        """Round instants at least `apart` pixels from each other."""
        minutes = max(1, _seconds(self.end - self.start) // 60)
        most = max(1.0, (self.x1 - self.x0) / apart)
        step = next((step for step in _STEPS_MIN if minutes / step <= most), _STEPS_MIN[-1])
        passed = _seconds(self.start - _EPOCH) // 60
        first = _EPOCH + timedelta(minutes=-(-passed // step) * step)
        count = max(0, _seconds(self.end - first) // 60 // step + 1)
        return [first + timedelta(minutes=step * at) for at in range(count)]

    def draw(self, canvas: Canvas, top: float, bottom: float) -> None:
        """Grid lines from `top` to `bottom`, hours below, and the day under its first tick; takes 28 px."""
        shown = None
        for at in self.ticks():
            x = self.x(at)
            canvas.line(x, top, x, bottom, "grid")
            anchor = "end" if x > canvas.width - 20 else "middle"
            canvas.text(x, bottom + 13, clock(at), "quiet", anchor=anchor)
            if at.date() != shown:
                canvas.text(x, bottom + 26, day(at), "quiet strong", anchor="middle")
                shown = at.date()
        canvas.line(self.x0, bottom, self.x1, bottom, "axis")


def num(value: float) -> str:
    """A coordinate with at most one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _seconds(passed: timedelta) -> int:
    return passed // timedelta(seconds=1)
