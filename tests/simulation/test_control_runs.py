"""Control runs: a router with a known bug is rehearsed, and the checker whose claim it breaks says so (D13).

Each mutant is the smallest change of the product that has the bug; undisturbed, the same cutover is a go
(`test_rehearsal.py`), so what is found here is the mutant's doing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cutover.rehearsal.rehearse import Rehearsal
from router.connectors.port import Answer, NoAnswer, TryLater
from router.delivery import lanes as hand
from router.delivery import outcomes
from router.delivery.decisions import Facts, after_answer
from router.dualrun.breaks import Break
from router.ingest.intake import Intake
from router.journal import fence
from router.journal import lanes as lanes_in_journal
from router.journal.break_states import BreakRun, RunOutcome
from router.journal.decisions import Head
from router.journal.engine import Transaction
from router.journal.journal import Journal
from router.journal.port import Acceptance, Job, Settlement, Submission
from router.model import SystemId
from tests.simulation.tiny import rehearse_tiny

LOST_MEMO = {
    "sap_ecc": (
        {
            "name": "lost commit", "kind": "drop_answer", "method": "POST", "skip": 1, "first": 1,
            "from": "2026-10-31T09:15:00Z", "until": "2026-10-31T09:22:00Z",
        },
    ),
}  # fmt: skip


def violated(done: Rehearsal) -> dict[str, list[str]]:
    """Invariants that do not hold, with examples; whatever is violated is a no-go."""
    found = {row["name"]: row["examples"] for row in done.report["invariants"] if not row["held"]}
    assert done.report["verdict"] == "no-go" if found else True
    return found


def test_sending_again_after_a_time_out_doubles_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I2: "no answer" taken for "not done" posts a credit memo twice; the sound router looks it up."""
    sound = tmp_path / "sound"
    sound.mkdir()
    assert violated(rehearse_tiny(sound, faults=LOST_MEMO)) == {}

    def naive(job: Job, answer: Answer, facts: Facts) -> Settlement:
        if isinstance(answer, NoAnswer):
            answer = TryLater(reason=answer.reason)
        return after_answer(job, answer, facts)

    monkeypatch.setattr(outcomes, "after_answer", naive)
    found = violated(rehearse_tiny(tmp_path, faults=LOST_MEMO))
    assert any("credit_memo" in text and "times in sap_ecc" in text for text in found["I2"]), found


def test_deciding_by_an_epoch_read_before_the_switch_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I5: a gateway that keeps the epoch it once read goes on deciding by the old table."""
    enter = fence.enter
    kept: dict[str, Any] = {}

    def stale(tx: Transaction, entities: Sequence[str]) -> Mapping[str, Any]:
        for entity, epoch in enter(tx, entities := list(entities)).items():
            kept.setdefault(entity, epoch)
        return {entity: kept[entity] for entity in entities}

    monkeypatch.setattr(fence, "enter", stale)
    found = violated(rehearse_tiny(tmp_path))
    assert any("was decided in epoch 0" in text for text in found["I5"]), found


def test_a_switch_without_a_new_epoch_has_two_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3: one epoch under two tables means that nobody can tell which authority was in force."""
    enter = fence.enter

    def unbumped(tx: Transaction, entities: Sequence[str]) -> Mapping[str, Any]:
        return {entity: (0, version) for entity, (_, version) in enter(tx, entities).items()}

    monkeypatch.setattr(fence, "enter", unbumped)
    found = violated(rehearse_tiny(tmp_path))
    assert any("was decided by tables" in text for text in found["I3"]), found


def test_a_row_dropped_between_feed_and_journal_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: the PSA holds it as approved, the cursor has moved on, and it was never accepted."""
    accept = Intake.accept
    dropped: list[str] = []

    async def careless(
        self: Intake, submissions: Sequence[Submission], *, cursor: tuple[SystemId, str, str] | None = None
    ) -> list[Acceptance]:
        if cursor is not None and cursor[1] == "time_entries" and submissions and not dropped:
            dropped.append(submissions[0].event_id.partition("@")[0])
            submissions = submissions[1:]
        return await accept(self, submissions, cursor=cursor)

    monkeypatch.setattr(Intake, "accept", careless)
    found = violated(rehearse_tiny(tmp_path))
    assert any(dropped[0] in text and "never accepted" in text for text in found["I1"]), found


def test_a_break_that_is_not_stored_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I7: the report counts a break that nobody can look at."""
    store = Journal.store_run

    async def swallow(self: Journal, run: BreakRun, rows: Sequence[Break | Mapping[str, Any]]) -> RunOutcome:
        return await store(self, run, rows[1:])

    monkeypatch.setattr(Journal, "store_run", swallow)
    found = violated(rehearse_tiny(tmp_path))
    assert any("are stored" in text for text in found["I7"]), found


def test_lanes_without_order_let_documents_overtake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I4: what depends on what went before is sent together with it."""

    def whole(heads: Sequence[Head], *, now: str, limit: int, closed: object) -> Sequence[Head]:
        return [head for head in heads[:limit] if head.due <= now]

    monkeypatch.setattr(lanes_in_journal, "run_of", whole)
    monkeypatch.setattr(hand, "batches", lambda jobs: [list(jobs)] if jobs else [])
    found = violated(rehearse_tiny(tmp_path))
    assert any("before an earlier one was settled" in text for text in found["I4"]), found
