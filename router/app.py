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

from router.canonical.ownership import Ownership, read_ownership
from router.clock import Clock
from router.connectors import kantata, netsuite, salesforce, sap_ecc, worker_feed
from router.connectors.port import Connector
from router.delivery.budget import AtLimit
from router.delivery.policy import DeliveryPolicy
from router.delivery.service import Delivery
from router.delivery.signal import LocalSignal
from router.dualrun.break_desk import BreaksDesk
from router.dualrun.crosschecks.service import CrossChecks
from router.dualrun.intercompany import IntercompanyMatch
from router.dualrun.noise import NoiseFloor
from router.dualrun.policy import as_dual_run_policy
from router.dualrun.repairs.corrected import Corrected
from router.dualrun.repairs.gathering import Gathering
from router.dualrun.repairs.service import Repairs
from router.dualrun.service import DualRun
from router.dualrun.watch import IntercompanyWatch
from router.events_out.feed import EventFeed
from router.exceptions.projects import Blockers
from router.exceptions.remedies import Remedies
from router.exceptions.service import Desk
from router.finance.calendar import Calendars
from router.ingest.billing_api import BillingApi
from router.ingest.breaks_api import BreaksApi
from router.ingest.close_api import Closing
from router.ingest.corrections_api import CorrectionsApi
from router.ingest.crosschecks_api import CrossChecksApi
from router.ingest.cutovers_api import CutoversApi
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
from router.ingest.repairs_api import RepairsApi
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
    at_limit: AtLimit | None = None
    """Told of each time a target stood at a limit of its budget; a rehearsal finds its bottleneck so."""


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
    cross_checks: CrossChecks
    intake: Intake
    workflows: Workflows
    replays: Replays
    waiting_versions: WaitingVersions
    waiting_bills: WaitingBills
    watch: IntercompanyWatch
    delivery: Delivery
    pollers: tuple[FeedPoller, ...]
    dual_run: DualRun
    repairs: Repairs
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
            group.create_task(self.watch.run(), name="intercompany-watch")
            if feeds:
                for poller in self.pollers:
                    group.create_task(poller.run(), name=f"feed-{poller.system}-{poller.feed}")

    async def aclose(self) -> None:
        """Close connectors and the journal."""
        for connector in self.connectors.values():
            await connector.aclose()
        self.journal.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What everything stands on."""

    landscape: Landscape
    settings: Settings
    outside: Outside
    journal: Journal
    tables: Tables
    signal: LocalSignal
    connectors: Mapping[SystemId, Connector]
    directory: Directory
    periods: PeriodBook

    def first(self, role: str) -> SystemId | None:
        """The first system of a role that is connected."""
        return next((name for name in self.landscape.of_role(role) if name in self.connectors), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The firm's rules that more than one part asks."""

    matrix: Ownership
    aliases: AliasVet
    agreements: Agreements
    billing: BillingTerms
    drawdown: Drawdown
    corrections: Corrections
    close_out: CloseOut
    charges: IntercompanyLegs
    milestones: PostedMilestones


def build(
    *,
    landscape: Landscape,
    settings: Settings,
    database: str,
    outside: Outside,
    policy: DeliveryPolicy | None = None,
    noise: NoiseFloor | None = None,
) -> Router:
    """Wire a router over a journal; nothing runs until `start` and `work`.

    `noise`: what control runs of the legacy ERP with itself taught the dual run.
    """
    ground = _ground(landscape, settings, database, outside)
    rules = _rules(ground)
    workflows = _workflows(ground, rules)
    intake = _intake(ground, rules, workflows)
    observations = Observations(directory=ground.directory, landscape=landscape)
    replays = Replays(
        journal=ground.journal,
        observations=observations,
        workflows=workflows,
        vetted=intake.vetted,
        directory=ground.directory,
        corrections=rules.corrections,
    )
    api = _api(ground, intake, workflows)
    _mount_masters(api, ground, rules, intake, replays)
    desk, remedies = _mount_exceptions(api, ground, rules, intake, workflows, replays, observations)
    _mount_billing(api, ground, rules, intake)
    close, matches = _mount_books(api, ground, rules, intake)
    waiting = WaitingVersions(directory=ground.directory, journal=ground.journal, replay=replays.replay)
    return Router(
        landscape=landscape,
        settings=settings,
        journal=ground.journal,
        tables=ground.tables,
        directory=ground.directory,
        periods=ground.periods,
        close=close,
        matches=matches,
        cross_checks=_mount_cross_checks(api, ground, rules, matches),
        intake=intake,
        workflows=workflows,
        replays=replays,
        waiting_versions=waiting,
        waiting_bills=WaitingBills(journal=ground.journal, posted=rules.milestones, replay=replays.replay),
        watch=IntercompanyWatch(
            matches=matches,
            calendars=ground.periods.calendars,
            entities=tuple(landscape.legal_entities),
            clock=outside.clock,
        ),
        delivery=_delivery(ground, workflows, policy),
        pollers=_pollers(ground, rules, intake, observations),
        dual_run=DualRun(
            journal=ground.journal,
            # What a repair took back in one ERP is no difference any more.
            connectors={name: Corrected(one, ground.journal) for name, one in ground.connectors.items()},
            policy=as_dual_run_policy(default_file("policies/default.yaml")),
            calendars=ground.periods.calendars,
            tax_rates={code: row.basis_points for code, row in landscape.tax_codes.items()},
            clock=outside.clock,
            noise=noise,
        ),
        repairs=_mount_repairs(api, ground),
        desk=desk,
        remedies=remedies,
        connectors=ground.connectors,
        api=api,
    )


