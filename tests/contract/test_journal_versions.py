"""Versions and what is open, on both databases: one version is taken once, and everything open is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from router.canonical import Document
from router.canonical.examples import example
from router.finance.amendments import register_of
from router.journal.journal import Journal
from router.journal.port import Accepted, Advance, Stale, Submission, Switch
from router.model import State, SystemId
from router.workflows.submissions import parked
from tests.contract.journal_kit import (
    NEW,
    OLD,
    Hands,
    customer,
    drain,
    invoice,
    milestone,
    payment,
    routes,
    submission,
    time_entry,
    with_tables,
)


async def opened(url: str) -> Journal:
    """A journal with tables."""
    return await with_tables(Journal.open(url, clock=Hands(), decide=routes))


def change(version: int, name: str) -> Document:
    """A version of contract K-100."""
    return example("change_order").model_copy(update={"document_id": name, "contract_version": version})


def advancing(version: int, name: str) -> Submission:
    """A change order as the rule of versions leaves it."""
    step = Advance(register=register_of("K-100"), expected=version - 1, to=version)
    return replace(submission(change(version, name)), advance=step)


def test_of_many_second_versions_one_is_taken(journal_url: str) -> None:
    """Twenty gateways send their own version 2 at once: one is accepted, the others hear what stands."""

    async def story() -> None:
        journals = [await opened(journal_url), Journal.open(journal_url, clock=Hands(), decide=routes)]
        try:
            answers = await asyncio.gather(
                *(journals[n % 2].accept([advancing(2, f"CO-{n}")]) for n in range(20))
            )
            told = [one for (one,) in answers]
            assert len([one for one in told if isinstance(one, Accepted)]) == 1
            stale = [one for one in told if isinstance(one, Stale)]
            assert {(one.stands_at, one.wanted) for one in stale} == {(2, 2)}
            assert len(stale) == 19
            (third,) = await journals[0].accept([advancing(3, "CO-NEXT")])
            assert isinstance(third, Accepted)
            assert await journals[1].version_states("K-100") == {2: State.QUEUED, 3: State.QUEUED}
            assert await journals[1].version_states("K-10") == {}
            await drain(journals[0])
            assert await journals[1].version_states("K-100") == {2: State.POSTED, 3: State.POSTED}
        finally:
            for journal in journals:
                journal.close()

    asyncio.run(story())


def test_a_version_stands_as_its_shadow_does_until_both_erps_have_it(journal_url: str) -> None:
    """What goes on when version 2 is posted would else overtake it in the shadow's lane, being accepted before."""

    async def story() -> None:
        journal = await opened(journal_url)
        try:
            entity = change(2, "CO-2").legal_entity
            await journal.switch(Switch(entities=[entity], table_version=4, by="me", why="dual run"))
            await journal.accept([advancing(2, "CO-2")])
            await drain(journal, OLD)
            assert await journal.version_states("K-100") == {2: State.QUEUED}
            await drain(journal, NEW)
            assert await journal.version_states("K-100") == {2: State.POSTED}
        finally:
            journal.close()

    asyncio.run(story())


def test_of_many_changes_of_one_master_one_is_taken_and_the_others_judged_anew(journal_url: str) -> None:
    """Ten gateways compared with the same version: one is accepted; a feed's is Stale too, and its cursor stays."""

    async def story() -> None:
        journals = [await opened(journal_url), Journal.open(journal_url, clock=Hands(), decide=routes)]
        step = Advance(register="master:customer/C1", expected=0, to=1, first=0, anew=True)

        def change(n: int) -> Submission:
            made = submission(customer("C1", title=f"Acme {n}"), key=f"C1-{n}", keep_conflict=True)
            return replace(made, advance=step)

        crm = SystemId("salesforce")
        try:
            answers = await asyncio.gather(
                *(journals[n % 2].accept([change(n)], cursor=(crm, f"accounts-{n}", "5")) for n in range(10))
            )
            taken = [n for n, (one,) in enumerate(answers) if isinstance(one, Accepted)]
            assert len(taken) == 1
            assert [one.stands_at for (one,) in answers if isinstance(one, Stale)] == [1] * 9
            cursors = [await journals[0].cursor(crm, f"accounts-{n}") for n in range(10)]
            assert [n for n, at in enumerate(cursors) if at == "5"] == taken
            second = replace(change(10), advance=replace(step, expected=1, to=2))
            (answer,) = await journals[1].accept([second])
            assert isinstance(answer, Accepted)
        finally:
            for journal in journals:
                journal.close()

    asyncio.run(story())


