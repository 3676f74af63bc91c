"""`coexist route`: which rule and why; gaps, overlaps, unreachable rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from router.canonical import events
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.configfile import load
from router.errors import BadInput
from router.landscape import read_landscape
from router.routing.check import check
from router.routing.explain import explain_lines
from router.routing.tables import Tables

app = typer.Typer(help="Ask a route table.", no_args_is_help=True)
LINE_MAX = 1_000_000
Routes = Annotated[Path, typer.Option("--routes", help="A route table (YAML).")]
Places = Annotated[Path | None, typer.Option("--landscape", help="A landscape (YAML); else the default one.")]


@app.command("explain")
def explain_command(
    file: Annotated[Path, typer.Argument(help="Transactions: JSON or NDJSON; `-` reads standard input.")],
    routes: Routes,
    landscape: Places = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say for each transaction which rule decides, where it goes, and why.

    Example: coexist example | coexist route explain --routes fixtures/routes/default.yaml -
    """
    tables = Tables(landscape=read_landscape(landscape))
    table = load(routes)
    tables.publish(table.text, name=table.name)
    for row in explain_lines(tables, read_documents(file)):
        if as_json:
            typer.echo(orjson.dumps(row))
        else:
            shadow = f", shadow {row['shadow']}" if row["shadow"] else ""
            held = " (held)" if row["hold"] else ""
            typer.echo(f"{row['id']}: {row['authority'] or 'unroutable'}{shadow}{held} — {row['why']}")


@app.command("check")
def check_command(
    routes: Routes,
    landscape: Places = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Find gaps, overlaps and unreachable rules; exits 1 when there are any.

    Example: coexist route check --routes fixtures/routes/default.yaml
    """
    place = read_landscape(landscape)
    tables = Tables(landscape=place)
    file = load(routes)
    table = tables.publish(file.text, name=file.name)
    report = check(tables.compiled(table.version), place)
    if as_json:
        typer.echo(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(report.lines()))
    raise typer.Exit(0 if report.clean else 1)


def read_documents(file: Path) -> Iterator[tuple[str, Document]]:
    """(id, document) of every transaction in a file: CloudEvents or bare documents, JSON or NDJSON."""
    name = "standard input" if str(file) == "-" else str(file)
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise BadInput(f"{name} can't be read: {error.strerror}") from error
    for place, data in _values(raw, name):
        try:
            if isinstance(data, dict) and "specversion" in data:
                event = events.read(data)
                yield event.id, event.document
            else:
                document = parse(data)
                yield document.document_id, document
        except BadInput as error:
            raise BadInput(f"{place}: {error.message}", mend=error.mend) from error


def _values(raw: bytes, name: str) -> Iterator[tuple[str, object]]:
    try:
        whole = orjson.loads(raw)
    except orjson.JSONDecodeError:
        for at, line in enumerate(raw.split(b"\n"), start=1):
            if len(line) > LINE_MAX:
                raise BadInput(f"{name}:{at}: the line has more than {LINE_MAX} bytes") from None
            if line.strip():
                try:
                    yield f"{name}:{at}", orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise BadInput(
                        f"{name}:{at}: is not JSON: {error}", mend="one JSON object a line"
                    ) from error
        return
    for at, value in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        yield f"{name}, transaction {at}", value
