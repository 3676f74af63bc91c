"""Delivery as a whole: one worker a target, started, watched and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random

import structlog

from router.clock import Clock
from router.connectors.port import Connector
from router.delivery.budget import AtLimit, Budget, LocalBudget
from router.delivery.outcomes import FollowUps
from router.delivery.policy import DeliveryPolicy
from router.delivery.signal import Signal
from router.delivery.worker import TargetStatus, TargetWorker, Work
from router.landscape import Budget as Limits
from router.model import SystemId

_log = structlog.get_logger(__name__)


class Delivery:
    """The workers of one process, one a target."""

    def __init__(
        self, *, journal: Work, connectors: Sequence[Connector], limits: Mapping[SystemId, Limits],
        signal: Signal, clock: Clock, random: Random, worker: str, budget: Budget | None = None,
        policy: DeliveryPolicy | None = None, follow_up: FollowUps | None = None,
        at_limit: AtLimit | None = None,
    ) -> None:  # fmt: skip
        self._policy = policy or DeliveryPolicy()
        shared = budget or LocalBudget(limits, clock=clock, policy=self._policy, at_limit=at_limit)
        self._make: dict[SystemId, Callable[[], TargetWorker]] = {}
        seeds = random
        for connector in connectors:
            # A source of its own for each target: how one target fares must not change another's jitter.
            own = Random(seeds.getrandbits(64))  # noqa: S311 - spreads retries, guards nothing
            self._make[connector.system] = partial(
                TargetWorker,
                connector=connector, journal=journal, budget=shared, limits=limits[connector.system],
                signal=signal, clock=clock, random=own, worker=worker, policy=self._policy,
                follow_up=follow_up,
            )  # fmt: skip
        self._workers = {target: make() for target, make in self._make.items()}
        self._restarts = dict.fromkeys(self._make, 0)

    async def run(self) -> None:
        """Deliver to every target until cancelled; what is under way then comes back in doubt."""
        async with asyncio.TaskGroup() as tasks:
            for target in self._make:
                tasks.create_task(self._keep_running(target), name=f"delivery-{target}")

    async def _keep_running(self, target: SystemId) -> None:
        """Run a worker; one that failed (the database fails over, or a bug of ours) is replaced.

        A new worker knows nothing of the old one's leases: they expire and their jobs are looked up.
        """
        log = _log.bind(target=target)
        while True:
            self._workers[target] = self._make[target]()
            # A task of its own: where a task group fails, Python 3.11 leaves the task that holds it marked as
            # cancelled, and a failure could not be told from being stopped.
            working = asyncio.create_task(self._workers[target].run(), name=f"worker-{target}")
            try:
                await asyncio.wait([working])
            finally:
                if not working.done():
                    working.cancel()
                    await asyncio.wait([working])
                failure = None if working.cancelled() else working.exception()
            if failure is not None:
                self._restarts[target] += 1
                log.error("delivery.worker_failed", restarts=self._restarts[target], exc_info=failure)
            await asyncio.sleep(self._policy.restart_s)

    async def status(self) -> Mapping[SystemId, TargetStatus]:
        """How each target stands, in the order the connectors were given."""
        return {
            target: replace(await worker.status(), restarts=self._restarts[target])
            for target, worker in self._workers.items()
        }
