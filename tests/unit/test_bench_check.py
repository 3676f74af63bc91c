"""`make bench-check`: a ratio that fell by more than a fifth is named, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from tests.bench.check import better_of, comparable, compare, judged
from tests.bench.rounds import Row

BASELINE = {"single": 0.75, "batch": 0.4, "routing": 15_000.0}


def test_what_stands_as_it_stood_is_no_finding() -> None:
    """Equal, better, and up to a fifth worse: nothing is said."""
    assert compare(BASELINE, BASELINE) == []
    assert compare(BASELINE, {"single": 0.9, "batch": 0.33, "routing": 12_000.0}) == []


@pytest.mark.parametrize(
    ("name", "is_now", "said"),
    [
        ("batch", 0.3, "batch: was 0.4, is 0.3 (25% worse)"),
        ("single", 0.0, "single: was 0.75, is 0 (100% worse)"),
        ("routing", 11_000.0, "routing: was 1.5e+04, is 1.1e+04 (27% worse)"),
    ],
)
def test_a_planted_regression_is_named_with_both_figures(name: str, is_now: float, said: str) -> None:
    """The row, what it was and what it is."""
    (found,) = compare(BASELINE, BASELINE | {name: is_now})
    assert (found.name, found.what, str(found)) == (name, "worse", said)


def test_a_reading_that_is_no_number_is_no_pass() -> None:
    """Nothing is worse than a NaN."""
    assert [one.what for one in compare({"single": 0.75}, {"single": math.nan})] == ["worse"]


def test_a_missing_and_a_new_row_are_said() -> None:
    """A row that vanished can't hide a regression; a new one is not held to anything."""
    measured = {"single": 0.75, "batch": 0.4, "flat": 0.95}
    assert [(one.name, one.what) for one in compare(BASELINE, measured)] == [
        ("routing", "missing"),
        ("flat", "new"),
    ]
    assert [str(one) for one in compare(BASELINE, measured)] == [
        "routing: was 1.5e+04, was not measured",
        "flat: is 0.95, is not in the baseline (--write-baseline adds it)",
    ]


@pytest.mark.parametrize(
    ("given", "asked", "fell"),
    [
        ([{"batch": 0.2}, {"batch": 0.39}], 2, []),
        ([{"batch": 0.2}, {"batch": 0.21}], 2, ["batch"]),
        ([{"batch": 0.38}], 1, []),
    ],
    ids=["noise", "regression", "fine at once"],
)
def test_a_row_that_fell_is_measured_once_more(
    given: list[Mapping[str, float]], asked: int, fell: list[str]
) -> None:
    """One disturbed reading does not fail the check; two do."""
    calls: list[str] = []
    rest = list(given)

    def measured(part: str) -> Mapping[str, float]:
        calls.append(part)
        return rest.pop(0)

    findings, ratios = judged({"batch": 0.4}, ["batch"], measured)
    assert len(calls) == asked
    assert [one.name for one in findings if one.what == "worse"] == fell
    assert ratios["batch"] == max(one["batch"] for one in given)


def test_the_better_of_two_readings_counts_row_by_row() -> None:
    """Also where one reading lacks a row."""
    assert better_of({"a": 1.0, "b": 2.0}, {"a": 3.0, "c": 4.0}) == {"a": 3.0, "b": 2.0, "c": 4.0}


def test_only_what_is_measured_against_the_same_run_is_compared() -> None:
    """Transactions a second are the machine's; ratios of two programs on it are ours."""
    rows: list[Row] = [
        {"name": "a", "ratio": 0.5, "target": None, "detail": ""},
        {"name": "b", "ratio": 9_000.0, "target": None, "detail": "", "machine": True},
    ]
    assert comparable(rows) == {"a": 0.5}
