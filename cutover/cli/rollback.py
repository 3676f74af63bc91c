"""`coexist cutover rollback`: what going back costs now, and with `--live` going back."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.cli.journal import DEFAULT, AsJson, Database, read_facts_exist
from cutover.cli.live import By, PlanFile, RunId
from cutover.cli.opened import opened
from cutover.cli.serving import Places, Simulated
from cutover.gates.measuring import RouterMeasures
from cutover.live.going_back import GoBack, go_back, note_rehearsal
from cutover.live.run import run_id_of
from cutover.plan.model import Plan, Wave
from cutover.plan.reading import one_of, read_plan
from cutover.rollback.asking import priced
from cutover.rollback.door import RouterWayBack
from cutover.runner.controls import RouterControls
from cutover.served.connecting import connected
from router.app import Router
from router.clock import WallClock
from router.errors import BadInput
from router.journal.journal import Journal
from router.journal.port import Scope


def rollback_command(
    plan: PlanFile = None,
    wave: Annotated[str, typer.Option(help="The wave to go back with.")] = "",
    kinds: Annotated[str, typer.Option(help="Only these kinds of document, by comma.")] = "",
    entities: Annotated[str, typer.Option(help="Only these legal entities of the wave, by comma.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Go back. Without it: say what it costs.")] = False,
    by: By = "",
    approved_by: Annotated[str, typer.Option(help="With --live: who else agrees.")] = "",
    why: Annotated[str, typer.Option(help="With --live: the reason, kept with every document.")] = "",
    to: Annotated[
        str, typer.Option(help="shadow: the new ERP goes on as the shadow; legacy: it is fed no more.")
    ] = "shadow",
    evidence: Annotated[
        Path | None, typer.Option(help="A report.json with a rollback: put it on record for the run.")
    ] = None,
    database: Database = DEFAULT,
    run_id: RunId = "",
    landscape: Places = None,
    simulated: Simulated = None,
    as_json: AsJson = False,
) -> None:
    """Say what going back with a wave would cost now, by kind and money; with --live go back and compare both ERPs.

    Exits 0 when nothing stays behind or, with --live, when both ERPs agree afterwards; else 1.

    Example: coexist cutover rollback plan.yaml --wave emea --database sqlite:///coexist.sqlite
    """
    read_facts_exist(database)
    if evidence is not None:
        wanted, found = asyncio.run(_noted(plan, _report(evidence), database, landscape, run_id, by))
        typer.echo(
            orjson.dumps(found, option=orjson.OPT_INDENT_2)
            if as_json
            else f"on record for {wanted}: {found['verdict']} after {found['after']}, seed {found['seed']}"
        )
        return
    if to not in ("shadow", "legacy"):
        raise BadInput(f"--to {to[:20]!r} is neither shadow nor legacy")
    if not live:
        found = asyncio.run(_price(plan, wave, kinds, entities, database, landscape))
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2) if as_json else "\n".join(told(found)))
        raise typer.Exit(1 if found["stays"] else 0)
    router, table = connected(landscape, database, None, simulated)
    read = read_plan(plan, router.landscape)
    scope = scope_of(read, wave, kinds, entities)
    order = GoBack(
        plan=read,
        run_id=run_id or run_id_of(read),
        wave=wave,
        by=by,
        approved_by=approved_by,
        why=why,
        holder=f"{by} at {socket.gethostname()}, process {os.getpid()}",
        kinds=scope.kinds if kinds else (),
        entities=scope.entities if entities else (),
        to="legacy" if to == "legacy" else "shadow",
    )
    done = asyncio.run(_go(order, router, table, database))
    typer.echo(orjson.dumps(done, option=orjson.OPT_INDENT_2) if as_json else "\n".join(gone(done)))
    raise typer.Exit(0 if done["ok"] else 1)


def scope_of(plan: Plan, wave_id: str, kinds: str, entities: str) -> Scope:
    """What is to go back; raises BadInput naming what the wave does not have."""
    known = [wave.id for wave in plan.waves]
    if wave_id not in known:
        raise BadInput(f"--wave: the plan {plan.name} has no wave {wave_id[:48]!r}", mend=one_of(known))
    wave: Wave = plan.wave(wave_id)
    chosen = _chosen("kinds", kinds, wave.all_kinds)
    named = _chosen("entities", entities, wave.entities)
    scope = wave.scope(chosen)
    return Scope(entities=named or scope.entities, business_units=scope.business_units, kinds=scope.kinds)


def _chosen(option: str, given: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    for name in names:
        if name not in known:
            raise BadInput(f"--{option}: the wave has no {name[:40]!r}", mend=one_of(known))
    return names


async def _price(
    path: str | None, wave: str, kinds: str, entities: str, database: str, landscape: Path | None
) -> dict[str, Any]:
    async with opened(database, landscape) as router:
        plan = read_plan(path, router.landscape)
        scope = scope_of(plan, wave, kinds, entities)
        door = RouterWayBack(router, clock=WallClock())
        found = await priced(door, scope, old=plan.source, new=plan.target)
        return {
            "plan": plan.name, "wave": wave, "entities": list(scope.entities), "kinds": list(scope.kinds),
            "from": plan.target, "to": plan.source, **found.to_json(),
        }  # fmt: skip


def _report(evidence: Path) -> dict[str, Any]:
    try:
        report = orjson.loads(evidence.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadInput(
            f"{evidence} is no report: {error}", mend="give the report.json of a rehearsal"
        ) from error
    if not isinstance(report, dict):
        raise BadInput(f"{evidence} is no report", mend="give the report.json of a rehearsal")
    return report


async def _noted(
    path: str | None, report: dict[str, Any], database: str, landscape: Path | None, run_id: str, by: str
) -> tuple[str, dict[str, Any]]:
    async with opened(database, landscape) as router:
        plan = read_plan(path, router.landscape)
        name = run_id or run_id_of(plan)
        return name, await note_rehearsal(
            report, plan=plan, run_id=name, journal=router.journal, clock=WallClock(), by=by
        )


async def _go(order: GoBack, router: Router, table: str, database: str) -> dict[str, Any]:
    clock = WallClock()

    def controls(journal: Journal) -> RouterControls:
        return RouterControls(
            journal=journal,
            tables=router.tables,
            dual_run=router.dual_run,
            clock=clock,
            measures=RouterMeasures.of(router, database=database, clock=clock),
            way_back=RouterWayBack(router, clock=clock, journal=journal),
        )

    try:
        await router.start(table)
        return (await go_back(order, journal=router.journal, controls=controls)).evidence
    finally:
        await router.aclose()


def told(found: Mapping[str, Any]) -> list[str]:
    """The price for people."""
    minutes = "unknown" if found["minutes"] is None else f"about {found['minutes']} minutes"
    lines = [
        f"Going back with wave {found['wave']} ({', '.join(found['entities'])}) from {found['from']} to {found['to']}:",
        f"  {found['armed']:>7,} armed: their copy stands in {found['to']}, nothing is sent",
        f"  {found['re_enter']:>7,} to enter again in {found['to']} ({minutes})",
        f"  {found['stays']:>7,} stay in {found['from']}, {found['copied']:,} of them copied to {found['to']}",
        f"  {found['under_way']:>7,} on their way, {found['held']:,} held",
    ]
    wide = max((len(row["kind"]) for row in found["rows"]), default=0)
    for row in found["rows"]:
        money = f"{row['amount']:>18} {row['currency']}" if row["amount"] else ""
        why = f"  {row['why']}" if row["why"] else ""
        lines.append(
            f"    {row['way']:<9} {row['kind']:<{wide}} {row['legal_entity']} {row['count']:>7,}{money}{why}"
        )
    if found["re_enter"] or found["copied"]:
        lines.append(
            "  A switch with `reverse: true` keeps the old ERP fed, so that everything is armed; nothing is reversed"
            f" in {found['from']}: what stands there goes on as the shadow's."
        )
    return lines


def gone(done: Mapping[str, Any]) -> list[str]:
    """How a rollback went, for people."""
    if "problem" in done:
        return [f"not rolled back: {done['problem']}"]
    moved = done["moved"]
    lines = [f"rolled back {done['wave']} ({', '.join(done['entities'])})"]
    counts = f"{moved['swapped']:,} came home, {moved['entered']:,} entered again, {moved['copied']:,} copied"
    lines.append(f"  {counts}, {done['released']:,} released")
    lines += [
        f"  {gate['name']}: {gate['verdict']}: {gate['measured']} ({gate['threshold']}){' ' + gate['why'] if gate['why'] else ''}"
        for gate in done["gates"]
    ]
    lines.append("both ERPs agree" if done["ok"] else "both ERPs do not agree: see the gates above")
    return lines
