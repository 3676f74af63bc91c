"""The `coexist` command. Every command has `--help` with an example; `--json` where it prints.

Exit codes: 0 good, 1 the answer is no, 2 bad input (one line: file, place, mend), 3 an invariant of
ours was violated.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

from cutover.cli import (
    breaks,
    crosschecks,
    cutover,
    diffing,
    documents,
    exceptions,
    export,
    journal,
    load,
    noise,
    rehearsing,
    repairing,
    routes,
    serving,
)
from router.errors import Broken, CoexistError

_USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
"""A wrong command, option or value. Typer brings a copy of click, so click's own class would not fit."""
app = typer.Typer(
    name="coexist",
    help="Route, dual-run and rehearse the months in which a firm runs two ERPs.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _help(context: typer.Context) -> None:
    """Route, dual-run and rehearse the months in which a firm runs two ERPs.

    Example: coexist rehearse --seed 7
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("rehearse")(rehearsing.rehearse_command)
app.command("diff")(diffing.diff_command)
app.command("crosscheck")(crosschecks.crosscheck_command)
app.command("noise")(noise.noise_command)
app.command("example")(documents.example_command)
app.command("schema")(documents.schema_command)
app.add_typer(routes.app, name="route")
app.add_typer(cutover.app, name="cutover")
app.command("load")(load.load_command)
app.command("simulate")(serving.simulate_command)
app.command("serve")(serving.serve_command)
app.command("worker")(serving.worker_command)
app.command("trace")(journal.trace_command)
app.command("verify")(journal.verify_command)
app.command("replay")(journal.replay_command)
app.add_typer(exceptions.app, name="exceptions")
app.add_typer(breaks.app, name="breaks")
app.add_typer(repairing.app, name="repair")
app.command("export")(export.export_command)
app.command("events")(export.events_command)


def main() -> None:
    """Run the command line; errors of ours become one line and an exit code."""
    try:
        code = _run()
    except CoexistError as error:
        _say(error.one_line())
        raise SystemExit(3 if isinstance(error, Broken) else 2) from None
    except _USAGE_ERROR as error:
        where = error.ctx.command_path if error.ctx else "coexist"
        _say(f"{error.format_message()} — see `{where} --help`")
        raise SystemExit(2) from None
    except (typer.Abort, KeyboardInterrupt):
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of our output went away (`coexist … | head`): nothing is wrong. What is still in the
        # buffer goes nowhere, else Python complains of it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _run() -> Any:
    try:
        code = app(prog_name="coexist", standalone_mode=False)
    except SystemExit as ended:
        # Typer's click makes "exit 1" of a closed pipe; ours raise no SystemExit.
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        raise
    sys.stdout.flush()
    return code


def _say(line: str) -> None:
    sys.stderr.write("coexist: " + " ".join(line.split()) + "\n")
