"""A load run made by hand: two minutes of a month-end, its gateway frozen for three seconds. No randomness."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from loadtests.running.run import Run
from loadtests.scenario.model import Scenario
from loadtests.verdict.model import Check, Erp, Generator, Measured, Percentiles, Verdict

SECONDS = 120
FROZEN = (48, 51)


def scenario() -> Scenario:
    """A scenario with two streams, a fault and limits."""
    return Scenario.model_validate(
        {
            "name": "month-end",
            "title": "Month-end billing",
            "question": "Does the gateway take three days of month-end billing, time zone after time zone?",
            "curve": {
                "points": [{"at": 0, "level": "0.2"}, {"at": 50, "level": 1}, {"at": 100, "level": "0.3"}]
            },
            "streams": [
                {"name": "time", "sends": "time_entry", "share": 70, "repeats": 2},
                {
                    "name": "billing",
                    "sends": "billing_event",
                    "share": 30,
                    "entities": ["UK01", "DE01"],
                    "lines": 20,
                },
            ],
            "long": {"minutes": 120, "peak_per_s": 200},
            "short": {"minutes": 2, "peak_per_s": 60},
            "settings": ["netsuite.concurrency=5"],
            "faults": [
                {"name": "gateway frozen", "at": 40, "until": "42.5", "kind": "freeze"},
                {
                    "name": "netsuite throttled",
                    "at": 60,
                    "until": 75,
                    "system": "netsuite",
                    "kind": "throttle",
                },
            ],
            "limits": {"latency": [{"p99_ms": 500, "p50_ms": 50}], "drained_within_s": 60},
        }
    )


def run(**changes: Any) -> Run:
    """The short form of it."""
    told: dict[str, Any] = {
        "scenario": scenario(), "seed": 7, "minutes": "2", "peak_per_s": "60", "form": "short",
        "gateway": "http://127.0.0.1:8080", "drained_within_s": "60", "tag": "a1",
    }  # fmt: skip
    return Run(**(told | changes))


def spread(count: int, p50: float, p99: float, worst: float) -> Percentiles:
    """A distribution between its figures."""
    return Percentiles(
        count=count, p50_ms=p50, p90_ms=p50 + (p99 - p50) * 0.3, p95_ms=p50 + (p99 - p50) * 0.5, p99_ms=p99,
        p999_ms=(p99 + worst) / 2, max_ms=worst,
    )  # fmt: skip


def rows(length: int = SECONDS) -> list[dict[str, Any]]:
    """A row a second; what was not answered while the gateway stood still comes after."""
    found: list[dict[str, Any]] = []
    waiting = backlog = 0
    for t in range(length + 14):
        planned = round(40 + 20 * math.sin(t / 17) + 5 * math.sin(t * 1.7)) if t < length else 0
        frozen = FROZEN[0] <= t < FROZEN[1]
        waiting += planned
        answered = 0 if frozen else waiting
        waiting -= answered
        throttled = 72 <= t < 90
        backlog += answered
        delivered = 0 if frozen else min(backlog, 22 if throttled else 70)
        backlog -= delivered
        slow = FROZEN[0] <= t <= FROZEN[1]
        some = answered > 0 or frozen
        found.append(
            {
                "t": t, "arrivals": planned, "answered": answered, "accepted": answered, "delivered": delivered,
                "backlog": backlog, "p50_ms": (1500.0 if slow else 9.5 + t % 7) if some else None,
                "p99_ms": (2861.0 if slow else 31.0 + t % 11) if some else None, "late": 0,
                "refused": {"netsuite": 4 if throttled and t % 3 == 0 else 0, "sap_ecc": 0},
                "calls": {"netsuite": delivered // 2, "sap_ecc": delivered - delivered // 2},
            }
        )  # fmt: skip
    return found


def measured(**changes: Any) -> Measured:
    """What was measured of it."""
    series = rows()
    count = sum(row["arrivals"] for row in series)
    told = Measured(
        generator=Generator(
            planned=count, started=count, dropped=0, late=2, worst_late_ms=61.25, workers=2, processor_percent=38.5
        ),
        answers={"202": count},
        latency={"": spread(count, 10.5, 2861.0, 3024.5), "time": spread(3000, 10.0, 2790.0, 3010.0), "billing": spread(1200, 14.0, 2861.0, 3024.5)},
        service={"": spread(count, 9.75, 31.0, 3001.0), "time": spread(3000, 9.0, 29.0, 2999.0), "billing": spread(1200, 13.0, 37.0, 3001.0)},
        documents=12345,
        accepted=12345,
        unanswered_accepted=0,
        states={"posted": 12345},
        lost=(),
        doubled=(),
        strangers=(),
        delivery={"": spread(12345, 240.0, 9400.0, 12050.0), "time": spread(9000, 210.0, 8100.0, 9050.0), "billing": spread(3345, 410.0, 9400.0, 12050.0)},
        backlog_peak=max(row["backlog"] for row in series),
        drained_s=8.4,
        erps=(
            Erp(system="netsuite", calls=2345, refused=24, limit="concurrency 5", peak=5, used_percent=96.4, documents=6000),
            Erp(system="sap_ecc", calls=2400, refused=0, limit="concurrency 4", peak=3, used_percent=None, documents=6345),
        ),
        invariants=(
            {"name": "I1", "claim": "Nothing is lost.", "held": True, "checked": 12345, "violations": 0, "examples": [], "not_checked": "what an ERP loses later"},
        ),
        series=tuple(series),
        bucket_s=1.0,
        bands=({"name": "gateway frozen", "from_s": 48.0, "until_s": 51.0}, {"name": "netsuite throttled", "from_s": 72.0, "until_s": 90.0}),
        sla_misses={"": 3, "billing": 3},
    )  # fmt: skip
    return replace(told, **changes)


def check(name: str, outcome: Any = "pass", measured: str = "1", limit: str = "2", why: str = "") -> Check:
    """One check."""
    return Check(name=name, outcome=outcome, measured=measured, limit=limit, why=why)


def verdict(outcome: Any = "fail") -> Verdict:
    """A verdict with a check of each outcome it needs."""
    checks = [
        check("generator on time", measured="0.04% late", limit="0.1%"),
        check("nothing lost", measured="0", limit="0"),
    ]
    if outcome == "fail":
        checks.append(
            check(
                "latency all p99",
                "fail",
                "2,861 ms",
                "500 ms",
                "Of all requests, 1 in 100 waited 2,861 ms or more from its intended start; the limit is 500 ms.",
            )
        )
    if outcome == "invalid":
        checks.append(
            check("generator on time", "invalid", "2.0% late", "0.1%", "The generator itself was late.")
        )
    checks.append(check("nothing doubled", "not asked", "", "0", "The ERPs could not be asked."))
    because = {
        "pass": ("Every limit was kept.",),
        "fail": ("Answers took too long: p99 was 2,861 ms from the intended start, the limit is 500 ms.",),
        "invalid": ("84 of 4,200 starts were more than 50 ms late: the generator was the slow one.",),
    }
    return Verdict(outcome=outcome, because=because[outcome], checks=tuple(checks))


def predicted() -> dict[str, Any]:
    """What virtual time said of it."""
    return {
        "series": [
            {"t": row["t"], "arrivals": row["arrivals"], "accepted": row["accepted"], "delivered": max(row["delivered"] - 3, 0), "backlog": int(row["backlog"] * 0.8)}
            for row in rows()
        ],
        "documents": 12345, "backlog_peak": 410, "drained_s": 7.0,
        "delivery": {"": {"count": 12345, "p50_ms": 200.0, "p99_ms": 9000.0, "max_ms": 11000.0}},
        "erps": {"netsuite": {"calls": 2300, "refused": 22, "used_percent": 97.0}},
        "not_predicted": ["the latency of answers: processor time does not pass in virtual time"],
    }  # fmt: skip


def contrast() -> dict[str, Any]:
    """What ordinary Locust users measured of the same."""
    return {
        "users": 20, "requests": 3360, "rate_per_s": 160,
        "latency": {"": {"count": 3360, "p50_ms": 4.9, "p90_ms": 5.4, "p95_ms": 6.2, "p99_ms": 31.4, "p999_ms": 2950.0, "max_ms": 3001.0}},
        "stock": {"Aggregated": {"count": 3360, "p50_ms": 5, "p90_ms": 5, "p95_ms": 6, "p99_ms": 31, "p999_ms": 3000, "max_ms": 3000}},
    }  # fmt: skip
