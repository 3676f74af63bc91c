"""The fence under fire: switches while eight writers write, on both databases (D6, I5).

The three wrong fences are controls in the same harness: each must leak, or the harness would prove nothing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from cutover.plan.model import Plan
from cutover.plan.stages import StageBook
from router.journal.engine import Postgres, connect
from router.journal.journal import Journal
from router.journal.port import Submission, Switch
from router.landscape import read_landscape
from router.routing.tables import Tables
from tests.contract.journal_kit import NEW, OLD, Hands, routes, submission, time_entry, with_tables
from tests.integration.fence_harness import (
    ENTITIES,
    OneStatement,
    PlainRead,
    Serializable,
    Writers,
    late_rows,
    opened,
)


def test_nothing_is_accepted_under_an_old_epoch_after_a_switch(fresh_journal: Callable[[], str]) -> None:
    """200 switches under eight writers: 0 late rows."""
    seen = asyncio.run(late_rows(fresh_journal(), switches=200))
    assert (seen.switches, seen.late) == (200, 0)
    assert seen.rows >= 200, "the writers must have been at it"


def test_the_order_of_history_proves_it_too(fresh_journal: Callable[[], str]) -> None:
    """Acceptances and switches stand in the history in the order they took effect (what I5 checks)."""

    async def work(url: str) -> None:
        await late_rows(url, switches=30)
        journal = Journal.open(url, clock=Hands())
        now = dict.fromkeys(ENTITIES, 0)
        checked = 0
        try:
            async for line in journal.history():
                if line["what"] == "switched":
                    now |= line["detail"]["epochs"]
                elif line["what"] == "accepted":
                    assert line["detail"]["epoch"] == now[line["detail"]["legal_entity"]]
                    checked += 1
        finally:
            journal.close()
        assert checked

    asyncio.run(work(fresh_journal()))


@pytest.mark.parametrize(
    "wrong", [PlainRead(), Serializable(), OneStatement()], ids=lambda one: type(one).__name__
)
def test_a_wrong_fence_leaks(fresh_postgres: Callable[[], str], wrong: Postgres) -> None:
    """The controls: the same writers and switches, behind each fence that D6 rejected, accept too late."""
    seen = asyncio.run(late_rows(fresh_postgres(), switches=200, dialect=wrong, until_leak=True))
    assert seen.late > 0, f"no leak in {seen.switches} switches and {seen.rows} rows"


def test_reading_in_the_statement_that_locks_leaks(fresh_postgres: Callable[[], str]) -> None:
    """Why the fence takes two statements: a snapshot from before the lock was granted is stale."""
    url = fresh_postgres()
    engine, _ = connect(url)
    with engine.connect() as reader, engine.connect() as switcher, engine.connect() as watcher:
        switcher.execute(text("INSERT INTO epochs VALUES ('UK01', 1, 1, '')"))
        switcher.execute(text("BEGIN"))
        switcher.execute(text("SELECT pg_advisory_xact_lock(1)"))
        switcher.execute(text("UPDATE epochs SET epoch = 2"))
        seen: list[int] = []

        def read() -> None:
            both = "SELECT epoch FROM epochs, (SELECT pg_advisory_xact_lock_shared(1)) AS lock"
            seen.append(reader.execute(text(both)).scalar_one())
            seen.append(reader.execute(text("SELECT epoch FROM epochs")).scalar_one())

        thread = threading.Thread(target=read)
        thread.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not watcher.execute(waits).scalar_one():
            time.sleep(0.005)
        switcher.execute(text("COMMIT"))
        thread.join()
    engine.dispose()
    assert seen == [1, 2]


@pytest.mark.parametrize("several", [2, 5])
def test_a_switch_of_several_entities_and_groups_of_several_never_deadlock(
    fresh_postgres: Callable[[], str], several: int
) -> None:
    """Locks are taken in sorted order by everybody, whatever order they were named in."""

    async def work(url: str) -> None:
        journals = [Journal.open(url, clock=Hands(), decide=routes) for _ in range(3)]
        try:
            await with_tables(journals[0])
            names = [f"E{n}" for n in range(several)]

            async def accept(journal: Journal, at: int) -> None:
                for n in range(10):
                    order = names if n % 2 else names[::-1]
                    await journal.accept(
                        [
                            submission(
                                time_entry(f"T{at}-{n}-{entity}", project=f"P{len(order)}", entity=entity)
                            )
                            for entity in order
                        ]
                    )

            async def switch(journal: Journal) -> None:
                for n in range(10):
                    order = names if n % 2 else names[::-1]
                    await journal.switch(Switch(entities=order, table_version=1, by="test", why="test"))

            async with asyncio.timeout(20):
                await asyncio.gather(accept(journals[0], 0), accept(journals[1], 1), switch(journals[2]))
            assert (await journals[0].epochs())["E0"] == (10, 1)
        finally:
            for journal in journals:
                journal.close()

    asyncio.run(work(fresh_postgres()))


UNITS = {"advisory": "CONSULTING", "operations": "MANAGED"}
WAVES = Plan.model_validate(
    {
        "name": "units", "start": "2026-10-30T00:00:00Z", "end": "2026-11-01T00:00:00Z", "from": OLD, "to": NEW,
        "window": {"opens": "2026-10-30T00:00:00Z", "closes": "2026-11-01T00:00:00Z"},
        "waves": [
            {"id": wave, "entities": ["UK01"], "business_units": [unit]} for wave, unit in UNITS.items()
        ],
        "steps": [{"id": "task", "kind": "manual", "wave": "advisory"}],
    }
)  # fmt: skip


def of_both_units(name: str, n: int) -> list[Submission]:
    """A time entry of one unit of UK01."""
    unit = list(UNITS.values())[n % 2]
    document = time_entry(f"T{name}-{n}", project=f"P{n % 4}").model_copy(update={"business_unit": unit})
    return [submission(document)]


def test_waves_of_business_units_share_an_epoch_and_each_its_own_switch(
    fresh_journal: Callable[[], str],
) -> None:
    """60 switches of two waves of one entity: every row was decided by the table of its epoch, 0 late.

    The writers never saw any of the tables: each loads them from the journal, inside the accept.
    """

    async def work(url: str) -> None:
        landscape, book, expected = read_landscape(), StageBook(WAVES), {}
        journal = opened(url, None, Tables(landscape=landscape))
        engine, _ = connect(url)
        older = text("SELECT count(*) FROM decisions WHERE epoch < :epoch")
        late: list[tuple[int, int]] = []
        try:
            with (
                Writers(url, decide=lambda: Tables(landscape=landscape), documents=of_both_units),
                engine.connect() as observer,
            ):
                for n in range(60):
                    wave = list(UNITS)[n % 2]
                    (now,) = book.of(wave)
                    if n < 2:
                        book.move(wave, stage="shadow")
                    elif not now.frozen:
                        book.move(wave, frozen=True)
                    else:
                        book.move(wave, stage="live" if now.stage == "shadow" else "shadow", frozen=False)
                    await journal.publish_table(book.table_text(n + 1), version=n + 1, by="test")
                    scope = WAVES.wave(wave).scope()
                    order = Switch(
                        entities=scope.entities, business_units=scope.business_units, table_version=n + 1,
                        by="test", why="test",
                    )  # fmt: skip
                    (epoch,) = (await journal.switch(order)).values()
                    late.append((epoch, observer.execute(older, {"epoch": epoch}).scalar_one()))
                    for one, unit in UNITS.items():
                        (at,) = book.of(one)
                        expected[(epoch, unit)] = (NEW if at.stage == "live" else OLD, int(at.frozen))
                    await asyncio.sleep(0.01)
            with engine.connect() as observer:
                for epoch, before in late:
                    assert observer.execute(older, {"epoch": epoch}).scalar_one() == before
                rows = observer.execute(
                    text(
                        "SELECT d.epoch, t.business_unit, d.authority, d.hold FROM decisions AS d"
                        " JOIN transactions AS t ON t.seq = d.seq WHERE d.epoch > 0"
                    )
                ).all()
        finally:
            engine.dispose()
            journal.close()
        assert len(rows) >= 60, "the writers must have been at it"
        assert len({unit for _, unit, _, _ in rows}) == 2
        wrong = [row for row in rows if (row[2], row[3]) != expected[(row[0], row[1])]]
        assert wrong == []

    asyncio.run(work(fresh_journal()))
