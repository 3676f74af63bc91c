"""Which columns say the same row by row, once a key pairs some rows: for headings that tell nothing. Pure.

Agreement is what is left beyond chance (Cohen's kappa; Goodman and Kruskal's lambda for words that are
others but meet always), so that two columns that are nearly always `no` are not one for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Values = Sequence[str | None]
LEAST = 8
"""Pairs of rows below which nothing is told by them."""
CERTAIN = 0.999
"""Agreement expected by chance from which on it tells nothing: both columns are constant."""


def kappa(ours: Values, theirs: Values) -> float | None:
    """Agreement beyond chance of two columns over the same pairs; None where it can't be told."""
    both = [
        (one, other) for one, other in zip(ours, theirs, strict=True) if one is not None or other is not None
    ]
    if len(both) < LEAST:
        return None
    seen = sum(one == other for one, other in both) / len(both)
    left, right = Counter(one for one, _ in both), Counter(other for _, other in both)
    chance = sum(times * right[word] for word, times in left.items()) / len(both) ** 2
    if chance > CERTAIN:
        return None
    return (seen - chance) / (1 - chance)


def meeting(ours: Values, theirs: Values) -> float:
    """How surely the word of one column tells that of the other, both ways, beyond the commonest word."""
    both = [
        (one, other) for one, other in zip(ours, theirs, strict=True) if one is not None and other is not None
    ]
    if len(both) < LEAST:
        return 0.0
    return min(_told(both), _told([(other, one) for one, other in both]))


def _told(both: Sequence[tuple[str, str]]) -> float:
    commonest = max(Counter(other for _, other in both).values())
    if commonest == len(both):
        return 0.0
    best: dict[str, int] = {}
    for (one, _), times in Counter(both).items():
        best[one] = max(best.get(one, 0), times)
    return (sum(best.values()) - commonest) / (len(both) - commonest)
