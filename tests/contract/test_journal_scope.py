"""Scopes in the journal: a wave of some business units or kinds moves, waits, drains and is let go by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic import command

from router.canonical import Document
from router.errors import Refused
from router.journal import migrate
from router.journal.engine import connect
from router.journal.journal import Journal
from router.journal.port import Scope, Switch
from router.model import Event
from tests.contract.journal_kit import (
    NEW,
    OLD,
    Hands,
    claim,
    customer,
    drain,
    milestone,
    names,
    outcome,
    routes,
    submission,
    time_entry,
    with_tables,
)

CONSULTING = Scope(entities=("UK01",), business_units=("CONSULTING",))
MANAGED = Scope(entities=("UK01",), business_units=("MANAGED",))
TIME = Scope(entities=("UK01",), kinds=("time_entry",))
Work = Callable[[Journal, Hands], Awaitable[None]]


def on(url: str, work: Work) -> None:
    clock = Hands()

    async def main() -> None:
        journal = Journal.open(url, clock=clock, decide=routes)
        try:
            await work(await with_tables(journal), clock)
        finally:
            journal.close()

    asyncio.run(main())


def managed(document: Document) -> Document:
    return document.model_copy(update={"business_unit": "MANAGED"})


async def to(journal: Journal, version: int, scope: Scope, **more: list[str]) -> None:
    order = Switch(
        entities=scope.entities, business_units=scope.business_units, kinds=scope.kinds, table_version=version,
        by="me", why="test",
    )  # fmt: skip
    await journal.switch(order, **more)  # type: ignore[arg-type]  # gate, when given


def test_a_wave_does_not_stop_a_unit_that_lives_there_already(journal_url: str) -> None:
    """MANAGED moved before; while CONSULTING's lanes are gated MANAGED goes on, and the other way round."""

    async def work(journal: Journal, _clock: Hands) -> None:
        for scope, waits, goes in ((CONSULTING, "C", "M"), (MANAGED, "M", "C")):
            await to(journal, 3, scope, gate=[NEW])
            await journal.accept(
                [
                    submission(milestone(f"C{waits}", project="PC")),
                    submission(managed(milestone(f"M{waits}", project="PM"))),
                ]
            )
            assert await drain(journal, NEW) == [f"{goes}{waits}"]
            assert await journal.next_due(NEW) is None
            (lane,) = await journal.under_way(scope, [NEW])
            assert (lane.lane, lane.waiting, lane.why) == (
                f"P{waits}", 1, "closed until the old lanes are drained",
            )  # fmt: skip
            await journal.open_lanes(scope, targets=[NEW])
            assert await drain(journal, NEW) == [f"{waits}{waits}"]

    on(journal_url, work)


def test_lanes_open_once_the_old_erp_has_nothing_of_the_scope(journal_url: str) -> None:
    """What the other unit has on its way does not matter; what the scope has does."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.accept(
            [
                submission(managed(milestone("M1", project="PM"))),
                submission(milestone("C1", project="PC")),
                submission(time_entry("T1", project="PT")),
            ]
        )
        await to(journal, 3, CONSULTING, gate=[NEW])
        with pytest.raises(Refused, match="2 queued at sap_ecc"):
            await journal.open_lanes(CONSULTING, targets=[NEW])
        for lease in await claim(journal):
            if lease.lane != "PM":
                await journal.settle([outcome(lease)])
        await journal.open_lanes(CONSULTING, targets=[NEW])
        with pytest.raises(Refused, match="not drained"):
            await journal.open_lanes(MANAGED, targets=[NEW])

    on(journal_url, work)


def test_a_gated_kind_at_the_head_makes_its_lane_wait_as_a_whole(journal_url: str) -> None:
    """Order is kept: nothing overtakes the gated job, and a run ends where a gated one stands."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await to(journal, 3, TIME, gate=[NEW])
        await journal.accept(
            [
                submission(time_entry("T1", project="A")),
                submission(milestone("M1", project="A")),
                submission(milestone("M2", project="B")),
                submission(time_entry("T2", project="B")),
            ]
        )
        assert await drain(journal, NEW) == ["M2"]
        assert [lane.lane for lane in await journal.under_way(TIME, [NEW])] == ["A", "B"]
        await journal.open_lanes(TIME, targets=[NEW])
        assert sorted(await drain(journal, NEW)) == ["M1", "T1", "T2"]

    on(journal_url, work)