def test_what_a_rule_parks_is_found_by_its_project(journal_url: str) -> None:
    """Parked without a document it keeps entity, project and amount; a repeat gets the first answer, after mending too."""

    async def story() -> None:
        journal = await opened(journal_url)
        try:
            sent = submission(milestone("MS-1", amount="250.00"))
            (first,) = await journal.accept([parked(sent, "P1 is closed", "project-closed")])
            assert isinstance(first, Accepted)
            assert first.state is State.PARKED
            (row,) = await journal.not_posted("P1")
            assert (row["transaction_id"], row["problem_code"]) == (first.transaction_id, "project-closed")
            (total,) = await journal.totals()
            assert (total["legal_entity"], total["currency"], total["amount_minor"]) == (
                "UK01",
                "GBP",
                25_000,
            )
            assert await journal.parked(codes=["version-gap"]) == []
            assert [one["seq"] for one in await journal.parked(codes=["project-closed"])] == [row["seq"]]
            (again,) = await journal.accept([parked(sent, "P1 is closed", "project-closed")])
            assert again == replace(first, replayed=True)
            mended = {str(first.transaction_id): replace(sent, correlation_id=first.correlation_id)}
            ids = [str(first.transaction_id)]
            assert await journal.replay(ids, route="again", by="ann", why="opened", mended=mended) == 1
            (after,) = await journal.accept([sent])
            assert isinstance(after, Accepted)
            assert (after.transaction_id, after.replayed) == (first.transaction_id, True)
            await drain(journal)
            assert await journal.not_posted("P1") == []
            assert await journal.parked() == []
        finally:
            journal.close()

    asyncio.run(story())


@pytest.mark.parametrize("root", ["TE-1", "TE_1"])
def test_a_family_is_what_was_derived_and_nothing_else(journal_url: str, root: str) -> None:
    """Corrections and parts of an id are found with it, in order; ids that only look alike are not."""

    async def story() -> None:
        journal = await opened(journal_url)
        try:
            own = [root, f"{root}.beyond", f"{root}.r1", f"{root}.r1.beyond", f"{root}.v2"]
            others = [f"{root}0", f"{root}-r1", f"X{root}", f"{root}/2", "TEX1.r1"]
            await journal.accept([submission(time_entry(name)) for name in [*own, *others]])
            found = await journal.family("time_entry", [root])
            assert [row["document_id"] for row in found] == own
            assert found[0]["document"].document_id == root
            assert await journal.family("time_entry", ["TE-9"]) == []
        finally:
            journal.close()

    asyncio.run(story())


def test_what_was_settled_against_an_invoice_is_found(journal_url: str) -> None:
    """Payments of one invoice, not of another whose id begins alike; a refused one says so."""

    async def story() -> None:
        journal = await opened(journal_url)
        try:
            await journal.accept([submission(invoice(name)) for name in ("INV-1", "INV-11")])
            await journal.accept(
                [submission(payment("PAY-1", "INV-1")), submission(payment("PAY-2", "INV-11"))]
            )
            (kept,) = await journal.against("INV-1")
            assert (kept.document.document_id, kept.state, kept.settled_at) == ("PAY-1", State.QUEUED, "")
            await drain(journal)
            (kept,) = await journal.against("INV-1")
            assert kept.state is State.POSTED
            assert kept.settled_at
            assert [one.document_id for one in await journal.every("invoice", ["INV-11"])] == ["INV-11"]
            assert len(await journal.every("invoice")) == 2
        finally:
            journal.close()

    asyncio.run(story())
