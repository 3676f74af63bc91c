"""Opening balances as part of a rehearsed load: posted once, tied out on every account, no difference later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cutover.rehearsal.rehearse import Rehearsal
from tests.simulation.test_load_steps import OBJECTS, gates_of, load, plan_with, step_of
from tests.simulation.tiny import rehearse_tiny

EVERYTHING = {**load("us"), "objects": (*OBJECTS, "opening_balances")}


def rehearsed(folder: Path, **changes: Any) -> Rehearsal:
    """The tiny cutover with one wave loaded late, with its balances."""
    return rehearse_tiny(folder, plan=plan_with([load("uk", None), EVERYTHING], **changes))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """One that runs through."""
    return rehearsed(tmp_path_factory.mktemp("balances"))


def balances(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Both trial balances as the step kept them."""
    found: list[dict[str, Any]] = step_of(report, "us-load")["evidence"]["opening_balances"]
    return found


def test_both_trial_balances_are_the_same_after_the_load(done: Rehearsal) -> None:
    """What was billed and left behind (here: expenses) comes as a balance, open items by themselves.

    The entry stands in the new ERP alone, and neither the comparison nor the month's ties stumble over it.
    """
    report = done.report
    assert report["verdict"] == "go", report["because"]
    assert gates_of(report, "us-load")["opening balances tie out"] == "pass"
    rows = {row["account"]: row for row in balances(report)}
    assert {"RECEIVABLES", "REVENUE", "PROJECT_EXPENSE", "EMPLOYEE_PAYABLE"} <= set(rows)
    assert all(row["ties"] for row in rows.values() if not row["by_subledger"])
    assert {name for name, row in rows.items() if row["by_subledger"]} == {
        "WORK_IN_PROGRESS",
        "UNBILLED_REVENUE",
    }
    entries = step_of(report, "us-load")["evidence"]["opening_entries"]
    assert entries == ["OB-US01-2026-10-31-USD"]
    assert all(one["held"] for one in report["invariants"])
    sent = [job for job in done.facts.jobs if job.external_id in entries]
    assert [(job.target, job.role, job.state) for job in sent] == [("netsuite", "shadow", "posted")]


def test_the_ledger_says_what_was_loaded(done: Rehearsal) -> None:
    """The simulated ERP's own trial balance has the entry's lines: the tie-out did not read its own wish."""
    entries = done.world.simulators["netsuite"].sim.state()["documents"]
    held = [one for one in entries if str(one.get("external_id", "")).startswith("OB-")]
    assert len(held) == 1
    assert held[0]["entity"] == "US01"


def test_balances_of_a_load_that_was_cut_off_are_posted_once(tmp_path: Path, done: Rehearsal) -> None:
    """The router dies after the entry was accepted; begun again it is found, and the trial balances tie."""
    crash = {"at": "2026-10-31T01:40:34Z", "down_s": 30}
    again = rehearsed(tmp_path, crashes=[crash])
    assert again.report["verdict"] == "go", again.report["because"]
    assert balances(again.report) == balances(done.report)
    sent = [job for job in again.facts.jobs if job.external_id.startswith("OB-")]
    assert len(sent) == 1
