"""`coexist breaks`: what a person sees and does at a terminal, with exit codes and JSON."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from cutover.cli import app
from router.clock import WallClock
from router.dualrun.breaks import Break
from router.dualrun.lifecycle import Scope
from router.errors import BadInput, FourEyes, NotFound
from router.journal.break_states import BreakRun
from router.journal.journal import Journal

SCOPE = Scope.dual_run(
    "sap_ecc", "netsuite", kinds=["invoice"], entities=["UK01"], since="2026-10-01", until="2026-11-01"
)
SAID = ("--owner", "ann", "--reason", "agreed", "--expires", "2999-12-31", "--approved-by", "bob")


def broken(name: str, minor: int) -> Break:
    """A break of an invoice."""
    return Break(
        key={"document_id": name}, what="amount", column="total", kind="invoice", currency="GBP",
        legal_entity="UK01", delta_minor=minor, cause="tax", code="tax-per-line", evidence="tax [per] line",
    )  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A journal with two runs: A and B, then A (grown) and C."""
    url = f"sqlite:///{tmp_path}/journal.sqlite"

    async def main() -> None:
        journal = Journal.open(url, clock=WallClock())
        try:
            for name, rows in (("r1", (("A", 1), ("B", 2))), ("r2", (("A", 5), ("C", 700)))):
                run = BreakRun(run_id=name, scope=SCOPE, consistency="quiescent")
                await journal.store_run(run, [broken(*row) for row in rows])
        finally:
            journal.close()

    asyncio.run(main())
    return url


def said(database: str, *words: str, code: int = 0) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, ["breaks", *words, "--database", database])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def as_json(database: str, *words: str, code: int = 0) -> Any:
    """The JSON a command prints."""
    return orjson.loads(said(database, *words, "--json", code=code))


def test_list_and_show(database: str) -> None:
    """Open breaks exit 1; the list has totals and ids, and an id shows the whole life."""
    text = said(database, "list", code=1)
    assert text.index("7.00 GBP") < text.index("0.05 GBP"), "largest money first"
    assert "recurring" in text
    found = as_json(database, "list", "--state", "recurring", code=1)
    assert [row["key"]["document_id"] for row in found["breaks"]] == ["A"]
    assert as_json(database, "list", "--state", "fixed")["total"] == 1
    assert "1 of 2. More: --after " in said(database, "list", "--limit", "1", code=1)
    large = as_json(database, "list", "--currency", "GBP", "--min-amount", "6.00", code=1)
    assert [row["key"]["document_id"] for row in large["breaks"]] == ["C"]
    shown = said(database, "show", broken("B", 2).identity)
    assert "fixed since" in shown
    assert "r2: looked at, not found" in shown
    assert "tax [per] line" in shown
    assert as_json(database, "show", broken("A", 1).identity)["runs"] == 2


def test_accept_and_withdraw(database: str) -> None:
    """Accepted breaks are no reason to exit 1; taken back, they are again."""
    name = broken("A", 1).identity
    assert "covers 1 until 2999-12-31, up to 0.05 GBP" in said(database, "accept", name, *SAID)
    cluster = (
        "--cause",
        "tax",
        "--code",
        "tax-per-line",
        "--entity",
        "UK01",
        "--max-amount",
        "9.00",
        "--currency",
        "GBP",
    )
    assert as_json(database, "accept", *cluster, *SAID)["covers"] == 1
    assert as_json(database, "list")["totals"]["accepted"]["delta"] == {"GBP": "7.05"}
    assert "ann" in said(database, "acceptances")
    back = ("--by", "cat", "--why", "mended")
    assert "1 open again" in said(database, "withdraw", name, *back)
    assert "withdrawn" in said(database, "acceptances")
    assert as_json(database, "withdraw", "--acceptance", "2", *back)["open_again"] == 1
    assert as_json(database, "list", code=1)["totals"]["by_state"]["recurring"]["breaks"] == 2


def test_runs_and_compare(database: str) -> None:
    """Runs newest first; a comparison with new or grown breaks exits 1, its way back does not grow."""
    assert [row["run_id"] for row in as_json(database, "runs")["runs"]] == ["r2", "r1"]
    assert "dual-run:sap_ecc:netsuite" in said(database, "runs")
    assert "More: --after" in said(database, "runs", "--limit", "1")
    told = as_json(database, "compare", "r1", "r2", code=1)
    assert {name: told[name]["count"] for name in ("new", "grown", "fixed")} == {
        "new": 1,
        "grown": 1,
        "fixed": 1,
    }
    assert "0.01 → 0.05" in said(database, "compare", "r1", "r2", code=1)
    assert as_json(database, "compare", "r1", "r1")["recurring"]["count"] == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("list", "--state", "odd"), BadInput),
        (("list", "--min-amount", "1.00"), BadInput),
        (("list", "--run", "nobody"), NotFound),
        (("show", "ffff"), NotFound),
        (("compare", "r1", "r9"), NotFound),
        (("withdraw", "--by", "a", "--why", "b"), BadInput),
        (("accept", *SAID), BadInput),
        (("accept", "ffffffffffffffff", *SAID[:-1], "ANN"), FourEyes),
        (("accept", "ffffffffffffffff", *SAID), NotFound),
    ],
)
def test_bad_input_is_refused(database: str, words: tuple[str, ...], error: type[Exception]) -> None:
    """Each becomes one line and exit code 2, as `main` says it."""
    done = CliRunner().invoke(app, ["breaks", *words, "--database", database])
    assert isinstance(done.exception, error), done.output
    missing = CliRunner().invoke(app, ["breaks", "list", "--database", "sqlite:////nowhere/x.sqlite"])
    assert isinstance(missing.exception, NotFound)


def test_every_command_explains_itself() -> None:
    """`--help` of each has an example."""
    for name in ("list", "show", "accept", "withdraw", "acceptances", "runs", "compare"):
        done = CliRunner().invoke(app, ["breaks", name, "--help"], terminal_width=200)
        assert done.exit_code == 0
        assert f"Example: coexist breaks {name}" in " ".join(done.output.split()), name
