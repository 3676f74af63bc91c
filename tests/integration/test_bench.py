"""`make bench` in small: every part measures what it says, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench import batch, delivery, flat, routing, scratch, single
from tests.bench.__main__ import markdown
from tests.bench.machine import load, machine
from tests.bench.rounds import Row, ratio_of


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the bench writes to."""
    monkeypatch.setattr(scratch, "OUT", tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize(
    "part",
    [
        lambda: batch.run(lines=300, count=1),
        lambda: routing.run(rules=300, sample=40, many=100),
        lambda: single.run(seconds=0.3, rounds=1, connections=4),
        lambda: delivery.run(documents=600, rounds=1),
        lambda: flat.run(sizes=(200, 400), pieces=1, piece=200),
    ],
    ids=["batch", "routing", "single", "delivery", "flat"],
)
def test_a_part_tells_ratios_and_cleans_up(part: Callable[[], list[Row]], elsewhere: Path) -> None:
    """Its rows are positive ratios with their story; its databases are gone."""
    rows = part()
    assert rows
    assert all(row["ratio"] > 0 and row["detail"] for row in rows)
    assert list(elsewhere.glob("*")) == []


def test_raw_sqlite_is_given_every_row_of_an_acceptance(tmp_path: Path) -> None:
    """A transaction, its decision, its job and its history for each line, and the lanes: no row less."""
    seen: list[dict[str, int]] = []
    told = batch.raw_seconds

    def watched(connection: sqlite3.Connection, written: batch.Written) -> float:
        seen.append({table: len(rows) for table, (_, rows) in written.items()})
        return told(connection, written)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "raw_seconds", watched)
        asyncio.run(batch.rounds(tmp_path, 1, 600))
    expected = {"transactions": 600, "decisions": 600, "jobs": 600, "history": 600, "lanes": 500}
    assert seen == [expected, expected]


def test_the_table_says_what_was_not_met() -> None:
    """A ratio below its target is marked in words, and the machine stands under the table."""
    rows: list[Row] = [
        {"name": "a", "ratio": 0.39, "target": 0.4, "detail": "x"},
        {"name": "b", "ratio": 8086.3, "target": 1000, "detail": "y"},
    ]
    table = markdown(rows, machine() | {"load_after": load(), "seconds": 3})
    assert "| a | 0.39 | 0.40 | NO | x |" in table
    assert "| b | 8,086 | 1,000 | yes | y |" in table
    assert "fsync" in table


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    """One disturbed round does not decide."""
    assert ratio_of([4, 1, 5], [8, 100, 10]) == 0.5
