"""How figures of a load run read: with thousands separators and their unit, and no more digits than they carry. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cutover.report.wording import NOTHING, clean

OUTCOMES: Mapping[str, tuple[str, str, str]] = {
    "pass": ("PASS", "good", "Every limit of the scenario was kept, and every document stands once where it belongs."),
    "fail": ("FAIL", "bad", "At least one limit of the scenario was broken; the checks below say which."),
    "invalid": (
        "INVALID",
        "open",
        "This run is no measurement: its generator did not send what was planned, when it was planned.",
    ),
}  # fmt: skip
"""Outcome → (word, tone, one sentence)."""
MARKS: Mapping[str, tuple[str, str]] = {
    "pass": ("✓", "good"), "fail": ("✕", "bad"), "invalid": ("!", "open"), "not asked": ("–", "plain"),
    "held": ("✓", "good"), "violated": ("✕", "bad"), "worse": ("✕", "bad"), "better": ("✓", "good"), "within noise": ("=", "plain"),
    "changed": ("≠", "plain"), "late": ("!", "open"), "in time": ("✓", "good"),
}  # fmt: skip
"""Word → (sign, tone): always shown as both, never by colour alone."""
UNITS: Mapping[str, str] = {"ms": "ms", "s": "s", "percent": "%", "count": "", "per_s": "/s"}
"""Unit of a figure → how it is written behind it."""


def finite(value: Any) -> float | None:
    """A real number as float; None for anything else, so that a hostile file draws nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        told = float(value)
    except OverflowError:
        return None
    return told if math.isfinite(told) else None


def plain(value: Any) -> str:
    """A number with thousands separators: whole, or with the decimals its size can bear."""
    told = finite(value)
    if told is None:
        return NOTHING if value is None else clean(value)
    if told == int(told):
        return f"{int(told):,}"
    size = abs(told)
    text = f"{told:,.0f}" if size >= 100 else f"{told:,.1f}" if size >= 10 else f"{told:,.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure(value: Any, unit: str) -> str:
    """A figure with its unit: `2,861 ms`, `4.2 s`, `95%`."""
    told = finite(value)
    if told is None:
        return NOTHING if value is None else clean(value)
    if unit == "ms":
        return milliseconds(told)
    if unit == "s":
        return seconds(told)
    written = UNITS.get(unit, f" {unit}" if unit else "")
    return f"{plain(told)}{written}"


def milliseconds(value: Any) -> str:
    """Milliseconds as measured, to a tenth under a hundred."""
    told = finite(value)
    if told is None:
        return NOTHING
    return f"{told:,.0f} ms" if abs(told) >= 100 or told == int(told) else f"{told:,.1f} ms"


def seconds(value: Any) -> str:
    """Seconds as `4.2 s`, `3 min 05 s` or `2 h 10 min`."""
    told = finite(value)
    if told is None:
        return NOTHING
    if told < 120:
        return f"{plain(round(told, 2))} s"
    whole = round(told)
    if whole < 7200:
        return f"{whole // 60} min" + (f" {whole % 60:02d} s" if whole % 60 else "")
    return f"{whole // 3600:,} h" + (f" {whole // 60 % 60:02d} min" if whole // 60 % 60 else "")


def share(part: int, whole: int) -> str:
    """A share in per cent; one that is not nothing never reads as nothing, nor one that is not all as all."""
    if whole <= 0:
        return NOTHING
    percent = 100 * part / whole
    if 0 < percent < 0.01:
        return "< 0.01%"
    if part < whole and percent > 99.99:
        return "> 99.99%"
    return f"{plain(round(percent, 2))}%"


def change(percent: float | None) -> str:
    """A change in per cent with its sign."""
    if percent is None:
        return NOTHING
    if abs(percent) < 0.05:
        return "0%"
    if abs(percent) >= 1000:
        return f"×{plain(percent / 100 + 1)}" if percent > 0 else f"{percent:+,.0f}%"
    return f"{percent:+,.1f}%" if abs(percent) < 100 else f"{percent:+,.0f}%"


def stream_name(name: str) -> str:
    """A stream as a reader knows it; the empty name stands for all of them."""
    return name or "all streams"
