"""Draws percentiles per stream: from the intended start beside the real one, on one axis. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from cutover.report.svg import CHAR, Canvas, short
from loadtests.report.axis import Scale, scale_of
from loadtests.report.charts import WIDTH
from loadtests.report.wording import milliseconds, plain


def quantile_chart(
    rows: Sequence[tuple[str, Mapping[str, float | None], Mapping[str, float | None]]],
) -> Markup | str:
    """Per stream the range from median over p99 to the worst: from the intended start, and from the real one."""
    told = [(name, one, other) for name, one, other in rows if one.get("p50_ms") is not None]
    values = [value for _, one, other in told for row in (one, other) for value in row.values() if value]
    if not values:
        return ""
    left = min(max(CHAR * max(len(name) for name, _, _ in told) + 18, 110), 260)
    height = 46 * len(told) + 34
    canvas = Canvas(
        "quantiles", width=WIDTH, height=height, title="Latency per stream",
        desc="; ".join(f"{name}: p99 {milliseconds(one['p99_ms'])} from the intended start, {milliseconds(other.get('p99_ms'))} from the real one" for name, one, other in told[:8]),
    )  # fmt: skip
    flat = scale_of(values, 0, 1)
    axis = Scale(flat.low, flat.high, 0, 1, flat.log)

    def x(value: float) -> float:
        return left + (WIDTH - 96 - left) * (1 - axis.y(value))

    for value in axis.ticks():
        canvas.line(x(value), 4, x(value), height - 26, "grid")
        canvas.text(x(value), height - 10, f"{plain(value)} ms", "quiet", anchor="middle")
    for at, (name, one, other) in enumerate(told):
        y = 46.0 * at + 8
        canvas.text(0, y + 19, short(name, 38), "strong" if at == 0 else "")
        for offset, row, kind in ((0.0, one, "ran"), (17.0, other, "planned")):
            _range(canvas, x, y + offset, row, kind)
    return canvas.render()


def _range(
    canvas: Canvas, x: Callable[[float], float], y: float, row: Mapping[str, float | None], kind: str
) -> None:
    middle, late, worst = row.get("p50_ms"), row.get("p99_ms"), row.get("max_ms")
    if middle is None or late is None or worst is None:
        return
    canvas.rect(x(middle), y + 1, max(x(late) - x(middle), 2), 11, kind)
    canvas.line(x(late), y + 6.5, x(worst), y + 6.5, "deadline")
    canvas.line(x(worst), y + 2, x(worst), y + 11, "deadline")
    canvas.text(
        max(x(worst), x(late)) + 6,
        y + 11,
        milliseconds(late),
        "figures" if kind == "ran" else "quiet figures",
    )
