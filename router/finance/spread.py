"""Splitting an amount into parts that sum to it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from router.canonical.money import round_half_up


def spread(total: int, weights: Sequence[Fraction | int]) -> list[int]:
    """`total` by weights, in whole units that sum to it: largest remainder, ties to the earlier part.

    Raises ValueError for a negative weight, or when there is none above zero.
    """
    whole = sum(weights, Fraction(0))
    if whole <= 0 or min(weights) < 0:
        msg = "weights: one must be above zero, and none below"
        raise ValueError(msg)
    sign = -1 if total < 0 else 1
    shares = [abs(total) * Fraction(weight) / whole for weight in weights]
    parts = [share.numerator // share.denominator for share in shares]
    rest = abs(total) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda at: (parts[at] - shares[at], at))
    for at in by_remainder[:rest]:
        parts[at] += 1
    return [sign * part for part in parts]


def round_together(exact: Sequence[Fraction]) -> list[int]:
    """Exact amounts, none negative, as whole units that sum to their rounded sum (half up)."""
    total = round_half_up(sum(exact, Fraction(0)))
    return spread(total, exact) if any(exact) else [0] * len(exact)
