"""What a transaction costs as the journal grows: processor time to accept and to deliver one.

`python -m tests.bench.flat [--long]`: one journal, looked at when it holds 10,000 and 100,000
transactions, with `--long` 1,000,000. Each look takes the last transactions up to that size, in pieces,
accepts them in batches and delivers them through lanes; the least of the pieces counts, because what
else runs on the machine only ever adds to processor time (it cools the caches).
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from pathlib import Path

import httpx

from cutover.collecting import collect_rarely
from router.app import Router
from tests.bench import entries, served
from tests.bench.batch import batch_seconds
from tests.bench.drained import drain, know_projects
from tests.bench.rounds import Row, tell
from tests.bench.scratch import scratch

SIZES = (10_000, 100_000)
LONG = (10_000, 100_000, 1_000_000)
PIECES = 4
PIECE = 2_500
"""Transactions accepted and delivered before the next are; ten thousand a look."""
TARGET = 0.9
"""Flat within 10 %: what one cost at first, over what one costs at the largest size."""


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

    async def look(self, size: int, *, pieces: int, piece: int) -> float:
        """Grow to a size; the least that a piece just before it cost, in seconds a transaction."""
        while (left := size - pieces * piece - self.count) > 0:
            await self.grow(min(left, 10_000))
        found = [await self.grow(piece)]
        while self.count < size:
            found.append(await self.grow(piece))
        return min(found)


async def costs(folder: Path, sizes: tuple[int, ...], *, pieces: int, piece: int) -> list[float]:
    """Seconds of processor time a transaction at each size of the journal."""
    router = await served.gateway(f"sqlite:///{folder}/app.sqlite")
    await know_projects(router, 0, entries.PROJECTS)
    transport = httpx.ASGITransport(router.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=None) as client:
        growing = Growing(router, client)
        await growing.grow(piece)  # warms up
        found = [await growing.look(size, pieces=pieces, piece=piece) for size in sizes]
    await router.aclose()
    return found


def run(*, sizes: tuple[int, ...] = SIZES, pieces: int = PIECES, piece: int = PIECE) -> list[Row]:
    """What a transaction cost in the smallest journal over what it costs in the largest."""
    with scratch() as folder:
        found = asyncio.run(costs(folder, sizes, pieces=pieces, piece=piece))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = ", ".join(
        f"{seconds * 1e6:.0f} µs at {size:,}" for size, seconds in zip(sizes, found, strict=True)
    )
    return [
        {
            "name": f"processor time a transaction at {sizes[0]:,} against {sizes[-1]:,} in one journal",
            "ratio": found[0] / found[-1],
            "target": TARGET,
            "detail": f"{told}; accepted in batches and delivered through lanes;"
            f" at most {peak_mb:,.0f} MB of memory",
        }
    ]


if __name__ == "__main__":
    collect_rarely()  # as `coexist serve` does
    tell(run(sizes=LONG if "--long" in sys.argv[1:] else SIZES))
