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
from router.connectors import kantata, netsuite, salesforce, sap_ecc, worker_feed
from router.connectors.port import Connector
from router.delivery.policy import DeliveryPolicy
from router.delivery.service import Delivery
from router.delivery.signal import LocalSignal
from router.dualrun.intercompany import IntercompanyMatch
from router.dualrun.policy import as_policy
from router.dualrun.service import DualRun
from router.events_out.feed import EventFeed
from router.exceptions.projects import Blockers
from router.exceptions.remedies import Remedies
from router.exceptions.service import Desk
from router.finance.calendar import Calendars
from router.ingest.billing_api import BillingApi
from router.ingest.close_api import Closing
from router.ingest.corrections_api import CorrectionsApi
from router.ingest.duplicates_api import Duplicates
from router.ingest.events_api import Events
from router.ingest.exceptions_api import Exceptions
from router.ingest.feeds import FeedPoller
from router.ingest.gateway import Gateway
from router.ingest.intake import Intake
from router.ingest.masters_api import Masters
from router.ingest.observations import Observations
from router.ingest.people_api import People
from router.ingest.principal import Authenticate, by_name
from router.ingest.processes_api import Processes
from router.ingest.queries_api import Queries
from router.ingest.replays import Replays
from router.journal.journal import Journal
from router.landscape import Landscape, default_file
from router.model import SystemId
from router.routing.tables import Tables
from router.settings import Settings
from router.workflows.accruals import Accruals
from router.workflows.agreements import Agreements
from router.workflows.billing import BillingTerms, MilestoneTerms
from router.workflows.changes import ContractVersions, WaitingVersions
from router.workflows.close_out import CloseOut
from router.workflows.closed_projects import ClosedProjects, ProjectArchive
from router.workflows.corrections import Corrections
from router.workflows.directory import Directory
from router.workflows.drawdown import Drawdown
from router.workflows.duplicates import AliasVet, DuplicatesVet
from router.workflows.exchange import ExchangeRates
from router.workflows.intercompany import IntercompanyLegs
from router.workflows.invoice_news import InvoiceNews
from router.workflows.invoicing import Invoicing
from router.workflows.ownership import OwnershipVet
from router.workflows.period_book import PeriodBook, PeriodVet
from router.workflows.period_close import PeriodClose
from router.workflows.recognition import Recognition
from router.workflows.resources import AssignmentVet, Resources
from router.workflows.service import Workflows
from router.workflows.tax_notes import TaxNotes
from router.workflows.waiting_bills import PostedMilestones, WaitingBills

