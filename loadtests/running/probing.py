"""The search for the highest rate that passes, each probe a run of its own."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from loadtests.capacity.finding import Capacity, find_capacity
from loadtests.running.drained import until_drained
from loadtests.running.order import Order
from loadtests.running.run import PAGE
from loadtests.running.stand import Stand, fresh_tag
from loadtests.running.whole import Asked, run_load
from loadtests.verdict.model import Measured, Verdict
from router.errors import Broken

BETWEEN_S = 900
"""The longest a gateway may take between two probes to finish the work of the first."""


def capacity_of(order: Order, given: Stand | None, asked: Asked, *, folder: Path) -> Capacity:
    """Find it; each probe stands in a folder of its own. Raises BadInput, Broken, KeyboardInterrupt."""
    tag = fresh_tag()

    def probe(rate: Decimal, number: int) -> tuple[Verdict, Measured]:
        place = folder / f"probe-{number:02}"
        place.mkdir(parents=True, exist_ok=True)
        with order.stand(given, place) as stand:
            if not stand.own and not asyncio.run(until_drained(stand, BETWEEN_S)):
                raise Broken(f"the gateway still has a backlog {BETWEEN_S} s after the last probe")
            run = order.run(stand, rate=rate, tag="" if stand.own else f"{tag}{number}")
            order.say(f"probe {number}: {Decimal(run.peak_per_s):,.1f} requests/s")
            done = run_load(run, place, stand, asked, say=order.say)
        if done.interrupted:
            raise KeyboardInterrupt  # or the search would go on with the next rate
        return done.verdict, done.measured

    whole = order.run(given or Stand(gateway="a gateway of its own for each probe", own=True), tag="")
    return find_capacity(
        probe, run=whole, folder=folder, say=order.say, pages=lambda number: f"probe-{number:02}/{PAGE}",
        command=asked.command,
    )  # fmt: skip
