"""Rehoming: the authority of posted transactions goes back to the ERP that holds their copy, once and on record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from cutover.checks import Facts, check_all, read_facts
from router.canonical import Document
from router.errors import Refused
from router.journal.journal import Journal
from router.journal.port import Accepted, Pin, Rehoming, Scope, Switch
from router.model import Decision, Event, State, SystemId, TransactionId
from tests.contract.journal_kit import (
    NEW,
    OLD,
    Hands,
    claim,
    drain,
    invoice,
    milestone,
    outcome,
    payment,
    submission,
    time_entry,
)

Work = Callable[[Journal, Hands], Awaitable[None]]
UK = Scope(entities=("UK01",))


def live(document: Document, *, table_version: int, lineage: SystemId | None, pin: Pin | None) -> Decision:
    """1: the old ERP alone; 2: live, the old one as shadow; 3: the new one alone; 4: rolled back; 5: frozen."""
    del document, pin
    authority, shadow = {1: (OLD, None), 2: (NEW, OLD), 3: (NEW, None), 4: (OLD, NEW), 5: (OLD, None)}[
        table_version
    ]
    if lineage is not None and lineage != authority:
        authority, shadow = lineage, (authority if shadow == lineage else None)
    return Decision(
        rule="test", table_version=table_version, authority=authority, shadow=shadow, hold=table_version == 5, why="test"
    )  # fmt: skip


def on(url: str, work: Work) -> None:
    clock = Hands()

    async def main() -> None:
        journal = Journal.open(url, clock=clock, decide=live)
        try:
            for version in range(1, 6):
                await journal.publish_table(f"version: {version}\n", version=version, by="tester")
            await work(journal, clock)
        finally:
            journal.close()

    asyncio.run(main())


async def flip(journal: Journal, version: int, gate: Sequence[SystemId] = ()) -> int:
    order = Switch(entities=("UK01",), table_version=version, by="me", why="test")
    return (await journal.switch(order, gate=gate))["UK01"]


async def accept(journal: Journal, *documents: Document, deliver: bool = True) -> list[TransactionId]:
    given = [submission(one, deliver=deliver) for one in documents]
    answers = await journal.accept(given)
    assert all(isinstance(one, Accepted) for one in answers)
    return [one.transaction_id for one in answers if isinstance(one, Accepted)]


async def settled(journal: Journal) -> None:
    while await drain(journal, OLD) or await drain(journal, NEW):
        pass


ORDER = Rehoming(scope=UK, source=NEW, target=OLD, by="kim", why="the new ERP is too slow")


async def roles(journal: Journal, one: TransactionId) -> list[tuple[str, str, str]]:
    found = await journal.transaction(one)
    assert found is not None
    return [(job["target"], job["role"], job["state"]) for job in found["jobs"]]


def test_what_waits_behind_the_gate_is_held_again_and_let_go_behind_what_is_older(journal_url: str) -> None:
    """Turned back between switch and release, the old ERP gets both in the order they were accepted in."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 5)
        (held,) = await accept(journal, milestone("H1"))
        await flip(journal, 3, gate=[NEW])
        (queued,) = await accept(journal, milestone("N1"))
        assert await roles(journal, queued) == [(NEW, "authority", "queued")]

        async def again() -> int:
            return await journal.hold_again(UK, target=NEW, by="kim", why="turned back")

        assert await again() == 0, "only what the table in force holds"
        assert (await journal.transaction(queued) or {})["authority"] == NEW
        await flip(journal, 5)
        assert await again() == 1
        assert await again() == 0
        found = await journal.transaction(queued)
        assert found is not None
        assert (found["state"], found["authority"], found["jobs"]) == ("held", None, [])
        assert [row["hold"] for row in found["decisions"]] == [0, 1]
        assert found["history"][-1]["what"] == "held again"
        await journal.open_lanes(UK, targets=[NEW])
        assert await drain(journal, NEW) == []
        await flip(journal, 4)
        assert await journal.release(UK, by="kim", why="rolled back") == 2
        assert await drain(journal, OLD) == ["H1", "N1"]
        await settled(journal)
        assert [(await journal.transaction(one) or {})["authority"] for one in (held, queued)] == [OLD, OLD]
        broken = [one for one in check_all(read_facts(journal_url)) if one.violations and one.checked]
        assert broken == []

    on(journal_url, work)


