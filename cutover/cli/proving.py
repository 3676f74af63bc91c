"""`coexist cutover prove` and `coexist rehearse --prove`: the control runs, in processes of their own."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated, Any

import orjson
import structlog
import typer

from cutover.collecting import collect_rarely
from cutover.progress import Meter
from cutover.proving.proving import as_report, names, prove

MISSED = 3
"""Exit code: what finds nothing proves nothing, so a bug that is missed is as bad as a violated invariant."""


def prove_command(
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes; one a processor when not given.")] = (
        os.cpu_count() or 1
    ),
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Plant one known bug after another in the router and the gates: each must be caught by the right check.

    Rehearses a tiny cutover for each. Exit code 0: all were caught; 3: one was not.

    Example: coexist cutover prove
    """
    rows = control_runs(jobs=jobs, quiet=as_json)
    report = as_report(rows)
    if as_json:
        timed = {**report, "rows": [dict(row) for row in rows]}
        typer.echo(orjson.dumps(timed, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    else:
        typer.echo(shown(report, rows))
    raise typer.Exit(MISSED if report["missed"] else 0)


def control_runs(*, jobs: int | None = None, quiet: bool = False) -> list[dict[str, Any]]:
    """Every control run with its wall seconds, in the order of the list."""
    wanted, rows = names(), []
    with ProcessPoolExecutor(jobs or os.cpu_count() or 1) as pool, Meter(enabled=not quiet) as meter:
        for at, row in enumerate(pool.map(_timed, wanted), start=1):
            rows.append(row)
            meter.show("control runs", at, len(wanted))
    return rows


def shown(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The control runs for a terminal."""
    wide = max(len(str(row["name"])) for row in rows)
    told = [
        f"  {'caught' if row['caught'] else 'MISSED':<7} {row['name']:<{wide}}  {row['seconds']:>5.1f} s"
        f"  {row['must_catch']}: {row['said']}"
        for row in rows
    ]
    verdict = "MISSED " + ", ".join(report["missed"]) if report["missed"] else "every one was caught"
    return "\n".join([*told, f"Control runs: {report['total']}, {verdict}"])


def _timed(name: str) -> dict[str, Any]:
    collect_rarely()
    # A router with a bug complains by the dozen, on the standard output that --json is printed to.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with Meter(enabled=False) as meter:
        row = prove(name)
    return {**row, "seconds": round(meter.seconds, 1)}
