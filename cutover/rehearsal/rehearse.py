"""Rehearses a plan: faults first (safety), then none (everything must settle), then the checks (D13)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cutover.checks import Facts, check_all, read_facts
from cutover.live.hooks import ask_standing_still
from cutover.rehearsal.control import Compared, noise_floor
from cutover.rehearsal.cross_checks import cross_checked
from cutover.rehearsal.evidence import approved_rows, erp_books, repeat_requests
from cutover.rehearsal.firm import build_firm
from cutover.rehearsal.options import Options
from cutover.rehearsal.people import RehearsedPeople
from cutover.rehearsal.population import Population
from cutover.rehearsal.subledgers import erp_books_of, journal_books, psa_minutes
from cutover.rehearsal.turned_back import turned_back
from cutover.rehearsal.virtual_time import VirtualClock, run
from cutover.rehearsal.world import World
from cutover.report.data import build_report
from cutover.report.finance import Books, Held, finance
from cutover.runner.ground import Ground
from cutover.runner.runner import Runner
from cutover.straddling.cases import straddlers
from cutover.straddling.facts import ErpWork
from cutover.straddling.reading import read_across
from router.canonical.money import Money
from router.errors import Broken
from router.finance import fx
from router.ingest.feeds import SLOW_POLL_S
from simulators.firm.actions import Step
from simulators.firm.workload import workload

SETTLE_H = 30
"""Virtual hours after the plan's end in which everything must come to rest without faults: longer than the day a
delivery waits for what it needs (`DeliveryPolicy.prerequisite_wait_s`), which may begin when a failed step lets go."""
SETTLE_POLL_S = 300
Progress = Callable[[str, int, int], None]
"""Told what is done: phase, minutes of virtual time so far, minutes in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A finished rehearsal: its report, the journal it is a function of, and the world it left behind."""

    report: Mapping[str, Any]
    journal: Path
    facts: Facts
    world: World


def rehearse(
    options: Options,
    *,
    journal: Path,
    progress: Progress = lambda *_: None,
    work: Callable[..., Iterable[Step]] = workload,
) -> Rehearsal:
    """Rehearse in virtual time; the report is the same for the same options, wherever it runs.

    `work` gives what people do, as `simulators.firm.workload.workload` does. Where the options ask for
    control runs, they are made first, and the dual run knows what they taught.
    """
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{journal}{suffix}").unlink()

    if not options.control_runs:
        return _played(options, journal, progress, work)
    rounds = options.control_runs + 1

    def control(one: Options) -> Compared:
        with tempfile.TemporaryDirectory() as folder:
            told = _round(progress, one.control - 1, rounds)
            return _played(one, Path(folder) / "journal.sqlite", told, work).world.compared

    known = replace(options, noise=noise_floor(options, control))
    return _played(known, journal, _round(progress, rounds - 1, rounds), work)


def _played(
    options: Options, journal: Path, progress: Progress, work: Callable[..., Iterable[Step]]
) -> Rehearsal:
    async def main(clock: VirtualClock) -> Rehearsal:
        return await _rehearse(options, clock, journal, progress, work)

    return run(main, start=options.plan.start)


def _round(progress: Progress, at: int, rounds: int) -> Progress:
    """The progress of one of several rehearsals as that of all of them."""
    return lambda phase, done, whole: progress(
        phase if at == rounds - 1 else "control runs", at * whole + done, rounds * whole
    )


async def _rehearse(
    options: Options,
    clock: VirtualClock,
    journal: Path,
    progress: Progress,
    work: Callable[..., Iterable[Step]],
) -> Rehearsal:
    plan = options.plan
    firm, row_errors = build_firm(options)
    world = World(options=options, clock=clock, database=journal)
    await world.seed(firm.seeds())
    await world.start()
    hours = (plan.end - plan.start).total_seconds() / 3600 + SETTLE_H
    population = Population(world=world, clock=clock, until_s=hours * 3600)
    ticker = asyncio.create_task(_tick(clock, options, progress), name="progress")
    life = asyncio.create_task(world.live(), name="life")
    crashes = asyncio.create_task(_crash(world, clock, options), name="crashes")
    await population.load(firm.masters())
    people = asyncio.create_task(
        population.play(work(firm, start=plan.start, end=plan.end, seed=options.seed)), name="people"
    )
    runner = await _run_plan(world, options)
    await clock.sleep_until(plan.end)
    await crashes
    for app in world.simulators.values():
        app.faults = []
    await people
    settled = await _settle(world, clock)
    replays = await repeat_requests(world, seed=options.seed)
    cross_checks = await cross_checked(world, firm.month)
    after = options.roll_back_after
    home = await turned_back(world, runner, after) if after is not None else None
    life.cancel()
    ticker.cancel()
    await world.stop()
    crashed = [f"{name}: {what}" for name, app in world.simulators.items() for what in app.crashes]
    if crashed or world.bugs:
        raise Broken("; ".join([*crashed, *world.bugs][:5]))
    compared = [
        evidence["comparison"]
        for evidence in (
            *(result.evidence for result in runner.results.values()),
            *(back.evidence for back in runner.ways_back),
        )
        if "comparison" in evidence
    ]
    documents, balances = erp_books(world)
    books = erp_books_of(world)
    month = _month(world, f"sqlite:///{journal}", firm.month, books)
    facts = read_facts(
        f"sqlite:///{journal}",
        erp_documents=documents,
        trial_balances=balances,
        approved=approved_rows(world),
        replays=replays,
        compared=compared,
    )
    report = build_report(
        options=options,
        runner=runner,
        findings=check_all(facts),
        facts=facts,
        tally=population.tally,
        row_errors=row_errors,
        assumptions=firm.assumptions,
        lives=world.lives,
        settled=settled,
        fired={
            name: dict(sorted(app.faults.fired.items())) for name, app in sorted(world.simulators.items())
        },
        finance=month,
        cross_checks=cross_checks,
        home=home,
        straddlers=_straddlers(f"sqlite:///{journal}", facts, options, books[0]),
    )
    return Rehearsal(report=report, journal=journal, facts=facts, world=world)


def _straddlers(url: str, facts: Facts, options: Options, books: Books) -> dict[str, Any]:
    """Where the documents that lie across the switches went, judged by the plan's policies."""
    work = [
        ErpWork(
            system=row.system,
            kind=row.kind,
            document_id=row.document_id,
            worth=row.wip_minor != 0,
            billed_by=row.billed_by,
        )
        for row in books.work
    ]
    return straddlers(read_across(url, facts, options.plan, work=work), options.plan.straddling)


