"""`coexist cutover …`: everything about a plan besides rehearsing it. Each command stands in a file of its own."""

from __future__ import annotations

import typer

from cutover.cli.draining import drain_command
from cutover.cli.gating import gate_command, gates_command
from cutover.cli.live import run_command
from cutover.cli.planning import check_command, plan_command, plans_command
from cutover.cli.proving import prove_command
from cutover.cli.rollback import rollback_command
from cutover.cli.runbooks import report_command, runbook_command
from cutover.cli.saying import (
    approve_command,
    done_command,
    fail_command,
    hold_command,
    status_command,
    unhold_command,
)

app = typer.Typer(
    name="cutover",
    help="Plan, prove, run and roll back a cutover.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("plan")(plan_command)
app.command("check")(check_command)
app.command("plans")(plans_command)
app.command("runbook")(runbook_command)
app.command("report")(report_command)
app.command("drain")(drain_command)
app.command("gate")(gate_command)
app.command("gates")(gates_command)
app.command("prove")(prove_command)
app.command("run")(run_command)
app.command("status")(status_command)
app.command("approve")(approve_command)
app.command("hold")(hold_command)
app.command("unhold")(unhold_command)
app.command("done")(done_command)
app.command("fail")(fail_command)
app.command("rollback")(rollback_command)
