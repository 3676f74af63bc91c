"""`coexist rehearse --runs`: many seeds of one plan, and what they say about it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import typer

import cutover
import router
import simulators
from cutover.cli.folders import ready
from cutover.montecarlo.changes import changes_of
from cutover.montecarlo.page import render_many
from cutover.montecarlo.runs import jobs_of, kept_rows, run_seeds
from cutover.montecarlo.sensitivity import compare, not_made, ranked
from cutover.montecarlo.summary import summarise
from cutover.montecarlo.worker import Rehearsing
from cutover.progress import Meter
from cutover.rehearsal.options import Options
from router.errors import Refused

SENSITIVITY = 20
"""Pairs a change by default: enough to see a difference of a quarter of the window, in a third of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for: the seeds, the processes, the pairs a change, where it goes."""

    seed: int
    runs: int
    jobs: int | None = None
    sensitivity: int | None = None
    out: Path | None = None
    as_json: bool = False

    @property
    def pairs(self) -> int:
        """Pairs a change; few runs are not worth comparing unless asked for."""
        if self.sensitivity is None:
            return SENSITIVITY if self.runs >= SENSITIVITY else 0
        return min(self.sensitivity, self.runs)


def many(task: Rehearsing, asked: Asked) -> int:
    """Rehearse all seeds and say what they show; the exit code. Raises BadInput and BadConfig before any run."""
    options = task.options(asked.seed)
    header = header_of(options, task)
    out = asked.out or Path("out/runs") / f"{options.plan.name}-{_digest(header)[:8]}"
    ready(out, ("montecarlo.json", "montecarlo.html"))
    with Meter(enabled=not asked.as_json) as meter:
        base, took = _rows(out, "runs.jsonl", task, asked, header, meter)
        found, left_out = _changes(out, task, asked, header, meter, base, options)
    told = {
        "first_seed": asked.seed,
        "plan": _plan(options),
        "options": options_row(options, task),
        **summarise(base, options.plan),
        "sensitivity": {"pairs": asked.pairs, "changes": found, "not_made": left_out},
        "reproduce": _again(task, asked),
    }
    (out / "montecarlo.json").write_bytes(_bytes(told))
    (out / "montecarlo.html").write_text(render_many(told), encoding="utf-8")
    if asked.as_json:
        sys.stdout.buffer.write(_bytes(told))
    else:
        typer.echo(says(told, out, took, meter.seconds))
    return exit_code(base)


def _bytes(told: Mapping[str, Any]) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def exit_code(rows: Sequence[Mapping[str, Any]]) -> int:
    """3 when an invariant was violated or a run did not end, 0 when all are go, else 1."""
    if any(row["verdict"] in ("broken", "died") or row["violated"] for row in rows):
        return 3
    return 0 if all(row["verdict"] == "go" for row in rows) else 1


def _rows(
    out: Path,
    name: str,
    task: Rehearsing,
    asked: Asked,
    header: Mapping[str, Any],
    meter: Meter,
    *,
    count: int = 0,
) -> tuple[list[dict[str, Any]], list[float]]:
    """The rows of the first `count` (0: all) seeds, those of before among them, and what each new one took."""
    seeds = range(asked.seed, asked.seed + (count or asked.runs))
    took: list[float] = []
    began = meter.seconds
    with kept_rows(out / name, header) as (known, keep):
        left = [seed for seed in seeds if seed not in known]

        def on_row(row: Mapping[str, Any], seconds: float) -> None:
            keep(row, seconds)
            took.append(seconds)
            to_go = (meter.seconds - began) / len(took) * (len(left) - len(took))
            what = name.removesuffix(".jsonl").replace("runs-", "")
            meter.show(f"{what}, about {to_go / 60:.1f} min to go", len(took), len(left))
            if row["verdict"] in ("broken", "died"):
                sys.stderr.write(f"  seed {row['seed']}: {row['because'][0]}\n")

        fresh = {row["seed"]: row for row in run_seeds(left, task, jobs=jobs_of(asked.jobs), on_row=on_row)}
    return [fresh.get(seed) or known[seed] for seed in seeds], took


def _changes(
    out: Path, task: Rehearsing, asked: Asked, header: Mapping[str, Any], meter: Meter,
    base: Sequence[Mapping[str, Any]], options: Options,
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:  # fmt: skip
    found: list[dict[str, Any]] = []
    left_out: list[dict[str, str]] = []
    if not asked.pairs:
        return found, left_out
    for change in changes_of({"from": options.plan.source, "to": options.plan.target}):
        other = Rehearsing(given=task.given | {"change": change.name}, command=task.command)
        try:
            other.options(asked.seed)
        except Refused as error:
            left_out.append(not_made(change.name, change.says, error.message))
            continue
        rows, _ = _rows(
            out, f"runs-{change.name}.jsonl", other, asked, {**header, "change": change.name}, meter,
            count=asked.pairs,
        )  # fmt: skip
        found.append(compare(change.name, change.says, base[: asked.pairs], rows))
    return ranked(found), left_out


def header_of(options: Options, task: Rehearsing) -> dict[str, str]:
    """What rows are of: another plan, other options or another program give other rows."""
    given = {name: str(value) for name, value in sorted(task.given.items()) if name != "plan" and value}
    return {
        "plan": options.plan.digest(),
        "landscape": _digest(options.landscape_data),
        "routes": hashlib.sha256(options.routes.encode()).hexdigest(),
        "options": _digest(given),
        "program": program_digest(),
    }


def program_digest() -> str:
    """SHA-256 over the program's source: rows of yesterday's program say nothing about today's."""
    found = hashlib.sha256()
    for package in (cutover, router, simulators):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            found.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()


