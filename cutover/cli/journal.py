"""`coexist trace`, `verify`, `replay`: questions to a journal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cutover.checks import check_all, read_facts
from router.clock import WallClock
from router.errors import NotFound
from router.ingest.observations import Observations
from router.ingest.replays import Replays
from router.journal.journal import Journal
from router.landscape import read_landscape
from router.routing.tables import Tables
from router.workflows.directory import Directory
from router.workflows.service import Workflows

Database = Annotated[str, typer.Option(help="The journal: sqlite:///FILE or postgresql+psycopg://…")]
DEFAULT = "sqlite:///coexist.sqlite"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def trace_command(
    what: Annotated[str, typer.Argument(help="A transaction, document or correlation id.")],
    database: Database = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Tell the life of a transaction: what came, what was decided and why, every attempt, what came of it.

    Example: coexist trace B-2610-00001 --database sqlite:///out/rehearsal/journal.sqlite
    """
    read_facts_exist(database)

    async def main() -> list[dict[str, Any]]:
        journal = Journal.open(database, clock=WallClock())
        try:
            found = [await journal.transaction(name) for name in await journal.find(what)]
        finally:
            journal.close()
        return [row for row in found if row is not None]

    rows = asyncio.run(main())
    if not rows:
        raise NotFound(f"the journal has nothing by the name {what!r}")
    for row in rows:
        typer.echo(orjson.dumps(row, option=orjson.OPT_INDENT_2) if as_json else "\n".join(told(row)))


def verify_command(database: Database = DEFAULT, as_json: AsJson = False) -> None:
    """Check the invariants on a journal; exits 3 when one is violated.

    Example: coexist verify --database sqlite:///out/rehearsal/journal.sqlite
    """
    findings = [
        finding for finding in check_all(read_facts(database)) if finding.name != "I7" or finding.checked
    ]
    if as_json:
        typer.echo(orjson.dumps([finding.as_row() for finding in findings], option=orjson.OPT_INDENT_2))
    else:
        for finding in findings:
            typer.echo(
                f"{finding.name} {'held' if finding.held else 'VIOLATED'} ({finding.checked:,} checked): {finding.claim}"
            )
            typer.echo(f"   not checked: {finding.not_checked}")
            for example in finding.examples:
                typer.echo(f"   - {example}")
    raise typer.Exit(0 if all(finding.held for finding in findings) else 3)


def replay_command(
    ids: Annotated[list[str], typer.Argument(help="Transaction ids.")],
    by: Annotated[str, typer.Option(help="Who asks for it.")],
    why: Annotated[str, typer.Option(help="What was mended.")],
    database: Database = DEFAULT,
    again: Annotated[
        bool, typer.Option("--again", help="Route again by the table in force, not to the first ERP.")
    ] = False,
    landscape: Annotated[Path | None, typer.Option(help="A landscape (YAML); else the default one.")] = None,
) -> None:
    """Send dead letters, refused and parked transactions again.

    Example: coexist replay T000000000042 --by ann --why "cost centre mended in SAP"
    """
    read_facts_exist(database)

    async def main() -> int:
        place = read_landscape(landscape)
        tables = Tables(landscape=place)
        journal = Journal.open(database, clock=WallClock(), decide=tables)
        try:
            for row in await journal.tables():
                tables.publish(await journal.table_text(int(row["version"])))
            directory = Directory(journal)
            await directory.load()
            replays = Replays(
                journal=journal,
                observations=Observations(directory=directory, landscape=place),
                workflows=Workflows(landscape=place, journal=journal, directory=directory, connectors={}),
            )
            return await replays.replay(ids, route="again" if again else "pinned", by=by, why=why)
        finally:
            journal.close()

    count = asyncio.run(main())
    typer.echo(f"{count} of {len(ids)} will be sent again")
    raise typer.Exit(0 if count == len(ids) else 1)


def read_facts_exist(database: str) -> None:
    """Refuse a journal that is not there, rather than make an empty one."""
    path = database.removeprefix("sqlite:///")
    if path != database and not Path(path).exists():
        raise NotFound(f"there is no journal {path}", mend="give one with --database")


def told(row: dict[str, Any]) -> list[str]:
    """A transaction as lines for a terminal."""
    lines = [f"{row['transaction_id']}  {row['kind']} {row['document_id']}  {row['state']}"]
    lines.append(f"  accepted {row['accepted_at']} from {row['source']} ({row['client']})")
    lines += [f"  decided  {one['at']} epoch {one['epoch']}: {one['why']}" for one in row["decisions"]]
    for job in row["jobs"]:
        lines.append(f"  {job['role']:<9} {job['target']}: {job['state']} {job['why']}".rstrip())
        lines += [
            f"    {one['claimed_at']} {one['purpose']}: {one['event'] or 'no outcome'} {one['why'] or ''}".rstrip()
            for one in job["tries"]
        ]
    return lines