def _ground(landscape: Landscape, settings: Settings, database: str, outside: Outside) -> _Ground:
    tables, signal = Tables(landscape=landscape), LocalSignal()
    calendars = Calendars(landscape.legal_entities, landscape.calendars)
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
    return _Ground(
        landscape=landscape,
        settings=settings,
        outside=outside,
        journal=journal,
        tables=tables,
        signal=signal,
        connectors=_connectors(landscape, outside),
        directory=Directory(journal),
        periods=PeriodBook(landscape=landscape, journal=journal, calendars=calendars, clock=outside.clock),
    )


def _rules(ground: _Ground) -> _Rules:
    landscape, journal, directory = ground.landscape, ground.journal, ground.directory
    agreements = Agreements(directory=directory)
    return _Rules(
        matrix=read_ownership(landscape.ownership),
        aliases=AliasVet(journal=journal, directory=directory, clock=ground.outside.clock),
        agreements=agreements,
        billing=BillingTerms(journal=journal, agreements=agreements),
        drawdown=Drawdown(journal=journal, agreements=agreements, limits=landscape.expense_limits),
        corrections=Corrections(journal=journal, periods=ground.periods),
        close_out=CloseOut(journal=journal, directory=directory),
        charges=IntercompanyLegs(
            landscape=landscape, journal=journal, directory=directory, book=ground.periods
        ),
        milestones=PostedMilestones(),
    )


def _workflows(ground: _Ground, rules: _Rules) -> Workflows:
    psa, crm = ground.first("psa"), ground.first("crm")
    news = InvoiceNews(
        journal=ground.journal, tell=[name for name in (psa, crm) if name is not None], crm=crm
    )
    return Workflows(
        landscape=ground.landscape,
        journal=ground.journal,
        directory=ground.directory,
        connectors=ground.connectors,
        companions=(rules.billing, rules.charges),
        followers=(ProjectArchive(psa=psa), news, rules.milestones),
    )


def _intake(ground: _Ground, rules: _Rules, workflows: Workflows) -> Intake:
    landscape, journal, directory = ground.landscape, ground.journal, ground.directory
    clock = ground.outside.clock
    return Intake(
        landscape=landscape,
        journal=journal,
        directory=directory,
        workflows=workflows,
        backlog_max=ground.settings.backlog_max,
        group=rules.drawdown.group,
        # Who it is and who may say so, then when it counts, then what was agreed, then what it is worth.
        vets=(
            rules.aliases,
            OwnershipVet(matrix=rules.matrix, journal=journal, landscape=landscape),
            DuplicatesVet(
                matching=rules.matrix.duplicates, journal=journal, directory=directory, clock=clock
            ),
            PeriodVet(ground.periods),
            AssignmentVet(directory),
            ContractVersions(directory=directory, journal=journal, periods=ground.periods),
            rules.close_out,
            ClosedProjects(directory=directory),
            rules.corrections,
            rules.drawdown,
            MilestoneTerms(journal=journal, agreements=rules.agreements, landscape=landscape, clock=clock),
            rules.billing,
            ExchangeRates(journal=journal, directory=directory, landscape=landscape),
            TaxNotes(landscape=landscape),
        ),
    )


def _delivery(ground: _Ground, workflows: Workflows, policy: DeliveryPolicy | None) -> Delivery:
    return Delivery(
        journal=ground.journal,
        connectors=list(ground.connectors.values()),
        limits={name: system.budget for name, system in ground.landscape.systems.items()},
        signal=ground.signal,
        clock=ground.outside.clock,
        random=ground.outside.random,
        worker="embedded",
        policy=policy,
        follow_up=workflows.follow_up,
        at_limit=ground.outside.at_limit,
    )


def _pollers(
    ground: _Ground, rules: _Rules, intake: Intake, observations: Observations
) -> tuple[FeedPoller, ...]:
    return tuple(
        FeedPoller(
            system=name,
            feed=feed,
            connector=connector,
            intake=intake,
            journal=ground.journal,
            observations=observations,
            corrections=rules.corrections,
            poll_s=ground.settings.poll_s,
            pages_max=ground.settings.poll_pages_max,
        )
        for name, connector in ground.connectors.items()
        for feed in connector.capabilities.feeds
    )


def _mount_masters(api: FastAPI, ground: _Ground, rules: _Rules, intake: Intake, replays: Replays) -> None:
    authenticate = ground.outside.authenticate
    Masters(
        journal=ground.journal,
        intake=intake,
        landscape=ground.landscape,
        matrix=rules.matrix,
        settings=ground.settings,
        authenticate=authenticate,
    ).mount(api)
    Duplicates(
        journal=ground.journal,
        replays=replays,
        aliases=rules.aliases,
        settings=ground.settings,
        authenticate=authenticate,
    ).mount(api)


