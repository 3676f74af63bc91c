"""What a run's documents refer to, put in place before it: rows of the simulators, masters in the ERP."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import orjson
from sqlalchemy import text

from cutover.reading import reading
from cutover.served.processes import LONG_S, seed
from loadtests.running.drained import until_drained
from loadtests.running.stand import Stand
from loadtests.traffic.port import Traffic
from loadtests.verdict.sent import TRANSACTION
from router.errors import BadInput, Broken

CLIENT = "load-masters"
"""No stream's client: what it sent is no part of what is judged, and a second run's masters are known already."""
LINES = 1_000
WITHIN_S = 900
"""Longer than the masters of a large firm took."""
REFUSED = 400
Say = Callable[[str], None]


async def put_masters(stand: Stand, traffic: Traffic, *, say: Say) -> int:
    """Seed the simulators, load the masters and wait until they are delivered; how many. Raises BadInput, Broken."""
    simulators = stand.simulators()
    if simulators is not None:
        say("seeding the simulators")
        seed(simulators, traffic.seeds())
    events = traffic.masters()
    say(f"loading {len(events):,} masters")
    async with httpx.AsyncClient(base_url=stand.gateway, trust_env=False, timeout=LONG_S) as http:
        for start in range(0, len(events), LINES):
            ids = await _submit(http, events[start : start + LINES])
            if stand.database is not None and ids:
                belongs(stand.database, ids[0], events[start], stand.gateway)
    if not await until_drained(stand, WITHIN_S):
        raise Broken(
            f"the masters were not delivered in {WITHIN_S} s", mend="look at the ERPs and the gateway"
        )
    return len(events)


def belongs(database: str, transaction: str, event: Mapping[str, Any], gateway: str) -> None:
    """Make sure that what a gateway accepted stands in the journal that was given; raises BadInput, BadConfig.

    In another's nothing of the run would stand, and every document seem lost.
    """
    found = TRANSACTION.match(transaction)
    with reading(database) as connection:
        row = connection.execute(
            text("SELECT source, event_id FROM transactions WHERE seq = :seq"),
            {"seq": int(found[1]) if found else -1},
        ).first()
    if row is None or tuple(row) != (event["source"], event["id"]):
        raise BadInput(
            f"--database is not the journal of the gateway at {gateway}: {transaction[:40]} is not what was sent there",
            mend="give the --database that `coexist serve` was started with",
        )


async def _submit(http: httpx.AsyncClient, events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The transactions' ids, line by line."""
    headers = {"x-coexist-client": CLIENT, "content-type": "application/x-ndjson"}
    if token := os.environ.get("COEXIST_TOKEN", ""):  # as the generator sends it
        headers["authorization"] = f"Bearer {token}"
    body = b"\n".join(orjson.dumps(one) for one in events)
    try:
        answer = await http.post("/v1/transactions:batch", content=body, headers=headers)
        told = answer.json()
        results = told["results"]
        refused = [row for row in results if row["status"] >= REFUSED]
        ids = [str(row.get("transaction_id", "")) for row in results]
    except httpx.TransportError as error:
        raise Broken(f"the gateway did not answer to a batch of masters: {error!r}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Broken(f"the gateway refused a batch of masters: {answer.text[:300]}") from error
    if refused:
        raise Broken(f"{len(refused)} masters were refused, the first: {refused[0]}"[:500])
    return ids
