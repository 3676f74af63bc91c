"""Identities of masters in the journal: conflicts, aliases, names in other systems; the same on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from router.canonical.masters import Customer
from router.errors import NotFound, Refused
from router.journal.identity import LOOKALIKE, NewConflict
from router.journal.journal import Journal
from tests.contract.journal_kit import (
    CRM,
    NEW,
    OLD,
    Hands,
    customer,
    drain,
    routes,
    submission,
    time_entry,
    with_tables,
)

Work = Callable[[Journal], Awaitable[None]]


def on(url: str, work: Work) -> None:
    """Run work on a journal with route tables."""

    async def main() -> None:
        journal = Journal.open(url, clock=Hands(), decide=routes)
        try:
            await with_tables(journal)
            await work(journal)
        finally:
            journal.close()

    asyncio.run(main())


CLASH = NewConflict(
    kind="customer",
    document_id="C1",
    legal_entity="UK01",
    attribute="name",
    sender="psa",
    owner="crm",
    rule="record",
    kept="Acme",
    offered=None,
    event_id="/psa 7",
)


def test_a_conflict_is_kept_once_and_decided_once(journal_url: str) -> None:
    """The same event seen again adds nothing; a second decision is refused; the first says who and why."""

    async def work(journal: Journal) -> None:
        await journal.record_conflicts([CLASH])
        await journal.record_conflicts([CLASH, replace(CLASH, event_id="/psa 8", offered={"a": [1]})])
        rows = await journal.conflicts()
        assert [(row["conflict_id"], row["kept"], row["offered"], row["state"]) for row in rows] == [
            (1, "Acme", None, "open"),
            (2, "Acme", {"a": [1]}, "open"),
        ]
        await journal.decide_conflicts([1], state="kept", by="ann", why="it: is right")
        (row, _) = await journal.conflicts()
        assert (row["state"], row["decided_by"], row["why"]) == ("kept", "ann", "it: is right")
        with pytest.raises(Refused, match="decided already"):
            await journal.decide_conflicts([2, 1], state="kept", by="ann", why="both")
        assert (await journal.conflicts())[1]["state"] == "open"  # all or none
        with pytest.raises(NotFound):
            await journal.decide_conflicts([99], state="kept", by="ann", why="x")
        told = [row["detail"]["by"] async for row in journal.history(what="conflict decided")]
        assert told == ["ann"]

    on(journal_url, work)


def test_a_lookalike_leads_to_its_transaction_and_to_what_was_told_apart(journal_url: str) -> None:
    """By client and key; after `distinct` the pair is known as two."""

    async def work(journal: Journal) -> None:
        alike = replace(
            CLASH,
            rule="park",
            attribute="document_id",
            sender="crm",
            event_id="k-2",
            kept="C1",
            document_id="C2",
        )
        await journal.record_conflicts([alike])
        (row,) = await journal.conflicts(rules=LOOKALIKE)
        assert "transaction_id" not in row
        await journal.accept([submission(customer("C2"), client="crm", key="k-2")])
        (row,) = await journal.conflicts(rules=LOOKALIKE)
        assert row["transaction_id"] == "T000000000001"
        assert await journal.conflicts() == []
        assert await journal.told_apart("customer", "C2") == frozenset()
        await journal.decide_conflicts([row["conflict_id"]], state="distinct", by="ann", why="two branches")
        assert await journal.told_apart("customer", "C2") == {"C1"}

    on(journal_url, work)


def test_an_alias_is_always_one_step(journal_url: str) -> None:
    """What meant the alias means what it means now; rings and unknown documents are refused."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(customer(name)) for name in ("C1", "C2", "C3")])
        await journal.put_alias("customer", "C3", "C2", by="ann", why="same")
        await journal.put_alias("customer", "C2", "C1", by="ann", why="same")
        assert await journal.aliases() == {("customer", "C2"): "C1", ("customer", "C3"): "C1"}
        with pytest.raises(Refused, match="C3 means C1 already"):
            await journal.put_alias("customer", "C1", "C3", by="ann", why="ring")
        with pytest.raises(NotFound):
            await journal.put_alias("customer", "C9", "C8", by="ann", why="nobody")

    on(journal_url, work)


