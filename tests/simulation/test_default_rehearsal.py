"""The default rehearsal does all a services firm does: every kind, every way to bill, across both ERPs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cutover.rehearsal.options import make_options
from cutover.rehearsal.rehearse import rehearse
from router.canonical.kinds import KINDS

STRADDLING = (
    "back_dated", "followers", "half_moved", "milestones", "closed_period", "intercompany", "reopened",
)  # fmt: skip
"""Every case of a document that lies across the switch happens at least once."""


@pytest.mark.soak
def test_the_default_weekend_holds_all_of_services_finance(tmp_path: Path) -> None:
    """All kinds are posted, corrections, splits, late entries and legs in two ERPs among them; everything ties."""
    done = rehearse(make_options(seed=7, command="test"), journal=tmp_path / "journal.sqlite")
    report = done.report
    assert report["verdict"] == "go", report["because"]
    assert set(report["transactions"]["by_kind"]) == set(KINDS)
    assert set(report["transactions"]["by_state"]) == {"posted"}
    assert [row for row in report["finance"]["ties"] if not row["ties"]] == []
    assert all(row["held"] for row in report["invariants"])
    assert report["straddlers"]["violations"] == 0
    assert {row["case"]: row["count"] > 0 for row in report["straddlers"]["cases"]} == dict.fromkeys(
        STRADDLING, True
    )
    assert [row["beside"] for row in report["freezes"]] == [[], []]
    assert all(row["held"] > 0 and row["beside_asked"] for row in report["freezes"])
    with sqlite3.connect(tmp_path / "journal.sqlite") as journal:

        def count(where: str) -> int:
            return int(journal.execute(f"SELECT count(*) FROM {where}").fetchone()[0])

        assert count("transactions WHERE document_id LIKE 'TE-%.r1'") > 10
        assert count("transactions WHERE document_id LIKE '%.beyond' AND kind = 'time_entry'") > 10
        assert count("history WHERE what = 'late'") > 100
        assert count("periods WHERE state = 'soft_closed'") == 6
        billed = {
            row[0]
            for row in journal.execute(
                "SELECT DISTINCT json_extract(canonical, '$.billing') FROM transactions WHERE kind = 'contract'"
            )
        }
        assert billed == {"time_and_materials", "fixed_fee", "retainer", "subscription"}
        # While one entity has moved and the other has not, the two legs of a charge stand in different ERPs.
        apart = journal.execute(
            "SELECT count(*) FROM transactions AS f JOIN transactions AS t"
            " ON t.document_id = substr(f.document_id, 1, length(f.document_id) - 5) || '.to'"
            " WHERE f.kind = 'journal_entry' AND f.document_id LIKE 'IC-%.from' AND f.authority <> t.authority"
        ).fetchone()[0]
        assert apart > 0
    journal.close()