def _mount_exceptions(
    api: FastAPI,
    ground: _Ground,
    rules: _Rules,
    intake: Intake,
    workflows: Workflows,
    replays: Replays,
    observations: Observations,
) -> tuple[Desk, Remedies]:
    journal, directory, clock = ground.journal, ground.directory, ground.outside.clock
    desk = Desk(journal=journal, landscape=ground.landscape, clock=clock)
    remedies = Remedies(
        desk=desk,
        journal=journal,
        replays=replays,
        intake=intake,
        workflows=workflows,
        observations=observations,
        directory=directory,
    )
    blockers = Blockers(
        journal=journal,
        directory=directory,
        desk=desk,
        close_out=rules.close_out,
        periods=ground.periods,
        clock=clock,
    )
    authenticate = ground.outside.authenticate
    Exceptions(
        desk=desk,
        remedies=remedies,
        blockers=blockers,
        settings=ground.settings,
        authenticate=authenticate,
    ).mount(api)
    Events(feed=EventFeed(journal=journal), authenticate=authenticate).mount(api)
    breaks = BreaksDesk(journal=journal, clock=clock)
    BreaksApi(desk=breaks, settings=ground.settings, authenticate=authenticate).mount(api)
    CutoversApi(journal=journal, settings=ground.settings, authenticate=authenticate).mount(api)
    return desk, remedies


def _mount_billing(api: FastAPI, ground: _Ground, rules: _Rules, intake: Intake) -> None:
    journal, landscape, outside = ground.journal, ground.landscape, ground.outside
    BillingApi(
        intake=intake,
        invoicing=Invoicing(journal=journal, agreements=rules.agreements),
        recognition=Recognition(journal=journal, agreements=rules.agreements, landscape=landscape),
        landscape=landscape,
        clock=outside.clock,
        settings=ground.settings,
        authenticate=outside.authenticate,
    ).mount(api)
    CorrectionsApi(
        intake=intake,
        journal=journal,
        directory=ground.directory,
        landscape=landscape,
        periods=ground.periods,
        close_out=rules.close_out,
        clock=outside.clock,
        settings=ground.settings,
        authenticate=outside.authenticate,
    ).mount(api)


def _mount_repairs(api: FastAPI, ground: _Ground) -> Repairs:
    repairs = Repairs(
        journal=ground.journal,
        gathering=Gathering(journal=ground.journal, connectors=ground.connectors),
        landscape=ground.landscape,
        periods=ground.periods,
        clock=ground.outside.clock,
    )
    RepairsApi(repairs=repairs, settings=ground.settings, authenticate=ground.outside.authenticate).mount(api)
    return repairs


def _mount_cross_checks(
    api: FastAPI, ground: _Ground, rules: _Rules, matches: IntercompanyMatch
) -> CrossChecks:
    checks = CrossChecks(
        journal=ground.journal,
        # What a repair took back in one ERP is no difference any more.
        connectors={
            name: Corrected(one, ground.journal) if name in ground.landscape.of_role("erp") else one
            for name, one in ground.connectors.items()
        },
        erps=ground.landscape.of_role("erp"),
        psa=ground.first("psa"),
        crm=ground.first("crm"),
        matches=matches,
        recognition=Recognition(
            journal=ground.journal, agreements=rules.agreements, landscape=ground.landscape
        ),
        calendars=ground.periods.calendars,
        entities=tuple(ground.landscape.legal_entities),
        clock=ground.outside.clock,
    )
    CrossChecksApi(checks=checks, authenticate=ground.outside.authenticate).mount(api)
    return checks


def _mount_books(
    api: FastAPI, ground: _Ground, rules: _Rules, intake: Intake
) -> tuple[PeriodClose, IntercompanyMatch]:
    """Wire closing the books and the questions about people."""
    landscape, journal, outside = ground.landscape, ground.journal, ground.outside
    book, charges = ground.periods, rules.charges
    calendars, entities = book.calendars, tuple(landscape.legal_entities)
    accruals = Accruals(landscape=landscape, journal=journal, directory=ground.directory, book=book)
    matches = IntercompanyMatch(
        journal=journal, connectors=ground.connectors, calendars=calendars, entities=entities, charges=charges
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
        settings=ground.settings,
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


def _api(ground: _Ground, intake: Intake, workflows: Workflows) -> FastAPI:
    journal, landscape, settings = ground.journal, ground.landscape, ground.settings
    authenticate = ground.outside.authenticate
    api = FastAPI(title="coexist", version="0.1.0", docs_url=None, redoc_url=None)
    Gateway(intake=intake, settings=settings, authenticate=authenticate).mount(api)
    Queries(
        journal=journal,
        landscape=landscape,
        tables=ground.tables,
        settings=settings,
        authenticate=authenticate,
    ).mount(api)
    Processes(
        intake=intake,
        workflows=workflows,
        journal=journal,
        directory=ground.directory,
        landscape=landscape,
        settings=settings,
        authenticate=authenticate,
    ).mount(api)
    return api
