"""Renders `capacity.html`: every probe and the answer, in the look of the other reports. A function of capacity.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from cutover.report.svg import Canvas
from loadtests.report.axis import Scale, scale_of
from loadtests.report.page import pages
from loadtests.report.wording import finite, plain

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 74.0, 24.0, 24.0, 252.0
_TONES = {"pass": "good", "fail": "bad"}


def render(told: Mapping[str, Any]) -> str:
    """The page; the same data give the same text."""
    page = pages("loadtests.capacity").get_template("capacity.html.j2")
    return page.render(c=told, tone=tone(told), chart=chart(told["probes"]))


def tone(told: Mapping[str, Any]) -> str:
    """How the banner looks: a rate that passes is good, one that loses documents is bad whatever passes."""
    if any(probe["exit_code"] == 3 for probe in told["probes"]):
        return "bad"
    if told["why"] in ("generator", "under way", "probes spent"):
        return "open"
    return "good" if told["passes"] else "bad"


def chart(probes: Sequence[Mapping[str, Any]]) -> Markup | str:
    """p99 over the rate, a mark a probe: a check, a cross or an open circle."""
    placed = [
        (rate, late, probe)
        for probe in probes
        if (rate := finite(float(probe["per_s"])))
        and (late := finite(probe["p99_ms"]))
        and rate > 0
        and late > 0
    ]
    if not placed:
        return ""
    canvas = Canvas(
        "capacity", width=WIDTH, height=HEIGHT, title="Probes: p99 over the rate",
        desc="; ".join(f"{probe['per_s']} requests/s: {probe['outcome']}, p99 {plain(late)} ms" for _, late, probe in placed),
    )  # fmt: skip
    up = scale_of([late for _, late, _ in placed], TOP, BOTTOM)
    up.draw(canvas, LEFT, WIDTH - RIGHT, unit=" ms")
    least, most = min(rate for rate, *_ in placed), max(rate for rate, *_ in placed)
    across = Scale(least / 1.3, most * 1.3, WIDTH - RIGHT, LEFT, log=True)
    for value in _rates(least / 1.3, most * 1.3):
        x = across.y(value)
        canvas.line(x, TOP, x, BOTTOM, "grid")
        canvas.text(x, BOTTOM + 16, f"{plain(value)}/s", "quiet", anchor="middle")
    for rate, late, probe in placed:
        x, y = across.y(rate), up.y(late)
        canvas.line(x, y, x, BOTTOM, "rule")
        canvas.mark(x, y, _TONES.get(probe["outcome"], "open"))
        canvas.text(x + 8, y - 4, f"{probe['number']}", "label")
    canvas.text(WIDTH - RIGHT, BOTTOM + 34, "requests a second at the peak, log scale", "quiet", anchor="end")
    return canvas.render()


def _rates(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two rates."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [value for at in powers for factor in (1, 2, 5) if low <= (value := factor * 10.0**at) <= high]
