"""`coexist cutover runbook`: the weekend on paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import typer

from cutover.plan.model import Plan
from cutover.plan.reading import read_plan
from cutover.report import html
from cutover.report.actual import with_actual
from cutover.runbook.page import render
from cutover.runbook.rows import run_book
from router.errors import BadConfig, BadInput
from router.landscape import read_landscape

REPORT_BYTES = 200_000_000


def runbook_command(
    plan: Annotated[
        Path | None, typer.Argument(help="A plan (YAML); without one the default weekend.")
    ] = None,
    landscape: Annotated[Path | None, typer.Option(help="A landscape (YAML).")] = None,
    report: Annotated[
        Path | None, typer.Option(help="report.json of a rehearsal: what each step took.")
    ] = None,
    many: Annotated[
        Path | None, typer.Option(help="montecarlo.json of `coexist rehearse --runs N`: nine in ten within.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the times, such as Europe/London.")] = "UTC",
    out: Annotated[Path, typer.Option(help="Where runbook.html and runbook.json go.")] = Path("out/runbook"),
    as_json: Annotated[bool, typer.Option("--json", help="Print runbook.json instead.")] = False,
) -> None:
    """Write a printable run book: every step with owner, time, proof, deadline and room to sign.

    Example: coexist cutover runbook weekend.yaml --report out/rehearsal/report.json --zone Europe/London
    """
    wanted = read_plan(plan, read_landscape(landscape))
    book = run_book(
        wanted,
        zone=_zone(zone),
        report=_read(report, "report.json of a rehearsal", ("steps", "verdict", "plan", "window")),
        many=_of(wanted, _read(many, "montecarlo.json of many rehearsals", ("steps", "fits", "plan"))),
    )
    data = orjson.dumps(book, option=orjson.OPT_INDENT_2) + b"\n"
    if as_json:
        typer.echo(data, nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "runbook.json").write_bytes(data)
        (out / "runbook.html").write_text(render(book), encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"{out} can't be written: {error.strerror}", mend="give another folder with --out"
        ) from error
    typer.echo(f"Run book: {out / 'runbook.html'}  (data: {out / 'runbook.json'})")


def report_command(
    report: Annotated[Path, typer.Argument(help="report.json of a rehearsal.")],
    actual: Annotated[Path, typer.Option(help="run.json of the live run.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("out/cutover.html"),
) -> None:
    """Write the report with planned, rehearsed and actual times of every step side by side.

    Example: coexist cutover report out/rehearsal/report.json --actual out/live/run.json
    """
    rehearsed = _read(report, "report.json of a rehearsal", ("steps", "verdict", "plan", "window"))
    run = _read(actual, "run.json of a live run", ("steps",))
    assert rehearsed is not None
    assert run is not None
    merged = with_actual(rehearsed, run)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(html.render(merged), encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"{out} can't be written: {error.strerror}", mend="give another file with --out"
        ) from error
    if not merged["actual"]["same_plan"]:
        typer.echo("Note: the live run was of another plan than the one rehearsed.", err=True)
    typer.echo(f"Report: {out}")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"there is no time zone {name!r}", mend="use a name such as Europe/London") from error


def _of(plan: Plan, many: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Percentiles of another plan's steps would be read as this one's: refused."""
    if many is not None and many["plan"].get("digest") != plan.digest():
        raise BadInput(
            f"--many is of another plan or version of {plan.name}",
            mend=f"run `coexist rehearse {plan.name} --runs 200` again",
        )
    return many


def _read(path: Path | None, what: str, keys: tuple[str, ...]) -> Mapping[str, Any] | None:
    if path is None:
        return None
    try:
        if path.stat().st_size > REPORT_BYTES:
            raise BadConfig(f"is larger than {REPORT_BYTES} bytes", file=str(path))
        data = orjson.loads(path.read_bytes())
    except OSError as error:
        raise BadConfig(f"can't be read: {error.strerror}", file=str(path)) from error
    except orjson.JSONDecodeError as error:
        raise BadConfig(f"is no JSON: {error}", file=str(path)) from error
    if not isinstance(data, dict) or any(key not in data for key in keys):
        raise BadConfig(f"is no {what}", file=str(path), mend="give the file that `coexist rehearse` wrote")
    return data
