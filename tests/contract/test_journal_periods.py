"""Periods in the journal, on both databases: after a close returned nothing is accepted into the period.

Threads with journals of their own accept into two months while a third closes them. What stands in a
closed month is counted when its close returned and again at the end. The control takes the lock away
and must leak, or this test would prove nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from router.canonical.reference import FiscalCalendar, LegalEntity
from router.finance.calendar import Calendars
from router.journal.engine import connect
from router.journal.journal import Journal
from router.journal.periods import PeriodMark
from router.journal.port import Accepted, Stale, Switch
from tests.contract.journal_kit import NEW, Hands, claim, routes, submission, time_entry, with_tables
from tests.integration.fence_harness import PlainRead

WRITERS = 4
UK = LegalEntity(name="UK", region="EMEA", currency="GBP", country="GB")
CALENDARS = Calendars({"UK01": UK, "US01": UK}, {"monthly": FiscalCalendar()})


def opened(url: str, *, fenced: bool = True, on_commit: Callable[[str, int], None] | None = None) -> Journal:
    """A journal that keeps periods closed."""
    journal = Journal.open(
        url, clock=Hands(), decide=routes, late=CALENDARS.late, moved=CALENDARS.moved, on_commit=on_commit
    )
    if not fenced:
        journal._database.dialect = PlainRead()
    return journal


def mark(state: str, entity: str = "UK01", why: str = "month end") -> PeriodMark:
    """An order to close October."""
    return PeriodMark(legal_entity=entity, period="2026-10", state=state, by="ann", why=why, detail={})


def test_a_mark_is_kept_with_who_and_why(journal_url: str) -> None:
    """The newest mark of a period counts; the history has them all."""

    async def main() -> None:
        journal = opened(journal_url)
        try:
            await journal.mark_period(mark("soft_closed"))
            await journal.mark_period(mark("closed", why="signed"))
            await journal.mark_period(mark("closed", "US01"))
            found = [
                (row["legal_entity"], row["state"], row["by"], row["why"]) for row in await journal.periods()
            ]
            assert found == [("UK01", "closed", "ann", "signed"), ("US01", "closed", "ann", "month end")]
            seen = [row["what"] async for row in journal.history() if row["what"].startswith("period")]
            assert seen == ["period soft_closed", "period closed", "period closed"]
        finally:
            journal.close()

    asyncio.run(main())


def test_only_the_closed_period_of_the_entity_is_guarded(journal_url: str) -> None:
    """A sender is turned away, a feed and our own work are parked, counted by their entity; others pass."""

    async def main() -> None:
        journal = await with_tables(opened(journal_url))
        try:
            await journal.mark_period(mark("soft_closed"))
            answers = await journal.accept(
                [
                    submission(time_entry("T1")),
                    submission(time_entry("T2"), keep_conflict=True),
                    submission(time_entry("T3"), client="coexist"),
                    submission(time_entry("T4", entity="US01")),
                    submission(time_entry("T5", adjusts="T0", minutes=-60)),
                    submission(
                        time_entry("T6").model_copy(
                            update={"accounting_date": time_entry("T").accounting_date.replace(month=12)}
                        )
                    ),
                ]
            )
            states = [one.state.value if isinstance(one, Accepted) else type(one).__name__ for one in answers]
            assert states == ["Stale", "parked", "parked", "queued", "queued", "queued"]
            assert isinstance(answers[0], Stale)
            assert answers[0].register == "period:UK01/2026-10-31"
            totals = {(row["state"], row["legal_entity"]): row["count"] for row in await journal.totals()}
            assert totals[("parked", "UK01")] == 2
            (again,) = await journal.accept([submission(time_entry("T2"), keep_conflict=True)])
            assert isinstance(again, Accepted)
            assert again.replayed, "a repeat gets its first answer"
        finally:
            journal.close()

    asyncio.run(main())


def test_what_closing_asks_of_the_journal(journal_url: str) -> None:
    """Documents of a period by entity and kind with their state, work with its approval, what is unread."""

    async def main() -> None:
        journal = await with_tables(opened(journal_url))
        try:
            sent = time_entry("T9")
            unread = submission(None, key="U1", as_sent=sent, problem="no such project", problem_code="x")
            await journal.accept(
                [submission(time_entry("T1")), submission(time_entry("T2", entity="US01")), unread]
            )
            found = await journal.entered(("time_entry",), first="2026-10-31", last="2026-10-31")
            assert [(row.document.document_id, row.state, row.authority) for row in found] == [
                ("T1", "queued", "sap_ecc"), ("T2", "queued", "sap_ecc"),
            ]  # fmt: skip
            one = await journal.entered(("time_entry",), first="2026-10-01", last="2026-10-31", entity="US01")
            assert [row.document.document_id for row in one] == ["T2"]
            assert await journal.entered(("time_entry",), first="2026-11-01", last="2026-11-30") == []
            worked = await journal.worked(accepted_before="2026-10-31")
            assert [row["entry"]["document_id"] for row in worked] == ["T1", "T2"]
            assert await journal.worked(accepted_before="2026-10-30") == []
            (row,) = await journal.unread()
            assert (row["legal_entity"], row["code"], row["received"]) == ("UK01", "x", '{"as": "received"}')
        finally:
            journal.close()

    asyncio.run(main())


def test_what_was_held_over_a_close_is_let_go_into_the_next_period(journal_url: str) -> None:
    """The date moves with the release, the repeat still gets its first answer; an open entity's stays."""

    async def main() -> None:
        journal = await with_tables(opened(journal_url))
        try:
            order = Switch(entities=["UK01", "US01"], table_version=2, by="me", why="freeze")
            await journal.switch(order)
            await journal.accept([submission(time_entry("T1")), submission(time_entry("T2", entity="US01"))])
            await journal.mark_period(mark("closed"))
            await journal.switch(replace(order, table_version=3))
            assert await journal.release(["UK01", "US01"], by="me", why="thaw") == 2
            rows = [row async for row in journal.transactions()]
            assert [(row["document_id"], row["accounting_date"]) for row in rows] == [
                ("T1", "2026-11-01"), ("T2", "2026-10-31"),
            ]  # fmt: skip
            (lease,) = await claim(journal, NEW)
            assert [str(job.document.accounting_date) for job in lease.jobs] == ["2026-11-01", "2026-10-31"]
            (again,) = await journal.accept([submission(time_entry("T1"))])
            assert isinstance(again, Accepted)
            assert again.replayed
        finally:
            journal.close()

    asyncio.run(main())


