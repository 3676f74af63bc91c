"""How an amount may have been reckoned: by which reading of the hours and which rounding.

Half up is a half away from zero, half even the banker's rounding, truncated cuts off. Hours may be
taken as they stand, in hundredths (time kept as 7.58 h), or in whole minutes (455 min shown as 7.58).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from router.canonical.money import round_half_even, round_half_up

Mode = Literal["half-up", "half-even", "truncated"]
MODES: tuple[Mode, ...] = ("half-up", "half-even", "truncated")
Reading = Literal["as it stands", "in hundredths", "in minutes"]
DECIMALS = range(2, 7)
"""Decimals that hours are written with where they are minutes: 7.58, 7.583, 7.5833, …"""
READINGS: tuple[Reading, ...] = ("as it stands", "in hundredths", "in minutes")


def rounded(value: Fraction, mode: Mode) -> int:
    """A whole number of minor units."""
    if mode == "half-up":
        return round_half_up(value)
    if mode == "half-even":
        return round_half_even(value)
    return int(value)


def read(hours: Fraction, reading: Reading) -> Fraction:
    """The hours as this reading takes them; unchanged where it does not apply."""
    if reading == "in hundredths":
        return Fraction(round_half_up(hours * 100), 100)
    if reading == "in minutes":
        whole = Fraction(round_half_up(hours * 60), 60)
        # The hours must be what these minutes are when written with as many decimals as the hours have.
        places = next((10**many for many in DECIMALS if 10**many % hours.denominator == 0), None)
        if places is not None and Fraction(round_half_up(whole * places), places) == hours:
            return whole
    return hours


@dataclass(frozen=True, slots=True)
class Way:
    """A way of reckoning hours x rate."""

    reading: Reading
    mode: Mode


def ways(hours: Fraction, rate_minor: Fraction, amount: int) -> list[Way]:
    """The ways that give exactly this amount, the plainest first."""
    found: list[Way] = []
    tried: list[Fraction] = []
    for reading in READINGS:
        taken = read(hours, reading)
        if taken in tried:
            continue
        tried.append(taken)
        exact = taken * rate_minor
        if abs(exact - amount) < 1:
            found += [Way(reading, mode) for mode in MODES if rounded(exact, mode) == amount]
    return found


def closest(legacy: Sequence[Way], cloud: Sequence[Way]) -> list[tuple[Way, Way]]:
    """A way of each side, first those that differ in as little as possible, then the plainest."""
    ranked = [
        ((one.reading != other.reading) + (one.mode != other.mode), first + second, first, one, other)
        for first, one in enumerate(legacy)
        for second, other in enumerate(cloud)
    ]
    ranked.sort(key=lambda row: row[:3])
    return [(one, other) for *_, one, other in ranked]


def walk(
    value: Callable[[Mapping[str, Any]], int], legacy: Mapping[str, Any], cloud: Mapping[str, Any]
) -> list[tuple[str, int]]:
    """From the legacy to the cloud value, one operand at a time in their order; what each adds sums to the delta."""
    steps: list[tuple[str, int]] = []
    state = dict(legacy)
    before = value(state)
    for name in legacy:
        state[name] = cloud[name]
        after = value(state)
        if after != before:
            steps.append((name, after - before))
        before = after
    return steps


def habit(hours: tuple[int, int], rate: tuple[int, int], amount: int) -> str:
    """What an amount gives away about its side's rounding, in whole numbers because it is asked for every row.

    `nearest` and `truncated` tell those two apart, `half-up` and `half-even` those; empty: nothing.
    """
    numerator, denominator = hours[0] * rate[0], hours[1] * rate[1]
    sign = -1 if numerator < 0 else 1
    whole, rest = divmod(abs(numerator), denominator)
    told = sign * amount
    if 2 * rest > denominator:
        return "nearest" if told == whole + 1 else "truncated" if told == whole else ""
    if 2 * rest == denominator and whole % 2 == 0:
        return "half-up" if told == whole + 1 else "half-even" if told == whole else ""
    return ""
