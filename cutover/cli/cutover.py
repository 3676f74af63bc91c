"""`coexist cutover …`: everything about a plan besides rehearsing it. Each command stands in a file of its own."""

from __future__ import annotations

import typer

from cutover.cli.draining import drain_command
from cutover.cli.gating import gate_command, gates_command
from cutover.cli.proving import prove_command
from cutover.cli.runbooks import report_command, runbook_command

app = typer.Typer(
    name="cutover",
    help="Plan, prove, run and roll back a cutover.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("runbook")(runbook_command)
app.command("report")(report_command)
app.command("drain")(drain_command)
app.command("gate")(gate_command)
app.command("gates")(gates_command)
app.command("prove")(prove_command)
