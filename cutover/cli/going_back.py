"""`coexist rehearse --roll-back-after every`: the plan turned back after each of its steps, in processes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import orjson
import typer

from cutover.collecting import collect_rarely
from cutover.progress import Meter
from cutover.rehearsal.options import make_options
from cutover.rehearsal.rehearse import rehearse_quietly
from cutover.rehearsal.turned_back import row_of

EVERY = "every"


def after_every_step(
    given: Mapping[str, Any], *, seed: int, command: str, jobs: int | None, as_json: bool
) -> int:
    """Rehearse the plan once a step, turned back after it; prints a table and returns the exit code."""
    steps = [step.id for step in make_options(seed=seed, command=command, **_without(given)).plan.order()]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(jobs or os.cpu_count() or 1) as pool, Meter(enabled=not as_json) as meter:
        tasks = [
            pool.submit(_one, _without(given) | {"roll_back_after": step}, seed, command) for step in steps
        ]
        for at, task in enumerate(tasks, start=1):
            rows.append(task.result())
            meter.show("rollbacks", at, len(tasks))
    told = {"seed": seed, "steps": len(rows), "good": sum(row["good"] for row in rows), "rows": rows}
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2) if as_json else shown(rows))
    if any(row["violated"] for row in rows):
        return 3
    return 0 if all(row["good"] for row in rows) else 1


def shown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table for a terminal."""
    wide = max(len(str(row["after"])) for row in rows)
    lines = [f"  {'after':<{wide}}  {'verdict':<13}{'armed':>7}{'re-enter':>10}{'stays':>7}{'minutes':>9}"]
    lines += [
        f"  {row['after']:<{wide}}  {row['verdict']:<13}{row['armed']:>7,}{row['re_enter']:>10,}"
        f"{row['stays']:>7,}{row['minutes']:>9,}" + ("" if row["good"] else f"  {row['because']}")
        for row in rows
    ]
    good = sum(row["good"] for row in rows)
    return "\n".join([f"{good} of {len(rows)} ways back end with both ERPs reconciled", *lines])


def _without(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "roll_back_after"}


def _one(given: dict[str, Any], seed: int, command: str) -> dict[str, Any]:
    collect_rarely()
    return row_of(rehearse_quietly(make_options(seed=seed, command=command, **given)))
