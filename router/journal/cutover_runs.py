"""Runs of cutover plans in the journal: who may run one now, what people say to it, which ones there are."""

from __future__ import annotations

import copy
from datetime import timedelta
from functools import partial
from typing import Any, Self

from router.clock import from_text, to_text
from router.errors import InProgress, Superseded
from router.journal.core import JournalCore
from router.journal.engine import Transaction
from router.journal.records import cursor, put_cursor, record_step, steps
from router.journal.run_words import EVENTS, Said, record_of
from router.journal.words import as_json, checked, from_json
from router.model import SystemId

LEASES = SystemId("cutover run")
"""A run's lease is kept as the position of a feed nobody reads: no landscape can name a system so."""
MOST_RUNS = 1_000


class CutoverRuns(JournalCore):
    """One runner a run, by a lease that ends; and the words of people, each checked in its own commit."""

    async def say(self, run_id: str, said: Said) -> bool:
        """Keep a word of somebody about a run; False: it was said before. Raises what its rules refuse."""
        return await self._do(_say, run_id, said)

    async def lease_run(self, run_id: str, *, holder: str, lease_s: float) -> int:
        """Become the runner of a run; its token. Raises InProgress while another one lives."""
        return await self._do(_lease, run_id, holder, lease_s)

    async def keep_run(self, run_id: str, token: int, *, lease_s: float) -> None:
        """Lengthen a lease to `lease_s` from now; raises Superseded when another runner has it."""
        await self._do(_keep, run_id, token, lease_s)

    async def leave_run(self, run_id: str, token: int) -> None:
        """End a lease, so that another runner need not wait; nothing when it is lost."""
        await self._do(_leave, run_id, token)

    async def run_lease(self, run_id: str) -> dict[str, Any] | None:
        """`holder`, `token` and `until` of a run's newest lease."""
        return await self._read(_newest, run_id)

    async def cutover_runs(self) -> list[dict[str, Any]]:
        """`run_id`, `first` and `last` (instants) and `rows` of every run that has a log, newest first."""
        return await self._read(_runs)

    def under(self, run_id: str, token: int) -> Self:
        """This journal for the holder of a lease: each change first makes sure, in its own transaction, that
        the lease was not given to another runner. Changes raise Superseded when it was."""
        other = copy.copy(self)
        other._guard = partial(_guard, run_id=run_id, token=token)  # noqa: SLF001 - a copy of itself
        return other


def _lock(tx: Transaction, run_id: str, *, shared: bool) -> None:
    # Read in a later statement, as the fence does (D6).
    tx.dialect.lock(tx, [f"run:{run_id}"], shared=shared)


def _newest(tx: Transaction, run_id: str) -> dict[str, Any] | None:
    found = cursor(tx, LEASES, run_id)
    return None if found is None else dict(from_json(found))


def _lease(tx: Transaction, run_id: str, holder: str, lease_s: float) -> int:
    _lock(tx, checked(run_id, "run_id"), shared=False)
    newest = _newest(tx, run_id)
    if newest is not None and newest["until"] > tx.now and newest["holder"] != holder:
        raise InProgress(
            f"{newest['holder']} runs {run_id} and was last seen alive with a lease until {newest['until']}",
            mend="stop it, or wait for that instant",
        )
    token = 1 if newest is None else int(newest["token"]) + 1
    _write(tx, run_id, holder, token, lease_s)
    return token


def _write(tx: Transaction, run_id: str, holder: str, token: int, lease_s: float) -> None:
    until = to_text(from_text(tx.now) + timedelta(seconds=lease_s))
    put_cursor(tx, LEASES, run_id, as_json({"holder": holder, "token": token, "until": until}))


def _keep(tx: Transaction, run_id: str, token: int, lease_s: float) -> None:
    _lock(tx, run_id, shared=False)
    newest = _newest(tx, run_id)
    _refuse_lost(newest, run_id, token)
    assert newest is not None
    _write(tx, run_id, newest["holder"], token, lease_s)


def _leave(tx: Transaction, run_id: str, token: int) -> None:
    _lock(tx, run_id, shared=False)
    newest = _newest(tx, run_id)
    if newest is not None and newest["token"] == token:
        _write(tx, run_id, newest["holder"], token, 0)


def _guard(tx: Transaction, *, run_id: str, token: int) -> None:
    # Shared to the end of the transaction: a new lease waits for what its forerunner has begun.
    _lock(tx, run_id, shared=True)
    _refuse_lost(_newest(tx, run_id), run_id, token)


def _refuse_lost(newest: dict[str, Any] | None, run_id: str, token: int) -> None:
    if newest is None or newest["token"] != token:
        now = "nobody" if newest is None else newest["holder"]
        raise Superseded(f"{now} runs {run_id} now")


def _say(tx: Transaction, run_id: str, said: Said) -> bool:
    _lock(tx, checked(run_id, "run_id"), shared=False)
    record = record_of(steps(tx, run_id), said)
    if record is not None:
        record_step(tx, run_id, said.step, EVENTS[said.word], record)
    return record is not None


def _runs(tx: Transaction) -> list[dict[str, Any]]:
    rows = tx.rows(
        "SELECT run_id, min(at), max(at), count(*), max(step_id) FROM steps GROUP BY run_id"
        f" ORDER BY max(step_id) DESC LIMIT {MOST_RUNS}"
    )
    return [
        {"run_id": run_id, "first": first, "last": last, "rows": count}
        for run_id, first, last, count, _ in rows
    ]
