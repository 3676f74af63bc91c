"""Corrections and cases in the journal, on both databases: nothing posted is changed, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from router.errors import BadInput, NotFound, Refused
from router.journal.journal import Journal
from router.journal.port import Accepted
from router.model import Event
from tests.contract.journal_kit import (
    NEW,
    OLD,
    Hands,
    claim,
    drain,
    outcome,
    routes,
    submission,
    time_entry,
    with_tables,
)

Test = Callable[[Journal, Hands], Awaitable[None]]


def on_journal(url: str, test: Test) -> None:
    """Run a test on a journal with route tables."""

    async def main() -> None:
        hands = Hands()
        journal = Journal.open(url, clock=hands, decide=routes)
        try:
            await with_tables(journal)
            await test(journal, hands)
        finally:
            journal.close()

    asyncio.run(main())


async def accepted(journal: Journal, *given: Any) -> str:
    """Accept one submission; its transaction."""
    (answer,) = await journal.accept([*given])
    assert isinstance(answer, Accepted)
    return answer.transaction_id


def test_a_refused_document_is_corrected_and_read_anew(journal_url: str) -> None:
    """It goes where it was refused; a worker that remembers the document as it was reads it as it is."""

    async def test(journal: Journal, hands: Hands) -> None:
        name = await accepted(journal, submission(time_entry("T1")))
        assert await drain(journal, event=Event.SAID_NO) == ["T1"]
        (row,) = await journal.failures(most=10)
        assert (row["exception_id"], row["state"], row["since"] >= row["accepted_at"]) == (
            name,
            "refused",
            True,
        )
        other = Journal.open(journal_url, clock=hands, decide=routes)
        try:
            right = time_entry("T1", project="P2", minutes=90)
            assert await other.correct(name, submission(right), by="ann", why="wrong project") == 1
        finally:
            other.close()
        (lease,) = await claim(journal)
        (job,) = lease.jobs
        assert job.document == right, "not from memory"
        assert await journal.settle([outcome(lease)]) == [True]
        found = await journal.transaction(name)
        assert found is not None
        assert (found["state"], found["ordering_key"], found["amount_minor"]) == ("posted", "P2", 22_500)
        (line,) = [line for line in found["history"] if line["what"] == "corrected"]
        assert (line["detail"]["by"], line["detail"]["before"]["project_id"]) == ("ann", "P1")
        (again,) = await journal.accept([submission(time_entry("T1"))])
        assert isinstance(again, Accepted)
        assert again.replayed, "the sender's retry still gets its first answer"
        assert await journal.failures(most=10) == []

    on_journal(journal_url, test)


def test_a_parked_one_gets_the_document_it_lacked(journal_url: str) -> None:
    """It is delivered under its own transaction; an id that was accepted before is refused."""

    async def test(journal: Journal, _: Hands) -> None:
        await accepted(journal, submission(time_entry("T1")))
        name = await accepted(
            journal, submission(None, key="k", problem="unreadable", problem_code="unreadable")
        )
        given = replace(submission(time_entry("T1"), key="k"), correlation_id=name)
        with pytest.raises(Refused, match="accepted before"):
            await journal.correct(name, given, by="ann", why="wrong project")
        await journal.restate(name, "still unreadable", "invalid-document")
        (row,) = await journal.failures(most=10)
        assert (row["problem"], row["problem_code"]) == ("still unreadable", "invalid-document")
        assert (
            await journal.correct(
                name, replace(given, document=time_entry("T2")), by="ann", why="wrong project"
            )
            == 1
        )
        assert sorted(await drain(journal)) == ["T1", "T2"]

    on_journal(journal_url, test)


@pytest.mark.parametrize("event", [Event.ACCEPTED, Event.NO_ANSWER])
def test_what_is_posted_or_may_be_is_never_corrected(journal_url: str, event: Event) -> None:
    """Posted, or in doubt: the ERP's document would differ from ours, so it is refused."""

    async def test(journal: Journal, _: Hands) -> None:
        name = await accepted(journal, submission(time_entry("T1")))
        (lease,) = await claim(journal)
        await journal.settle([outcome(lease, event)])
        with pytest.raises(Refused, match=str(OLD)):
            await journal.correct(
                name, submission(time_entry("T1", minutes=90)), by="ann", why="wrong project"
            )

    on_journal(journal_url, test)


def test_another_document_is_no_correction(journal_url: str) -> None:
    """Kind and id stay: other systems know it by them. What does not wait is not corrected."""

    async def test(journal: Journal, _: Hands) -> None:
        name = await accepted(journal, submission(time_entry("T1")))
        with pytest.raises(Refused, match="queued"):
            await journal.correct(name, submission(time_entry("T1")), by="ann", why="wrong project")
        await drain(journal, event=Event.SAID_NO)
        with pytest.raises(BadInput, match="T2"):
            await journal.correct(name, submission(time_entry("T2")), by="ann", why="wrong project")
        with pytest.raises(NotFound):
            await journal.correct(
                "T000000000999", submission(time_entry("T1")), by="ann", why="wrong project"
            )

    on_journal(journal_url, test)


def test_what_one_erp_refused_is_not_revived_beside_another(journal_url: str) -> None:
    """Refused by the old ERP, routed to the new and refused there: a replay sends it to the new one only (I2)."""

    async def test(journal: Journal, _: Hands) -> None:
        from router.journal.port import Switch  # noqa: PLC0415 only this test switches

        name = await accepted(journal, submission(time_entry("T1")))
        await drain(journal, event=Event.SAID_NO)
        await journal.switch(Switch(entities=["UK01"], table_version=3, by="ann", why="cutover"))
        assert await journal.replay([name], route="again", by="ann", why="now in the new ERP") == 1
        assert await drain(journal, NEW, event=Event.SAID_NO) == ["T1"]
        assert len(await journal.failures(most=10)) == 1
        assert await journal.replay([name], route="pinned", by="ann", why="mended") == 1
        assert await drain(journal, OLD) == []
        assert await drain(journal, NEW) == ["T1"]

    on_journal(journal_url, test)


def test_cases_keep_who_said_what(journal_url: str) -> None:
    """The last word is the case, every word is in the history, also of what is no transaction."""

    async def test(journal: Journal, hands: Hands) -> None:
        for state, by in (("assigned", "ann"), ("resolved", "bob")):
            hands.turn(60)
            await journal.put_case("B1", state=state, owner="bob", note=state, by=by, transaction_id=None)
        assert (await journal.cases())["B1"]["by"] == "bob"
        assert [line["what"] for line in await journal.case_history("B1")] == [
            "exception assigned", "exception resolved",
        ]  # fmt: skip

    on_journal(journal_url, test)


def test_a_dry_run_of_routing_changes_nothing(journal_url: str) -> None:
    """Where a document would go now, lineage included, without a row written."""

    async def test(journal: Journal, _: Hands) -> None:
        await accepted(journal, submission(time_entry("T1")))
        asked = [(time_entry("T2"), "approved"), (time_entry("T1.r1", adjusts="T1"), "approved")]
        first, second = await journal.would_route(asked)
        assert (first.rule, first.authority, second.rule) == ("default", OLD, "lineage")
        assert sum(row["count"] for row in await journal.totals()) == 1

    on_journal(journal_url, test)
