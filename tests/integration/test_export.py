"""The Parquet export: it ties with the journal to the minor unit, reads a snapshot, and describes itself."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy
from typer.testing import CliRunner

from cutover.cli import app
from cutover.export.columns import SHEETS
from cutover.export.snapshot import snapshot_of
from cutover.export.writing import export
from router.errors import BadConfig
from router.journal.journal import Journal
from router.landscape import read_landscape
from tests.contract.journal_kit import Hands, routes, submission, time_entry, with_tables
from tests.integration.router_stand import Stand, event, on_stand

WORTH = [("GBP", "150.00"), ("JPY", "15001"), ("BHD", "61.125"), ("GBP", "999999999999.99")]
"""Currencies of two, none and three decimal places, and an amount no float holds to the penny."""


def filled(folder: Path) -> list[dict[str, Any]]:
    """A journal with documents in several currencies, one of them parked; its totals."""
    found: list[dict[str, Any]] = []

    async def test(stand: Stand) -> None:
        for n, (currency, rate) in enumerate(WORTH):
            body = event(
                "time_entry", f"e{n}", document_id=f"TE-{n}", currency=currency, bill_rate=rate, minutes=60 + n,
                notes='Ünïcode, "quotes",\nlines', legal_entity="UK01",
            )  # fmt: skip
            assert (await stand.post(body)).status_code == 202
        parked = event("time_entry", "p", document_id="TE-P", legal_entity="DE01", region="EMEA")
        assert (await stand.post(parked)).status_code == 202
        found.extend(await stand.router.journal.totals())

    uk = 'version: 1\nrules: [{id: uk, when: legal_entity == "UK01", authority: sap_ecc}]\n'
    on_stand(folder, test, routes=uk, work=False)
    return found


def read(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """A query over the files."""
    with duckdb.connect() as connection:
        rows: list[tuple[Any, ...]] = connection.execute(sql.replace("@", f"{folder}/")).fetchall()
    return rows


def test_the_export_ties_with_the_journal(tmp_path: Path) -> None:
    """Count and money by state, entity, currency and kind are the journal's own; decimals are exact."""
    totals = filled(tmp_path)
    out = tmp_path / "it's here"
    done = export(f"sqlite:///{tmp_path}/journal.sqlite", out, landscape=read_landscape())
    assert done["rows"]["transactions"] == len(WORTH) + 1
    folder = Path(str(out).replace("'", "''"))
    rows = read(
        folder,
        "SELECT state, legal_entity, currency, kind, count(*), CAST(sum(amount_minor) AS BIGINT)"
        " FROM '@transactions.parquet' GROUP BY ALL",
    )
    wanted = Counter(
        {
            (
                row["state"],
                row["legal_entity"],
                row["currency"],
                row["kind"],
                row["count"],
                row["amount_minor"],
            ): 1
            for row in totals
        }
    )
    assert Counter(rows) == wanted
    exact = dict(read(folder, "SELECT document_id, amount FROM '@transactions.parquet'"))
    assert exact["TE-0"] == Decimal("150.0000")
    assert exact["TE-1"] == Decimal("15251.0000"), "61 minutes at 15001 yen, half up"
    assert exact["TE-2"] == Decimal("63.1630"), "62 minutes at 61.125 dinar, half up"
    assert exact["TE-3"] == Decimal("1049999999999.9900")
    ((kept,),) = read(folder, "SELECT count(*) FROM '@transactions.parquet' WHERE project_id = 'P-100'")
    assert kept == len(WORTH) + 1
    (one,) = read(folder, "SELECT type, queue, amount FROM '@exceptions.parquet'")
    assert one[:2] == ("unroutable", "integration-support")
    names = Counter(name for (name,) in read(folder, "SELECT name FROM '@events.parquet'"))
    assert names == {"TimeApproved": len(WORTH) + 1, "ExceptionRaised": 1}


def test_the_schema_describes_every_column(tmp_path: Path) -> None:
    """schema.json names each file and column with type and meaning, and the files are just so."""
    filled(tmp_path)
    out = tmp_path / "out"
    export(f"sqlite:///{tmp_path}/journal.sqlite", out, landscape=read_landscape())
    told = json.loads((out / "schema.json").read_text(encoding="utf-8"))
    assert set(told["files"]) == {f"{sheet.name}.parquet" for sheet in SHEETS}
    for name, described in told["files"].items():
        found = [(row[0], row[1]) for row in read(out, f"DESCRIBE SELECT * FROM '@{name}'")]
        assert found == [(column["name"], column["type"]) for column in described["columns"]]
        assert all(column["meaning"] for column in described["columns"])
        assert not any(kind in ("FLOAT", "DOUBLE") for _, kind in found)
    assert sorted(path.name for path in out.iterdir()) == sorted([*told["files"], "schema.json"])


def test_only_what_is_new_and_nothing_is_changed(tmp_path: Path) -> None:
    """`--since` leaves out what was before; the journal's file is not touched; the command says what it wrote."""
    filled(tmp_path)
    journal = tmp_path / "journal.sqlite"
    before = journal.read_bytes()
    given = ["export", "--database", f"sqlite:///{journal}", "--out", str(tmp_path / "new"), "--json"]
    late = CliRunner().invoke(app, [*given, "--since", "2026-10-31"])
    assert json.loads(late.stdout)["rows"]["transactions"] == 0
    every = CliRunner().invoke(app, [*given, "--since", "2026-10-30"])
    assert json.loads(every.stdout)["rows"] | {"events": 0} == {
        "transactions": 5, "decisions": 5, "deliveries": 4, "attempts": 0, "breaks": 0, "events": 0, "exceptions": 1,
    }  # fmt: skip
    assert journal.read_bytes() == before
    shown = CliRunner().invoke(
        app, ["events", "--database", f"sqlite:///{journal}", "--type", "ExceptionRaised"]
    )
    assert [json.loads(line)["subject"] for line in shown.stdout.splitlines()] == ["TE-P"]


def test_no_journal_no_export(tmp_path: Path) -> None:
    """A journal that is not there is refused, not made."""
    with pytest.raises(BadConfig):
        export(f"sqlite:///{tmp_path}/none.sqlite", tmp_path / "out", landscape=read_landscape())
    assert not (tmp_path / "none.sqlite").exists()


def test_postgresql_is_read_in_one_read_only_transaction(
    fresh_postgres: Callable[[], str], tmp_path: Path
) -> None:
    """The same sheets from a shared journal, tied the same way; the transaction can't write."""
    url = fresh_postgres()

    async def fill() -> int:
        journal = Journal.open(url, clock=Hands(), decide=routes)
        try:
            await with_tables(journal)
            await journal.accept([submission(time_entry(f"T{n}", minutes=n)) for n in range(1, 30)])
            return sum(row["amount_minor"] for row in await journal.totals())
        finally:
            journal.close()

    worth = asyncio.run(fill())
    done = export(url, tmp_path / "out", landscape=read_landscape())
    assert (done["rows"]["transactions"], done["rows"]["events"]) == (29, 29)
    rows = read(
        tmp_path / "out", "SELECT CAST(sum(amount_minor) AS BIGINT), sum(amount) FROM '@transactions.parquet'"
    )
    assert rows == [(worth, Decimal(worth).scaleb(-2))]
    with snapshot_of(url) as snapshot, pytest.raises(sqlalchemy.exc.InternalError, match="read-only"):
        snapshot.number("DELETE FROM history RETURNING 1")