def test_a_gate_of_all_kinds_is_opened_kind_by_kind(journal_url: str) -> None:
    """Time first: milestones stay closed until they are opened too. Of units nobody told apart that is refused."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await to(journal, 3, Scope(entities=("UK01",)), gate=[NEW])
        await journal.accept(
            [submission(milestone("M1", project="A")), submission(time_entry("T1", project="B"))]
        )
        with pytest.raises(Refused, match="closed for all its business units"):
            await journal.open_lanes(CONSULTING, targets=[NEW])
        assert await drain(journal, NEW) == []
        await journal.open_lanes(TIME, targets=[NEW])
        assert await drain(journal, NEW) == ["T1"]
        await journal.open_lanes(["UK01"], targets=[NEW])
        assert await drain(journal, NEW) == ["M1"]

    on(journal_url, work)


def test_a_release_lets_go_only_what_its_scope_covers(journal_url: str) -> None:
    """What another wave's freeze holds stays held, and is counted by that wave's scope only."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await to(journal, 2, CONSULTING)
        await journal.accept(
            [
                submission(milestone("C1")),
                submission(managed(milestone("M1", project="PM"))),
                submission(managed(time_entry("M2", project="PM"))),
            ]
        )
        scopes = (CONSULTING, MANAGED, TIME, Scope(entities=("US01",)), Scope(entities=()))
        assert [await journal.held(scope) for scope in scopes] == [1, 2, 1, 0, 0]
        await to(journal, 1, CONSULTING)
        assert await journal.release(CONSULTING, by="me", why="thaw") == 1
        assert [await journal.held(scope) for scope in scopes] == [0, 2, 1, 0, 0]
        both = Scope(entities=("UK01",), business_units=("MANAGED",), kinds=("time_entry",))
        assert await journal.release(both, by="me", why="thaw") == 1
        assert await journal.held(["UK01"]) == 1

    on(journal_url, work)


def test_counts_and_positions_are_of_the_scope(journal_url: str) -> None:
    """Backlog, failures, position and what is moving leave out what other units and kinds have."""

    async def work(journal: Journal, clock: Hands) -> None:
        await journal.accept(
            [
                submission(milestone("C1")),
                submission(time_entry("C2")),
                submission(managed(time_entry("M1", project="PM"))),
            ]
        )
        for lease in await claim(journal):
            if lease.lane == "PM":
                await journal.settle([outcome(lease, Event.SAID_NO)])
        assert await journal.job_counts(entities=MANAGED, targets=[OLD]) == {"refused": 1}
        assert (await journal.job_counts(entities=TIME, targets=[OLD]))["refused"] == 1
        assert "refused" not in await journal.job_counts(entities=CONSULTING, targets=[OLD])
        (lane,) = await journal.under_way(CONSULTING, [OLD])
        assert lane.waiting == 2
        (lane,) = await journal.under_way(TIME, [OLD])
        assert lane.waiting == 1, "of the lane's two jobs one is of the scope"
        assert await journal.under_way(MANAGED, [OLD]) == []
        position = await journal.position(entities=TIME, targets=[OLD])
        assert (position.under_way, position.accepted) == (1, 2)
        moving = await journal.moving(entities=MANAGED, targets=[OLD], since=clock.now())
        assert [row.external_id for row in moving] == ["M1"]
        assert await journal.units_of(["UK01"]) == {
            ("milestone", "C1"): "CONSULTING", ("time_entry", "C2"): "CONSULTING", ("time_entry", "M1"): "MANAGED",
        }  # fmt: skip

    on(journal_url, work)


