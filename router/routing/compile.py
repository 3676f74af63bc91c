"""Expressions to clauses: conjunctions of tests on single fields, which the index can hold.

For each expression three things are worked out: when it is true, when it is false, and when it
raises, so that the index gives what rule-engine's own left-to-right evaluation gives, errors
included. A clause is exact, or says that the rule must be evaluated to be sure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from router.routing.expression import INVERSE, Both, Const, Either, Expr, Not, Opaque, Test

MAX_CLAUSES = 64
"""Clauses of one rule; beyond it the rule is evaluated instead of multiplied out."""
Verdict = Literal["match", "raise", "maybe"]


@dataclass(frozen=True, slots=True)
class Clause:
    """Where all `tests` hold, rule number `rule` matches, raises, or must be evaluated."""

    rule: int
    tests: tuple[Test, ...]
    verdict: Verdict


class _Term(NamedTuple):
    tests: tuple[Test, ...]
    sure: bool


_Terms = tuple[_Term, ...]
_ALWAYS: _Terms = (_Term((), sure=True),)
_PERHAPS: _Terms = (_Term((), sure=False),)


class _Forms(NamedTuple):
    true: _Terms
    false: _Terms
    raises: _Terms


def clauses_of(rule: int, tree: Expr, *, since: date | None, until: date | None) -> list[Clause]:
    """The clauses of a rule: its expression within its window of accounting dates."""
    forms = _forms(tree)
    window: tuple[Test, ...] = ()
    if since is not None:
        window += (Test("accounting_date", "ge", (since,)),)
    if until is not None:
        window += (Test("accounting_date", "lt", (until,)),)
    made = [Clause(rule, window + term.tests, "match" if term.sure else "maybe") for term in forms.true]
    made += [Clause(rule, window + term.tests, "raise" if term.sure else "maybe") for term in forms.raises]
    return list(dict.fromkeys(made))


def _forms(tree: Expr) -> _Forms:
    match tree:
        case Const(value):
            return _Forms(_ALWAYS, (), ()) if value else _Forms((), _ALWAYS, ())
        case Test(field, op, values):
            negated = Test(field, INVERSE[op], values)
            null = () if op in ("in", "not in") else _one(Test(field, "in", (None,)))
            return _Forms(_one(tree), _one(negated), null)
        case Not(inner):
            forms = _forms(inner)
            return _Forms(forms.false, forms.true, forms.raises)
        case Both(left, right):
            return _both(_forms(left), _forms(right))
        case Either(left, right):
            # a or b is not (not a and not b), evaluated in the same order.
            one, other = _forms(left), _forms(right)
            turned = _both(
                _Forms(one.false, one.true, one.raises), _Forms(other.false, other.true, other.raises)
            )
            return _Forms(turned.false, turned.true, turned.raises)
        case Opaque():
            return _Forms(_PERHAPS, _PERHAPS, _PERHAPS)


def _both(left: _Forms, right: _Forms) -> _Forms:
    # The right side counts only where the left is true, not merely "not false": it may have raised.
    late_false = _product(left.true, right.false) if left.raises else right.false
    return _Forms(
        true=_product(left.true, right.true),
        false=_sum(left.false, late_false),
        raises=_sum(left.raises, _product(left.true, right.raises)),
    )


def _one(test: Test) -> _Terms:
    return (_Term((test,), sure=True),)


def _sum(left: _Terms, right: _Terms) -> _Terms:
    if not left or not right:
        return left or right
    return _bounded(tuple(dict.fromkeys(left + right)))


def _product(left: _Terms, right: _Terms) -> _Terms:
    if left == _ALWAYS:
        return right
    if right == _ALWAYS:
        return left
    if len(left) * len(right) > MAX_CLAUSES * MAX_CLAUSES:
        return _PERHAPS
    made = (
        _Term(tuple(dict.fromkeys(a.tests + b.tests)), sure=a.sure and b.sure) for a in left for b in right
    )
    return _bounded(tuple(dict.fromkeys(made)))


def _bounded(terms: _Terms) -> _Terms:
    if len(terms) <= MAX_CLAUSES:
        return terms
    return _PERHAPS
