"""The `coexist` command. Every command has `--help` with an example; `--json` where it prints.

Exit codes: 0 good, 1 the answer is no, 2 bad input (one line: file, place, mend), 3 an invariant of
ours was violated.
"""

from __future__ import annotations

import sys

import typer

from cutover.cli import documents, journal, rehearsing, routes, serving
from router.errors import Broken, CoexistError

app = typer.Typer(
    name="coexist",
    help="Route, dual-run and rehearse the months in which a firm runs two ERPs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("rehearse")(rehearsing.rehearse_command)
app.command("example")(documents.example_command)
app.command("schema")(documents.schema_command)
app.add_typer(routes.app, name="route")
app.command("simulate")(serving.simulate_command)
app.command("serve")(serving.serve_command)
app.command("worker")(serving.worker_command)
app.command("trace")(journal.trace_command)
app.command("verify")(journal.verify_command)
app.command("replay")(journal.replay_command)


def main() -> None:
    """Run the command line; errors of ours become one line and an exit code."""
    try:
        app(prog_name="coexist")
    except CoexistError as error:
        sys.stderr.write(f"coexist: {error.one_line()}\n")
        raise SystemExit(3 if isinstance(error, Broken) else 2) from None
    except BrokenPipeError:
        # The reader of our output went away (`coexist … | head`): nothing is wrong.
        sys.stderr.close()
        raise SystemExit(0) from None