def test_what_was_tried_or_has_a_copy_elsewhere_is_not_held_again(journal_url: str) -> None:
    """A new ERP that may have it, or an old one that has its shadow, must go the rollback's own way."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 3)
        (tried,) = await accept(journal, milestone("T1"))
        (lease,) = await claim(journal, NEW)
        await journal.settle([outcome(lease, Event.TRY_LATER)])
        await flip(journal, 2, gate=[NEW])
        (copied,) = await accept(journal, milestone("C1", project="P2"))
        await flip(journal, 5)
        assert await journal.hold_again(UK, target=NEW, by="kim", why="turned back") == 0
        for one in (tried, copied):
            assert (NEW, "authority", "queued") in await roles(journal, one)

    on(journal_url, work)


def test_a_posted_copy_becomes_the_authority_and_what_was_it_the_shadow(journal_url: str) -> None:
    """No delivery is made again; decision, history and lineage say where it is now and who did it."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 2)
        (one,) = await accept(journal, milestone("M1"))
        await settled(journal)
        ((row),) = await journal.placed(UK, authority=NEW, other=OLD)
        assert (row.transaction_id, row.state, row.copy) == (one, "posted", "posted")
        epoch = await flip(journal, 4)
        assert (await journal.rehome(replace(ORDER, swap=(one,))))["swapped"] == 1
        assert await roles(journal, one) == [(NEW, "shadow", "posted"), (OLD, "authority", "posted")]
        found = await journal.transaction(one)
        assert found is not None
        assert (found["authority"], found["state"]) == (OLD, "posted")
        assert found["decisions"][-1] | {"at": ""} == {
            "n": 2, "at": "", "rule": "rollback", "table_version": 4, "authority": OLD, "shadow": NEW, "hold": 0,
            "why": "rolled back from netsuite to sap_ecc by kim: the new ERP is too slow", "epoch": epoch,
        }  # fmt: skip
        assert found["history"][-1]["what"] == "rehomed"
        assert found["history"][-1]["detail"]["by"] == "kim"
        assert await drain(journal, OLD) == await drain(journal, NEW) == []
        assert await journal.placed(UK, authority=NEW, other=OLD) == []

    on(journal_url, work)


def test_what_the_old_erp_never_got_is_entered_there_once_in_its_order(journal_url: str) -> None:
    """The new ERP's copy goes on as the shadow's; a runner that does it again enters nothing twice."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 3)
        ids = await accept(journal, time_entry("T1"), milestone("M1"), time_entry("T2"))
        await settled(journal)
        await flip(journal, 4)
        assert (await journal.rehome(replace(ORDER, enter=tuple(reversed(ids)))))["entered"] == 3
        with pytest.raises(Refused, match="no transaction of this scope in netsuite"):
            await journal.rehome(replace(ORDER, enter=tuple(ids)))
        assert await journal.placed(UK, authority=NEW, other=OLD) == []
        assert await drain(journal, OLD) == ["T1", "M1", "T2"]
        assert await roles(journal, ids[1]) == [(NEW, "shadow", "posted"), (OLD, "authority", "posted")]

    on(journal_url, work)


def test_what_stays_is_copied_and_its_followers_stay_with_it(journal_url: str) -> None:
    """An invoice the customer has stays in the new ERP; a payment follows it there and reaches the old as a shadow."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 3)
        (bill,) = await accept(journal, invoice("I1"))
        await settled(journal)
        await flip(journal, 4)
        assert (await journal.rehome(replace(ORDER, copy=(bill,))))["copied"] == 1
        assert await roles(journal, bill) == [(NEW, "authority", "posted"), (OLD, "shadow", "queued")]
        await settled(journal)
        (paid,) = await accept(journal, payment("P1", "I1"))
        assert [row[:2] for row in await roles(journal, paid)] == [(NEW, "authority"), (OLD, "shadow")]

    on(journal_url, work)


