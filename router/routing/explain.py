"""Why a document goes where it goes: the rule that decides, and why each earlier rule did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from router.canonical.documents import Document
from router.journal.port import Pin
from router.model import Decision, SystemId
from router.routing.compiled import Compiled
from router.routing.decisions import decide
from router.routing.expression import ENGINE_ERRORS, Both, Const, Either, Expr, Not, Opaque, Test
from router.routing.facts import Facts, facts, thing
from router.routing.table import RouteRule
from router.routing.tables import Tables

MAX_PASSED = 500
"""Earlier rules told one by one; of more only the number is told."""
MAX_VALUES = 5
"""Literals repeated from a long list."""
_ORDER = {"lt": "below", "le": "at most", "gt": "above", "ge": "at least"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A rule that stands before the deciding one, and why it did not decide."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision with the rules that were passed over on the way to it, in their order."""

    decision: Decision
    passed: tuple[Passed, ...]
    more: int
    """Further rules passed over that are not told one by one."""

    def to_json(self) -> dict[str, Any]:
        """The explanation for the API and the console."""
        return {
            **_row(self.decision),
            "passed": [{"rule": one.rule, "why": one.why} for one in self.passed],
            "more": self.more,
        }


def explain(
    compiled: Compiled, document: Document, *, lineage: SystemId | None = None, pin: Pin | None = None
) -> Explanation:
    """The decision, and for each rule before the deciding one the part of it that does not hold."""
    given = facts(document)
    outcome = compiled.first_match(given)
    rules = compiled.table.rules
    end = next((n for n in (outcome.rule, outcome.raised) if n is not None), len(rules))
    passed = [Passed(rule=rule.id, why=why_not(rule, given)) for rule in rules[: min(end, MAX_PASSED)]]
    return Explanation(
        decision=decide(compiled, document, lineage=lineage, pin=pin),
        passed=tuple(passed),
        more=max(0, end - MAX_PASSED),
    )


def explain_lines(
    tables: Tables | Compiled,
    documents: Iterable[Document | tuple[str, Document]],
    *,
    version: int | None = None,
) -> Iterator[dict[str, Any]]:
    """One row a document, as `coexist route explain --json` prints it.

    The id is the document's, or the one given beside it. Without `version` the highest published
    one is asked. The table alone answers: pins and lineage are the journal's to know.
    """
    if isinstance(tables, Tables):
        tables = tables.compiled(version if version is not None else max(tables.versions, default=0))
    for item in documents:
        name, document = item if isinstance(item, tuple) else (item.document_id, item)
        yield {"id": name, **_row(decide(tables, document))}


def _row(decision: Decision) -> dict[str, Any]:
    return {
        "rule": decision.rule,
        "table_version": decision.table_version,
        "authority": decision.authority,
        "shadow": decision.shadow,
        "hold": decision.hold,
        "why": decision.why,
    }


def why_not(rule: RouteRule, given: Facts) -> str:
    """Why a rule before the deciding one did not decide: its window, or the part that does not hold."""
    on = given.get("accounting_date")
    if rule.since is not None and str(on) < str(rule.since):
        return f"in force only from {rule.since}; the accounting date is {on}"
    if rule.until is not None and str(on) >= str(rule.until):
        return f"in force only until {rule.until}; the accounting date is {on}"
    reason = _false(rule.condition.tree, given, thing(given))
    if reason is None:
        return "it matches, but only holds; where the document goes is for a later rule to say"
    return reason or "its condition does not hold"


def _false(tree: Expr, given: Facts, made: dict[str, Any]) -> str | None:
    """Why an expression is not true, or None when it is."""
    match tree:
        case Const(value):
            return None if value else "it never applies"
        case Both(left, right):
            first = _false(left, given, made)
            return first if first is not None else _false(right, given, made)
        case Either(left, right):
            first, second = _false(left, given, made), _false(right, given, made)
            return None if first is None or second is None else f"{first}, and {second}"
        case Not(inner):
            return _excluded(inner, given) if _false(inner, given, made) is None else None
        case Test():
            return None if holds(tree, given) else _unlike(tree, given)
        case Opaque(node):
            try:
                return None if node.evaluate(made) else "a pattern or function in it does not hold"
            except ENGINE_ERRORS as error:
                return f"a part of it can't be evaluated ({str(error)[:200]})"


def holds(test: Test, given: Facts) -> bool:
    """Whether a single test holds; an order against a missing value does not."""
    value: Any = given.get(test.field)
    if test.op == "in":
        return value in test.values
    if test.op == "not in":
        return value not in test.values
    if value is None:
        return False
    bound: Any = test.values[0]
    match test.op:
        case "lt":
            return bool(value < bound)
        case "le":
            return bool(value <= bound)
        case "gt":
            return bool(value > bound)
        case _:
            return bool(value >= bound)


def _unlike(test: Test, given: Facts) -> str:
    value = _shown(given.get(test.field))
    if test.op == "in":
        return f"{test.field} is {value}, not {_listed(test)}"
    if test.op == "not in":
        return f"{test.field} is {value}, which it leaves out"
    return f"{test.field} is {value}, not {_ORDER[test.op]} {_shown(test.values[0])}"


def _excluded(inner: Expr, given: Facts) -> str:
    if isinstance(inner, Test):
        return f"{inner.field} is {_shown(given.get(inner.field))}, which it leaves out"
    return "what it leaves out holds here"


def _listed(test: Test) -> str:
    shown = [_shown(value) for value in test.values[:MAX_VALUES]]
    more = len(test.values) - len(shown)
    if more > 0:
        return ", ".join(shown) + f" or {more} more"
    return " or ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


def _shown(value: object) -> str:
    return "missing" if value is None else str(value)
