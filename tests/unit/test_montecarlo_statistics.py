"""Statistics of many runs: known values, intervals that hold their estimate, and what may be claimed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.montecarlo.sensitivity import compare, gain, median_of, ranked
from cutover.montecarlo.statistics import percentile, share, spread


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 10, 0.0, 27.8),
        (10, 10, 72.2, 100.0),
        (81, 263, 25.5, 36.6),
        (15, 148, 6.2, 16.0),
        (190, 200, 91.0, 97.3),
    ],
)
def test_wilsons_interval_has_the_values_of_the_literature(
    count: int, of: int, low: float, high: float
) -> None:
    """Newcombe (1998) gives 81 of 263 and 15 of 148; none of ten is not certainly never."""
    found = share(count, of)
    assert (found.low, found.high) == (low, high)


@settings(deadline=None)
@given(st.integers(1, 500), st.data())
def test_an_interval_holds_its_share_and_narrows_with_runs(of: int, data: st.DataObject) -> None:
    """Between 0 and 100, around the share, and never wider with four times the runs."""
    count = data.draw(st.integers(0, of))
    one, four = share(count, of), share(4 * count, 4 * of)
    assert 0 <= one.low <= one.percent <= one.high <= 100
    assert four.high - four.low <= one.high - one.low + 0.1


def test_of_no_runs_nothing_is_known() -> None:
    """Neither certain nor impossible."""
    assert (share(0, 0).low, share(0, 0).high) == (0.0, 100.0)
    assert percentile([], 50) is None
    assert spread([]) is None


def test_percentiles_are_values_that_were_seen() -> None:
    """Nearest rank: P90 of ten values is the ninth, P50 the fifth."""
    values = [30, 10, 20, 50, 40, 60, 80, 70, 100, 90]
    assert [percentile(values, at) for at in (50, 90, 95, 100)] == [50, 90, 100, 100]
    assert spread(values) == {"least": 10, "p50": 50, "p90": 90, "p95": 100, "most": 100}


@settings(deadline=None)
@given(st.lists(st.integers(-100, 100), min_size=1, max_size=60))
def test_a_median_lies_in_its_interval(values: list[int]) -> None:
    """And with fewer than six pairs there is no interval to lie in."""
    found = median_of(sorted(values))
    assert found is not None
    assert found.low <= found.value <= found.high
    assert (found.low == float("-inf")) == (len(values) < 6)


def row(seed: int, ended: str | None, spare: int | None) -> dict[str, Any]:
    """A run that ended with so many minutes to spare; None: it did not get through."""
    return {
        "seed": seed,
        "verdict": "go" if spare is not None else "no-go",
        "spare_minutes": spare,
        "ended": ended,
    }


def runs(minutes: list[int], spare: list[int | None]) -> list[dict[str, Any]]:
    """Runs by the minute past ten they ended at."""
    return [
        row(seed, f"2026-10-31T{10 + at // 60:02d}:{at % 60:02d}:00Z", left)
        for seed, (at, left) in enumerate(zip(minutes, spare, strict=True))
    ]


def test_a_change_that_brings_every_run_in_time_helps() -> None:
    """Twenty runs too late, in time with the change: a hundred points, and zero lies outside of the interval."""
    base = runs([60] * 20, [-10] * 20)
    other = runs([40] * 20, [10] * 20)
    told = compare("x", "more calls", base, other)
    assert told["verdict"] == "helps"
    assert told["gained_percent"]["value"] == 100.0
    assert told["gained_percent"]["low"] > 50
    assert told["minutes_saved"] == {"value": 20.0, "low": 20.0, "high": 20.0}
    assert told["p90_minutes_saved"] == 20


def test_a_difference_within_noise_is_called_so() -> None:
    """Half of the pairs better, half worse: no claim, in words too."""
    base = runs([60] * 20, [5] * 20)
    other = runs([59, 61] * 10, [6, 4] * 10)
    told = compare("x", "more calls", base, other)
    assert told["verdict"] == "within noise"
    assert "no difference that 20 pairs could show" in told["sentence"]


def test_a_change_that_does_harm_says_by_what() -> None:
    """A hundred points lost is no answer: the reason that most of the runs give stands beside it."""
    base = runs([60] * 4, [5] * 4)
    gate, late = {"because": ["step b failed: 0 pairs"]}, {"because": ["late"]}
    other = [one | why for one, why in zip(runs([60] * 4, [None] * 4), (late, gate, gate, gate), strict=True)]
    told = compare("x", "smaller waves", base, other)
    assert told["verdict"] == "hurts"
    assert told["sentence"].endswith("4 pairs no longer fit, most often because: step b failed: 0 pairs")
    assert compare("x", "same", base, base)["why_worse"] is None


def test_only_pairs_are_compared_and_bugs_are_no_verdicts() -> None:
    """A seed that is missing or broke on one side is left out on both."""
    base = runs([60, 60, 60], [5, 5, 5])
    other = [*runs([50, 50], [15, 15]), {"seed": 2, "verdict": "broken", "because": ["x"]}]
    assert compare("x", "says", base, other)["pairs"] == 2


def test_what_buys_most_stands_first() -> None:
    """By gained probability, then by minutes at P90."""
    late = runs([60] * 20, [-10] * 20)
    small = compare("small", "s", late, runs([55] * 20, [-5] * 20))
    large = compare("large", "l", late, runs([40] * 20, [10] * 20))
    none = compare("none", "n", late, late)
    assert [one["change"] for one in ranked([none, small, large])] == ["large", "small", "none"]


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_gain_and_a_loss_are_mirror_images(better: int, worse: int, same: int) -> None:
    """What helps one way hurts the other way, by the same points."""
    pairs = better + worse + same
    one, other = gain(better, worse, pairs), gain(worse, better, pairs)
    if pairs:
        assert (one.value, one.low, one.high) == (-other.value, -other.high, -other.low)
