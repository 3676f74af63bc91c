"""Recognised revenue: how much of a fee is earned by the end of a period.

Three methods, as ASC 606 and IFRS 15 know them. Straight-line: over the days of the term. Percentage
of completion: of the fee, as much as the hours worked are of the hours planned (an input method by
effort; never more than all of it). Milestone: what is completed. All are cumulative: a period
recognises what is earned to date less what was recognised before, so a change of fee, term or plan is
caught up in the period it becomes known in, and nothing is recognised twice. Each is rounded once.

What a line defers is billed to deferred revenue; recognising it takes it from there. Where work is
ahead of billing that account shows a debit: a contract asset.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from router.canonical.money import round_half_up
from router.finance.charges import first_of, last_of, months
from router.finance.spread import spread


def straight_line(fee_minor: int, starts: date, ends: date) -> list[tuple[str, int]]:
    """The fee by calendar month in proportion to its days; sums to the fee. Raises ValueError for no days."""
    if ends < starts:
        msg = f"a term from {starts} to {ends} has no days"
        raise ValueError(msg)
    periods = list(months(starts, ends))
    return list(zip(periods, spread(fee_minor, [_days(starts, ends, one) for one in periods]), strict=True))


def earned_straight(fee_minor: int, starts: date, ends: date, through: str) -> int:
    """What of a fee is earned through a month, straight-line."""
    return sum(minor for period, minor in straight_line(fee_minor, starts, ends) if period <= through)


def earned_by_completion(fee_minor: int, done: int, planned: int) -> int:
    """What of a fee is earned by effort: `done` of `planned`, in minutes or in cost; none without a plan."""
    if planned <= 0 or done <= 0:
        return 0
    return round_half_up(fee_minor * min(Fraction(done, planned), Fraction(1)))


def earned_by_milestones(completed: Sequence[tuple[date, int]], through: str) -> int:
    """What is completed through a month: (day, minor units) of each milestone."""
    return sum(minor for day, minor in completed if day <= last_of(through))


def _days(starts: date, ends: date, period: str) -> int:
    return (min(ends, last_of(period)) - max(starts, first_of(period))).days + 1
