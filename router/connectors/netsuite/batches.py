"""Asynchronous batches: up to 100 records of one type in one request, then job, tasks, results.

Only ids are taken from the vendor's links, never a host. The shape of a task's result is unverified: a
collection gives one outcome per record in order; a result of another shape counts as one record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from router.connectors.http import Lost, NotSent, Outcome, Reply, Trace
from router.connectors.netsuite.decisions import job_id, next_wait_s, problem_of, task_ids
from router.connectors.netsuite.wire import Wire

MAX_BATCH = 100
"""Records in one batch (vendor documentation)."""
MAX_TASKS = 1000
COLLECTION = "application/vnd.oracle.resource+json; type=collection"


async def run(
    wire: Wire, record_type: str, bodies: Sequence[bytes], trace: Trace, *, key: str, patience_s: float
) -> list[Any] | Outcome:
    """Submit a batch and wait: one outcome per record in order, or what became of the whole.

    A Reply means the batch was refused; Lost that nobody knows (time-out while the job ran included).
    """
    reply = await wire.call(
        "POST",
        f"/record/v1/{record_type}",
        trace,
        body=b'{"items":[' + b",".join(bodies) + b"]}",
        headers={"Prefer": "respond-async", "Content-Type": COLLECTION, "X-NetSuite-idempotency-key": key},
    )
    if not isinstance(reply, Reply):
        return reply
    job = job_id(reply.location)
    # The key is new with every call: a conflict means the request was doubled on its way.
    doubled = reply.status == 400 and problem_of(400, reply.json()).code == "IDEMPOTENCY_ERROR"
    if job is None or not (reply.status == 202 or doubled):
        return reply if reply.status != 202 else Lost("the batch was accepted without a job")
    try:
        async with asyncio.timeout(patience_s):
            if not await _finished(wire, job, trace):
                return Lost(f"NetSuite forgot job {job}")
            results = await _results(wire, job, trace)
    except TimeoutError:
        return Lost(f"job {job} was not done within {patience_s:g} s")
    if len(results) != len(bodies):
        return Lost(f"job {job} gave {len(results)} results for {len(bodies)} records")
    return results


async def _finished(wire: Wire, job: str, trace: Trace) -> bool:
    """Poll with growing waits until the job is done; False when the vendor does not know it."""
    waited = 0
    while True:
        await asyncio.sleep(next_wait_s(waited))
        waited += 1
        reply = await wire.call("GET", f"/async/v1/job/{job}", trace)
        if not isinstance(reply, Reply) or reply.status != 200:
            if isinstance(reply, Reply) and reply.status == 404:
                return False
            continue  # throttled, unavailable or lost: a look at a job may be repeated
        state = reply.json()
        if isinstance(state, dict) and state.get("completed") is True:
            return True


async def _results(wire: Wire, job: str, trace: Trace) -> list[Any]:
    tasks = task_ids(await _fetched(wire, f"/async/v1/job/{job}/task", trace))
    results: list[Any] = []
    for task in tasks[:MAX_TASKS]:
        result = await _fetched(wire, f"/async/v1/job/{job}/task/{task}/result", trace)
        items = result.get("items") if isinstance(result, dict) else None
        results.extend(items if isinstance(items, list) else [result])
    return results


async def _fetched(wire: Wire, path: str, trace: Trace) -> Any:
    """The JSON at a path, asked for until it comes; the caller's time-out ends it."""
    waited = 0
    while True:
        reply = await wire.call("GET", path, trace)
        if isinstance(reply, Reply) and reply.status == 200 and (data := reply.json()) is not None:
            return data
        await asyncio.sleep(next_wait_s(waited))
        waited += 1


__all__ = ["MAX_BATCH", "Lost", "NotSent", "run"]