def test_a_name_that_is_replaced_is_kept_however_it_is_replaced(journal_url: str) -> None:
    """By a person, by a delivery, by an import, by a feed: the former id still finds the document."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(customer("C1"), crosswalk=((CRM, "001A"),))])
        await drain(journal)
        assert await journal.crosswalk(OLD, [("customer", "C1")]) == {("customer", "C1"): "sap_ecc-C1"}
        was = await journal.rename(OLD, "customer", "C1", "K-2", by="ann", why="merged")
        assert was == "sap_ecc-C1"
        await journal.put_crosswalk(OLD, {("customer", "C1"): "K-3"})
        await journal.accept([submission(customer("C1"), key="again", crosswalk=((CRM, "001B"),))])
        await drain(journal)  # delivered again, it has its first number again
        found = await journal.named(OLD, "customer", ["sap_ecc-C1", "K-2", "K-3", "K-9"])
        assert found == dict.fromkeys(["sap_ecc-C1", "K-2", "K-3"], "C1")
        assert await journal.named(CRM, "customer", ["001A", "001B"]) == dict.fromkeys(["001A", "001B"], "C1")
        assert await journal.named(CRM, "project", ["001A"]) == {}
        past = await journal.past_names("customer", "C1")
        assert {(row["system"], row["vendor_id"]) for row in past} >= {
            (OLD, "K-2"),
            (OLD, "K-3"),
            (CRM, "001A"),
        }

    on(journal_url, work)


def test_an_id_that_is_anothers_is_not_given_twice(journal_url: str) -> None:
    """Two documents of one id in a system would be one document to every feed."""

    async def work(journal: Journal) -> None:
        await journal.put_crosswalk(NEW, {("customer", "C1"): "1", ("customer", "C2"): "2"})
        with pytest.raises(Refused, match="1 is customer C1 in netsuite"):
            await journal.rename(NEW, "customer", "C2", "1", by="ann", why="slip")
        with pytest.raises(NotFound):
            await journal.rename(NEW, "customer", "C3", "3", by="ann", why="nobody")
        await journal.accept([submission(customer("C4"))])
        assert await journal.rename(NEW, "customer", "C4", "4", by="ann", why="not known there") == ""
        await journal.rename(NEW, "customer", "C1", "3", by="ann", why="moved")
        await journal.rename(NEW, "customer", "C1", "1", by="ann", why="moved back")
        await journal.add_name(NEW, "customer", "C1", "7")  # a second account of the same firm
        assert await journal.named(NEW, "customer", ["1", "3", "7"]) == {"1": "C1", "3": "C1", "7": "C1"}
        assert [row["vendor_id"] for row in await journal.past_names("customer", "C1")] == ["3", "7"]

    on(journal_url, work)


def test_new_masters_are_told_from_a_number_on(journal_url: str) -> None:
    """Masters of the asked kinds only, each once, whatever else was accepted between them."""

    async def work(journal: Journal) -> None:
        await journal.accept([submission(customer("C1")), submission(time_entry("T1"))])
        found, through = await journal.newer_masters(("customer", "project"), 0)
        assert [one.document_id for one in found] == ["C1"]
        assert await journal.newer_masters(("customer",), through) == ([], through)
        again = customer("C1", title="Acme Two")
        await journal.accept([submission(again, key="u"), submission(None, key="parked")])
        found, _ = await journal.newer_masters(("customer", "project"), through)
        assert found == [again]
        versions = await journal.versions("customer", "C1")
        assert [(said["event_id"], said["client"]) for said, _ in versions] == [
            ("C1", "kantata"),
            ("u", "kantata"),
        ]
        assert [one.name for _, one in versions if isinstance(one, Customer)] == ["Acme", "Acme Two"]
        assert await journal.seen("kantata", "u")
        assert not await journal.seen("somebody", "u")

    on(journal_url, work)
