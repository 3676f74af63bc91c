"""`coexist cutover plan`, `check` and `plans`: what a plan would do, and what its calendars say, before anything is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.cli.journal import read_facts_exist
from cutover.cli.opened import opened
from cutover.dry_run.actions import Action
from cutover.dry_run.run import DryRun, dry_run
from cutover.dry_run.today import Today, stands
from cutover.live.run import base_of, run_id_of
from cutover.plan.calendar_checks import CalendarFinding, check_calendar
from cutover.plan.model import Plan
from cutover.plan.reading import as_plan, built_in_plans, plan_file
from cutover.report.wording import plural, when
from cutover.runner.controls import RouterControls
from router.clock import WallClock
from router.configfile import ConfigFile
from router.errors import BadInput
from router.landscape import read_landscape

PlanArgument = Annotated[
    str | None, typer.Argument(help="A plan (YAML), or the name of a built-in one; without it: weekend.")
]
LandscapeOption = Annotated[Path | None, typer.Option(help="A landscape (YAML).")]


def plan_command(
    plan: PlanArgument = None,
    landscape: LandscapeOption = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="A live journal: tables, epochs, backlogs and what of the run is done are read from it."
        ),
    ] = None,
    run_id: Annotated[
        str, typer.Option(help="With --database: the run; else the plan's name and digest.")
    ] = "",
    wave: Annotated[str | None, typer.Option(help="Only this wave's actions.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Print every action of a plan in order, as the runner would do it, with what it reads and changes.

    From the executing code: the same runner and steps, over controls that only note. Changes nothing. Exit code
    1 when a calendar forbids the plan (see `coexist cutover check`), or a step could not be done on a perfect weekend.

    Example: coexist cutover plan weekend --wave emea
    """
    file, read = _read(plan, landscape)
    if wave is not None and wave not in {one.id for one in read.waves}:
        raise BadInput(
            f"the plan has no wave {wave!r}", mend="use one of " + ", ".join(one.id for one in read.waves)
        )
    findings = check_calendar(read, read_landscape(landscape))
    id_ = run_id or run_id_of(read)
    today = asyncio.run(_today(read, id_, database, landscape)) if database is not None else None
    done = dry_run(read, run_id=id_, today=today)
    mine = {step.id for step in read.steps if wave is None or step.wave == wave}
    actions = [one for one in done.actions if one.step in mine or (wave is None and not one.step)]
    if as_json:
        told = {
            "plan": read.name, "digest": read.digest(), "actions": [one.as_row() for one in actions],
            "findings": [one.as_row(file) for one in findings], "today": _today_rows(read, today), "ended": _ended(today),
            "steps": [{"id": one.step.id, "outcome": one.outcome, "why": one.why} for one in done.results],
        }  # fmt: skip
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    else:
        typer.echo(_shown(read, done, actions, _today_rows(read, today), _ended(today)))
        _say_findings(file, findings)
    stuck = any(one.outcome != "done" for one in done.results)
    raise typer.Exit(1 if stuck or any(one.level == "error" for one in findings) else 0)


