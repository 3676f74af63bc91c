"""`coexist rehearse`: the whole weekend in seconds."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.cli import proving
from cutover.cli.calendars import forbidden
from cutover.cli.folders import ready
from cutover.cli.going_back import EVERY, after_every_step
from cutover.cli.many import Asked, many
from cutover.collecting import collect_rarely
from cutover.montecarlo.worker import Rehearsing
from cutover.progress import Meter
from cutover.proving.proving import as_report
from cutover.rehearsal.options import Options, make_options
from cutover.rehearsal.rehearse import rehearse
from cutover.report.html import render
from router.errors import BadInput

EXIT = {"go": 0, "rolled-back": 0, "no-go": 1, "inconclusive": 1}


Seeds = Annotated[
    int,
    typer.Option(
        min=1, max=10_000, help="Rehearse this many seeds, from --seed on, and judge the plan by all."
    ),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes for --runs; one a core when not given.")
]
Pairs = Annotated[
    int | None,
    typer.Option(
        min=0, max=10_000, help="With --runs: seeds rehearsed again with each change (20; 0 turns it off)."
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="What if: path=value in plan or landscape, like netsuite.concurrency=30. Repeatable."
    ),
]
Chaos = Annotated[
    bool,
    typer.Option(
        "--chaos", help="Draw faults of every kind and crashes from the seed, instead of the plan's."
    ),
]
ControlRuns = Annotated[
    int,
    typer.Option(
        min=0, max=100, help="Runs with the legacy ERP in both places first: which fields differ in itself."
    ),
]
RollBackAfter = Annotated[
    str | None,
    typer.Option(
        help="Turn back after this step, go on with the old ERP and compare both; `every`: after each in turn."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="The folder for reports and journal; out/rehearsal, with --runs one in out/runs."),
]


def rehearse_command(
    plan: Annotated[
        Path | None, typer.Argument(help="A plan (YAML). Without one: the default weekend.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same report, byte for byte.")] = 7,
    runs: Seeds = 1,
    jobs: Jobs = None,
    sensitivity: Pairs = None,
    settings: Sets = None,
    chaos: Chaos = False,
    size: Annotated[
        str | None, typer.Option(help="small, default or large; the plan's own when not given.")
    ] = None,
    landscape: Annotated[Path | None, typer.Option(help="A landscape (YAML).")] = None,
    routes: Annotated[Path | None, typer.Option(help="The route table to start from (YAML).")] = None,
    extracts: Annotated[
        Path | None, typer.Option(help="A folder of your own CSV extracts with mapping.yaml.")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="Faults (YAML: system → list) instead of the plan's.")
    ] = None,
    control_runs: ControlRuns = 0,
    roll_back_after: RollBackAfter = None,
    with_hooks: Annotated[
        bool, typer.Option("--with-hooks", help="Ask the plan's hooks too, in mode `rehearsal`.")
    ] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Make the control runs too: known bugs that must be caught.")
    ] = False,
    out: Out = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report's JSON instead of the summary.")
    ] = False,
) -> None:
    """Rehearse a cutover plan in virtual time, with the code that runs in production.

    Examples: coexist rehearse --seed 7;  coexist rehearse my-plan.yaml --extracts exports/ --out out/mine;
    coexist rehearse my-plan.yaml --runs 200 --set netsuite.concurrency=30;
    coexist rehearse my-plan.yaml --roll-back-after emea-release
    """
    collect_rarely()
    given: dict[str, Any] = {
        "plan": plan, "landscape": landscape, "routes": routes, "extracts": extracts, "faults": faults, "size": size,
        "control_runs": control_runs or None, "settings": tuple(settings or ()), "chaos": chaos,
        "roll_back_after": roll_back_after,
    }  # fmt: skip
    if with_hooks and (runs > 1 or roll_back_after == EVERY):
        raise BadInput("--with-hooks goes with one rehearsal", mend="leave it out, or the many runs")
    if roll_back_after == EVERY:
        if runs > 1 or prove:
            raise BadInput("--roll-back-after every goes with one seed", mend="leave --runs and --prove out")
        if out is not None:
            raise BadInput(
                "--roll-back-after every writes no report", mend="leave --out out; --json prints it"
            )
        raise typer.Exit(
            after_every_step(given, seed=seed, command=_command(given, seed), jobs=jobs, as_json=as_json)
        )
    if runs > 1:
        if prove:
            raise BadInput("--prove goes with one rehearsal", mend="leave --runs or --prove out")
        task = Rehearsing(given=given, command=_command(given, "{seed}"))
        asked = Asked(seed=seed, runs=runs, jobs=jobs, sensitivity=sensitivity, out=out, as_json=as_json)
        raise typer.Exit(many(task, asked))
    options = make_options(seed=seed, command=_command(given, seed), **given)
    if with_hooks:
        options = replace(options, with_hooks=True, command=f"{options.command} --with-hooks")
    _one(options, out or Path("out/rehearsal"), prove=prove, as_json=as_json)


def _one(options: Options, out: Path, *, prove: bool, as_json: bool) -> None:
    """One rehearsal with everything it leaves; exits as its verdict says."""
    ready(out, ("journal.sqlite", "report.json", "report.html"))
    if not as_json:
        typer.echo(_announce(options))
    with Meter(enabled=not as_json) as meter:
        done = rehearse(options, journal=out / "journal.sqlite", progress=meter.show)
    report = done.report
    if prove:
        runs_made = as_report(proving.control_runs(quiet=as_json))
        report = {**report, "control_runs": runs_made, "reproduce": f"{report['reproduce']} --prove"}
    (out / "report.json").write_bytes(to_bytes(report))
    (out / "report.html").write_text(render(report), encoding="utf-8")
    typer.echo(to_bytes(report) if as_json else summary(report, out, meter.seconds))
    raise typer.Exit(_exit(report))


def to_bytes(report: Mapping[str, Any]) -> bytes:
    """`report.json` as written: sorted keys, so that order of construction can't show."""
    return orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _exit(report: Mapping[str, Any]) -> int:
    missed = report.get("control_runs", {}).get("missed")
    violated = any(not row["held"] for row in report["invariants"])
    return 3 if violated or missed else EXIT[report["verdict"]]


