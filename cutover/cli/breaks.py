"""`coexist breaks`: what differs between the ERPs through all runs, who accepted it, and what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from cutover.cli.journal import DEFAULT, AsJson, Database, read_facts_exist
from router.clock import WallClock
from router.dualrun.break_desk import BreaksDesk
from router.errors import BadInput
from router.ingest.breaks_api import acceptance_of, filter_of
from router.journal.journal import Journal

app = typer.Typer(
    help="Breaks through all runs: list them, see one, accept it, compare two runs.", no_args_is_help=True
)
Identity = Annotated[str, typer.Argument(help="A break's identity, as the list shows it.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000)]
After = Annotated[str | None, typer.Option(help="Go on behind this place (`next` of a page).")]
WIDE = 160
"""Columns of a table that goes to a file or a pipe."""
STYLES: Mapping[str, str] = {"new": "red", "reopened": "bold red", "recurring": "yellow", "accepted": "green"}


@app.command("list")
def list_command(
    database: Database = DEFAULT,
    run: Annotated[str | None, typer.Option(help="What this run found; else what is known now.")] = None,
    state: Annotated[
        str | None, typer.Option(help="new, recurring, reopened, accepted, fixed, open or all.")
    ] = None,
    cause: Annotated[str | None, typer.Option(help="A cause, such as tax or unexplained.")] = None,
    code: Annotated[str | None, typer.Option(help="A finer cause, such as tax-per-line.")] = None,
    nature: Annotated[str | None, typer.Option("--class", help="What differs: amount, status, …")] = None,
    entity: Annotated[str | None, typer.Option(help="A legal entity.")] = None,
    kind: Annotated[str | None, typer.Option(help="A kind of document.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217.")] = None,
    column: Annotated[str | None, typer.Option(help="The column that differs.")] = None,
    min_amount: Annotated[str | None, typer.Option(help="At least so much; needs --currency.")] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List breaks, the largest money of each currency first; exits 1 when any is open.

    Example: coexist breaks list --state open --currency GBP --min-amount 10.00
    """
    given = {
        "run": run, "state": state, "cause": cause, "code": code, "class": nature, "entity": entity, "kind": kind,
        "currency": currency, "column": column, "min_amount": min_amount,
    }  # fmt: skip
    wanted = filter_of({name: value for name, value in given.items() if value is not None})
    found = _asked(database, lambda desk: desk.listed(wanted, limit=limit, after=after))
    if as_json:
        _print(found)
    else:
        _show(found)
    still = sum(
        row["breaks"]
        for name, row in found["totals"]["by_state"].items()
        if name not in ("accepted", "fixed")
    )
    raise typer.Exit(1 if still else 0)


@app.command("show")
def show_command(identity: Identity, database: Database = DEFAULT, as_json: AsJson = False) -> None:
    """Show one break: as it stands, every run that found it or did not, and who accepted it.

    Example: coexist breaks show 3f9a0c1b22d4e5f6
    """
    found = _asked(database, lambda desk: desk.shown(identity))
    if as_json:
        _print(found)
    else:
        typer.echo("\n".join(told(found)))


