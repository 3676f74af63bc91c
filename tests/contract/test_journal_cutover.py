"""What a cutover does to the journal: switch, gates, holds, releases, replays, the start of a dual run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from router.errors import NotFound, Refused
from router.journal.journal import Journal
from router.journal.port import Accepted, Pin, Switch
from router.model import Event, State
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


async def to(journal: Journal, version: int, *entities: str, **more: list[str]) -> dict[str, int]:
    order = Switch(entities=entities or ("UK01",), table_version=version, by="me", why="test")
    return await journal.switch(order, **more)  # type: ignore[arg-type]  # gate, when given


def test_epochs_rise_and_a_rollback_is_a_higher_epoch(journal_url: str) -> None:
    """An entity never switched is at epoch 0 with the lowest table; going back goes up."""

    async def work(journal: Journal, _clock: Hands) -> None:
        assert (await journal.epochs())["UK01"] == (0, 1)
        assert await to(journal, 3, "UK01", "US01") == {"UK01": 1, "US01": 1}
        assert await to(journal, 1) == {"UK01": 2}
        assert dict(await journal.epochs()) == {"UK01": (2, 1), "US01": (1, 3)}
        with pytest.raises(Refused, match="not published"):
            await to(journal, 9)
        with pytest.raises(Refused, match="at least one"):
            await journal.switch(Switch(entities=[], table_version=1, by="me", why="test"))
        switched = [line["detail"] async for line in journal.history(what="switched")]
        assert [line["epochs"] for line in switched] == [{"UK01": 1, "US01": 1}, {"UK01": 2}]

    on(journal_url, work)


def test_a_published_table_keeps_its_text(journal_url: str) -> None:
    """The same text again is fine; another under the same version is refused."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.publish_table("version: 1\n", version=1, by="me")
        with pytest.raises(Refused, match="another text"):
            await journal.publish_table("version: 1 # edited\n", version=1, by="me")
        assert await journal.table_text(1) == "version: 1\n"
        assert [row["version"] for row in await journal.tables()] == [1, 2, 3, 4, 5]
        with pytest.raises(NotFound):
            await journal.table_text(9)

    on(journal_url, work)


def test_new_lanes_stay_closed_until_the_old_are_drained(journal_url: str) -> None:
    """Gated lanes give no work, their shadow lanes do; opening is refused while anything is in doubt."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.accept(
            [submission(milestone("OLD-1")), submission(milestone("US-1", entity="US01", project="U"))]
        )
        await to(journal, 3, "UK01", gate=[NEW])
        await to(journal, 3, "US01")
        new = [
            milestone("NEW-1"),
            milestone("NEW-2", project="P2"),
            milestone("US-2", entity="US01", project="U"),
        ]
        await journal.accept([submission(one) for one in new])
        assert names(await claim(journal, NEW)) == [["US-2"]], "only UK01 is gated"
        assert [one.why for one in await journal.lanes(target=NEW, entities=["UK01"])] == [
            "closed until the old lanes are drained"
        ] * 2
        with pytest.raises(Refused, match="1 queued at sap_ecc"):
            await journal.open_lanes(["UK01"], targets=[NEW])
        leases = await claim(journal, OLD)
        await journal.settle([outcome(lease, Event.NO_ANSWER) for lease in leases])
        with pytest.raises(Refused, match="1 in_doubt at sap_ecc"):
            await journal.open_lanes(["UK01"], targets=[NEW])
        await journal.settle([outcome(lease, Event.FOUND) for lease in await claim(journal, OLD)])
        assert await claim(journal, NEW) == []
        await journal.open_lanes(["UK01"], targets=[NEW])
        assert names(await claim(journal, NEW)) == [["NEW-1"], ["NEW-2"]]

    on(journal_url, work)


def test_a_gate_holds_back_one_entity_of_a_shared_lane(journal_url: str) -> None:
    """A customer's lane may hold documents of two entities: the gated one waits, and so what is behind it."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await to(journal, 3, "UK01", gate=[NEW])
        await to(journal, 3, "US01")
        first, second = customer("C1", entity="US01"), customer("C1", entity="UK01", title="Other")
        await journal.accept(
            [submission(first, key="1"), submission(second, key="2"), submission(first, key="3")]
        )
        (lease,) = await claim(journal, NEW)
        assert lease.jobs[0].document == first
        await journal.settle([outcome(lease)])
        assert await claim(journal, NEW) == []
        await journal.open_lanes(["UK01"], targets=[NEW])
        assert len(await drain(journal, NEW)) == 2

    on(journal_url, work)


