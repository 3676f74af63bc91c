"""A scenario's limits are no decoration: the standstill of three seconds that a closed model hides fails its long form."""

from bisect import bisect_left

import pytest

from loadtests.running.run import run_of
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.reading import read_scenario
from loadtests.verdict.percentiles import percentiles

STILL_US, ANSWER_US, LOOK_US = 3_000_000, 5_000, 30_000_000


@pytest.mark.parametrize("name", ["month-end", "timesheet-deadline", "legacy-outage", "soak"])
def test_three_seconds_of_standstill_at_the_peak_break_a_limit(name: str) -> None:
    """Of an hour it is less than a thousandth, so that no 99th percentile shows it."""
    scenario = read_scenario(name)
    run = run_of(scenario, scenario.long, form_name="long", seed=scenario.seed, gateway="http://gateway")
    starts = schedule(run).starts_us
    begins = range(0, starts[-1], LOOK_US)
    still = max(begins, key=lambda at: bisect_left(starts, at + STILL_US) - bisect_left(starts, at))
    goes_on = still + STILL_US
    found = percentiles(goes_on - at if still <= at < goes_on else ANSWER_US for at in starts)
    (limit,) = [one for one in scenario.limits.latency if not one.stream]
    broken = [
        field
        for field in ("p50_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms")
        if (most := getattr(limit, field)) is not None and getattr(found, field) > most
    ]
    assert broken in (["p999_ms"], ["max_ms"])