def test_a_dual_run_of_a_unit_takes_its_masters_and_those_all_share(journal_url: str) -> None:
    """By unit where asked, all of them where not; what is there already is not sent again."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.accept([submission(customer("C1")), submission(managed(customer("C2")))])
        await drain(journal)

        async def start(*units: str) -> int:
            return await journal.add_shadow(
                target=NEW, entities=["UK01"], kinds=["customer"], business_units=units,
                external_id=lambda one: one.document_id,
            )  # fmt: skip

        assert await start("MANAGED") == 1
        assert names(await claim(journal, NEW)) == [["C2"]]
        assert await start() == 1
        assert await start("CONSULTING", "MANAGED") == 0

    on(journal_url, work)


def test_a_document_mended_into_another_unit_is_of_that_unit(journal_url: str) -> None:
    """A parked transaction counts for the unit of the document it was given."""

    async def work(journal: Journal, _clock: Hands) -> None:
        parked = submission(None, key="K1", kind="milestone", problem="no unit")
        await journal.accept([parked])
        mended = submission(managed(milestone("M1")), key="K1", correlation_id="T000000000001")
        await to(journal, 2, MANAGED)
        await journal.replay(
            ["T000000000001"], route="again", by="me", why="x", mended={"T000000000001": mended}
        )
        assert [await journal.held(scope) for scope in (MANAGED, CONSULTING)] == [1, 0]

    on(journal_url, work)


def test_a_journal_from_before_is_filled_from_its_documents(
    postgres_server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Transactions, jobs and lanes get their units, and a gate that stood closes its whole entity still."""
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS before_units")
        admin.execute("CREATE DATABASE before_units")
    elsewhere = sqlalchemy.make_url(postgres_server).set(database="before_units")
    for url in (f"sqlite:///{tmp_path / 'old.sqlite'}", elsewhere.render_as_string(hide_password=False)):
        _as_of_0003(url)
        _old_rows(url)
        clock = Hands()

        async def look(url: str = url, clock: Hands = clock) -> None:
            journal = Journal.open(url, clock=clock, decide=routes)
            try:
                assert await journal.held(MANAGED) == 1
                (lane,) = await journal.under_way(MANAGED, [NEW])
                assert (lane.lane, lane.waiting, lane.why) == (
                    "PM",
                    1,
                    "closed until the old lanes are drained",
                )
                assert await journal.under_way(CONSULTING, [NEW]) == []
                assert await claim(journal, NEW) == []
                await journal.open_lanes(["UK01"], targets=[NEW])
                assert names(await claim(journal, NEW)) == [["M1"]]
            finally:
                journal.close()

        asyncio.run(look())
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("DROP DATABASE before_units WITH (FORCE)")


def _as_of_0003(url: str) -> None:
    engine, dialect = connect(url)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(dialect.begin)
            settings = migrate.config()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "0003")
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()


def _old_rows(url: str) -> None:
    """A held transaction, one on its way behind a gate, and one that never became a document."""
    canonical = managed(milestone("M1", project="PM")).model_dump_json(exclude_none=True)
    engine, _ = connect(url)
    columns = (
        "seq,client,idempotency_key,fingerprint,kind,document_id,transactional,source,event_id,verb,received,canonical,"
        "problem,correlation_id,legal_entity,accounting_date,ordering_key,currency,amount_minor,deliver,state,job_id,"
        "authority,accepted_at"
    )
    at = "2026-10-30T18:00:00.000000Z"
    try:
        with engine.connect() as connection:
            for seq, document, state, job in (
                (1, canonical, "held", None),
                (2, canonical, "queued", 2000),
                (3, None, "parked", None),
            ):
                row = (
                    seq, "c", f"k{seq}", "f", "milestone", f"M{seq}" if document else None, 1, "s", "e", "v", b"{}",
                    document, "", "x", "UK01", "2026-10-31", "PM", "GBP", 1, 1, state, job, None, at,
                )  # fmt: skip
                marks = ",".join(f":p{n}" for n in range(len(row)))
                connection.execute(
                    sqlalchemy.text(f"INSERT INTO transactions ({columns}) VALUES ({marks})"),
                    {f"p{n}": value for n, value in enumerate(row)},
                )
            connection.execute(
                sqlalchemy.text(
                    "INSERT INTO jobs (job_id,target,lane,role,operation,kind,external_id,legal_entity,commutes,state,"
                    "attempts,due,waiting_since,code,why,doubtful) VALUES (2000,'netsuite','PM','authority','create',"
                    "'milestone','M1','UK01',0,'queued',0,:at,:at,'','',0)"
                ),
                {"at": at},
            )
            connection.execute(
                sqlalchemy.text(
                    "INSERT INTO lanes (target,lane,legal_entity,role,head,due,token,worker)"
                    " VALUES ('netsuite','PM','UK01','authority',2,:at,0,'')"
                ),
                {"at": at},
            )
            connection.execute(
                sqlalchemy.text("INSERT INTO gates VALUES ('netsuite','UK01',:at)"), {"at": at}
            )
    finally:
        engine.dispose()
