"""Which rate to try next, and when the answer stands. Pure.

A bracket first: the rate is doubled until it fails (or halved until it passes), then the gap is halved. So the
highest rate that passed always lies below the lowest that failed, however a noisy deployment answers: no rate
outside the bracket is ever asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from loadtests.verdict.model import Outcome

PRECISION_PERCENT = Decimal(5)
"""The answer is known when the middle of the bracket is within so much of both its ends."""
PROBES_MAX = 12
LEAST, MOST = Decimal("0.01"), Decimal(1024)
"""Rates beyond are not tried: under a hundredth of the scenario's rate nothing is a load."""
INVALID_MAX = 2
"""A rate the generator could not keep is tried once more; then the generator is the limit."""
_STEP = Decimal("0.0001")
Why = Literal["bracketed", "probes spent", "generator", "never fails", "never passes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A rate that was tried, as a factor of the scenario's own, and how it ended."""

    rate: Decimal
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """Try this rate next."""

    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The search is over."""

    passes: Decimal | None
    """The highest rate that passed; None: none did."""
    fails: Decimal | None
    """The lowest that failed; None: none did."""
    unmeasured: Decimal | None
    """The rate the generator could not keep, if that ended the search."""
    why: Why


def next_step(
    tried: Sequence[Tried],
    *,
    start: Decimal = Decimal(1),
    precision_percent: Decimal = PRECISION_PERCENT,
    probes_max: int = PROBES_MAX,
    least: Decimal = LEAST,
    most: Decimal = MOST,
) -> Try | Known:
    """The next rate to try, from all tried so far in their order; or the answer.

    A search takes at most `probes_max` probes, invalid ones included. Raises ValueError for limits that leave nothing to
    try.
    """
    if not least <= start <= most or least <= 0 or probes_max < 1 or precision_percent <= 0:
        raise ValueError("start must lie between least and most, and at least one probe be allowed")
    passes = max((one.rate for one in tried if one.outcome == "pass"), default=None)
    fails = min((one.rate for one in tried if one.outcome == "fail"), default=None)
    if tried and tried[-1].outcome == "invalid":
        rate = tried[-1].rate
        if sum(one.rate == rate and one.outcome == "invalid" for one in tried) >= INVALID_MAX:
            return Known(passes=passes, fails=fails, unmeasured=rate, why="generator")
        if len(tried) < probes_max:
            return Try(rate=rate)
    wanted = _wanted(passes, fails, start=start, precision_percent=precision_percent, least=least, most=most)
    if isinstance(wanted, Known) or len(tried) < probes_max:
        return wanted
    return Known(passes=passes, fails=fails, unmeasured=None, why="probes spent")


def _wanted(
    passes: Decimal | None,
    fails: Decimal | None,
    *,
    start: Decimal,
    precision_percent: Decimal,
    least: Decimal,
    most: Decimal,
) -> Try | Known:
    if passes is None and fails is None:
        return Try(rate=start)
    if fails is None:
        assert passes is not None
        if passes >= most:
            return Known(passes=passes, fails=None, unmeasured=None, why="never fails")
        return Try(rate=min(passes * 2, most))
    if passes is None:
        if fails <= least:
            return Known(passes=None, fails=fails, unmeasured=None, why="never passes")
        return Try(rate=max(fails / 2, least))
    middle = ((passes + fails) / 2).quantize(_STEP)
    if fails - middle <= middle * precision_percent / 100 or not passes < middle < fails:
        return Known(passes=passes, fails=fails, unmeasured=None, why="bracketed")
    return Try(rate=middle)
