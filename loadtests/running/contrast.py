"""The same load through Locust's closed model, for contrast: what a gate on its figures would have seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson

from loadtests.ledger.reading import read_ledger
from loadtests.running.director import Director
from loadtests.running.run import CLOSED, CLOSED_STATS, Run
from loadtests.running.sending import Manner, sending
from loadtests.running.stand import Stand
from loadtests.running.timeline import length_s
from loadtests.verdict.percentiles import percentiles
from router.errors import Broken

FOLDER = "closed"
"""Inside the run's folder."""
READY_S = 360
OVERTIME_S = 60
SAYS = (
    "A closed model sends only when a user is free: while the gateway stood still its users waited, and the requests"
    " that would have met the standstill were never sent."
)
STOCK = {
    "p50": "p50_ms",
    "p90": "p90_ms",
    "p95": "p95_ms",
    "p99": "p99_ms",
    "p99.9": "p999_ms",
    "p100": "max_ms",
}
"""Percentiles as Locust names them → as ours."""


async def closed_figures(
    run: Run, folder: Path, stand: Stand, *, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Send the run's traffic once more, by users that wait, under the same faults; raises Broken.

    Its documents are its own, else the gateway would answer from what it knows. A switch is not made again.
    """
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    (place / CLOSED).unlink(missing_ok=True)
    again = replace(run, tag=f"{run.tag}c", scenario=run.scenario.model_copy(update={"switch": None}))
    again.written(place)
    say(f"sending the same through the closed model, for {length_s(run):,.0f} s")
    async with (
        Director(again, stand, place, say=say) as director,
        sending(place, Manner(closed=True)) as generator,
    ):
        started = await generator.started(within_s=READY_S)
        playing = asyncio.create_task(director.play(started))
        try:
            if not await generator.ended(within_s=length_s(run) + run.answer_within_s + OVERTIME_S):
                raise Broken(f"the closed model did not end: {generator.said()}")
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
    return figures(place, length_s(run))


def figures(place: Path, seconds: float) -> dict[str, Any]:
    """What the report shows of a closed run's folder; raises OSError, ValueError."""
    rows = read_ledger(place, CLOSED)
    stock: Mapping[str, Any] = orjson.loads((place / CLOSED_STATS).read_bytes())
    named = {STOCK[name]: value for name, value in stock["percentiles_ms"].items() if name in STOCK}
    return {
        "latency": {"": asdict(percentiles(row.latency_us for row in rows))},
        "stock": {"": {"count": stock["requests"], **named}},
        "users": stock["users"],
        "requests": len(rows),
        "rate_per_s": round(len(rows) / seconds, 1) if seconds else 0.0,
        "says": SAYS,
    }
