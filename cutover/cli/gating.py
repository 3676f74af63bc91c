"""`coexist cutover gate NAME` and `gates`: one named gate by itself, measured now on a live journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from cutover.cli.journal import DEFAULT, AsJson, Database, read_facts_exist
from cutover.cli.opened import opened
from cutover.cli.serving import Places, Simulated
from cutover.gates.asking import ask
from cutover.gates.measuring import RouterMeasures
from cutover.gates.named import GATES, named
from cutover.gates.port import Asked
from cutover.live.run import run_id_of
from cutover.plan.model import Plan
from cutover.plan.reading import read_plan
from cutover.plan.steps import Thresholds
from cutover.runner.gates import Gate, worst
from cutover.served.connecting import connected
from router.clock import Clock, WallClock
from router.errors import BadInput
from router.journal.port import Scope
from router.model import SystemId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from router.app import Router


def gates_command(as_json: AsJson = False) -> None:
    """List the named gates with what each measures.

    Example: coexist cutover gates
    """
    rows = [{"name": one.name, "what": one.what, "asks_systems": one.asks_systems} for one in GATES.values()]
    if as_json:
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    for one in GATES.values():
        asks = " (asks the systems: --simulated or credentials)" if one.asks_systems else ""
        typer.echo(f"{one.name:<20}{one.what}{asks}")


def gate_command(
    name: Annotated[str, typer.Argument(help="The gate: see `coexist cutover gates`.")],
    plan: Annotated[Path | None, typer.Argument(help="A plan (YAML): its ERPs, waves and run.")] = None,
    wave: Annotated[
        str, typer.Option(help="Only this wave of the plan, by its last step's thresholds.")
    ] = "",
    database: Database = DEFAULT,
    run: Annotated[str, typer.Option(help="The run in whose log it is recorded; else the plan's own.")] = "",
    trying: Annotated[
        bool, typer.Option("--try", help="Only show it: nothing is recorded, and the exit code is 0.")
    ] = False,
    landscape: Places = None,
    simulated: Simulated = None,
    as_json: AsJson = False,
) -> None:
    """Measure a gate now: exits 0 when it passes, 1 when it fails or can't be told, 2 for bad input.

    Example: coexist cutover gate queue-drained plan.yaml --wave emea --database sqlite:///coexist.sqlite
    """
    gate = named(name)
    read_facts_exist(database)
    if gate.asks_systems:
        made, table = connected(landscape, database, None, simulated)
        router: AbstractAsyncContextManager[Router] = _started(made, table)
    else:
        router = opened(database, landscape)
    found = asyncio.run(_measured(router, name, plan, wave, run=run, database=database, trying=trying))
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(told(found)))
    raise typer.Exit(0 if trying or found["verdict"] == "pass" else 1)


@asynccontextmanager
async def _started(router: Router, table: str) -> AsyncIterator[Router]:
    try:
        await router.start(table)
        yield router
    finally:
        await router.aclose()


async def _measured(
    opening: AbstractAsyncContextManager[Router],
    name: str,
    path: Path | None,
    wave: str,
    *,
    run: str,
    database: str,
    trying: bool,
) -> dict[str, Any]:
    clock = WallClock()
    async with opening as router:
        plan = read_plan(path, router.landscape)
        if wave and wave not in {one.id for one in plan.waves}:
            known = ", ".join(one.id for one in plan.waves)
            raise BadInput(
                f"--wave: the plan {plan.name} has no wave {wave[:48]!r}", mend=f"use one of {known}"
            )
        run_id = run or await _run_of(router, plan)
        asked = await _asked(router, plan, wave, run_id, database=database, clock=clock)
        gates = await ask(name, asked)
        found = {
            "name": name,
            "verdict": worst(gates),
            "at": asked.now.isoformat().replace("+00:00", "Z"),
            "run": run_id,
            "wave": wave,
            "tried": trying,
            "gates": [gate.as_row() for gate in gates],
        }
        if not trying:
            await router.journal.record_step(run_id, f"gate {name}", "gate", found)
        return found


async def _run_of(router: Router, plan: Plan) -> str:
    """The live run of the plan, or the rehearsal's where the journal is one's."""
    rehearsed = await router.journal.steps(plan.name)
    return plan.name if rehearsed else run_id_of(plan)


async def _asked(router: Router, plan: Plan, wave: str, run_id: str, *, database: str, clock: Clock) -> Asked:
    entities = [code for one in plan.waves if one.id == wave or not wave for code in one.entities]
    scope = plan.wave(wave).scope() if wave else Scope(entities=tuple(dict.fromkeys(entities)))
    return Asked(
        measures=RouterMeasures.of(router, database=database, clock=clock),
        scope=scope,
        source=SystemId(plan.source),
        target=SystemId(plan.target),
        thresholds=_thresholds(plan, wave),
        now=clock.now(),
        wave=wave,
        plan=plan,
        log=await router.journal.steps(run_id),
    )


def _thresholds(plan: Plan, wave: str) -> Thresholds:
    """Those of the wave's last step that states any; without one, the usual ones."""
    stated = [
        step.thresholds
        for step in plan.order()
        if (step.wave == wave or not wave) and step.thresholds != Thresholds()
    ]
    return stated[-1] if stated else Thresholds()


def told(found: Mapping[str, Any]) -> list[str]:
    """The gate for people: a line each, with measurement, threshold and age."""
    lines = [f"{found['name']}: {found['verdict']}{' (tried, not recorded)' if found['tried'] else ''}"]
    for row in found["gates"]:
        gate = Gate.of_row(row)
        age = f", {gate.age_s // 60} minutes old" if gate.age_s else ""
        lines.append(f"  {gate.name}: {gate.verdict}: {gate.measured} ({gate.threshold}{age})")
        if gate.why:
            lines.append(f"    {gate.why}")
        lines += [f"    - {text}" for text in gate.evidence]
    return lines
