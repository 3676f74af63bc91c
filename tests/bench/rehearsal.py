"""A rehearsal: hours of the weekend in an hour, transactions a second, its memory, and whether its price is flat."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, replace

from cutover.collecting import collect_rarely
from cutover.rehearsal.options import Options, make_options
from cutover.rehearsal.rehearse import SETTLE_H, rehearse
from simulators.firm.model import DEFAULT, LARGE, Size
from tests.bench.rounds import Row, tell
from tests.bench.scratch import scratch

SEED = 7
PER_SECOND = 10_000
FLAT = 0.9
"""Flat within 10 %: what a transaction costs in a firm half as big, over what one costs in this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One rehearsal and what it took."""

    transactions: int
    deliveries: int
    verdict: str
    taken_s: float
    used_s: float
    peak_kib: int
    """The most memory this process had until then, so the larger firm comes first."""

    @property
    def cost_us(self) -> float:
        """Microseconds of processor time a transaction."""
        return self.used_s / self.transactions * 1e6


def half(size: Size) -> Size:
    """A firm half as big."""
    return Size(
        name=size.name,
        consultants=size.consultants // 2,
        projects=size.projects // 2,
        customers=size.customers // 2,
        wins=size.wins // 2,
    )


def played(options: Options) -> Played:
    """Rehearse once."""
    with scratch() as folder:
        start, used = time.perf_counter(), time.process_time()
        report = rehearse(options, journal=folder / "journal.sqlite").report
        taken, used = time.perf_counter() - start, time.process_time() - used
    counts = report["transactions"]
    return Played(
        transactions=counts["total"],
        deliveries=counts["deliveries"],
        verdict=report["verdict"],
        taken_s=taken,
        used_s=used,
        peak_kib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )


def run(size: str) -> list[Row]:
    """The plan's hours over the hours it took; transactions over seconds and megabytes; half over whole."""
    options = make_options(seed=SEED, command=f"coexist rehearse --seed {SEED}", size=size)
    planned_s = (options.plan.end - options.plan.start).total_seconds()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    firm = {"default": DEFAULT, "large": LARGE}.get(size)
    whole = played(options)
    part = None if firm is None else played(replace(options, firm=half(firm)))
    of = f"rehearsal of size {size}"
    rows: list[Row] = [
        {
            "name": f"virtual over wall time, {of}",
            "ratio": planned_s / whole.taken_s,
            "target": None,
            "detail": (
                f"{planned_s / 3600:.0f} planned hours in {whole.taken_s:.1f} s ({whole.used_s:.1f} s of processor);"
                f" verdict {whole.verdict}; up to {SETTLE_H} h of settling are left out"
            ),
        },
        {
            "name": f"transactions a second of processor time, {of}",
            "ratio": whole.transactions / whole.used_s,
            "target": PER_SECOND,
            "machine": True,
            "detail": (
                f"{whole.transactions:,} transactions with {whole.deliveries:,} deliveries in {whole.used_s:.1f} s"
                " of one processor, building the firm, checks and report included"
            ),
        },
        {
            "name": f"transactions a megabyte of memory, {of}",
            "ratio": whole.transactions * 1024 / (whole.peak_kib - before_kib),
            "target": None,
            "detail": f"peak {whole.peak_kib / 1024:,.0f} MB, of which the program itself {before_kib / 1024:,.0f} MB",
        },
    ]
    if part is not None:
        rows.append(
            {
                "name": f"cost of a transaction, half the firm over all of it, {of}",
                "ratio": part.cost_us / whole.cost_us,
                "target": FLAT,
                "detail": (
                    f"{part.cost_us:,.0f} us each of {part.transactions:,} against {whole.cost_us:,.0f} us each of"
                    f" {whole.transactions:,}; what the weekend costs by its length alone is in both"
                ),
            }
        )
    return rows


if __name__ == "__main__":
    collect_rarely()
    tell(run(sys.argv[1] if len(sys.argv) > 1 else "default"))
