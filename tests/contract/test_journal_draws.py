"""Bounded amounts in the journal: what several gateways draw at once never exceeds the bound."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from router.canonical.documents import Document
from router.canonical.masters import ContractLine
from router.canonical.work import Milestone, TimeEntry
from router.finance.caps import cap_draw
from router.finance.milestones import fee_draw
from router.finance.retainers import retainer_draw
from router.journal.journal import Journal
from router.journal.port import Accepted, Draw
from router.model import State
from tests.contract.journal_kit import Hands, milestone, routes, submission, time_entry, with_tables
from tests.unit.finance_samples import line

GATEWAYS = 3
ENTRIES = 45
BOUND = 250_000


def drawn(terms: ContractLine) -> Draw:
    """What an entry draws on."""
    if terms.bills == "retainer":
        return retainer_draw("K-1", terms, fees_minor=BOUND, currency="GBP")
    draw = cap_draw("K-1", terms) or fee_draw("K-1", terms)
    assert draw is not None
    return draw


async def at_once(url: str, documents: list[Document], draw: Draw) -> tuple[Journal, list[State]]:
    """Accept documents through several gateways at once, each document sent to two of them."""
    gateways = [Journal.open(url, clock=Hands(), decide=routes) for _ in range(GATEWAYS)]
    await with_tables(gateways[0])
    sent = [(one, gateways[(at + k) % GATEWAYS]) for at, one in enumerate(documents) for k in (0, 1)]
    answers = await asyncio.gather(*(journal.accept([submission(one, draw=draw)]) for one, journal in sent))
    states = []
    for (answer,) in answers:
        assert isinstance(answer, Accepted)
        if not answer.replayed:
            states.append(answer.state)
    for journal in gateways[1:]:
        journal.close()
    return gateways[0], states


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("bills", ["time", "retainer"])
def test_a_cap_or_retainer_is_never_overdrawn_by_gateways_at_once(
    fresh_journal: Callable[[], str], bills: str, seed: int
) -> None:
    """In whatever order commits fall: within the bound, to the last minute that fits, no minute lost or doubled."""
    rng = random.Random(seed)
    minutes = [rng.choice((15, 60, 125, 440, 7)) for _ in range(ENTRIES)]
    terms = line("retainer", fee=BOUND) if bills == "retainer" else line("time", cap=BOUND)

    async def main() -> None:
        documents = [time_entry(f"TE-{at}", minutes=one) for at, one in enumerate(minutes)]
        journal, states = await at_once(fresh_journal(), documents, drawn(terms))
        try:
            assert len(states) == ENTRIES, "sent twice, accepted once"
            kept = [one.document for one in await journal.kept(["time_entry"])]
            entries = [one for one in kept if isinstance(one, TimeEntry)]
            assert sum(one.minutes for one in entries) == sum(minutes)
            counted = [
                one
                for one in entries
                if (one.covered_by == "retainer" if bills == "retainer" else one.billable)
            ]
            register = drawn(terms).register
            used = (await journal.registers([register]))[register]
            assert sum(one.money.minor for one in counted) == used <= BOUND
            assert BOUND - used < 15_000 / 60 + 1, "not a minute more would have fitted"
        finally:
            journal.close()

    asyncio.run(main())


def test_milestones_beyond_the_fee_are_parked_whoever_comes_first(fresh_journal: Callable[[], str]) -> None:
    """Five of 1,000.00 at once under a fee of 2,500.00: two are taken, three parked with words."""
    terms = line("milestones", fee=BOUND)

    async def main() -> None:
        documents = [milestone(f"M-{at}") for at in range(5)]
        journal, states = await at_once(fresh_journal(), documents, drawn(terms))
        try:
            assert sorted(states) == [State.PARKED] * 3 + [State.QUEUED] * 2
            kept = [one.document for one in await journal.kept(["milestone"])]
            assert sum(one.amount.minor for one in kept if isinstance(one, Milestone)) == 200_000
            rows = await journal.parked(codes=["fee-exceeded"])
            assert len(rows) == 3
            assert all("500.00 left of its fee" in row["problem"] for row in rows)
        finally:
            journal.close()

    asyncio.run(main())
