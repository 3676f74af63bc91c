"""`coexist export` and `coexist events`: the journal's facts for those who analyse, and those who listen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from cutover.cli.journal import DEFAULT, AsJson, Database, read_facts_exist
from cutover.export.writing import export
from cutover.progress import Meter
from router.clock import WallClock, to_text
from router.errors import BadInput
from router.events_out.feed import START, EventFeed
from router.journal.journal import Journal
from router.landscape import read_landscape

PAGE = 1_000


def export_command(
    out: Annotated[Path, typer.Option(help="Where the Parquet files and schema.json go.")],
    database: Database = DEFAULT,
    since: Annotated[
        str, typer.Option(help="Only what happened since: 2026-10-30 or an RFC 3339 instant.")
    ] = "",
    landscape: Annotated[Path | None, typer.Option(help="A landscape (YAML); else the default one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Export transactions, decisions, deliveries, attempts, breaks, events and exceptions as Parquet.

    Example: coexist export --database sqlite:///out/rehearsal/journal.sqlite --out out/parquet
    """
    read_facts_exist(database)
    start = instant_of(since)
    with Meter(enabled=not as_json) as meter:
        done = export(database, out, landscape=read_landscape(landscape), since=start, progress=meter.show)
    if as_json:
        typer.echo(orjson.dumps(done, option=orjson.OPT_INDENT_2))
        return
    for name, count in done["rows"].items():
        typer.echo(f"{count:>10,}  {out / name}.parquet")
    typer.echo(f"{'':>10}  {out / 'schema.json'}")


def events_command(
    database: Database = DEFAULT,
    after: Annotated[str, typer.Option(help="Go on behind this cursor (`next` of an earlier page).")] = START,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only these events; may be repeated.")
    ] = None,
) -> None:
    """Print the business events of a journal as CloudEvents, one a line, oldest first.

    Example: coexist events --database sqlite:///out/rehearsal/journal.sqlite --type InvoicePosted
    """
    read_facts_exist(database)

    async def main() -> None:
        journal = Journal.open(database, clock=WallClock())
        try:
            feed = EventFeed(journal=journal)
            at, more = after, True
            while more:
                page = await feed.page(after=at, limit=PAGE, types=types or ())
                for made in page.events:
                    typer.echo(orjson.dumps(made))
                at, more = page.next, page.more
        finally:
            journal.close()

    asyncio.run(main())


def instant_of(text: str) -> str:
    """A day or an instant as the journal writes instants; empty stays empty. Raises BadInput."""
    if not text:
        return ""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            f"--since {text[:40]!r} is neither a day nor an instant", mend="write 2026-10-30"
        ) from error
    return to_text(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
