"""Tables another process published: a gateway that never saw one loads it from the journal inside the accept."""

from __future__ import annotations

import asyncio

import pytest

from router.journal.journal import Journal
from router.journal.port import Accepted, Decide, Switch
from router.landscape import read_landscape
from router.model import State
from router.routing import tables as routing_tables
from router.routing.tables import Tables
from tests.contract.journal_kit import NEW, OLD, Hands, submission, time_entry

LANDSCAPE = read_landscape()


def table(version: int, authority: str) -> str:
    return f"version: {version}\ndefault: {{authority: {authority}}}\nrules: []\n"


async def switched(journal: Journal, version: int, text: str) -> None:
    await journal.publish_table(text, version=version, by="ann")
    await journal.switch(Switch(entities=("UK01",), table_version=version, by="ann", why="test"))


async def first_of(journal: Journal, name: str) -> Accepted:
    (answer,) = await journal.accept([submission(time_entry(name))])
    assert isinstance(answer, Accepted)
    return answer


def opened(url: str, decide: Decide) -> Journal:
    return Journal.open(url, clock=Hands(), decide=decide)


def test_a_table_of_another_process_is_read_inside_the_accept(journal_url: str) -> None:
    """The first acceptance after the switch already follows the new table, here never published."""

    async def work() -> None:
        tables = Tables(landscape=LANDSCAPE)
        tables.publish(table(1, OLD))
        gateway, runner = opened(journal_url, tables), opened(journal_url, Tables(landscape=LANDSCAPE))
        try:
            await runner.publish_table(table(1, OLD), version=1, by="ann")
            before = await first_of(gateway, "T1")
            await switched(runner, 2, table(2, NEW))
            after = await first_of(gateway, "T2")
        finally:
            gateway.close()
            runner.close()
        assert before.decision is not None
        assert before.decision.authority == OLD
        assert after.decision is not None
        assert (after.decision.authority, after.decision.table_version, after.decision.epoch) == (NEW, 2, 1)
        assert (after.state, tables.versions) == (State.QUEUED, (1, 2))

    asyncio.run(work())


def test_what_can_not_be_read_here_parks_the_document(journal_url: str) -> None:
    """A table of systems this process does not know is no reason to guess, nor to lose what is sent."""

    async def work() -> None:
        tables = Tables(landscape=LANDSCAPE)
        tables.publish(table(1, OLD))
        journal = opened(journal_url, tables)
        try:
            await switched(journal, 2, table(2, "oracle"))
            answer = await first_of(journal, "T1")
            await switched(journal, 3, table(4, NEW))
            mislabelled = await first_of(journal, "T2")
        finally:
            journal.close()
        for one, version in ((answer, 2), (mislabelled, 3)):
            assert one.decision is not None
            assert (one.state, one.decision.authority) == (State.PARKED, None)
            assert f"no route table version {version}" in one.decision.why
        assert tables.versions == (1,)

    asyncio.run(work())


def test_a_process_learns_more_tables_than_it_keeps(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound on texts never stops an acceptance: the oldest goes, and the journal has it still."""

    async def work() -> None:
        tables = Tables(landscape=LANDSCAPE)
        journal = opened(journal_url, tables)
        try:
            for version in (1, 2, 3, 1):
                await switched(journal, version, table(version, OLD))
                answer = await first_of(journal, f"T{version}-{len(tables.versions)}")
                assert answer.decision is not None
                assert (answer.state, answer.decision.table_version) == (State.QUEUED, version)
                assert len(tables.versions) <= 2
        finally:
            journal.close()

    monkeypatch.setattr(routing_tables, "MAX_VERSIONS", 2)
    asyncio.run(work())
