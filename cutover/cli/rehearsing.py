"""`coexist rehearse`: the whole weekend in seconds."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.cli import proving
from cutover.collecting import collect_rarely
from cutover.progress import Meter
from cutover.proving.proving import as_report
from cutover.rehearsal.options import Options, make_options
from cutover.rehearsal.rehearse import rehearse, rehearse_quietly
from cutover.report.html import render
from router.errors import BadInput

EXIT = {"go": 0, "no-go": 1, "inconclusive": 1}


def rehearse_command(
    plan: Annotated[
        Path | None, typer.Argument(help="A plan (YAML). Without one: the default weekend.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same report, byte for byte.")] = 7,
    runs: Annotated[
        int, typer.Option(min=1, max=10_000, help="Rehearse this many seeds, from --seed on.")
    ] = 1,
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
    control_runs: Annotated[
        int,
        typer.Option(
            min=0,
            max=100,
            help="Runs with the legacy ERP in both places first: which fields differ in itself.",
        ),
    ] = 0,
    prove: Annotated[
        bool, typer.Option("--prove", help="Make the control runs too: known bugs that must be caught.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Where report.html, report.json and journal.sqlite go.")] = Path(
        "out/rehearsal"
    ),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report's JSON instead of the summary.")
    ] = False,
) -> None:
    """Rehearse a cutover plan in virtual time, with the code that runs in production.

    Examples: coexist rehearse --seed 7;  coexist rehearse my-plan.yaml --extracts exports/ --out out/mine
    """
    collect_rarely()
    given: dict[str, Any] = {
        "plan": plan, "landscape": landscape, "routes": routes, "extracts": extracts, "faults": faults, "size": size,
        "control_runs": control_runs or None,
    }  # fmt: skip
    command = _command(given, seed)
    options = make_options(seed=seed, command=command, **given)
    if runs > 1:
        _many(options, given, seed, runs, as_json=as_json)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{out} can't be made: {error.strerror}", mend="give another folder with --out"
        ) from error
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


def _command(given: Mapping[str, Any], seed: int) -> str:
    words = ["coexist", "rehearse"]
    if given["plan"] is not None:
        words.append(str(given["plan"]))
    words += ["--seed", str(seed)]
    for name, value in given.items():
        if name != "plan" and value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _announce(options: Options) -> str:
    row = options.as_row()
    faults = [f"{name}: {fault['name']}" for name, rows in row["faults"].items() for fault in rows]
    source = f"extracts {row['extracts']}" if row["extracts"] else f"fictional firm, size {row['size']}"
    return "\n".join(
        [
            f"Rehearsing {options.plan.name} with seed {options.seed} ({source})",
            f"  faults:  {'; '.join(faults) or 'none'}",
            f"  crashes: {', '.join(row['crashes']) or 'none'}",
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


def _many(options: Options, given: Mapping[str, Any], seed: int, runs: int, *, as_json: bool) -> None:
    """Several seeds in processes of their own; says how the verdicts are spread."""
    del options
    verdicts: Counter[str] = Counter()
    spare: list[int] = []
    broken = 0
    with ProcessPoolExecutor() as pool, Meter(enabled=not as_json) as meter:
        jobs = [pool.submit(_one_seed, dict(given), seed + at) for at in range(runs)]
        for at, job in enumerate(jobs, start=1):
            row = job.result()
            verdicts[row["verdict"]] += 1
            broken += row["violated"]
            if row["spare_minutes"] is not None:
                spare.append(row["spare_minutes"])
            meter.show("seeds", at, runs)
    spare.sort()
    told = {
        "runs": runs,
        "first_seed": seed,
        "verdicts": dict(sorted(verdicts.items())),
        "spare_minutes": {"least": spare[0], "median": spare[len(spare) // 2]} if spare else None,
        "runs_with_a_violated_invariant": broken,
    }
    if as_json:
        sys.stdout.buffer.write(to_bytes(told))
    else:
        typer.echo("\n".join(f"{name}: {value}" for name, value in told.items()))
    raise typer.Exit(3 if broken else 0 if set(verdicts) == {"go"} else 1)


def _one_seed(given: dict[str, Any], seed: int) -> dict[str, Any]:
    collect_rarely()
    report = rehearse_quietly(make_options(seed=seed, command=_command(given, seed), **given))
    return {
        "verdict": report["verdict"],
        "spare_minutes": report["window"]["spare_minutes"],
        "violated": int(any(not row["held"] for row in report["invariants"])),
    }
