"""A rehearsal: how many hours of the weekend pass in an hour, and how many transactions a second."""

from __future__ import annotations

import sys
import time

from cutover.collecting import collect_rarely
from cutover.rehearsal.options import make_options
from cutover.rehearsal.rehearse import SETTLE_H, rehearse
from tests.bench.rounds import Row, tell
from tests.bench.scratch import scratch

SEED = 7


def run(size: str) -> list[Row]:
    """The plan's hours over the hours it took."""
    options = make_options(seed=SEED, command=f"coexist rehearse --seed {SEED}", size=size)
    with scratch() as folder:
        start, used = time.perf_counter(), time.process_time()
        report = rehearse(options, journal=folder / "journal.sqlite").report
        taken, used = time.perf_counter() - start, time.process_time() - used
    planned_s = (options.plan.end - options.plan.start).total_seconds()
    counts = report["transactions"]
    told = (
        f"{planned_s / 3600:.0f} planned hours in {taken:.1f} s ({used:.1f} s of processor); verdict {report['verdict']};"
        f" up to {SETTLE_H} h of settling are left out"
    )
    return [
        {
            "name": f"virtual over wall time, rehearsal of size {size}",
            "ratio": planned_s / taken,
            "target": None,
            "machine": True,
            "detail": told,
        },
        {
            "name": f"transactions a second, rehearsal of size {size}",
            "ratio": counts["total"] / taken,
            "target": None,
            "machine": True,
            "detail": f"{counts['total']:,} transactions with {counts['deliveries']:,} deliveries in {taken:.1f} s",
        },
    ]


if __name__ == "__main__":
    collect_rarely()
    tell(run(sys.argv[1] if len(sys.argv) > 1 else "default"))
