"""Explains the differences of one kind of document in two live ERPs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.dualrun.breaks import Explanation
from router.dualrun.live_causes.amounts import COLUMNS, Amounts, unexplained
from router.dualrun.live_causes.facts import LiveFacts
from router.dualrun.live_causes.standing import conflict, doubled, missing, status
from router.dualrun.live_causes.words import Words, words_of
from router.dualrun.results import Difference, DocumentView

LINE = "line"
"""Column of a pair's key that names a line, where lines are compared."""


class LiveJudge:
    """A `router.dualrun.explain.Judge` for one kind; give judges of one run the same `amounts` to reckon once."""

    def __init__(self, kind: str, facts: LiveFacts, amounts: Amounts | None = None) -> None:
        self._kind, self._facts = kind, facts
        self._amounts = amounts or Amounts(facts)
        self._words: Words | None = None

    def learn(self, views: Iterable[DocumentView]) -> None:
        """Count which words of dimensions differ, and whether throughout."""
        self._words = words_of(self._kind, self._facts.legacy.records, self._facts.cloud.records)
        self._words.learn(views)

    def explain(self, view: DocumentView) -> Sequence[Sequence[Explanation]]:
        """One explanation for each difference of each pair."""
        key = view.document.get("document_id") or next(iter(view.document.values()), "")
        return [
            [self._one(key, pair.key.get(LINE), difference) for difference in pair.differences]
            for pair in view.pairs
        ]

    def _one(self, key: str, line: str | None, difference: Difference) -> Explanation:
        what = difference.what
        if what.startswith("duplicate_"):
            return doubled(self._kind, key, difference)
        if what.startswith("missing_"):
            return (
                missing(self._kind, key, difference, self._facts)
                if line is None
                else unexplained("the line stands in one ERP only")
            )
        owned = conflict(self._kind, key, difference, self._facts)
        if owned is not None:
            return owned
        if what == "amount":
            return self._amount(key, line, difference)
        if what == "status":
            return status(self._kind, key, difference, self._facts, self._amounts)
        if what == "dimension":
            return self._dimension(difference)
        if what == "date":
            # Which of the two is right, and why the other is not, no ERP says.
            return unexplained(_apart(difference))
        return unexplained("")

    def _dimension(self, difference: Difference) -> Explanation:
        documents = self._words.throughout(difference) if self._words is not None else 0
        if not documents:
            return unexplained(f"{_apart(difference)}, and not throughout")
        return Explanation(
            cause="mapping",
            code="dimension-mapping",
            evidence=f"{_apart(difference)}, in all {documents:,} documents that say so",
        )

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


def _apart(difference: Difference) -> str:
    return (
        f"{difference.column} is {difference.legacy or 'empty'} in the legacy"
        f" and {difference.cloud or 'empty'} in the cloud ERP"
    )