def test_held_documents_are_decided_again_and_keep_their_place(journal_url: str) -> None:
    """A release decides by the table of now; both decisions stay; the held go before what came later."""

    async def work(journal: Journal, clock: Hands) -> None:
        await to(journal, 2)
        held = [
            submission(milestone("H1")),
            submission(milestone("H2")),
            submission(milestone("U1", entity="US01")),
        ]
        answers = await journal.accept(held)
        assert [one.state for one in answers if isinstance(one, Accepted)] == [
            State.HELD,
            State.HELD,
            State.QUEUED,
        ]
        (waiting,) = await journal.lanes(entities=["UK01"])
        assert (waiting.lane, waiting.held, waiting.waiting, waiting.why) == ("P1", 2, 0, "cutover freeze")
        assert await journal.release(["UK01"], by="me", why="too early") == 0
        await to(journal, 3, gate=[NEW])
        clock.turn(60)
        await journal.accept([submission(milestone("L1"))])
        assert await journal.release(["UK01"], by="me", why="cutover done") == 2
        assert await journal.release(["UK01"], by="me", why="again") == 0
        await drain(journal, OLD)
        await journal.open_lanes(["UK01"], targets=[NEW])
        assert await drain(journal, NEW) == ["H1", "H2", "L1"]
        found = await journal.transaction("T000000000001")
        assert found is not None
        assert found["state"] == "posted"
        assert [(one["rule"], one["epoch"]) for one in found["decisions"]] == [
            ("freeze", 1),
            ("freeze", 1),
            ("default", 2),
        ]
        again = await journal.accept([submission(milestone("H1"))])
        assert isinstance(again[0], Accepted)
        assert (again[0].state, again[0].replayed) == (State.HELD, True), (
            "the first answer, whatever came of it"
        )

    on(journal_url, work)


def test_a_released_document_goes_first_though_its_lane_waits(journal_url: str) -> None:
    """Work added before a delayed head makes its lane due at once, in order of acceptance."""

    async def work(journal: Journal, clock: Hands) -> None:
        await to(journal, 2)
        await journal.accept([submission(milestone("H1"))])
        await to(journal, 1)
        await journal.accept([submission(milestone("L1"))])
        (lease,) = await claim(journal)
        await journal.settle([outcome(lease, Event.TRY_LATER, due=clock.now().replace(year=2027))])
        await journal.release(["UK01"], by="me", why="thaw")
        assert names(await claim(journal)) == [["H1"]]

    on(journal_url, work)


def test_replay_pinned_sends_again_where_it_was(journal_url: str) -> None:
    """A refused document goes back to its place, before what came later; unknown ids are an error."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.accept([submission(milestone("M1"))])
        (lease,) = await claim(journal)
        await journal.settle([outcome(lease, Event.SAID_NO, code="PERIOD", why="closed")])
        await journal.accept([submission(milestone("M2"))])
        await to(journal, 3)
        assert (
            await journal.replay(["T000000000001", "T000000000002"], route="pinned", by="me", why="opened")
            == 1
        )
        assert await drain(journal) == ["M1", "M2"]
        with pytest.raises(NotFound):
            await journal.replay(["T000000000009"], route="pinned", by="me", why="?")
        assert await journal.replay(["T000000000001"], route="pinned", by="me", why="posted") == 0

    on(journal_url, work)


def test_replay_again_follows_the_table_of_now(journal_url: str) -> None:
    """A refused or parked document may move to the ERP of now; its old job stays refused."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await to(journal, 5, "US01")
        await journal.accept(
            [submission(milestone("M1")), submission(milestone("U1", entity="US01", project="U"))]
        )
        (lease,) = await claim(journal)
        await journal.settle([outcome(lease, Event.SAID_NO)])
        await to(journal, 3, "UK01", "US01")
        assert (
            await journal.replay(["T000000000001", "T000000000002"], route="again", by="me", why="moved") == 2
        )
        assert sorted(await drain(journal, NEW)) == ["M1", "U1"]
        found = await journal.transaction("T000000000001")
        assert found is not None
        assert [(job["target"], job["state"]) for job in found["jobs"]] == [(OLD, "refused"), (NEW, "posted")]
        assert (found["state"], found["authority"]) == ("posted", NEW)
        assert [row["state"] for row in await journal.totals()] == ["posted", "posted"]

    on(journal_url, work)