def linger(when: str, _count: int) -> None:
    """Two milliseconds between decision and commit: room for a close to get in between."""
    if when == "before":
        time.sleep(0.002)


def late_rows(url: str, *, closes: int, fenced: bool) -> tuple[int, int]:
    """Rows that entered October after a close of it returned; and all rows."""
    stop = threading.Event()
    failed: list[Exception] = []

    async def accept(name: int) -> None:
        journal = opened(url, fenced=fenced, on_commit=linger)
        try:
            for n in itertools.count():
                if stop.is_set():
                    return
                await journal.accept([submission(time_entry(f"T{name}-{n}", project=f"P{n % 5}"))])
                await asyncio.sleep(0.002)
        finally:
            journal.close()

    def write(name: int) -> None:
        try:
            asyncio.run(accept(name))
        except Exception as error:  # noqa: BLE001 a thread's failure is told where it is joined
            failed.append(error)

    async def close_and_open() -> int:
        journal = opened(url, fenced=fenced)
        engine, _ = connect(url)
        count = text("SELECT count(*) FROM transactions WHERE kind = 'time_entry'")
        late = 0
        try:
            with engine.connect() as observer:
                for _ in range(closes):
                    await journal.mark_period(mark("closed"))
                    before = observer.execute(count).scalar_one()
                    await asyncio.sleep(0.02)
                    late += observer.execute(count).scalar_one() - before
                    await journal.mark_period(mark("open"))
                    for _ in range(100):
                        if observer.execute(count).scalar_one() > before:
                            break
                        await asyncio.sleep(0.01)
                return late
        finally:
            engine.dispose()
            journal.close()

    async def all_rows() -> int:
        journal = await with_tables(opened(url))
        try:
            return sum(int(row["count"]) for row in await journal.totals())
        finally:
            journal.close()

    asyncio.run(all_rows())
    threads = [threading.Thread(target=write, args=(name,)) for name in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        late = asyncio.run(close_and_open())
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed, failed
    return late, asyncio.run(all_rows())


def test_nothing_enters_after_a_close_returned(journal_url: str) -> None:
    """Six closes and re-openings under four writers: no row more than when the close returned."""
    late, rows = late_rows(journal_url, closes=6, fenced=True)
    assert late == 0
    assert rows >= 6, "the writers wrote"


def test_without_the_lock_something_does(fresh_postgres: Callable[[], str]) -> None:
    """The control: on PostgreSQL without the fence a close is overtaken."""
    for _ in range(5):
        if late_rows(fresh_postgres(), closes=6, fenced=False)[0]:
            return
    pytest.fail("no late row in 30 unfenced closes: the test above proves nothing")
