"""The judge of extracts: for each difference of a document the cause that its rows prove.

The columns of a pair are judged in the order in which one follows from another: words and dates,
then hours and rates, net, tax, total, the amount in the base currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from router.dualrun.breaks import UNEXPLAINED, Explanation
from router.dualrun.causes.amounts import amount
from router.dualrun.causes.currencies import currency
from router.dualrun.causes.dates import dates, period
from router.dualrun.causes.facts import Case, because
from router.dualrun.causes.learned import Learned
from router.dualrun.causes.rows import Matches, alone, doubled, matched, wrong_crosswalk
from router.dualrun.causes.table import Table
from router.dualrun.causes.words import words
from router.dualrun.policy import Policy, Role, Side
from router.dualrun.results import Agreement, Difference, DocumentView, Pair

FIRST: tuple[Role, ...] = (
    "accounting_date", "fx_date", "period", "tax_code", "quantity", "rate", "tax_rate", "fx_rate",
    "net", "tax", "total", "base_amount",
)  # fmt: skip


class ExtractJudge:
    """Explains the differences of two extracts (`router.dualrun.explain.Judge`, and a `Learner`)."""

    def __init__(
        self,
        policy: Policy,
        *,
        until: Mapping[Side, date] | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        """`until`: the last accounting date in each whole extract, where it is known: later rows are late.

        `agreement`: what agrees outside the documents that are shown; without it they are all there is.
        """
        self._table = Table.of(policy)
        self._until: Mapping[Side, date] = until or {}
        self._agreement = agreement
        self._learned = Learned(self._table)
        self._matches: Matches | None = None
        self._order = {self._table.columns.get(role): place for place, role in enumerate(FIRST, start=1)}

    def learn(self, views: Iterable[DocumentView]) -> None:
        """Count what only shows over many documents; from one pass, before the first is explained."""
        for view in views:
            self._learned.look(view)
        if self._agreement is not None:
            self._learned.compare(self._agreement)
        self._matches = matched(self._learned)

    def explain(self, view: DocumentView) -> list[list[Explanation]]:
        """One explanation for each `view.pairs[i].differences[j]`, at [i][j]."""
        learned, matches = self._learned, self._matches
        if matches is None:
            # Nothing was learned: the document itself is all there is to go by.
            learned = Learned(self._table)
            learned.look(view)
            matches = matched(learned)
        return [self._pair(view, pair, learned, matches) for pair in view.pairs]

    def _pair(self, view: DocumentView, pair: Pair, learned: Learned, matches: Matches) -> list[Explanation]:
        case = Case(table=self._table, view=view, pair=pair, learned=learned)
        found: list[Explanation] = [UNEXPLAINED] * len(pair.differences)
        for at in sorted(range(len(found)), key=lambda place: self._rank(pair.differences[place], place)):
            difference = pair.differences[at]
            found[at] = self._one(case, difference, matches)
            if difference.column:
                case.reasons.setdefault(difference.column, found[at])
        return found

    def _rank(self, difference: Difference, place: int) -> tuple[int, int]:
        return (self._order.get(difference.column, 0), place)

    def _one(self, case: Case, difference: Difference, matches: Matches) -> Explanation:
        what = difference.what
        if what.startswith("missing_"):
            return alone(case, matches, self._until)
        if what.startswith("duplicate_"):
            return doubled(case, difference)
        if what == "crosswalk":
            return wrong_crosswalk(case, difference)
        if what == "currency":
            return currency(case, difference)
        if what == "amount":
            return amount(case, difference)
        return self._said(case, difference)

    def _said(self, case: Case, difference: Difference) -> Explanation:
        """A date, a text, a status or a dimension."""
        role = self._table.roles.get(difference.column)
        if role == "currency":
            return currency(case, difference)
        found = period(case, difference) if role == "period" else None
        if found is None and difference.what == "date":
            found = dates(case, difference)
        elif found is None:
            found = words(case, difference)
        if found is not None:
            return found
        told = f"{difference.column} is {difference.legacy or 'empty'} and {difference.cloud or 'empty'}"
        return because("unexplained", "unexplained", told)