def test_what_followed_to_the_old_erp_alone_is_caught_up_in_the_new(journal_url: str) -> None:
    """A payment of an old invoice since the switch gets its shadow, where the new ERP has that invoice at all."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 4)
        await accept(journal, invoice("I1"))
        await settled(journal)
        await flip(journal, 1)
        await accept(journal, invoice("I2"))
        await settled(journal)
        since = await flip(journal, 3)
        both, alone = await accept(journal, payment("P1", "I1"), payment("P2", "I2"))
        await settled(journal)
        assert [await roles(journal, one) for one in (both, alone)] == [[(OLD, "authority", "posted")]] * 2
        await flip(journal, 4)
        assert (await journal.rehome(replace(ORDER, since={"UK01": since})))["caught_up"] == 1
        assert await roles(journal, both) == [(OLD, "authority", "posted"), (NEW, "shadow", "queued")]
        assert (await journal.rehome(replace(ORDER, since={"UK01": since})))["caught_up"] == 0

    on(journal_url, work)


def test_what_is_under_way_or_out_of_scope_is_refused_and_nothing_is_moved(journal_url: str) -> None:
    """All or nothing: one transaction that is still on its way keeps the others where they are."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 3)
        (done,) = await accept(journal, milestone("M1"))
        await settled(journal)
        (waiting,) = await accept(journal, milestone("M2"))
        await flip(journal, 4)
        with pytest.raises(Refused, match="still on its way to netsuite"):
            await journal.rehome(replace(ORDER, enter=(done, waiting)))
        with pytest.raises(Refused, match="no copy in sap_ecc"):
            await journal.rehome(replace(ORDER, swap=(done,)))
        with pytest.raises(Refused, match="of this scope"):
            await journal.rehome(replace(ORDER, scope=Scope(entities=("US01",)), enter=(done,)))
        assert await roles(journal, done) == [(NEW, "authority", "posted")]
        units = Scope(entities=("UK01",), kinds=("time_entry",))
        assert await journal.placed(units, authority=NEW, other=OLD) == []

    on(journal_url, work)


def test_the_invariants_hold_after_a_rehoming_and_their_checks_still_bite(journal_url: str) -> None:
    """I2, I3 and I5 read it as one more decision; a rehoming by the epoch before, or that is half done, is found."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await flip(journal, 2)
        swapped = await accept(journal, time_entry("T1"), milestone("M1"))
        await flip(journal, 3)
        entered = await accept(journal, time_entry("T2"))
        await settled(journal)
        await flip(journal, 4)
        await journal.rehome(replace(ORDER, swap=tuple(swapped), enter=tuple(entered)))
        await settled(journal)

    on(journal_url, work)
    if not journal_url.startswith("sqlite"):
        return
    facts = read_facts(journal_url)
    # I7 asks for a comparison, which nobody made here.
    assert _violated(facts) == ["I7"]
    late = [
        row._replace(detail={**row.detail, "epoch": row.detail["epoch"] - 1})
        if row.what == "rehomed"
        else row
        for row in facts.history
    ]
    assert "I5" in _violated(replace(facts, history=late))
    last = max(row.n for row in facts.decisions)
    assert "I3" in _violated(replace(facts, decisions=[row for row in facts.decisions if row.n < last]))
    twice = [row._replace(role="authority") if row.state == State.POSTED.value else row for row in facts.jobs]
    assert "I2" in _violated(replace(facts, jobs=twice))


def _violated(facts: Facts) -> list[str]:
    return [row.name for row in check_all(facts) if not row.held]
