"""`coexist exceptions`: the queues of a journal, one exception with its guidance, bulk replay."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer
from rich.console import Console
from rich.table import Table

from cutover.cli.journal import DEFAULT, AsJson, Database, read_facts_exist
from cutover.cli.opened import opened
from router.errors import BadInput
from router.ingest.exceptions_api import filter_of

app = typer.Typer(
    help="What waits for a person: list it, see how to mend it, send it again.", no_args_is_help=True
)
Places = Annotated[Path | None, typer.Option("--landscape", help="A landscape (YAML); else the default one.")]
Queue = Annotated[str | None, typer.Option(help="finance-operations, pmo or integration-support.")]
Class = Annotated[str | None, typer.Option("--class", help="technical or business.")]
Type = Annotated[str | None, typer.Option("--type", help="A type of the catalogue, such as period-closed.")]
Severity = Annotated[str | None, typer.Option(help="low, medium, high or critical.")]
Entity = Annotated[str | None, typer.Option(help="A legal entity.")]
State = Annotated[str | None, typer.Option(help="open, assigned, resolved, all; or parked, refused, dead.")]
WIDE = 160
"""Columns of a table that goes to a file or a pipe."""
STYLES: Mapping[str, str] = {"critical": "bold red", "high": "red", "medium": "yellow", "low": ""}


@app.command("list")
def list_command(
    database: Database = DEFAULT,
    queue: Queue = None,
    nature: Class = None,
    kind: Type = None,
    severity: Severity = None,
    entity: Entity = None,
    state: State = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50,
    after: Annotated[str | None, typer.Option(help="Go on behind this place (`next` of a page).")] = None,
    landscape: Places = None,
    as_json: AsJson = False,
) -> None:
    """List exceptions, oldest first, with totals by queue; exits 1 when there are any.

    Example: coexist exceptions list --queue pmo --database sqlite:///out/rehearsal/journal.sqlite
    """
    read_facts_exist(database)
    wanted = filter_of(
        _given(queue=queue, type=kind, severity=severity, entity=entity, state=state, **{"class": nature})
    )

    async def main() -> dict[str, Any]:
        async with opened(database, landscape) as router:
            return await router.desk.listed(wanted, limit=limit, after=after)

    found = asyncio.run(main())
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        _show(found)
    raise typer.Exit(1 if found["total"] else 0)


@app.command("show")
def show_command(
    exception: Annotated[str, typer.Argument(help="An exception's id, as the list shows it.")],
    database: Database = DEFAULT,
    landscape: Places = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with one, where to mend it and how.

    Example: coexist exceptions show T000000000042
    """
    read_facts_exist(database)

    async def main() -> dict[str, Any]:
        async with opened(database, landscape) as router:
            return await router.desk.shown(exception)

    found = asyncio.run(main())
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2) if as_json else "\n".join(told(found)))


@app.command("replay")
def replay_command(
    by: Annotated[str, typer.Option(help="Who asks for it.")],
    why: Annotated[str, typer.Option(help="What was mended.")],
    ids: Annotated[
        list[str] | None, typer.Argument(help="Exceptions; none: all that the options mean.")
    ] = None,
    database: Database = DEFAULT,
    queue: Queue = None,
    nature: Class = None,
    kind: Type = None,
    severity: Severity = None,
    entity: Entity = None,
    send: Annotated[bool, typer.Option("--send", help="Do it; without this it is only tried out.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Route again by the table in force.")] = False,
    mapping: Annotated[str, typer.Option(help="newest, or day: the mapping version of its day.")] = "newest",
    landscape: Places = None,
    as_json: AsJson = False,
) -> None:
    """Send exceptions again in bulk; without --send say of each what would happen.

    Example: coexist exceptions replay --type project-unknown --by ann --why "projects sent" --send
    """
    read_facts_exist(database)
    given = _given(queue=queue, type=kind, severity=severity, entity=entity, ids=ids, **{"class": nature})
    if not given:
        raise BadInput(
            "nothing says which", mend="give ids, or one of --queue, --class, --type, --severity, --entity"
        )
    if mapping not in ("newest", "day"):
        raise BadInput(f"--mapping {mapping[:20]!r} is neither newest nor day")
    chosen: Literal["newest", "day"] = "day" if mapping == "day" else "newest"

    async def main() -> dict[str, Any]:
        async with opened(database, landscape) as router:
            return await router.remedies.replay(
                filter_of(given),
                dry_run=not send,
                by=by,
                why=why,
                mapping=chosen,
                route="again" if again else "pinned",
            )

    done = asyncio.run(main())
    if as_json:
        typer.echo(orjson.dumps(done, option=orjson.OPT_INDENT_2))
    else:
        for item in done["items"]:
            typer.echo(f"{item['id']}  {item['type']}: would {item['would']} — {item['why']}")
        count = done["replayed"] if send else done["would_go_on"]
        typer.echo(
            f"{count} of {done['chosen']} {'will be sent again' if send else 'would go on; --send does it'}"
        )
    raise typer.Exit(0 if (done["replayed"] if send else done["would_go_on"]) == done["chosen"] else 1)


def _given(**named: Any) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value}


def _show(found: Mapping[str, Any]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    totals = Table("Queue", "Waiting", "Over SLA", "Oldest", "Money")
    for row in found["totals"].values():
        money = ", ".join(f"{amount} {currency}" for currency, amount in row["money"].items())
        totals.add_row(
            row["owner"], f"{row['count']:,}", f"{row['over_sla']:,}", (row["oldest"] or "")[:16], money
        )
    console.print(totals)
    if not found["exceptions"]:
        return
    rows = Table("Id", "Severity", "Type", "What", "Entity", "Amount", "Due", "Whose")
    for row in found["exceptions"]:
        rows.add_row(
            row["id"], row["severity"], row["type"], f"{row['kind']} {row['about'] or ''}", row["legal_entity"],
            f"{row['amount'] or ''} {row['currency']}".strip(), row["due_at"][:16] + (" late" if row["over_sla"] else ""),
            row["assigned_to"] or row["owner"], style=STYLES[row["severity"]],
        )  # fmt: skip
    console.print(rows)
    if found["next"]:
        console.print(f"More: --after {found['next']}", markup=False)


def told(found: Mapping[str, Any]) -> list[str]:
    """One exception as lines for a terminal."""
    guidance = found["guidance"]
    lines = [
        f"{found['id']}  {guidance['title']}",
        f"  {found['severity']}, {found['class']}, {found['owner']}; {found['case']}"
        + (f" to {found['assigned_to']}" if found["assigned_to"] else ""),
        f"  since {found['since'][:16]} ({found['age_hours']} h), due {found['due_at'][:16]}"
        + (", overdue" if found["over_sla"] else ""),
        f"  Wrong:   {guidance['what_is_wrong']}",
        f"  Where:   {guidance['system']} — {guidance['field']}",
        f"  Mend:    {guidance['mend']}",
        f"  Example: {guidance['example']}",
        f"  Replay:  {guidance['replay_in_words']}",
    ]
    lines += [f"  {line['at'][:16]} {line['what']}" for line in found["history"]]
    return lines
