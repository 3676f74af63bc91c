"""The life of breaks, as the journal keeps it: runs, states, acceptances, and the questions about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.dualrun.breaks import Break
from router.journal import break_states
from router.journal.break_states import BreakRun, RunOutcome
from router.journal.core import JournalCore


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