@app.command("accept")
def accept_command(
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why it may stay.")],
    expires: Annotated[str, typer.Option(help="The last day it holds, such as 2027-01-31.")],
    approved_by: Annotated[str, typer.Option(help="A second person.")],
    identity: Annotated[str | None, typer.Argument(help="A break; or name a cluster.")] = None,
    cause: Annotated[str | None, typer.Option(help="Of a cluster: its cause.")] = None,
    code: Annotated[str | None, typer.Option(help="Of a cluster: its code.")] = None,
    entity: Annotated[str | None, typer.Option(help="Of a cluster: its legal entity.")] = None,
    kind: Annotated[str | None, typer.Option(help="Of a cluster: only this kind.")] = None,
    max_amount: Annotated[
        str | None, typer.Option(help="Up to so much a break; of one break, what it is today.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Of max-amount.")] = None,
    database: Database = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Accept a break, or a cluster with breaks nobody has seen yet, for a time; two people are needed.

    Example: coexist breaks accept --cause tax --code tax-per-line --entity UK01 --max-amount 0.05 --currency GBP
    --owner ann --approved-by bob --reason "tax a line until March" --expires 2027-03-31
    """
    given = {
        "identity": identity, "cause": cause, "code": code, "legal_entity": entity, "kind": kind, "owner": owner,
        "reason": reason, "expires": expires, "approved_by": approved_by, "max_amount": max_amount,
        "currency": currency,
    }  # fmt: skip
    wanted = acceptance_of({name: value for name, value in given.items() if value is not None})
    done = _asked(database, lambda desk: desk.accept(wanted, by=owner))
    if as_json:
        _print(done)
    else:
        most = (
            f", up to {done['max_amount']} {done.get('currency', '')}".rstrip()
            if "max_amount" in done
            else ""
        )
        typer.echo(
            f"acceptance {done['acceptance_id']} covers {done['covers']} until {done['expires']}{most}"
        )


@app.command("withdraw")
def withdraw_command(
    by: Annotated[str, typer.Option(help="Who takes it back.")],
    why: Annotated[str, typer.Option(help="Why.")],
    identity: Annotated[str | None, typer.Argument(help="The break whose acceptance is taken back.")] = None,
    acceptance: Annotated[str | None, typer.Option(help="Or the number of an acceptance.")] = None,
    database: Database = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Take back an acceptance: what it covered is open again.

    Example: coexist breaks withdraw --acceptance 7 --by cat --why "the ERP's setting was changed"
    """
    if (identity is None) == (acceptance is None):
        raise BadInput("say which: a break's identity, or --acceptance NUMBER")

    async def ask(desk: BreaksDesk) -> dict[str, Any]:
        if acceptance is not None:
            return await desk.withdraw_acceptance(acceptance, by=by, why=why)
        return await desk.withdraw(str(identity), by=by, why=why)

    done = _asked(database, ask)
    if as_json:
        _print(done)
    else:
        typer.echo(f"acceptance {done['acceptance_id']} is withdrawn; {done['open_again']} open again")


@app.command("acceptances")
def acceptances_command(database: Database = DEFAULT, as_json: AsJson = False) -> None:
    """List all acceptances with what they cover; unused and expired ones say so.

    Example: coexist breaks acceptances --database sqlite:///out/rehearsal/journal.sqlite
    """
    found = _asked(database, lambda desk: desk.acceptances())
    if as_json:
        _print(found)
        return
    rows = Table("No.", "Of", "Owner", "Approved by", "Until", "Up to", "Covers", "Says")
    for row in found["acceptances"]:
        about = row.get("identity") or " ".join((row["cause"], row["code"], row.get("legal_entity", "")))
        says = [name for name in ("expired", "unused") if row[name]]
        says += ["withdrawn"] if row.get("withdrawn_at") else []
        rows.add_row(
            row["acceptance_id"], about.strip(), row["owner"], row["approved_by"], row["expires"],
            f"{row.get('max_amount', '')} {row.get('currency', '')}".strip(), f"{row['covers']:,}", ", ".join(says),
        )  # fmt: skip
    _console().print(rows)


@app.command("runs")
def runs_command(
    database: Database = DEFAULT, limit: Limit = 20, after: After = None, as_json: AsJson = False
) -> None:
    """List the comparisons that were made, newest first.

    Example: coexist breaks runs --database sqlite:///out/rehearsal/journal.sqlite
    """
    found = _asked(database, lambda desk: desk.runs(limit=limit, after=after))
    if as_json:
        _print(found)
        return
    rows = Table(
        "Run", "At", "Compared", "Found", "New", "Recurring", "Reopened", "Accepted", "Fixed", "Consistency"
    )
    for row in found["runs"]:
        states = row["counts"].get("states", {})
        rows.add_row(
            row["run_id"], row["at"][:16], row["subject"], f"{row['counts'].get('found', 0):,}",
            *(f"{states.get(name, 0):,}" for name in ("new", "recurring", "reopened", "accepted", "fixed")),
            row["consistency"],
        )  # fmt: skip
    _console().print(rows)
    if found["next"]:
        _console().print(f"More: --after {found['next']}", markup=False)


@app.command("compare")
def compare_command(
    first: Annotated[str, typer.Argument(help="The earlier run.")],
    second: Annotated[str, typer.Argument(help="The later run.")],
    database: Database = DEFAULT,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Say what became of one run's breaks in another; exits 1 when any is new or has grown.

    Example: coexist breaks compare compare-1 compare-2 --json
    """
    found = _asked(database, lambda desk: desk.compared(first, second, limit=limit))
    if as_json:
        _print(found)
    else:
        rows = Table("", "Breaks", "Money", "The largest")
        for name in ("new", "grown", "recurring", "shrunk", "fixed", "not_looked_at"):
            part = found[name]
            money = ", ".join(f"{amount} {currency}" for currency, amount in part["money"].items())
            top = part["breaks"][0] if part["breaks"] else None
            largest = (
                ""
                if top is None
                else f"{top['identity']} {_key(top)} {top['before'] or ''} → {top['after'] or ''}"
            )
            rows.add_row(name.replace("_", " "), f"{part['count']:,}", money, largest.strip())
        _console().print(rows)
    raise typer.Exit(1 if found["new"]["count"] or found["grown"]["count"] else 0)


def told(found: Mapping[str, Any]) -> list[str]:
    """One break as lines for a terminal."""
    amount = f" {found['delta']} {found['currency']}" if found.get("delta") else ""
    lines = [
        f"{found['identity']}  {found.get('kind', '')} {_key(found)}  {found.get('class', '')} {found.get('column', '')}{amount}",
        f"  {found['state']} since {found['opened_at'][:16]}, first seen {found['first_seen'][:16]}"
        f" ({found['age_days']} days), in {found['runs']} runs"
        + (f"; {found['note']}" if found["note"] else ""),
        f"  {found.get('cause', '')} ({found.get('code', '')}): {found.get('evidence', '')}".rstrip(": "),
    ]
    for row in found["history"]:
        said = (
            f"{row['state']} {row.get('delta') or ''} {row.get('legacy') or '-'} | {row.get('cloud') or '-'}"
            if row["found"]
            else "looked at, not found"
        )
        lines.append(f"  {row['at'][:16]} {row['run_id']}: {said}")
    for row in found["acceptances"]:
        ended = "withdrawn" if row.get("withdrawn_at") else "expired" if row["expired"] else "in force"
        lines.append(
            f"  acceptance {row['acceptance_id']}, {ended}: {row['owner']}, approved by {row['approved_by']},"
            f" until {row['expires']}: {row['reason']}"
        )
    lines += [f"  {name}: {place}" for name, place in found["links"].items()]
    return lines


def _show(found: Mapping[str, Any]) -> None:
    totals = Table("State", "Breaks", "Money (net)", "Money (absolute)")
    for name, row in found["totals"]["by_state"].items():
        totals.add_row(name, f"{row['breaks']:,}", _money(row["delta"]), _money(row["absolute"]))
    console = _console()
    console.print(totals)
    if not found["breaks"]:
        return
    rows = Table("Identity", "State", "Document", "What", "Entity", "Delta", "Cause", "Days")
    for row in found["breaks"]:
        rows.add_row(
            row["identity"], row["state"], f"{row.get('kind', '')} {_key(row)}".strip(),
            f"{row.get('class', '')} {row.get('column', '')}".strip(), row.get("legal_entity", ""),
            f"{row.get('delta') or ''} {row.get('currency') or ''}".strip(), f"{row.get('cause', '')} {row.get('code', '')}",
            str(row.get("age_days", "")), style=STYLES.get(row["state"], ""),
        )  # fmt: skip
    console.print(rows)
    if found["next"]:
        console.print(
            f"{len(found['breaks']):,} of {found['total']:,}. More: --after {found['next']}", markup=False
        )


def _key(row: Mapping[str, Any]) -> str:
    return " ".join(str(part) for part in (row.get("key") or {}).values())


def _money(amounts: Mapping[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in amounts.items())


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def _print(found: Any) -> None:
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))


def _asked(database: str, ask: Callable[[BreaksDesk], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    read_facts_exist(database)

    async def main() -> dict[str, Any]:
        clock = WallClock()
        journal = Journal.open(database, clock=clock)
        try:
            return await ask(BreaksDesk(journal=journal, clock=clock))
        finally:
            journal.close()

    return asyncio.run(main())
