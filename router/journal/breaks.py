"""The life of breaks, as the journal keeps it: runs, states, acceptances, and the questions about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.dualrun.acceptances import AcceptanceRow, Acceptances
from router.dualrun.breaks import Break
from router.journal import break_acceptances, break_reading, break_states
from router.journal.break_reading import BreakFilter
from router.journal.break_states import BreakRun, RunOutcome
from router.journal.core import JournalCore
from router.journal.engine import Transaction


class Breaks(JournalCore):
    """Runs of comparisons and what became of each break; rows are dicts with times as RFC 3339 text."""

    async def store_run(self, run: BreakRun, rows: Sequence[Break | Mapping[str, Any]]) -> RunOutcome:
        """Store a comparison with all it found and what became of every break it looked at, in one commit.

        Made again under its run id it replaces what it had said: the same breaks give the same states.
        """
        return await self._do(break_states.store_run, run, rows)

    async def store_breaks(self, run_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store the breaks of a comparison that does not say what it looked at: nothing is fixed by it."""
        await self._do(break_states.store_run, BreakRun(run_id=run_id), rows)

    async def break_page(
        self, wanted: BreakFilter, *, limit: int, after: tuple[str, int, str] | None = None
    ) -> dict[str, Any]:
        """`breaks` behind a place, the `next` place, and `totals` of all that is meant. Raises NotFound for a run."""
        return await self._read(break_reading.page, wanted, limit, after)

    async def break_history(self, identity: str) -> dict[str, Any]:
        """One `break` as it stands and its `history` through the runs; raises NotFound."""
        return await self._read(break_reading.history, identity)

    async def break_runs(self, *, limit: int, after: tuple[str, str] | None = None) -> list[dict[str, Any]]:
        """Runs of comparisons, newest first, behind an (instant, run id)."""
        return await self._read(break_reading.runs, limit, after)

    async def compare_break_runs(self, first: str, second: str) -> dict[str, list[dict[str, Any]]]:
        """What became of one run's breaks in another; raises NotFound."""
        return await self._read(break_reading.compare, first, second)

    async def accept_break(self, wanted: AcceptanceRow, *, by: str) -> dict[str, Any]:
        """Accept a break or a cluster; raises NotFound, Refused, BadInput."""
        return await self._do(break_acceptances.accept, wanted, by)

    async def withdraw_acceptance(self, acceptance_id: str, *, by: str, why: str) -> dict[str, Any]:
        """Take an acceptance back; raises NotFound, Refused."""
        return await self._do(break_acceptances.withdraw, acceptance_id, by, why)

    async def withdraw_break(self, identity: str, *, by: str, why: str) -> dict[str, Any]:
        """Take back the acceptance a break is under; raises NotFound, Refused."""

        def work(tx: Transaction) -> dict[str, Any]:
            return break_acceptances.withdraw(tx, break_acceptances.of_break(tx, identity), by, why)

        return await self._do(work)

    async def acceptances(self) -> list[dict[str, Any]]:
        """Every acceptance with what it covers; `expired` and `unused` ones say so."""
        return await self._read(break_acceptances.listed)

    async def accepted_breaks(self) -> Acceptances:
        """The acceptances as rules."""
        return await self._read(break_states.acceptances)
