"""Explains the differences of one kind of document in two live ERPs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from router.dualrun.breaks import Explanation
from router.dualrun.live_causes.amounts import COLUMNS, Amounts, unexplained
from router.dualrun.live_causes.facts import LiveFacts
from router.dualrun.live_causes.standing import conflict, doubled, missing, status
from router.dualrun.results import Difference, DocumentView

LINE = "line"
"""Column of a pair's key that names a line, where lines are compared."""


class LiveJudge:
    """A `router.dualrun.explain.Judge` for one kind; give judges of one run the same `amounts` to reckon once."""

    def __init__(self, kind: str, facts: LiveFacts, amounts: Amounts | None = None) -> None:
        self._kind, self._facts = kind, facts
        self._amounts = amounts or Amounts(facts)

    def explain(self, view: DocumentView) -> Sequence[Sequence[Explanation]]:
        """One explanation for each difference of each pair."""
        key = view.document.get("document_id") or next(iter(view.document.values()), "")
        return [
            [self._one(key, pair.key.get(LINE), difference) for difference in pair.differences]
            for pair in view.pairs
        ]

    def _one(self, key: str, line: str | None, difference: Difference) -> Explanation:
        what, column = difference.what, difference.column
        if what.startswith("duplicate_"):
            return doubled(self._kind, key, difference)
        if what.startswith("missing_"):
            return (
                missing(self._kind, key, difference, self._facts)
                if line is None
                else unexplained("the line stands in one ERP only")
            )
        owned = conflict(self._kind, key, column, self._facts)
        if owned is not None:
            return owned
        if what == "amount":
            return self._amount(key, line, difference)
        if what == "status":
            return status(self._kind, key, difference, self._facts, self._amounts)
        if what == "date" or column == "period":
            return Explanation(
                cause="period", code="posting-date",
                evidence=f"{column} is {difference.legacy} in the legacy and {difference.cloud} in the cloud ERP",
            )  # fmt: skip
        if what == "dimension":
            return Explanation(
                cause="mapping", code="dimension-mapping",
                evidence=f"{column} is {difference.legacy!r} in the legacy and {difference.cloud!r} in the cloud ERP",
            )  # fmt: skip
        return unexplained("")

    def _amount(self, key: str, line: str | None, difference: Difference) -> Explanation:
        column, delta = difference.column, difference.delta_minor
        if delta is None or column not in COLUMNS:
            return unexplained("")
        if self._kind == "time_entry":
            return self._amounts.time_entry(key, delta)
        if self._kind == "invoice":
            return self._amounts.invoice(key, column, delta, line)
        if self._kind == "credit_memo":
            return self._amounts.credit_memo(key, column, delta, line)
        return unexplained("both ERPs were sent one amount")
