"""An ERP in the same process that answers at once, and a worker that drains what was accepted into it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from random import Random

from router.app import Router
from router.canonical.kinds import Kind
from router.clock import WallClock
from router.connectors.port import (
    Connector,
    Exchange,
    LookUpResult,
    NotThere,
    Page,
    Posted,
    Record,
    Result,
)
from router.connectors.port import Delivery as Sent
from router.delivery import Delivery, LocalSignal
from router.journal.journal import Journal
from router.journal.port import Lease, LeaseSettlement
from router.model import SystemId

ERP = SystemId("sap_ecc")
"""The authority of the entries that are sent, by the default route table."""
MOST_S = 600
"""Longest that draining may take before it is called stuck."""


class AnsweringErp:
    """Posts everything at once, in the batches the real connector of that system sends."""

    system = ERP

    def __init__(self, like: Connector) -> None:
        self.capabilities = like.capabilities
        self.calls = 0
        self._newest = 0

    async def post(self, deliveries: Sequence[Sent]) -> Result:
        """Every document gets the next number."""
        self.calls += 1
        first, self._newest = self._newest + 1, self._newest + len(deliveries)
        answers = [Posted(vendor_id=f"{number:010d}") for number in range(first, self._newest + 1)]
        told = " ".join(one.external_id for one in deliveries)
        return Result(answers=answers, exchange=Exchange(request=told, response=f"{first} {self._newest}"))

    async def look_up(self, deliveries: Sequence[Sent]) -> LookUpResult:
        """Nothing is ever in doubt here."""
        return LookUpResult(
            answers=[NotThere()] * len(deliveries), exchange=Exchange(request="", response="")
        )

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """It has no feeds."""
        raise AssertionError(feed)

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """Nobody reads it."""
        raise AssertionError(kind)

    async def ping(self) -> None:
        """It is there."""

    async def aclose(self) -> None:
        """It holds nothing."""


class Counted:
    """The journal as a worker uses it; says when so many deliveries were settled."""

    def __init__(self, journal: Journal, expected: int) -> None:
        self._journal = journal
        self._left = expected
        self.done = asyncio.Event()

    async def claim(
        self, *, worker: str, target: SystemId, lanes: int, jobs_per_lane: int, lease_s: int
    ) -> list[Lease]:
        """As the journal."""
        return await self._journal.claim(
            worker=worker, target=target, lanes=lanes, jobs_per_lane=jobs_per_lane, lease_s=lease_s
        )

    async def settle(self, settlements: Sequence[LeaseSettlement]) -> list[bool]:
        """As the journal, counted once it is durable."""
        kept = await self._journal.settle(settlements)
        self._left -= sum(len(one.settlements) for one, ours in zip(settlements, kept, strict=True) if ours)
        if self._left <= 0:
            self.done.set()
        return kept

    async def extend(self, leases: Sequence[Lease], *, lease_s: int) -> list[bool]:
        """As the journal."""
        return await self._journal.extend(leases, lease_s=lease_s)

    async def next_due(self, target: SystemId) -> datetime | None:
        """As the journal."""
        return await self._journal.next_due(target)

    async def crosswalk(
        self, system: SystemId, keys: Sequence[tuple[Kind, str]]
    ) -> Mapping[tuple[Kind, str], str]:
        """As the journal."""
        return await self._journal.crosswalk(system, keys)


async def drain(router: Router, expected: int) -> int:
    """Deliver what was accepted, with the router's own budget and follow-ups; how many calls it took."""
    counted = Counted(router.journal, expected)
    erp = AnsweringErp(router.connectors[ERP])
    delivery = Delivery(
        journal=counted,
        connectors=[erp],
        limits={ERP: router.landscape.systems[ERP].budget},
        signal=LocalSignal(),
        clock=WallClock(),
        random=Random(1),
        worker="bench",
        follow_up=router.workflows.follow_up,
    )
    running = asyncio.create_task(delivery.run())
    async with asyncio.timeout(MOST_S):
        await counted.done.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return erp.calls


async def know_projects(router: Router, first: int, count: int) -> None:
    """Tell the journal that the ERP has these projects: entries wait for theirs."""
    await router.journal.put_crosswalk(
        ERP, [("project", f"P-{number:08d}", f"W{number:08d}") for number in range(first, first + count)]
    )