def _month(world: World, url: str, month: date, books: tuple[Books, list[Held]]) -> dict[str, Any]:
    """The month's money and whether PSA, ERPs and journal agree on it."""
    landscape = world.options.landscape
    last = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    erps, held = books

    def converted(amount: Money, currency: str) -> Money | None:
        by = fx.rate(
            landscape.fx_rates, "spot", amount.currency, currency, last, group=landscape.group_currency
        )
        return None if by is None else fx.convert(amount, by, currency)

    return finance(
        journal=journal_books(url),
        erps=erps,
        held=held,
        psa=psa_minutes(world) if landscape.of_role("psa") else None,
        entities={code: entity.currency for code, entity in landscape.legal_entities.items()},
        convert=converted,
        group=landscape.group_currency,
    )


async def _run_plan(world: World, options: Options) -> Runner:
    """Run the plan; a runner falls with its router, and another one goes on from the log."""
    while True:
        await world.router()
        runner = Runner(_ground(world, options), turn_back_after=options.roll_back_after)
        if await world.while_up(runner.run()):
            return runner


def _ground(world: World, options: Options) -> Ground:
    people = RehearsedPeople(
        takes=options.people,
        results=lambda: ground.results,
        asker=ask_standing_still if options.with_hooks else None,
    )
    ground = Ground(
        plan=options.plan,
        run_id=options.plan.name,
        mode="rehearsal",
        by="rehearsal",
        controls=world.controls,
        people=people,
        base=options.routes,
    )
    return ground


async def _settle(world: World, clock: VirtualClock) -> dict[str, Any]:
    """Liveness: without faults everything comes to rest; says when, and what did not."""
    healed, deadline = clock.now(), clock.now() + timedelta(hours=SETTLE_H)
    # What was approved last is seen at the feeds' next look, which a quiet feed takes its time for.
    await asyncio.sleep(3 * SLOW_POLL_S)
    while True:
        backlog = await (await world.router()).journal.backlog()
        left = {
            f"{target} {state}": count
            for target, states in sorted(backlog.items())
            for state, count in sorted(states.items())
            if state in ("queued", "in_flight", "in_doubt") and count
        }
        if not left or clock.now() >= deadline:
            minutes = int((clock.now() - healed).total_seconds()) // 60
            return {"settled": not left, "minutes": minutes, "left": left}
        await asyncio.sleep(SETTLE_POLL_S)


async def _crash(world: World, clock: VirtualClock, options: Options) -> None:
    for at, crash in zip(options.crashes(), options.planned_crashes, strict=True):
        await clock.sleep_until(at)
        await world.restart(crash.down_s)


async def _tick(clock: VirtualClock, options: Options, progress: Progress) -> None:
    whole = int((options.plan.end - options.plan.start).total_seconds()) // 60
    while True:
        progress("rehearsing", int((clock.now() - options.plan.start).total_seconds()) // 60, whole)
        await asyncio.sleep(900)


def rehearse_quietly(options: Options) -> Mapping[str, Any]:
    """A rehearsal whose journal nobody keeps: for many seeds, and for tests."""
    with tempfile.TemporaryDirectory() as folder:
        return rehearse(options, journal=Path(folder) / "journal.sqlite").report
