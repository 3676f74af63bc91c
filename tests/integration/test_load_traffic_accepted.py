"""Whatever a load scenario may send, a real router accepts and both ERPs post, in whatever order it arrives."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from cutover.reading import reading
from cutover.rehearsal.options import Options, make_options
from cutover.rehearsal.virtual_time import VirtualClock, run
from cutover.rehearsal.world import World
from loadtests.running.run import Run
from loadtests.scenario.routing import routes_of
from loadtests.scenario.schedule import Arrival
from loadtests.traffic.build import FirmTraffic, traffic_of
from loadtests.traffic.model import Document
from router.journal.words import id_text
from router.model import State
from tests.unit.test_load_traffic import SENT, run_of

AT_ONCE = 20
"""Requests under way together."""
DRAINED_S = 3_600
ACCEPTED = (200, 202)


@dataclass
class Played:
    """What became of a run's requests."""

    documents: list[Document] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answered: list[tuple[str, str]] = field(default_factory=list)
    """Transaction id of an answer and the document it should be, line by line."""


def options_of(one: Run) -> Options:
    """An undisturbed world with everything on the scenario's ERP."""
    made = make_options(seed=7, command="test", plan=Path("pilot"), size="small")
    calm = replace(made, faults={}, plan=made.plan.model_copy(update={"crashes": ()}))
    return replace(calm, routes=routes_of(one.scenario, calm.routes))


def results_in(answer: httpx.Response) -> list[dict[str, Any]]:
    """An answer line by line."""
    body = answer.json()
    rows: list[dict[str, Any]] = body.get("results", [{"status": answer.status_code, **body}])
    return rows


async def load(world: World, traffic: FirmTraffic) -> None:
    """Masters through the gateway, until they are posted."""
    events = traffic.masters()
    body = b"\n".join(orjson.dumps(one) for one in events)
    answer = await world.call("POST", "/v1/transactions:batch", content=body, client="load-test")
    refused = [row for row in results_in(answer) if row["status"] not in ACCEPTED]
    assert not refused, refused[:2]
    await drained(world)


async def drained(world: World) -> None:
    """Nothing waits any more."""
    for _ in range(DRAINED_S):
        if not await (await world.router()).journal.waiting():
            return
        await asyncio.sleep(1)
    pytest.fail(f"not drained in {DRAINED_S} s")


async def send(world: World, traffic: FirmTraffic, arrivals: Sequence[Arrival]) -> Played:
    """Send them, twenty at once."""
    played = Played()

    async def one(arrival: Arrival) -> None:
        request = traffic.request(arrival)
        answer = await world.call("POST", request.path, content=request.body, client=request.client)
        rows = results_in(answer)
        played.documents += request.documents
        played.refused += [str(row) for row in rows if row["status"] not in ACCEPTED]
        # Documents a process makes of what was sent come last, and have no answer of their own.
        told = request.documents[: len(rows)]
        played.answered += [
            (str(row.get("transaction_id")), document.document_id)
            for row, document in zip(rows, told, strict=True)
        ]

    for start in range(0, len(arrivals), AT_ONCE):
        await asyncio.gather(*(one(arrival) for arrival in arrivals[start : start + AT_ONCE]))
        await asyncio.sleep(0.2)
    return played


def shuffled(requests: int, seed: int) -> list[Arrival]:
    """So many requests of every stream, in an order nobody planned."""
    arrivals = [Arrival(0, 0, stream, at) for stream in range(len(SENT)) for at in range(requests)]
    random.Random(seed).shuffle(arrivals)
    return arrivals


def play(runs: Sequence[Run], requests: int, database: Path) -> Played:
    """The runs one after the other at one gateway, in virtual time."""
    options = options_of(runs[0])
    found = Played()

    async def main(clock: VirtualClock) -> None:
        world = World(options=options, clock=clock, database=database)
        await world.seed(traffic_of(runs[0]).seeds())
        await world.start()
        for number, one in enumerate(runs):
            traffic = traffic_of(one)
            await world.seed(traffic.seeds())
            await load(world, traffic)
            played = await send(world, traffic, shuffled(requests, number))
            await drained(world)
            # Some of what follows waits for a look of the router at what became possible.
            await asyncio.sleep(60)
            await drained(world)
            found.documents += played.documents
            found.refused += played.refused
            found.answered += played.answered
        await world.stop()
        assert not world.bugs

    run(main, start=options.plan.start)
    return found


def journalled(database: Path) -> Iterator[tuple[Document, str, str]]:
    """Every transaction: as a document, its id and its state."""
    with reading(f"sqlite:///{database}") as connection:
        for row in connection.execute(
            text(
                "SELECT t.kind, t.document_id, t.source, t.event_id, t.legal_entity, t.seq, COALESCE(j.state, t.state)"
                " FROM transactions t LEFT JOIN jobs j ON j.job_id = t.job_id"
            )
        ):
            yield Document(*row[:5]), id_text(row[5]), str(row[6])


def failed(database: Path) -> list[Any]:
    """Deliveries, feedback to CRM and PSA included, that did not succeed."""
    with reading(f"sqlite:///{database}") as connection:
        return list(
            connection.execute(
                text("SELECT kind, role, target, state, why FROM jobs WHERE state != 'posted'")
            )
        )


def on(authority: str, **given: Any) -> Run:
    """A run of every sort with everything on this ERP."""
    made = run_of(**given)
    return replace(made, scenario=made.scenario.model_copy(update={"authority": authority}))


@pytest.mark.parametrize(("authority", "requests"), [("sap_ecc", 20), ("netsuite", 40)])
def test_every_sort_of_request_is_posted_in_any_order(authority: str, requests: int, tmp_path: Path) -> None:
    """Nothing refused, parked or dead; and the journal knows each document as the ledger's reader is told."""
    database = tmp_path / "journal.sqlite"
    played = play([on(authority)], requests, database)
    assert not played.refused, played.refused[:3]
    assert not failed(database)
    kept = {document: state for document, _, state in journalled(database)}
    missing = [one for one in played.documents if one not in kept]
    assert not missing, missing[:3]
    states = Counter(kept[one] for one in played.documents)
    assert states == {State.POSTED.value: len(played.documents)}
    names = {transaction: document.document_id for document, transaction, _ in journalled(database)}
    assert all(names[transaction] == told for transaction, told in played.answered)
    assert len(set(played.documents)) == len(played.documents)


def test_two_runs_meet_at_one_gateway(tmp_path: Path) -> None:
    """Another tag and another seed: masters are sent again and stay, no document is taken for another."""
    database = tmp_path / "journal.sqlite"
    played = play([on("netsuite"), on("netsuite", tag="b2", seed=8)], 4, database)
    assert not played.refused, played.refused[:3]
    assert not failed(database)
    kept = Counter(document for document, _, _ in journalled(database))
    assert all(kept[one] == 1 for one in played.documents)
    assert len(set(played.documents)) == len(played.documents)
    assert len({transaction for transaction, _ in played.answered}) == len(played.answered)
