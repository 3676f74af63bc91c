"""A route table ready to decide: its rules, its index, and what was decided lately.

`first_match` is what the index is for. The memo is keyed by the values rules can tell apart, so it
can't change an answer, and it is bounded.
"""

from __future__ import annotations

from typing import NamedTuple

from router.canonical.documents import Document
from router.routing.compile import Clause, clauses_of
from router.routing.expression import Raised
from router.routing.facts import EXTRAS, Fact, Facts, thing
from router.routing.index import Index
from router.routing.table import RouteTable

MAX_MEMO = 65_536
"""Answers remembered a table, about 20 MB; then it starts afresh."""


class Outcome(NamedTuple):
    """What the rules say of a document, by their numbers."""

    freeze: int | None = None
    """The first rule that only holds."""
    rule: int | None = None
    """The first rule that names an authority; None: the default's turn."""
    raised: int | None = None
    """The rule that could not be evaluated; then `rule` is None."""
    error: str = ""


class Compiled:
    """A route table with its index. Immutable but for the memo."""

    def __init__(self, table: RouteTable) -> None:
        self.table = table
        clauses: list[Clause] = []
        for number, rule in enumerate(table.rules):
            clauses += clauses_of(number, rule.condition.tree, since=rule.since, until=rule.until)
        self.index = Index(clauses)
        self.last_hold = max((n for n, rule in enumerate(table.rules) if rule.hold), default=-1)
        self.memo: dict[tuple[Fact | int, ...], object] = {}
        # Where a rule must be evaluated the value itself decides; elsewhere its position is enough.
        evaluated = {
            field
            for clause in self.index.clauses
            if clause.verdict != "match"
            for field in table.rules[clause.rule].condition.reads
        }
        axes = self.index.axes
        self._extras = tuple(
            (get, None if field in evaluated else axes[field])
            for field, get in EXTRAS.items()
            if field in axes or field in evaluated
        )

    def key(self, document: Document) -> tuple[Fact | int, ...]:
        """What the decision depends on: documents with the same key get the same decision."""
        header = (
            document.legal_entity,
            document.region,
            document.business_unit,
            document.kind,
            document.accounting_date,
        )
        if not self._extras:
            return header
        return header + tuple(
            get(document) if axis is None else axis.at(get(document)) for get, axis in self._extras
        )

    def first_match(self, facts: Facts) -> Outcome:
        """The outcome by the index; equal to `oracle.first_match` for every table and document."""
        freeze: int | None = None
        last, made = -1, None
        rules = self.table.rules
        for clause in self.index.walk(facts):
            number = clause.rule
            if number == last:
                continue
            last = number
            rule = rules[number]
            if clause.verdict != "match":
                made = made or thing(facts)
                try:
                    if not rule.condition.holds(made):
                        continue
                except Raised as error:
                    return Outcome(freeze, None, number, str(error))
            if rule.authority is not None:
                return Outcome(freeze, number)
            if freeze is None:
                freeze = number
        return Outcome(freeze)


def compile_table(table: RouteTable) -> Compiled:
    """Index a route table."""
    return Compiled(table)