def check_command(
    plan: PlanArgument = None,
    landscape: LandscapeOption = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Check a plan's times against its window, blackouts, payroll and billing runs, and the fiscal calendars.

    Exit code 0: nothing forbids it (warnings are shown); 1: something does; 2: it is no plan.

    Example: coexist cutover check my-plan.yaml
    """
    file, read = _read(plan, landscape)
    findings = check_calendar(read, read_landscape(landscape))
    if as_json:
        typer.echo(orjson.dumps([one.as_row(file) for one in findings], option=orjson.OPT_INDENT_2))
    elif findings:
        _say_findings(file, findings)
    else:
        typer.echo(f"{read.name}: the calendars have nothing against it")
    raise typer.Exit(1 if any(one.level == "error" for one in findings) else 0)


def plans_command(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the built-in plans, to rehearse or to start your own from.

    Example: coexist cutover plans
    """
    landscape = read_landscape()
    rows = []
    for name in built_in_plans():
        read = as_plan(plan_file(name), landscape)
        rows.append({"name": name, "title": read.title, "waves": len(read.waves), "steps": len(read.steps)})
    if as_json:
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    for row in rows:
        waves = "1 wave, " if row["waves"] == 1 else f"{row['waves']} waves,"
        typer.echo(f"{row['name']:<16}{waves:<9}{row['steps']:>3} steps  {row['title']}")


def _read(plan: str | None, landscape: Path | None) -> tuple[ConfigFile, Plan]:
    file = plan_file(plan)
    return file, as_plan(file, read_landscape(landscape))


async def _today(plan: Plan, run_id: str, database: str, landscape: Path | None) -> Today:
    read_facts_exist(database)
    async with opened(database, landscape) as router:
        controls = RouterControls(
            journal=router.journal, tables=router.tables, dual_run=router.dual_run, clock=WallClock()
        )
        newest = max(int(row["version"]) for row in await router.journal.tables())
        return await stands(
            plan,
            controls,
            run_id=run_id,
            table_version=newest,
            table=await router.journal.table_text(newest),
            epochs={entity: epoch for entity, (epoch, _) in (await router.journal.epochs()).items()},
            base=await base_of(router.journal, run_id),
        )


def _today_rows(plan: Plan, today: Today | None) -> list[dict[str, Any]]:
    """How each wave stands in the journal now."""
    if today is None:
        return []
    return [
        {
            "wave": wave.id, "system": system, "waiting": found.waiting, "in_doubt": found.in_doubt, "held": found.held,
            "why": found.why, "epochs": {code: today.epochs.get(code) for code in wave.entities},
        }
        for wave in plan.waves
        for system in (plan.source, plan.target)
        if (found := today.backlogs[(wave.scope(), system)])
    ]  # fmt: skip


def _ended(today: Today | None) -> list[str]:
    """Steps a run that has begun is through with."""
    log = today.log if today is not None else ()
    return [f"{row['step']} ({row['event']})" for row in log if row["event"] in ("done", "failed")]


def _shown(
    plan: Plan,
    done: DryRun,
    actions: Sequence[Action],
    today: Sequence[dict[str, Any]],
    ended: Sequence[str],
) -> str:
    lines = [
        f"{plan.title or plan.name}: {plural(len(plan.steps), 'step')}, {plural(len(plan.waves), 'wave')}, {plan.source} → {plan.target}",
        f"Plan {plan.name} version {plan.version}, digest {plan.digest()}",
        f"Window {when(plan.window.opens)} to {when(plan.window.closes)}. Dry run: nothing is changed; times are planned ones.",
    ]
    lines += [
        f"Today  wave {row['wave']} at {row['system']}: {row['waiting']} waiting, {row['in_doubt']} in doubt,"
        f" {row['held']} held{'; ' + row['why'] if row['why'] else ''}"
        for row in today
    ]
    if ended:
        lines.append(f"Ended already: {', '.join(ended)}")
    owners = {result.step.id: result.step for result in done.results}
    last = ""
    for action in actions:
        if action.step != last and action.step in owners:
            step = owners[action.step]
            after = f", after {', '.join(step.after)}" if step.after else ""
            lines += [
                "",
                f"{when(action.at)}  {step.id}  ({step.kind.replace('_', ' ')}, wave {step.wave}, {step.owner}, {step.planned_minutes} min{after})",
            ]
            if step.deadline_minutes is not None:
                lines.append(f"    deadline: {step.deadline_minutes} minutes from its start")
        last = action.step
        lines.append(f"  - {action.what}")
        lines += [f"        {line}" for line in action.detail.get("change", ())]
        if action.reads:
            lines.append(f"      reads   {'; '.join(action.reads)}")
        if action.changes:
            lines.append(f"      changes {'; '.join(action.changes)}")
    return "\n".join([*lines, *_stuck(done)])


def _stuck(done: DryRun) -> list[str]:
    """Steps that could not be done even on a perfect weekend, and what would not be begun because of them."""
    lines = [f"WOULD NOT BE DONE  {one.step.id}: {one.why}" for one in done.results if one.outcome != "done"]
    return ["", *lines] if lines else []


def _say_findings(file: ConfigFile, findings: Sequence[CalendarFinding]) -> None:
    for one in findings:
        row = one.as_row(file)
        who = f"step {one.step} " if one.step else ""
        typer.echo(f"{row['file']}:{row['line']}:{row['column']}: {one.level}: {who}{one.what}; {one.mend}")