def test_what_died_in_doubt_is_looked_up_and_never_moved(journal_url: str) -> None:
    """It may be in the old ERP: a replay must not send it blindly, nor to another ERP."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.accept([submission(milestone("M1"))])
        for event in (Event.NO_ANSWER, Event.EXHAUSTED):
            (lease,) = await claim(journal)
            await journal.settle([outcome(lease, event)])
        await to(journal, 3)
        assert await journal.replay(["T000000000001"], route="again", by="me", why="try") == 1
        assert await claim(journal, NEW) == []
        (lease,) = await claim(journal)
        assert lease.jobs[0].state is State.IN_DOUBT

    on(journal_url, work)


def test_the_start_of_a_dual_run_copies_posted_masters(journal_url: str) -> None:
    """Shadow jobs for the newest posted master of each id, once, in order of acceptance, under given ids."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.accept([submission(customer(name), key=name) for name in ("C2", "C1")])
        await journal.accept(
            [submission(customer("C2", title="Newer"), key="3"), submission(time_entry("T1"))]
        )
        await journal.accept([submission(customer("C3", entity="US01"), key="4")])
        await drain(journal)
        await journal.accept([submission(customer("C4"), key="5")])

        async def start() -> int:
            return await journal.add_shadow(
                target=NEW,
                entities=["UK01"],
                kinds=["customer"],
                external_id=lambda one: f"X-{one.document_id}",
            )

        assert await start() == 2
        assert await start() == 0
        leases = await claim(journal, NEW)
        assert names(leases) == [["X-C1"], ["X-C2"]]
        assert leases[1].jobs[0].document.model_dump()["name"] == "Newer"
        assert {lease.jobs[0].role for lease in leases} == {"shadow"}

    on(journal_url, work)


def test_small_records_are_kept(journal_url: str) -> None:
    """Crosswalk rows, steps of a run and breaks come back as they were given, in order."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await journal.put_crosswalk(OLD, {("customer", "C1"): "0001"})
        await journal.put_crosswalk(OLD, [("customer", "C1", "0002"), ("project", "P1", "9")])
        keys = [("customer", "C1"), ("project", "P1"), ("project", "P2")]
        assert await journal.crosswalk(OLD, keys) == {("customer", "C1"): "0002", ("project", "P1"): "9"}
        await journal.record_step("run", "freeze", "started", {"at": 1})
        await journal.record_step("run", "freeze", "done", {})
        assert [(row["event"], row["data"]) for row in await journal.steps("run")] == [
            ("started", {"at": 1}),
            ("done", {}),
        ]
        await journal.store_breaks("a", [{"class": "amount"}, {"class": "tax"}])
        await journal.store_breaks("b", [{"class": "date"}])
        assert [(row["run_id"], row["class"]) for row in await journal.breaks("a")] == [
            ("a", "amount"),
            ("a", "tax"),
        ]
        assert len(await journal.breaks()) == 3
        with pytest.raises(Refused, match="scope"):
            await journal.pin(Pin(scope="galaxy:1", authority=OLD, why="", by="me"))
        with pytest.raises(NotFound):
            await journal.unpin("project:P9", by="me", why="")

    on(journal_url, work)
