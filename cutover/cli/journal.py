"""`coexist trace`, `verify`, `replay`: questions to a journal."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer

from cutover.checks import check_all, read_facts
from cutover.cli.opened import opened
from router.clock import WallClock
from router.errors import NotFound
from router.journal.journal import Journal

Database = Annotated[str, typer.Option(help="The journal: sqlite:///FILE or postgresql+psycopg://…")]
DEFAULT = "sqlite:///coexist.sqlite"


class MappingChoice(StrEnum):
    """Which version of a vendor's mapping a replay is written by."""

    newest = "newest"
    day = "day"


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
    mapping: Annotated[
        MappingChoice, typer.Option(help="Written by the newest mapping file, or by the version of its day.")
    ] = MappingChoice.newest,
    landscape: Annotated[Path | None, typer.Option(help="A landscape (YAML); else the default one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters, refused and parked transactions again.

    Example: coexist replay T000000000042 --by ann --why "cost centre mended in SAP"
    """
    read_facts_exist(database)

    async def main() -> tuple[int, list[dict[str, Any]]]:
        # The firm's rules judge what was parked before it is sent: so the whole router, without its work.
        async with opened(database, landscape) as router:
            route: Literal["again", "pinned"] = "again" if again else "pinned"
            sent = await router.replays.replay(ids, route=route, by=by, why=why, mapping=mapping.value)
            rows = [await router.journal.transaction(name) for name in ids]
        shown = ("transaction_id", "kind", "document_id", "state", "problem")
        return sent, [{name: row[name] for name in shown} for row in rows if row is not None]

    count, after = asyncio.run(main())
    if as_json:
        answer = {"asked": len(ids), "sent_again": count, "transactions": after}
        typer.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2))
    else:
        typer.echo(f"{count} of {len(ids)} will be sent again")
    raise typer.Exit(0 if count == len(ids) else 1)


def read_facts_exist(database: str) -> None:
    """Refuse a journal that is not there, rather than make an empty one."""
    path = database.removeprefix("sqlite:///")
    if path != database and not Path(path).exists():
        raise NotFound(f"there is no journal {path}", mend="give one with --database")
    if path != database and Path(path).is_dir():
        raise NotFound(f"{path} is a folder, not a journal", mend="give the file with --database")


def told(row: dict[str, Any]) -> list[str]:
    """A transaction as lines for a terminal."""
    lines = [f"{row['transaction_id']}  {row['kind']} {row['document_id']}  {row['state']}"]
    lines.append(f"  accepted {row['accepted_at']} from {row['source']} ({row['client']})")
    lines += [f"  decided  {one['at']} epoch {one['epoch']}: {one['why']}" for one in row["decisions"]]
    lines += [_said(line) for line in row["history"] if line["detail"].get("by")]
    for job in row["jobs"]:
        lines.append(f"  {job['role']:<9} {job['target']}: {job['state']} {job['why']}".rstrip())
        lines += [
            f"    {one['claimed_at']} {one['purpose']}: {one['event'] or 'no outcome'} {one['why'] or ''}".rstrip()
            for one in job["tries"]
        ]
    return lines


def _said(line: dict[str, Any]) -> str:
    """What a person did: replayed, corrected (what changed), assigned, resolved; who and why."""
    detail = line["detail"]
    why = detail.get("why") or detail.get("note") or ""
    return f"  {line['what']:<8} {line['at']} by {detail['by']}: {why}".rstrip(": ")
