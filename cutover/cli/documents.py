"""`coexist example` and `coexist schema`: what a valid transaction looks like."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from cutover.plan.published import plan_schema
from router.canonical import events
from router.canonical.examples import example
from router.canonical.kinds import KINDS, model_of
from router.canonical.published import schema_of
from router.landscape import default_file

LOAD_SCENARIO = "schemas/load-scenario-v1.json"
Kind = Annotated[str, typer.Argument(help="A kind of document; see `coexist example --list`.")]


def example_command(
    kind: Kind = "time_entry",
    list_kinds: Annotated[bool, typer.Option("--list", help="List the kinds.")] = False,
) -> None:
    """Print a valid transaction (a CloudEvent) of a kind for the default landscape.

    Example: coexist example invoice > invoice.json
    """
    if list_kinds:
        typer.echo("\n".join(KINDS))
        return
    document = example(kind)
    event = events.wrap(
        document, source="/example", event_id=document.document_id, time="2026-10-30T17:00:00Z"
    )
    typer.echo(orjson.dumps(event, option=orjson.OPT_INDENT_2))


def schema_command(
    kind: Annotated[
        str, typer.Argument(help="A kind of document (see `coexist example --list`), `plan`, or `scenario`.")
    ] = "time_entry",
) -> None:
    """Print the JSON Schema of a kind, of a cutover plan, or of a load scenario.

    Example: coexist schema time_entry;  coexist schema plan > plan.schema.json
    """
    if kind == "plan":
        typer.echo(orjson.dumps(plan_schema(), option=orjson.OPT_INDENT_2))
        return
    if kind == "scenario":
        # The published file: the load tests stand above us.
        published = orjson.loads(default_file(LOAD_SCENARIO).text)
        typer.echo(orjson.dumps(published, option=orjson.OPT_INDENT_2))
        return
    typer.echo(orjson.dumps(schema_of(kind, model_of(kind).version), option=orjson.OPT_INDENT_2))
