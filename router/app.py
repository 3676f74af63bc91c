"""Builds the router: the one place in `router` that knows every part (D1).

Production calls `build` with the wall clock and real HTTP clients, a rehearsal with virtual time and
clients that call the simulators in process. Everything else is the same object graph.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import httpx
from fastapi import FastAPI

from router.canonical.ownership import read_ownership
from router.clock import Clock
from router.connectors import kantata, netsuite, salesforce, sap_ecc
from router.connectors.port import Connector
from router.delivery.policy import DeliveryPolicy
from router.delivery.service import Delivery
from router.delivery.signal import LocalSignal
from router.dualrun.policy import as_policy
from router.dualrun.service import DualRun
from router.ingest.duplicates_api import Duplicates
from router.ingest.feeds import FeedPoller
from router.ingest.gateway import Gateway
from router.ingest.intake import Intake
from router.ingest.masters_api import Masters
from router.ingest.observations import Observations
from router.ingest.principal import Authenticate, by_name
from router.ingest.processes_api import Processes
from router.ingest.queries_api import Queries
from router.ingest.replays import Replays
from router.journal.journal import Journal
from router.landscape import Landscape, default_file
from router.model import SystemId
from router.routing.tables import Tables
from router.settings import Settings
from router.workflows.agreements import Agreements
from router.workflows.billing import BillingTerms, MilestoneTerms
from router.workflows.directory import Directory
from router.workflows.drawdown import Drawdown
from router.workflows.duplicates import AliasVet, DuplicatesVet
from router.workflows.exchange import ExchangeRates
from router.workflows.ownership import OwnershipVet
from router.workflows.service import Workflows

CONNECT: Mapping[str, Callable[..., Connector]] = {
    "kantata": kantata.connect,
    "netsuite": netsuite.connect,
    "salesforce": salesforce.connect,
    "sap_ecc": sap_ecc.connect,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the router gets from where it runs: time, chance, HTTP, secrets."""

    clock: Clock
    random: Random
    http: Callable[[SystemId], httpx.AsyncClient]
    secrets: Callable[[str], str]
    authenticate: Authenticate = by_name
    on_commit: Callable[[str, int], None] | None = None
    throwaway: bool = False
    """True in rehearsals: the journal does not wait for the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A built router. `start` recovers from the journal; `work` runs until cancelled."""

    landscape: Landscape
    settings: Settings
    journal: Journal
    tables: Tables
    directory: Directory
    intake: Intake
    workflows: Workflows
    delivery: Delivery
    pollers: tuple[FeedPoller, ...]
    dual_run: DualRun
    connectors: Mapping[SystemId, Connector]
    api: FastAPI

    async def start(self, routes: str, *, by: str = "start-up") -> None:
        """Load published tables (publishing `routes` when there is none) and the directory."""
        for row in await self.journal.tables():
            self.tables.publish(await self.journal.table_text(int(row["version"])))
        if not self.tables.versions:
            table = self.tables.publish(routes)
            await self.journal.publish_table(routes, version=table.version, by=by)
        await self.directory.load()

    async def work(self, *, feeds: bool = True) -> None:
        """Deliver and poll the change feeds until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.delivery.run(), name="delivery")
            if feeds:
                for poller in self.pollers:
                    group.create_task(poller.run(), name=f"feed-{poller.system}-{poller.feed}")

    async def aclose(self) -> None:
        """Close connectors and the journal."""
        for connector in self.connectors.values():
            await connector.aclose()
        self.journal.close()


def build(
    *,
    landscape: Landscape,
    settings: Settings,
    database: str,
    outside: Outside,
    policy: DeliveryPolicy | None = None,
) -> Router:
    """Wire a router over a journal; nothing runs until `start` and `work`."""
    tables = Tables(landscape=landscape)
    signal = LocalSignal()
    journal = Journal.open(
        database,
        clock=outside.clock,
        decide=tables,
        poke=signal.poke,
        on_commit=outside.on_commit,
        throwaway=outside.throwaway,
    )
    connectors = _connectors(landscape, outside)
    directory = Directory(journal)
    matrix = read_ownership(landscape.ownership)
    aliases = AliasVet(journal=journal, directory=directory, clock=outside.clock)
    agreements = Agreements(directory=directory)
    billing_terms = BillingTerms(journal=journal, agreements=agreements)
    workflows = Workflows(
        landscape=landscape,
        journal=journal,
        directory=directory,
        connectors=connectors,
        companions=(billing_terms,),
        followers=(),
    )
    intake = Intake(
        landscape=landscape,
        journal=journal,
        directory=directory,
        workflows=workflows,
        backlog_max=settings.backlog_max,
        vets=(
            aliases,
            OwnershipVet(matrix=matrix, journal=journal, landscape=landscape),
            DuplicatesVet(
                matching=matrix.duplicates, journal=journal, directory=directory, clock=outside.clock
            ),
            Drawdown(journal=journal, agreements=agreements, limits=landscape.expense_limits),
            MilestoneTerms(journal=journal, agreements=agreements, landscape=landscape, clock=outside.clock),
            billing_terms,
            ExchangeRates(journal=journal, directory=directory, landscape=landscape),
        ),
    )
    delivery = Delivery(
        journal=journal,
        connectors=list(connectors.values()),
        limits={name: system.budget for name, system in landscape.systems.items()},
        signal=signal,
        clock=outside.clock,
        random=outside.random,
        worker="embedded",
        policy=policy,
        follow_up=workflows.follow_up,
    )
    observations = Observations(directory=directory, landscape=landscape)
    pollers = tuple(
        FeedPoller(
            system=name,
            feed=feed,
            connector=connector,
            intake=intake,
            journal=journal,
            observations=observations,
            poll_s=settings.poll_s,
            pages_max=settings.poll_pages_max,
        )
        for name, connector in connectors.items()
        for feed in connector.capabilities.feeds
    )
    dual_run = DualRun(
        journal=journal, connectors=connectors, policy=as_policy(default_file("policies/default.yaml"))
    )
    api = _api(intake, workflows, journal, directory, landscape, settings, tables, outside.authenticate)
    Masters(
        journal=journal,
        intake=intake,
        landscape=landscape,
        matrix=matrix,
        settings=settings,
        authenticate=outside.authenticate,
    ).mount(api)
    Duplicates(
        journal=journal,
        replays=Replays(
            journal=journal,
            observations=observations,
            workflows=workflows,
            vetted=intake.vetted,
            directory=directory,
        ),
        aliases=aliases,
        settings=settings,
        authenticate=outside.authenticate,
    ).mount(api)
    return Router(
        landscape=landscape,
        settings=settings,
        journal=journal,
        tables=tables,
        directory=directory,
        intake=intake,
        workflows=workflows,
        delivery=delivery,
        pollers=pollers,
        dual_run=dual_run,
        connectors=connectors,
        api=api,
    )


def _connectors(landscape: Landscape, outside: Outside) -> dict[SystemId, Connector]:
    return {
        name: CONNECT[system.vendor](
            name,
            system,
            landscape=landscape,
            client=outside.http(name),
            clock=outside.clock,
            rng=Random(outside.random.getrandbits(64)),  # noqa: S311 - jitter, not a secret
            secrets=outside.secrets,
        )
        for name, system in landscape.systems.items()
    }


def _api(
    intake: Intake,
    workflows: Workflows,
    journal: Journal,
    directory: Directory,
    landscape: Landscape,
    settings: Settings,
    tables: Tables,
    authenticate: Authenticate,
) -> FastAPI:
    api = FastAPI(title="coexist", version="0.1.0", docs_url=None, redoc_url=None)
    Gateway(intake=intake, settings=settings, authenticate=authenticate).mount(api)
    Queries(
        journal=journal, landscape=landscape, tables=tables, settings=settings, authenticate=authenticate
    ).mount(api)
    Processes(
        intake=intake,
        workflows=workflows,
        journal=journal,
        directory=directory,
        landscape=landscape,
        settings=settings,
        authenticate=authenticate,
    ).mount(api)
    return api
