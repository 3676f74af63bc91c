"""`coexist cutover status`, `approve`, `hold`, `unhold`, `done`, `fail`: people's part of a live run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer

from cutover.cli.journal import AsJson, Database, read_facts_exist
from cutover.cli.live import By, PlanFile, RunId, stands, told
from cutover.cli.serving import Places
from cutover.live.run import run_id_of
from cutover.plan.reading import read_plan
from router.clock import WallClock
from router.journal.journal import Journal
from router.journal.run_words import Row, Said
from router.landscape import read_landscape

StepName = Annotated[str, typer.Argument(help="The step, as the plan names it.")]
OneStep = Annotated[str, typer.Option("--step", help="Only this step; else the whole run.")]
Note = Annotated[str, typer.Option("--note", help="Kept with it.")]
DEFAULT = "sqlite:///coexist.sqlite"


def status_command(
    plan: PlanFile = None,
    database: Database = DEFAULT,
    run_id: RunId = "",
    landscape: Places = None,
    as_json: AsJson = False,
) -> None:
    """Say how a live run stands: its steps planned against actual, what it waits for, when it will end.

    Example: coexist cutover status plan.yaml --database sqlite:///coexist.sqlite
    """
    wanted = read_plan(plan, read_landscape(landscape))
    name = run_id or run_id_of(wanted)
    rows, lease = asyncio.run(_look(database, name))
    found = stands(wanted, name, rows) | {"runner": lease}
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2) if as_json else "\n".join(told(found)))


def approve_command(
    plan: PlanFile = None,
    by: By = "",
    step: OneStep = "",
    note: Note = "",
    database: Database = DEFAULT,
    run_id: RunId = "",
    landscape: Places = None,
) -> None:
    """Approve this very plan, before it is run live; or with --step what an approval step waits for.

    Bound to the plan's content: a changed plan has to be approved again. Never by who runs it.

    Example: coexist cutover approve plan.yaml --by bob --database sqlite:///coexist.sqlite
    """
    wanted = read_plan(plan, read_landscape(landscape))
    said = Said(word="approve", by=by, step=step, digest=wanted.digest(), why=note)
    _say(database, run_id or run_id_of(wanted), said, f"{by} approved plan {said.digest[:12]}")


def hold_command(
    plan: PlanFile = None,
    by: By = "",
    step: OneStep = "",
    why: Annotated[str, typer.Option(help="Why it should wait.")] = "",
    database: Database = DEFAULT,
    run_id: RunId = "",
    landscape: Places = None,
) -> None:
    """Let no further step begin (with --step: not this one) until `unhold`; what is under way goes on.

    Example: coexist cutover hold plan.yaml --by ann --why "payroll is late"
    """
    name = _named(plan, run_id, landscape)
    _say(database, name, Said(word="hold", by=by, step=step, why=why), f"held: {step or 'the run'}")


def unhold_command(
    plan: PlanFile = None,
    by: By = "",
    step: OneStep = "",
    note: Note = "",
    database: Database = DEFAULT,
    run_id: RunId = "",
    landscape: Places = None,
) -> None:
    """Let a held run, or a held step, go on.

    Example: coexist cutover unhold plan.yaml --by ann
    """
    name = _named(plan, run_id, landscape)
    said = Said(word="unhold", by=by, step=step, why=note)
    _say(database, name, said, f"no longer held: {step or 'the run'}")


def done_command(
    step: StepName,
    plan: Annotated[str | None, typer.Option("--plan", help="The plan (YAML) of the run.")] = None,
    by: By = "",
    note: Note = "",
    database: Database = DEFAULT,
    run_id: RunId = "",
    landscape: Places = None,
) -> None:
    """Say that people have done their part of a step that is under way.

    Example: coexist cutover done emea-review --plan plan.yaml --by ann --note "ticket 4711"
    """
    name = _named(plan, run_id, landscape)
    _say(database, name, Said(word="done", by=by, step=step, why=note), f"{step} is done, says {by}")


def fail_command(
    step: StepName,
    why: Annotated[str, typer.Option(help="Why it fails: it is unwound.")],
    plan: Annotated[str | None, typer.Option("--plan", help="The plan (YAML) of the run.")] = None,
    by: By = "",
    database: Database = DEFAULT,
    run_id: RunId = "",
    landscape: Places = None,
) -> None:
    """Say no to a step that is under way: it fails now, wherever it is, and its wave is unwound.

    Example: coexist cutover fail emea-review --plan plan.yaml --by ann --why "two invoices are wrong"
    """
    name = _named(plan, run_id, landscape)
    _say(database, name, Said(word="fail", by=by, step=step, why=why), f"{step} fails, says {by}")


def _named(plan: str | None, run_id: str, landscape: Path | None) -> str:
    """The run: as named, else that of the plan."""
    return run_id or run_id_of(read_plan(plan, read_landscape(landscape)))


def _say(database: str, name: str, said: Said, told_as: str) -> None:
    read_facts_exist(database)

    async def main() -> bool:
        journal = Journal.open(database, clock=WallClock())
        try:
            return await journal.say(name, said)
        finally:
            journal.close()

    new = asyncio.run(main())
    typer.echo(f"{name}: {told_as}" + ("" if new else " (said before)"))


async def _look(database: str, run_id: str) -> tuple[list[Row], dict[str, object] | None]:
    read_facts_exist(database)
    journal = Journal.open(database, clock=WallClock())
    try:
        return list(await journal.steps(run_id)), await journal.run_lease(run_id)
    finally:
        journal.close()
