"""SuiteQL on the simulated account's tables: exact amounts, read-only, the vendor's dialect."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.erp.netsuite.errors import SuiteTalkError
from simulators.erp.netsuite.tables import Tables

TODAY = date(2026, 11, 1)
ROWS = (
    {
        "id": 1,
        "externalid": "a",
        "trandate": "2026-10-03",
        "foreigntotal": "1234567890123.10",
        "type": "CustInvc",
    },
    {"id": 2, "externalid": "b", "trandate": "2026-10-04", "foreigntotal": "9.90", "status": "A"},
    {"id": 10, "externalid": "c", "trandate": "2026-09-30", "foreigntotal": "-0.05", "custbody_note": "hi"},
)


def tables(*rows: dict[str, Any]) -> Tables:
    """A mirror with some transactions."""
    mirror = Tables(lambda name, value: f"{name} {value} shown")
    mirror.note("transaction", *(rows or ROWS))
    return mirror


def ask(query: str, *parameters: Any) -> list[dict[str, Any]]:
    """Rows of a query without their empty links."""
    rows = tables().select(query, parameters, today=TODAY)
    assert all(row["links"] == [] for row in rows)
    return [{name: value for name, value in row.items() if name != "links"} for row in rows]


@pytest.mark.parametrize(
    ("query", "parameters", "wanted"),
    [
        ("SELECT ID, ExternalId FROM Transaction WHERE Type = 'CustInvc'", (), [{"id": "1", "externalid": "a"}]),
        ("SELECT id FROM transaction WHERE externalid IN (?, ?) ORDER BY id DESC", ("a", "c"), [{"id": "10"}, {"id": "1"}]),
        ("SELECT id FROM transaction WHERE id = '10'", (), [{"id": "10"}]),
        ("SELECT id FROM transaction WHERE foreigntotal > 9.8 AND foreigntotal < 10", (), [{"id": "2"}]),
        ("SELECT id FROM transaction ORDER BY foreigntotal", (), [{"id": "10"}, {"id": "2"}, {"id": "1"}]),
        ("SELECT SUM(foreigntotal) total, COUNT(*) n FROM transaction", (), [{"total": "1234567890132.95", "n": "3"}]),
        ("SELECT MAX(foreigntotal) FROM transaction", (), [{"expr1": "1234567890123.10"}]),
        ("SELECT foreigntotal - 0.1 x, foreigntotal * 2 y FROM transaction WHERE id = 2", (), [{"x": "9.80", "y": "19.80"}]),
        ("SELECT ABS(foreigntotal) x, ROUND(foreigntotal, 1) y FROM transaction WHERE id = 10", (), [{"x": "0.05", "y": "-0.1"}]),
        ("SELECT id FROM transaction WHERE ROWNUM <= 1 AND id > 1", (), [{"id": "2"}]),
        ("SELECT id FROM transaction ORDER BY id FETCH FIRST 1 ROWS ONLY", (), [{"id": "1"}]),
        ("SELECT id FROM transaction WHERE trandate >= TO_DATE(?, 'YYYY-MM-DD') AND trandate < SYSDATE - 28", ("2026-10-01",), [{"id": "1"}]),
        ("SELECT TO_CHAR(trandate, 'MM/DD/YYYY') d FROM transaction WHERE id = 1", (), [{"d": "10/03/2026"}]),
        ("SELECT BUILTIN.DF(t.status) s FROM transaction t WHERE t.id = 2", (), [{"s": "status A shown"}]),
        ("SELECT NVL(status, '-') s FROM transaction WHERE id = 1", (), [{"s": "-"}]),
        ("SELECT custbody_note FROM transaction WHERE custbody_note IS NOT NULL", (), [{"custbody_note": "hi"}]),
        ("SELECT status, id FROM transaction WHERE id = 1", (), [{"id": "1"}]),
        ("WITH t AS (SELECT id FROM transaction) SELECT COUNT(*) n FROM t", (), [{"n": "3"}]),
        ("SELECT id FROM customer UNION SELECT id FROM transaction WHERE id < 2", (), [{"id": "1"}]),
    ],
)  # fmt: skip
def test_the_dialect(query: str, parameters: tuple[Any, ...], wanted: list[dict[str, str]]) -> None:
    """Lower-case columns, values as strings, NULLs left out, amounts compared as numbers."""
    assert ask(query, *parameters) == wanted


@pytest.mark.parametrize(
    "query",
    [
        "",
        "DELETE FROM transaction",
        "UPDATE transaction SET id = 1",
        "SELECT 1; SELECT 2",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM main.transaction",
        "SELECT nothing FROM customer",
        "SELECT id FROM nowhere",
        "SELECT BUILTIN.CF(id) FROM transaction",
        "SELECT id FROM transaction WHERE id = ?",
        "SELECT (((( FROM",
        "PRAGMA writable_schema = 1",
        "SELECT id FROM transaction WHERE x IN (" + ",".join("1" * 60_000),
    ],
    ids=lambda query: query[:30] or "empty",
)
def test_anything_but_one_select_is_refused(query: str) -> None:
    """400 with the vendor's words, never a change and never a crash."""
    with pytest.raises(SuiteTalkError, match="Invalid search query") as refused:
        ask(query)
    assert refused.value.status == 400


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=8))
def test_sums_are_exact(minors: list[int]) -> None:
    """However large: the sum over text amounts is the sum of minor units."""
    rows = [
        {"id": at, "foreigntotal": str(Decimal(minor).scaleb(-2))} for at, minor in enumerate(minors, start=1)
    ]
    (row,) = tables(*rows).select("SELECT SUM(foreigntotal) s FROM transaction", (), today=TODAY)
    assert Decimal(row["s"]) == Decimal(sum(minors)).scaleb(-2)
    biggest = tables(*rows).select(
        "SELECT id FROM transaction ORDER BY foreigntotal DESC, id", (), today=TODAY
    )
    assert minors[int(biggest[0]["id"]) - 1] == max(minors)


def test_a_row_written_again_is_seen_changed() -> None:
    """The mirror replaces by key, also between two runs of the same query."""
    mirror = tables()
    query = "SELECT status FROM transaction WHERE id = 2"
    assert mirror.select(query, (), today=TODAY)[0]["status"] == "A"
    mirror.note("transaction", {"id": 2, "status": "B"})
    assert mirror.select(query, (), today=TODAY)[0]["status"] == "B"
    mirror.forget("transaction", 2)
    assert mirror.select(query, (), today=TODAY) == []


def test_a_runaway_join_is_cut_off() -> None:
    """A query that would take for ever ends as an error instead of holding the loop."""
    mirror = tables(*({"id": n} for n in range(1, 400)))
    query = "SELECT COUNT(*) n FROM transaction a, transaction b, transaction c, transaction d, transaction e"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulators.erp.netsuite.tables.MAX_STEPS", 3)
        with pytest.raises(SuiteTalkError, match="interrupted"):
            mirror.select(query, (), today=TODAY)