def _plan(options: Options) -> dict[str, Any]:
    plan = options.plan
    return {
        "name": plan.name, "version": plan.version, "title": plan.title, "digest": plan.digest(),
        "start": plan.start.isoformat(), "end": plan.end.isoformat(), "from": plan.source, "to": plan.target,
        "opens": plan.window.opens.isoformat(), "closes": plan.window.closes.isoformat(),
    }  # fmt: skip


def options_row(options: Options, task: Rehearsing) -> dict[str, Any]:
    """What all runs have in common; faults and crashes only where they are not drawn."""
    row = options.as_row()
    if task.given.get("chaos"):
        row |= {"faults": "drawn from each seed", "crashes": "drawn from each seed"}
    return row


def _again(task: Rehearsing, asked: Asked) -> str:
    words = task.command.replace("{seed}", str(asked.seed)) + f" --runs {asked.runs}"
    if asked.sensitivity is not None:
        words += f" --sensitivity {asked.sensitivity}"
    return words


def says(told: Mapping[str, Any], out: Path, took: Sequence[float], seconds: float) -> str:
    """The answer and where the rest is, for a terminal."""
    fits, ends = told["fits"], told["ends"]
    lines = [
        (
            f"{told['runs']} runs: the plan fits its window in {fits['count']} of {fits['of']},"
            f" {fits['percent']}% (95%: {fits['low']}% to {fits['high']}%)"
        ),
        "  verdicts: " + ", ".join(f"{count} {name}" for name, count in told["verdicts"].items()),
    ]
    if ends["p50"]:
        lines.append(
            f"  ends: P50 {ends['p50'][:16]}Z, P90 {ends['p90'][:16]}Z, the window closes {ends['closes'][:16]}Z"
            + (f" (of the {ends['through']} runs that got through)" if ends["stopped"] else "")
        )
    lines.append(f"  bottleneck: {told['bottleneck']['says']}")
    lines += [
        f"  {one['wave']}: switch by {one['switch_by'][:16]}Z, turn back by {one['turn_back_by'][:16]}Z"
        f" ({one['rests_on']})"
        for one in told["decide"]
    ]
    lines += [
        f"  step {one['id']} failed in {one['chance']['percent']}%: {one['why']}"
        for one in told["failing_steps"][:3]
    ]
    lines += [f"  {one['sentence']}" for one in told["sensitivity"]["changes"]]
    for row in told["failures"]["rows"][:5]:
        lines.append(f"  seed {row['seed']} {row['verdict']}: {'; '.join(row['because'][:2])}")
        lines.append(f"    again: {row['reproduce']}")
    if took:
        lines.append(f"A run took {sum(took) / len(took):.1f} s of one process, all {seconds:.0f} s")
    lines.append(
        f"Report:  {out / 'montecarlo.html'}  (data: {out / 'montecarlo.json'}, rows: {out / 'runs.jsonl'})"
    )
    lines.append(f"Again:   {told['reproduce']}")
    return "\n".join(lines)
