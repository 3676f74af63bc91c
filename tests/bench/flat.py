"""What a transaction costs as the journal grows: processor time to accept and to deliver one.

`python -m tests.bench.flat [--long]`: two journals, one of 10,000 transactions and one that grows to
100,000, with `--long` to 1,000,000. At each size both take the same work in turn, accepted in batches and
delivered through lanes, so that both meet the same machine: one shared with others is slower by the minute.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from cutover.collecting import collect_rarely
from router.app import Router
from tests.bench import entries, served
from tests.bench.batch import batch_seconds
from tests.bench.drained import drain, know_projects
from tests.bench.rounds import Row, ratio_of, tell
from tests.bench.scratch import scratch

SIZES = (10_000, 100_000)
LONG = (10_000, 100_000, 1_000_000)
PIECES = 6
PIECE = 2_500
"""Transactions accepted and delivered in one journal before the other has its turn."""
TARGET = 0.9
"""Flat within 10 %: what one costs in the small journal, over what one costs in the big one."""
Pairs = tuple[list[float], list[float]]


class Growing:
    """A journal that grows, and the processor time it took."""

    def __init__(self, router: Router, client: httpx.AsyncClient) -> None:
        self._router = router
        self._client = client
        self._template = entries.template()
        self.count = 0

    async def grow(self, count: int) -> float:
        """Accept and deliver so many more; seconds of processor time each took."""
        first, self.count = self.count, self.count + count
        lines = [entries.body(self._template, number) for number in range(first, self.count)]
        start = time.process_time()
        await batch_seconds(self._client, lines)
        await drain(self._router, count)
        return (time.process_time() - start) / count

    async def grow_to(self, size: int) -> None:
        """Grow to a size, unmeasured."""
        while self.count < size:
            await self.grow(min(size - self.count, 10_000))


@asynccontextmanager
async def growing(file: Path) -> AsyncIterator[Growing]:
    """A new journal in a file."""
    router = await served.gateway(f"sqlite:///{file}")
    await know_projects(router, 0, entries.PROJECTS)
    transport = httpx.ASGITransport(router.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=None) as client:
        yield Growing(router, client)
    await router.aclose()


async def costs(folder: Path, sizes: tuple[int, ...], *, pieces: int, piece: int) -> list[Pairs]:
    """Seconds of processor time a transaction in the small journal and in the big one, at each of its sizes."""
    found: list[Pairs] = []
    async with growing(folder / "small.sqlite") as small, growing(folder / "big.sqlite") as big:
        await small.grow_to(sizes[0])
        for size in sizes[1:]:
            await big.grow_to(size - pieces * piece)
            pairs = [(await small.grow(piece), await big.grow(piece)) for _ in range(pieces)]
            found.append(([one for one, _ in pairs], [other for _, other in pairs]))
    return found


def run(*, sizes: tuple[int, ...] = SIZES, pieces: int = PIECES, piece: int = PIECE) -> list[Row]:
    """What a transaction cost in the smallest journal over what it costs in the largest."""
    with scratch() as folder:
        found = asyncio.run(costs(folder, sizes, pieces=pieces, piece=piece))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = ", ".join(
        f"{statistics.median(small) * 1e6:.0f} µs against {statistics.median(big) * 1e6:.0f} µs at {size:,}"
        for size, (small, big) in zip(sizes[1:], found, strict=True)
    )
    return [
        {
            "name": f"processor time a transaction at {sizes[0]:,} against {sizes[-1]:,} in one journal",
            "ratio": ratio_of(*found[-1]),
            "target": TARGET,
            "detail": f"{told}; accepted in batches and delivered through lanes; at most {peak_mb:,.0f} MB of"
            f" memory; median of {pieces} pieces in turn",
        }
    ]


if __name__ == "__main__":
    collect_rarely()  # as `coexist serve` does
    tell(run(sizes=LONG if "--long" in sys.argv[1:] else SIZES))