CONNECT: Mapping[str, Callable[..., Connector]] = {
    "kantata": kantata.connect,
    "netsuite": netsuite.connect,
    "salesforce": salesforce.connect,
    "sap_ecc": sap_ecc.connect,
    "worker_feed": worker_feed.connect,
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
    periods: PeriodBook
    close: PeriodClose
    matches: IntercompanyMatch
    intake: Intake
    workflows: Workflows
    replays: Replays
    waiting_versions: WaitingVersions
    waiting_bills: WaitingBills
    delivery: Delivery
    pollers: tuple[FeedPoller, ...]
    dual_run: DualRun
    desk: Desk
    remedies: Remedies
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
        await self.periods.load()

    async def work(self, *, feeds: bool = True) -> None:
        """Deliver and poll the change feeds until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.delivery.run(), name="delivery")
            group.create_task(self.waiting_versions.run(), name="waiting-versions")
            group.create_task(self.waiting_bills.run(), name="waiting-bills")
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
    calendars = Calendars(landscape.legal_entities, landscape.calendars)
    signal = LocalSignal()
    journal = Journal.open(
        database,
        clock=outside.clock,
        decide=tables,
        poke=signal.poke,
        on_commit=outside.on_commit,
        throwaway=outside.throwaway,
        late=calendars.late,
        moved=calendars.moved,
    )
    periods = PeriodBook(landscape=landscape, journal=journal, calendars=calendars, clock=outside.clock)
    connectors = _connectors(landscape, outside)
    directory = Directory(journal)
    corrections = Corrections(journal=journal, periods=periods)
    close_out = CloseOut(journal=journal, directory=directory)
    psa = next((name for name in landscape.of_role("psa") if name in connectors), None)
    crm = next((name for name in landscape.of_role("crm") if name in connectors), None)
    news = InvoiceNews(journal=journal, tell=[name for name in (psa, crm) if name is not None])
    matrix = read_ownership(landscape.ownership)
    aliases = AliasVet(journal=journal, directory=directory, clock=outside.clock)
    agreements = Agreements(directory=directory)
    billing_terms = BillingTerms(journal=journal, agreements=agreements)
    drawdown = Drawdown(journal=journal, agreements=agreements, limits=landscape.expense_limits)
    charges = IntercompanyLegs(landscape=landscape, journal=journal, directory=directory, book=periods)
    posted_milestones = PostedMilestones()
    workflows = Workflows(
        landscape=landscape,
        journal=journal,
        directory=directory,
        connectors=connectors,
        companions=(billing_terms, charges),
        followers=(ProjectArchive(psa=psa), news, posted_milestones),
    )
    intake = Intake(
        landscape=landscape,
        journal=journal,
        directory=directory,
        workflows=workflows,
        backlog_max=settings.backlog_max,
        group=drawdown.group,
        vets=(
            aliases,
            OwnershipVet(matrix=matrix, journal=journal, landscape=landscape),
            DuplicatesVet(
                matching=matrix.duplicates, journal=journal, directory=directory, clock=outside.clock
            ),
            PeriodVet(periods),
            AssignmentVet(directory),
            ContractVersions(directory=directory, journal=journal, periods=periods),
            close_out,
            ClosedProjects(directory=directory),
            corrections,
            drawdown,
            MilestoneTerms(journal=journal, agreements=agreements, landscape=landscape, clock=outside.clock),
            billing_terms,
            ExchangeRates(journal=journal, directory=directory, landscape=landscape),
            TaxNotes(landscape=landscape),
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
    replays = Replays(
        journal=journal,
        observations=observations,
        workflows=workflows,
        vetted=intake.vetted,
        directory=directory,
        corrections=corrections,
    )
    pollers = tuple(
        FeedPoller(
            system=name,
            feed=feed,
            connector=connector,
            intake=intake,
            journal=journal,
            observations=observations,
            corrections=corrections,
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
        replays=replays,
        aliases=aliases,
        settings=settings,
        authenticate=outside.authenticate,
    ).mount(api)
    desk = Desk(journal=journal, landscape=landscape, clock=outside.clock)
    remedies = Remedies(
        desk=desk, journal=journal, replays=replays, intake=intake, workflows=workflows,
        observations=observations, directory=directory,
    )  # fmt: skip
    blockers = Blockers(
        journal=journal,
        directory=directory,
        desk=desk,
        close_out=close_out,
        periods=periods,
        clock=outside.clock,
    )
    Exceptions(
        desk=desk, remedies=remedies, blockers=blockers, settings=settings, authenticate=outside.authenticate
    ).mount(api)
    Events(feed=EventFeed(journal=journal), authenticate=outside.authenticate).mount(api)
    close, matches = _books(
        api,
        intake=intake,
        directory=directory,
        book=periods,
        charges=charges,
        connectors=connectors,
        landscape=landscape,
        journal=journal,
        settings=settings,
        outside=outside,
    )
    BillingApi(
        intake=intake,
        invoicing=Invoicing(journal=journal, agreements=agreements),
        recognition=Recognition(journal=journal, agreements=agreements, landscape=landscape),
        landscape=landscape,
        clock=outside.clock,
        settings=settings,
        authenticate=outside.authenticate,
    ).mount(api)
    CorrectionsApi(
        intake=intake,
        journal=journal,
        directory=directory,
        landscape=landscape,
        periods=periods,
        close_out=close_out,
        clock=outside.clock,
        settings=settings,
        authenticate=outside.authenticate,
    ).mount(api)
    return Router(
        landscape=landscape,
        settings=settings,
        journal=journal,
        tables=tables,
        directory=directory,
        periods=periods,
        close=close,
        matches=matches,
        intake=intake,
        workflows=workflows,
        replays=replays,
        waiting_versions=WaitingVersions(directory=directory, journal=journal, replay=replays.replay),
        waiting_bills=WaitingBills(journal=journal, posted=posted_milestones, replay=replays.replay),
        delivery=delivery,
        pollers=pollers,
        dual_run=dual_run,
        desk=desk,
        remedies=remedies,
        connectors=connectors,
        api=api,
    )


def _books(
    api: FastAPI,
    *,
    intake: Intake,
    directory: Directory,
    book: PeriodBook,
    charges: IntercompanyLegs,
    connectors: Mapping[SystemId, Connector],
    landscape: Landscape,
    journal: Journal,
    settings: Settings,
    outside: Outside,
) -> tuple[PeriodClose, IntercompanyMatch]:
    """Wire closing the books and the questions about people."""
    calendars, entities = book.calendars, tuple(landscape.legal_entities)
    accruals = Accruals(landscape=landscape, journal=journal, directory=directory, book=book)
    matches = IntercompanyMatch(
        journal=journal, connectors=connectors, calendars=calendars, entities=entities, charges=charges
    )
    close = PeriodClose(
        landscape=landscape,
        journal=journal,
        book=book,
        clock=outside.clock,
        matches=matches,
        accrued=accruals,
    )
    Closing(
        intake=intake,
        journal=journal,
        book=book,
        close=close,
        accruals=accruals,
        charges=charges,
        matches=matches,
        settings=settings,
        authenticate=outside.authenticate,
    ).mount(api)
    resources = Resources(landscape=landscape, journal=journal, calendars=calendars, clock=outside.clock)
    People(resources=resources, calendars=calendars, authenticate=outside.authenticate).mount(api)
    return close, matches


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
