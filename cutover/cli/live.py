"""`coexist cutover run`: rehearses, or with `--live` runs the plan on the wall clock over a live journal."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.cli.journal import read_facts_exist
from cutover.cli.rehearsing import rehearse_command
from cutover.cli.serving import Places, Simulated
from cutover.gates.measuring import RouterMeasures
from cutover.live.run import Order, report_of, run_id_of, run_live
from cutover.live.standing import standing
from cutover.live.view import View, in_a_line
from cutover.plan.calendar_checks import check_calendar
from cutover.plan.model import Plan
from cutover.plan.moved_before import moved_before
from cutover.plan.reading import read_plan
from cutover.rollback.door import RouterWayBack
from cutover.runner.controls import RouterControls
from cutover.served.connecting import connected
from router.app import Router
from router.canonical.documents import Document
from router.clock import WallClock
from router.errors import BadInput, Refused
from router.journal.journal import Journal
from router.journal.run_words import Row, proposal
from router.landscape import Landscape
from router.model import Decision

PlanFile = Annotated[
    str | None, typer.Argument(help="A plan (YAML), or the name of a built-in one; without it: weekend.")
]
RunId = Annotated[str, typer.Option("--run-id", help="The run; else the plan's name and digest.")]
By = Annotated[str, typer.Option(help="Who says so.")]


def run_command(
    plan: PlanFile = None,
    live: Annotated[bool, typer.Option("--live", help="Run it on the live journal.")] = False,
    database: Annotated[str, typer.Option(help="The live journal.")] = "",
    by: By = "",
    run_id: RunId = "",
    landscape: Places = None,
    simulated: Simulated = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Deliver in this process too: no gateway or worker runs.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where run.json goes (a rehearsal: its report).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json at the end.")] = False,
) -> None:
    """Rehearse a plan; with --live run it: gateway and workers deliver, people speak through `coexist cutover`.

    Exits 0 when every step is done, 1 when one failed; started again, it goes on where it stood.

    Example: coexist cutover run plan.yaml --live --database sqlite:///coexist.sqlite --by ann
    """
    if not live:
        if database or by or run_id or embedded:
            raise BadInput("--database, --by, --run-id and --embedded are for a live run", mend="add --live")
        rehearse_command(
            Path(plan) if plan else None,
            landscape=landscape,
            out=out or Path("out/rehearsal"),
            as_json=as_json,
        )
        return
    if not database:
        raise BadInput("a live run needs the journal", mend="give it with --database")
    if not by.strip():
        raise BadInput("a live run needs somebody who answers for it", mend="give a name with --by")
    read_facts_exist(database)
    router, table = connected(landscape, database, None, simulated)
    wanted = read_plan(plan, router.landscape)
    refuse_findings(wanted, router.landscape)
    order = Order(
        plan=wanted,
        run_id=run_id or run_id_of(wanted),
        by=by,
        holder=f"{by} at {socket.gethostname()}, process {os.getpid()}",
    )
    done, rows = asyncio.run(_run(order, router, table, database, embedded=embedded, quiet=as_json))
    found = report_of(wanted, order.run_id, rows)
    if out is not None:
        _write(out, found)
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    raise typer.Exit(0 if done else 1)


def refuse_findings(plan: Plan, landscape: Landscape) -> None:
    """Raise BadInput for the first thing the calendars say would hurt somebody."""
    first = next((one for one in check_calendar(plan, landscape) if one.level == "error"), None)
    if first is not None:
        raise BadInput(
            f"{plan.name}: step {first.step}: {first.what}" if first.step else f"{plan.name}: {first.what}",
            mend=f"{first.mend}; `coexist cutover check` has all findings",
        )


async def _run(
    order: Order, router: Router, table: str, database: str, *, embedded: bool, quiet: bool
) -> tuple[bool, Sequence[Row]]:
    """Run until the plan's end, SIGTERM or Ctrl-C; what was begun is in the log either way."""
    clock = WallClock()
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, this.cancel)

    def controls(journal: Journal) -> RouterControls:
        return RouterControls(
            journal=journal,
            tables=router.tables,
            dual_run=router.dual_run,
            clock=clock,
            measures=RouterMeasures.of(router, database=database, clock=clock),
            way_back=RouterWayBack(router, clock=clock, journal=journal),
        )

    work: asyncio.Task[None] | None = None
    try:
        await router.start(table)
        if proposal(await router.journal.steps(order.run_id)) is None:
            await _refuse_moved(order.plan, router)
        if embedded:
            work = asyncio.create_task(router.work(), name="work")
        with View(order.plan, order.run_id, clock=clock, quiet=quiet) as view:
            done = await run_live(order, journal=router.journal, controls=controls, watch=view.show)
        return done, await router.journal.steps(order.run_id)
    except asyncio.CancelledError:
        typer.echo("stopped; start it again to go on", err=True)
        raise typer.Exit(130) from None
    finally:
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await router.aclose()


async def _refuse_moved(plan: Plan, router: Router) -> None:
    """Raise Refused where a wave is in the new ERP already, by the newest table."""
    newest = max((int(row["version"]) for row in await router.journal.tables()), default=1)

    def decide(document: Document) -> Decision:
        return router.tables(document, table_version=newest, lineage=None, pin=None)

    if moved := moved_before(plan, router.landscape, decide):
        raise Refused(
            f"{plan.name}: {plan.target} owns {moved[0]} already, by table {newest}"
            + (f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""),
            mend="take what an earlier plan moved out of the waves",
        )


def _write(out: Path, found: dict[str, Any]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "run.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise BadInput(
            f"{out} can't be written: {error.strerror}", mend="give another folder with --out"
        ) from error


def told(found: dict[str, Any]) -> list[str]:
    """How a run stands, as lines for a terminal."""
    lines = [
        (
            f"{found['run_id']}: {found['state']}; ends about {clipped(found['ends'])},"
            f" {found['spare_minutes']} minutes before the window closes"
        ),
        (
            f"  plan {found['plan']} {found['digest'][:12]}, proposed by {found['by'] or 'nobody yet'},"
            f" approved by {', '.join(row['by'] for row in found['approved_by']) or 'nobody'}"
        ),
    ]
    lines += [
        f"  HELD by {row['by']} since {clipped(row['since'])}{' before ' + row['step'] if row['step'] else ''}"
        f"{': ' + in_a_line(row['why']) if row['why'] else ''}"
        for row in found["holds"]
    ]
    for row in found["steps"]:
        took = f"{row['minutes']} of {row['planned_minutes']} min" if row["minutes"] is not None else ""
        began = f"since {clipped(row['started'])}" if row["state"] == "running" else ""
        said = [took, began, row["waits_for"] and f"waits for {row['waits_for']}", in_a_line(row["why"])]
        lines.append(f"  {row['state']:<9} {row['id']:<24} " + "; ".join(part for part in said if part))
    return lines


def clipped(instant: str) -> str:
    """An instant to the second."""
    return instant[:19].replace("T", " ") + "Z"


def stands(plan: Plan, run_id: str, rows: Sequence[Row]) -> dict[str, Any]:
    """How a run stands now."""
    return standing(plan, run_id, rows, now=WallClock().now())
