"""The invariant checkers over the journal of a run, in pieces where it is too large for memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cutover.checks.claims import SHOWN, Finding, check_all
from cutover.checks.facts import read_facts

PIECE = 50_000
"""Transactions checked at once: some 300 MB of rows."""
EXPECTED = ("I1", "I2", "I6")
"""Claims that any transaction gives something to look at; the others need switches, chains or comparisons."""
ACROSS = "order and doubles between stretches of {:,} transactions, which are checked one by one"


def invariants(
    database: str, *, first: int, last: int, replays: Sequence[tuple[str, bool]], piece: int = PIECE
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The findings as rows, and notes on claims that had nothing to look at; transactions from first to last.

    Raises BadConfig where there is no journal.
    """
    whole: dict[str, Finding] = {}
    for start in range(first, max(last, first) + 1, piece):
        span = range(start, min(start + piece, last + 1))
        facts = read_facts(database, span=span, replays=replays if start == first else ())
        for finding in check_all(facts):
            whole[finding.name] = _joined(whole.get(finding.name), finding)
    pieces = max(last, first) - first + 1 > piece
    found = [_shown(finding, pieces, piece) for finding in whole.values() if _asked(finding)]
    notes = [
        f"{finding.name} had nothing to look at: {finding.claim}"
        for finding in whole.values()
        if not _asked(finding)
    ]
    return found, notes


def _asked(finding: Finding) -> bool:
    return bool(finding.checked) or finding.name in EXPECTED


def _joined(so_far: Finding | None, one: Finding) -> Finding:
    if so_far is None or not so_far.checked:
        return one
    if not one.checked:
        return so_far
    return replace(
        one,
        held=so_far.held and one.held,
        checked=so_far.checked + one.checked,
        violations=so_far.violations + one.violations,
        examples=(*so_far.examples, *one.examples)[:SHOWN],
    )


def _shown(finding: Finding, in_pieces: bool, piece: int) -> Mapping[str, Any]:  # noqa: FBT001 - private
    row = finding.as_row()
    return row | {"not_checked": f"{row['not_checked']}; {ACROSS.format(piece)}"} if in_pieces else row
