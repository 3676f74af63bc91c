"""What virtual time predicted beside what was measured. Pure.

Waiting, limits and order are predicted; processor time does not pass in virtual time, so a run that takes
longer than predicted tells how much of it the processor cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadtests.report.figures import percentiles
from loadtests.report.wording import finite, stream_name
from loadtests.verdict.model import Measured

STREAMS_MAX = 20


def beside(measured: Measured, predicted: Mapping[str, Any]) -> dict[str, Any]:
    """`rows` of name, unit, predicted, measured, difference in per cent; and `not_predicted`, in words."""
    missing = predicted.get("not_predicted")
    rows = [
        {
            "name": name, "unit": unit, "predicted": guess, "measured": fact,
            "difference_percent": None if guess in (None, 0) or fact is None else round(100 * (fact - guess) / abs(guess), 2),
        }
        for name, unit, guess, fact in _pairs(measured, predicted)
        if guess is not None or fact is not None
    ]  # fmt: skip
    return {
        "rows": rows,
        "not_predicted": [str(one)[:200] for one in missing] if isinstance(missing, list | tuple) else [],
    }


def _pairs(
    measured: Measured, predicted: Mapping[str, Any]
) -> Iterator[tuple[str, str, float | None, float | None]]:
    yield (
        "documents accepted",
        "count",
        finite(predicted.get("accepted", predicted.get("documents"))),
        finite(measured.accepted),
    )
    yield (
        "backlog at its highest",
        "count",
        finite(predicted.get("backlog_peak")),
        finite(measured.backlog_peak),
    )
    yield "drained after the last start", "s", finite(predicted.get("drained_s")), finite(measured.drained_s)
    guesses = predicted.get("delivery")
    guesses = guesses if isinstance(guesses, Mapping) else {}
    for stream in sorted({"", *measured.delivery})[:STREAMS_MAX]:
        guess, fact = percentiles(_mapping(guesses.get(stream))), percentiles(measured.delivery.get(stream))
        for field, short in (("p50_ms", "p50"), ("p99_ms", "p99")):
            yield f"delivery {short}, {stream_name(stream)}", "ms", guess[field], fact[field]
    erps = _erps(predicted.get("erps"))
    for erp in sorted(measured.erps, key=lambda one: one.system):
        said = erps.get(erp.system, {})
        yield f"{erp.system}: calls", "count", finite(said.get("calls")), finite(erp.calls)
        yield f"{erp.system}: refused with 429", "count", finite(said.get("refused")), finite(erp.refused)
        yield (
            f"{erp.system}: limit used",
            "percent",
            finite(said.get("used_percent")),
            finite(erp.used_percent),
        )


def _erps(told: Any) -> dict[str, Mapping[str, Any]]:
    """ERPs by name, from a list of rows or from a mapping."""
    if isinstance(told, Mapping):
        return {str(name): _mapping(row) or {} for name, row in told.items()}
    if isinstance(told, list | tuple):
        return {str(row.get("system")): row for row in told if isinstance(row, Mapping)}
    return {}


def _mapping(told: Any) -> Mapping[str, Any] | None:
    return told if isinstance(told, Mapping) else None
