"""From differences to breaks: a judge explains, here each difference becomes a `Break` with its cause.

Price of one pass: a cause that needs the whole table, such as a word that is mapped to another one
throughout, needs the documents twice. Pass the method itself, `explained(comparison.documents, …)`,
or a list, and a judge that learns is shown all of them first; an iterator can be read only once, so
from one nothing is learned. Either way nothing is held but counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from router.dualrun.breaks import Break, Explanation, Level
from router.dualrun.policy import Policy, Role
from router.dualrun.results import Difference, DocumentView, Pair

Documents = Iterable[DocumentView] | Callable[[], Iterable[DocumentView]]
MONEY_ROLES: tuple[Role, ...] = ("total", "net", "tax", "base_amount")
"""The order in which one column of a pair counts as its money."""


class Judge(Protocol):
    """Explains the differences of one document."""

    def explain(self, view: DocumentView) -> Sequence[Sequence[Explanation]]:
        """One explanation for each `view.pairs[i].differences[j]`, at [i][j]."""
        ...


@runtime_checkable
class Learner(Protocol):
    """A judge that is shown all documents before it explains the first."""

    def learn(self, views: Iterable[DocumentView]) -> None:
        """Count what only shows over many documents; memory is bounded."""
        ...


def explained(
    documents: Documents,
    judge: Judge,
    policy: Policy,
    *,
    kind: str = "",
    level: Level | None = None,
    counts: bool = True,
) -> Iterator[Break]:
    """Every difference of every document as a break, in their order.

    `level` is `line` where the policy names a document that is more than its key, unless told.
    `counts=False`: their money is counted elsewhere, as that of lines beside compared headers.
    """
    if isinstance(judge, Learner) and (callable(documents) or isinstance(documents, Sequence)):
        judge.learn(documents() if callable(documents) else documents)
    at_level = level or grain(policy)
    for view in documents() if callable(documents) else documents:
        named = {name: text for name, text in view.document.items() if name in policy.document}
        for pair, reasons in zip(view.pairs, judge.explain(view), strict=True):
            money = counted_difference(pair, policy) if counts else None
            facts = named if any(name not in pair.key for name in named) else {}
            for difference, reason in zip(pair.differences, reasons, strict=True):
                yield _break(
                    pair,
                    difference,
                    reason,
                    policy,
                    kind,
                    at_level,
                    facts,
                    counted=money is not None and _one_money(pair.differences[money], difference),
                )


def grain(policy: Policy) -> Level:
    """What a row is: a line where the policy names a document that is more than its key."""
    return "line" if policy.document and set(policy.document) != set(policy.key) else "document"


def counted_difference(pair: Pair, policy: Policy) -> int | None:
    """Which of a pair's differences counts as its money: a missing or doubled row, else the total, else net,
    tax, the amount in the base currency, else the first money column that differs; None when none does."""
    best: tuple[int, int] | None = None
    order = {policy.role(role): place for place, role in enumerate(MONEY_ROLES, start=1)}
    for at, difference in enumerate(pair.differences):
        if difference.delta_minor is None or not difference.currency:
            continue
        rank = 0 if stands_alone(difference) else order.get(difference.column, len(order) + 1)
        if best is None or (rank, at) < best:
            best = (rank, at)
    return best[1] if best else None


def _one_money(counted: Difference, other: Difference) -> bool:
    """Whether it is the difference that counts, or the same column's in another currency of the same rows."""
    if stands_alone(counted) and stands_alone(other):
        return True  # a key that stands twice on both sides: together they are worth cloud less legacy
    return other is counted or (
        bool(other.column)
        and (other.what, other.column) == (counted.what, counted.column)
        and bool(other.currency)
        and other.currency != counted.currency
    )


def stands_alone(difference: Difference) -> bool:
    """Whether a row has no partner or too many, rather than a column that differs."""
    return difference.what.startswith(("missing_", "duplicate_"))


def _break(
    pair: Pair,
    difference: Difference,
    reason: Explanation,
    policy: Policy,
    kind: str,
    level: Level,
    facts: Mapping[str, str],
    *,
    counted: bool,
) -> Break:
    parts = reason.parts
    if parts and sum(part.delta_minor for part in parts) != difference.delta_minor:
        raise AssertionError(f"the parts of {difference.column} at {dict(pair.key)} do not sum to its delta")
    return Break(
        key=dict(pair.key),
        what=difference.what,
        column=difference.column,
        kind=kind,
        level=level,
        legacy=difference.legacy,
        cloud=difference.cloud,
        currency=difference.currency,
        delta_minor=difference.delta_minor,
        legal_entity=_said(pair, policy, "legal_entity"),
        project_id=_said(pair, policy, "project"),
        customer_id=_said(pair, policy, "customer"),
        period=_period(pair, policy),
        paired_by=pair.paired_by,
        legacy_rows=tuple(row.number for row in pair.legacy),
        cloud_rows=tuple(row.number for row in pair.cloud),
        cause=reason.cause,
        code=reason.code,
        evidence=reason.evidence,
        parts=parts,
        counted=counted,
        facts=dict(facts),
    )


def _said(pair: Pair, policy: Policy, role: Role) -> str:
    """What the pair's rows say in a role's column, the legacy ERP first."""
    column = policy.role(role)
    if column is None:
        return ""
    for row in (*pair.legacy, *pair.cloud):
        cell = row.cells.get(column)
        if cell is not None and cell != "":
            return str(cell)
    return pair.key.get(column, "")


def _period(pair: Pair, policy: Policy) -> str:
    """The period as it is told, else the month of the accounting date."""
    return _said(pair, policy, "period") or _said(pair, policy, "accounting_date")[:7]
