"""`coexist crosscheck`: hours, invoices, intercompany and revenue of one system against another, now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from cutover.cli.journal import DEFAULT, AsJson, Database, read_facts_exist
from cutover.cli.serving import Places, Simulated
from cutover.served.connecting import connected
from router.ingest.crosschecks_api import report

CODES: Mapping[str, int] = {"pass": 0, "fail": 1, "inconclusive": 1}
"""What could not be told is no pass."""
ROWS_SHOWN, ITEMS_SHOWN = 20, 5


def crosscheck_command(
    database: Database = DEFAULT,
    landscape: Places = None,
    period: Annotated[str, typer.Option(help="A period such as 2026-10; else that of today.")] = "",
    entity: Annotated[str, typer.Option(help="Only groups of this legal entity.")] = "",
    store: Annotated[bool, typer.Option(help="Store mismatches as breaks.")] = False,
    simulated: Simulated = None,
    as_json: AsJson = False,
) -> None:
    """Check one system against another: exits 0 when all agree, 1 when not or when a system can't be read.

    Example: coexist crosscheck --period 2026-10 --simulated out/ready.json
    """
    read_facts_exist(database)
    router, table = connected(landscape, database, None, simulated)

    async def main() -> dict[str, Any]:
        try:
            await router.start(table)
            asked = period or router.cross_checks.period
            return report(await router.cross_checks.run(asked, entity=entity, store=store))
        finally:
            await router.aclose()

    found = asyncio.run(main())
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(told(found)))
    raise typer.Exit(CODES[found["verdict"]])


def told(found: Mapping[str, Any]) -> list[str]:
    """The checks for people: a line a check and currency, then what is apart."""
    lines: list[str] = []
    for check in found["cross_checks"]:
        lines.append(f"{check['name']} {check['period']}: {check['verdict']}")
        if check["problem"]:
            lines.append(f"  {check['problem']}")
        else:
            lines.append(
                f"  {check['left']} / {check['right']}: {check['groups']} compared, {check['mismatches']} apart"
            )
        for row in check["rows"][:ROWS_SHOWN]:
            where = " ".join(str(value) for value in row["key"].values() if value)
            unit = row["currency"] or "minutes"
            lines.append(f"  {where}: {row['left']} / {row['right']} {unit}, difference {row['difference']}")
            lines += [
                f"    {one['document_id'] or 'the rest'}: {one['why'] or one['code']} ({one['cause']})"
                for one in row["items"][:ITEMS_SHOWN]
            ]
        hidden = len(check["rows"]) - ROWS_SHOWN
        if hidden > 0:
            lines.append(f"  and {hidden} more: --json shows all")
    return lines
