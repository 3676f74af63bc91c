"""Evidence for the checkers from outside the journal: the simulators' own state, and repeated requests."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import httpx
import orjson

from cutover.checks import ErpDocument
from cutover.rehearsal.world import GatewayGone, World
from router.canonical.kinds import KINDS
from simulators.psa.kantata import Kantata

KIND_OF = {"time": "time_entry", "expense": "expense_item"}
"""The books' own names of what the router calls otherwise."""
REPEATED = 50
"""Requests repeated at the end of a rehearsal."""


Balances = dict[str, dict[str, dict[str, int]]]
"""System → entity → account → minor units."""


def erp_books(world: World) -> tuple[list[ErpDocument], Balances]:
    """Every document of every ERP, and its trial balance, as its back door shows them."""
    found: list[ErpDocument] = []
    balances: Balances = {}
    for name in world.options.landscape.of_role("erp"):
        state = world.simulators[name].sim.state()
        balances[name] = state["trial_balance"]
        for row in state["documents"]:
            kind = KIND_OF.get(row["type"], row["type"])
            if kind in KINDS:
                found.append(
                    ErpDocument(
                        system=name,
                        kind=kind,
                        external_id=row["external_id"] or "",
                        vendor_id=row["vendor_id"],
                        status=row["status"] or "",
                        currency=row["currency"] or "",
                        total_minor=row["total_minor"],
                    )
                )
    return found, balances


def approved_rows(world: World) -> list[tuple[str, str]]:
    """(source, document id) of everything the PSA holds as approved, asked of the simulator itself."""
    found: list[tuple[str, str]] = []
    for name in world.options.landscape.of_role("psa"):
        psa = world.simulators[name].sim
        assert isinstance(psa, Kantata), f"{name} is a PSA of another vendor"
        for table, feed, prefix in (("time_entries", "time_entries", "TE"), ("expenses", "expenses", "EX")):
            rows = psa.rows(table)
            found += [(f"/{name}/{feed}", f"{prefix}-{row['id']}") for row in rows if row["approved"]]
    return found


async def repeat_requests(world: World, *, seed: int) -> list[tuple[str, bool]]:
    """Send some accepted requests again, drawn from the seed; says whether the first answer came back."""
    rng = Random(f"{seed}/replays")  # noqa: S311 - reproducible on purpose
    journal = (await world.router()).journal
    sent = await journal.received(clients=("psa-billing", "bank", "initial-load"))
    results: list[tuple[str, bool]] = []
    for row in rng.sample(sent, min(REPEATED, len(sent))):
        answer = await _again(world, row["received"], client=row["client"])
        told = orjson.loads(answer.content)
        same = (
            answer.status_code == 200
            and answer.headers.get("idempotent-replayed") == "true"
            and told["transaction_id"] == row["transaction_id"]
            and told["route"] == row["route"]
        )
        results.append((row["transaction_id"], same))
    return results


async def _again(world: World, body: bytes, *, client: str) -> httpx.Response:
    while True:
        with suppress(GatewayGone):
            return await world.call("POST", "/v1/transactions", content=body, client=client)