def _command(given: Mapping[str, Any], seed: int | str) -> str:
    words = ["coexist", "rehearse"]
    if given["plan"] is not None:
        words.append(str(given["plan"]))
    words += ["--seed", str(seed)]
    for name, value in given.items():
        if name not in ("plan", "settings", "chaos") and value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    for setting in given.get("settings", ()):
        words += ["--set", setting]
    words += ["--chaos"] if given.get("chaos") else []
    return shlex.join(words).replace("'{seed}'", "{seed}")


def _announce(options: Options) -> str:
    row = options.as_row()
    faults = [f"{name}: {fault['name']}" for name, rows in row["faults"].items() for fault in rows]
    source = f"extracts {row['extracts']}" if row["extracts"] else f"fictional firm, size {row['size']}"
    return "\n".join(
        [
            f"Rehearsing {options.plan.name} with seed {options.seed} ({source})",
            f"  faults:  {'; '.join(faults) or 'none'}",
            f"  crashes: {', '.join(row['crashes']) or 'none'}",
            *(f"  set:     {setting}" for setting in options.settings),
            *forbidden(options.plan, options.landscape),
        ]
    )


def summary(report: Mapping[str, Any], out: Path, seconds: float) -> str:
    """The verdict and where the rest is, for a terminal."""
    counts = report["transactions"]
    states = ", ".join(f"{count:,} {state}" for state, count in counts["by_state"].items())
    held = sum(row["held"] for row in report["invariants"])
    breaks = sum(row["breaks"] for row in report["differences"])
    unexplained = sum(row["unexplained"] for row in report["differences"])
    return "\n".join(
        [
            f"Verdict: {report['verdict'].upper()}",
            *(f"  - {reason}" for reason in report["because"]),
            f"  {counts['total']:,} transactions ({states}), {counts['deliveries']:,} deliveries in {seconds:.1f} s",
            f"  invariants: {held} of {len(report['invariants'])} held",
            f"  dual run: {breaks:,} differences, {unexplained:,} without a cause",
            *([f"  noise floor: {report['noise']['says']}"] if "noise" in report else []),
            *_proven(report),
            f"Report:  {out / 'report.html'}  (data: {out / 'report.json'}, journal: {out / 'journal.sqlite'})",
            f"Again:   {report['reproduce']}",
        ]
    )


def _proven(report: Mapping[str, Any]) -> list[str]:
    if "control_runs" not in report:
        return []
    part = report["control_runs"]
    missed = f", MISSED: {', '.join(part['missed'])}" if part["missed"] else ""
    return [f"  control runs: {part['caught']} of {part['total']} as they must be{missed}"]
