"""The closed model's figures beside those of the open schedule. Pure.

A closed model starts a request only when a user is free, so whatever stands still is asked less: the wait of
those who would have come is in no figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtests.report.figures import QUANTILES, percentiles
from loadtests.report.wording import finite, milliseconds, plain


def rows(contrast: Mapping[str, Any] | None, measured: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the page shows of `contrast`; None without one.

    `contrast` holds `latency` (exact percentiles of all the closed model's requests), `stock` (percentiles as
    Locust prints them), and, if known, `users`, `requests` and `rate_per_s`.
    """
    if not contrast:
        return None
    told = [
        ("open schedule, from the intended start", measured["latency"].get("")),
        ("open schedule, from the real start", measured["service"].get("")),
        ("closed model, exact", _all(contrast.get("latency"))),
        ("closed model, as stock Locust prints it", _all(contrast.get("stock"))),
    ]
    facts = [
        f"{plain(value)} {word}"
        for field, word in (("users", "users"), ("requests", "requests"), ("rate_per_s", "requests a second"))
        if (value := finite(contrast.get(field))) is not None
    ]
    return {
        "quantiles": [name for _, name in QUANTILES],
        "rows": [
            {"name": name, "count": plain((row or {}).get("count")), "values": _written(row)}
            for name, row in told
            if row
        ],
        "facts": ", ".join(facts),
    }


def _all(told: Any) -> Mapping[str, Any] | None:
    """The percentiles of all streams together, given as they are or by stream."""
    if not isinstance(told, Mapping):
        return None
    for name in ("", "all", "Aggregated"):
        if isinstance(told.get(name), Mapping):
            return dict(told[name])
    return told if "p99_ms" in told else None


def _written(row: Mapping[str, Any]) -> list[str]:
    values = percentiles(row)
    return [milliseconds(values[field]) for field, _ in QUANTILES]
