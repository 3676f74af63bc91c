"""`coexist cutover drain`: is a predicted drain time true? Predicted and measured side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from cutover.collecting import collect_rarely
from cutover.drain.check import Compared, check
from cutover.rehearsal.options import make_options


def drain_command(
    plan: Annotated[
        Path | None, typer.Argument(help="A plan (YAML); without one the default weekend.")
    ] = None,
    wave: Annotated[str | None, typer.Option(help="The wave that drains; the plan's first.")] = None,
    deliveries: Annotated[int, typer.Option(min=20, max=100_000, help="How much work it holds.")] = 3_000,
    tolerance: Annotated[int, typer.Option(min=1, max=100, help="Per cent they may be apart.")] = 15,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    size: Annotated[str, typer.Option(help="Size of the firm whose projects it spreads over.")] = "small",
    landscape: Annotated[Path | None, typer.Option(help="A landscape (YAML).")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Predict how long a wave drains after its release, then measure it on real sockets.

    Starts `coexist simulate` and `coexist serve` on free ports, holds the work, releases it at once, and takes the
    times from both journals. Exit code 0: within the tolerance; 1: not. Takes a minute or two.

    Example: coexist cutover drain --wave emea --deliveries 3000
    """
    collect_rarely()
    options = make_options(
        seed=seed, command="coexist cutover drain", plan=plan, landscape=landscape, size=size
    )

    def say(what: str) -> None:
        if not as_json:
            typer.echo(f"  {what}", err=True)

    found = check(
        options,
        wave or options.plan.waves[0].id,
        deliveries=deliveries,
        tolerance_percent=tolerance,
        say=say,
    )
    typer.echo(orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2) if as_json else shown(found))
    raise typer.Exit(0 if found.agrees else 1)


def shown(found: Compared) -> str:
    """The comparison for a terminal."""
    told = found.to_json()
    rows = [
        f"  {row['percent']:>7}%  {row['predicted_s']:>9.1f} s  {row['measured_s']:>9.1f} s"
        for row in told["curve"]
    ]
    apart = f"{told['apart_percent']:+.1f}% (tolerance {found.tolerance_percent}%)"
    verdict = "AGREES" if found.agrees else "DISAGREES"
    return "\n".join(
        [
            f"Verdict: {verdict} - {told['deliveries']:,} deliveries of wave {found.wave} to {found.target}",
            f"  predicted {told['predicted_s']:.1f} s, measured {told['measured_s']:.1f} s: {apart}",
            "  drained     predicted     measured",
            *rows,
        ]
    )
