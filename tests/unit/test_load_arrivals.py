"""Every start of a load run is fixed before it: exact, in order, and no stream moves another."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.running.run import Run, run_of
from loadtests.scenario.arrivals import schedule, starts_of_stream
from loadtests.scenario.curves import SECOND_US, Piece, pieces_of, scale_of, starts_of
from loadtests.scenario.model import Scenario
from loadtests.scenario.month_end import levels, window
from loadtests.scenario.reading import read_scenario
from loadtests.scenario.schedule import Arrival
from router.errors import BadInput
from router.landscape import default_file
from simulators.firm.entities import entities_of

FIRM = tuple(entities_of(default_file("landscapes/default.yaml").data).values())
FLAT = {"points": [{"at": 0, "level": 1}]}


def run_with(
    *,
    curve: Any = None,
    streams: Any = None,
    minutes: str = "1",
    peak: str = "20",
    seed: int = 7,
    **more: Any,
) -> Run:
    """A run of a scenario of one or more streams."""
    form = {"minutes": minutes, "peak_per_s": peak}
    scenario = Scenario.model_validate(
        {
            "name": "of-a-test", "title": "A test's", "question": "?", "curve": curve or FLAT,
            "streams": streams or [{"name": "time", "sends": "time_entry", "share": 100}], "long": form,
            "short": form, **more,
        }
    )  # fmt: skip
    return run_of(scenario, scenario.long, form_name="long", seed=seed, gateway="http://gateway")


curves = st.lists(
    st.tuples(st.decimals(0, 100, places=1), st.decimals(0, 1, places=2)), min_size=1, max_size=6
).map(lambda points: {"points": [{"at": at, "level": level} for at, level in sorted(points)]})


def reached(pieces: list[Piece], at_us: int) -> Fraction:
    """The integral of the rate up to a microsecond, from its definition."""
    total = Fraction(0)
    for piece in pieces:
        if at_us >= piece.until_us:
            total += piece.starts
        elif at_us > piece.from_us:
            x, length = at_us - piece.from_us, piece.until_us - piece.from_us
            here = piece.rate_from + (piece.rate_until - piece.rate_from) * Fraction(x, length)
            total += (piece.rate_from + here) / 2 * x / SECOND_US
    return total


@settings(deadline=None, max_examples=60)
@given(
    curve=curves,
    peak=st.decimals(Decimal("0.1"), 40, places=1),
    minutes=st.decimals(Decimal("0.02"), 2, places=3),
)
def test_an_even_schedule_starts_the_kth_where_the_integral_reaches_k(
    curve: Any, peak: Decimal, minutes: Decimal
) -> None:
    """To the microsecond: a microsecond earlier it was not there yet; and their number is the integral's."""
    run = run_with(curve=curve, minutes=str(minutes), peak=str(peak), arrivals="even")
    scale = scale_of(run)
    stream = run.scenario.streams[0]
    pieces = pieces_of(run.scenario, stream, scale)
    made = schedule(run)
    assert len(made) == int(starts_of(run.scenario, stream, scale))
    for k, at_us in enumerate(made.starts_us, start=1):
        assert reached(pieces, at_us) >= k
        assert reached(pieces, at_us - 1) < k


def test_a_month_end_is_as_exact_although_its_rates_are_no_decimals() -> None:
    """The integral of eighty-five hours, each a fraction of its own, adds up without a remainder."""
    streams = [{"name": "amer", "sends": "time_entry", "share": 100, "entities": ["US01", "JP01"]}]
    for peak in ("7", "11", "13"):
        run = run_with(curve={"month_end": "three-days"}, streams=streams, peak=peak, arrivals="even")
        pieces = pieces_of(run.scenario, run.scenario.streams[0], scale_of(run))
        made = schedule(run)
        assert len(made) == int(sum(piece.starts for piece in pieces)) > 50
        for k, at_us in enumerate(made.starts_us, start=1):
            assert reached(pieces, at_us - 1) < k <= reached(pieces, at_us)


@settings(deadline=None, max_examples=60)
@given(curve=curves, seed=st.integers(0, 10_000), other=st.integers(1, 99))
def test_starts_are_in_order_and_none_lies_beyond_the_end(curve: Any, seed: int, other: int) -> None:
    """Whatever the curve; numbers are theirs in the run, ordinals theirs in the stream, both without gaps."""
    streams = [
        {"name": "time", "sends": "time_entry", "share": 100 - other},
        {"name": "expenses", "sends": "expense_item", "share": other, "curve": curve},
    ]
    made = schedule(run_with(streams=streams, seed=seed))
    arrivals = list(made)
    assert [one.number for one in arrivals] == list(range(len(made)))
    moments = [(one.at_us, one.stream) for one in arrivals]
    assert moments == sorted(moments)
    assert all(0 < one.at_us <= made.length_us == 60_000_000 for one in arrivals)
    for stream in range(2):
        mine = [one.ordinal for one in arrivals if one.stream == stream]
        assert mine == list(range(len(mine)))


def test_poisson_arrivals_come_as_often_as_the_integral_says_and_spread_as_chance_does() -> None:
    """Over 200 seeds: the mean is the integral, the variance as large, and halves of the run are as the curve has them."""
    curve = {"points": [{"at": 0, "level": 0}, {"at": 100, "level": 1}]}
    counts, early = [], 0
    for seed in range(200):
        made = schedule(run_with(curve=curve, seed=seed, minutes="0.5", peak="10"))
        counts.append(len(made))
        early += sum(1 for at in made.starts_us if at < made.length_us // 2)
    mean = sum(counts) / len(counts)
    spread = sum((one - mean) ** 2 for one in counts) / len(counts)
    assert abs(mean - 150) < 3  # the standard error of the mean is 0.87
    assert 100 < spread < 210  # 150 ± 4 standard errors of a variance of 200 draws
    assert abs(early / sum(counts) - 0.25) < 0.01


def test_poisson_gaps_are_exponential() -> None:
    """At an even rate of 100/s: e^-1 of the gaps are longer than 10 ms, e^-3 longer than 30 ms."""
    made = schedule(run_with(minutes="5", peak="100"))
    gaps = [after - before for before, after in zip(made.starts_us, made.starts_us[1:], strict=False)]
    assert abs(sum(gap > 10_000 for gap in gaps) / len(gaps) - 0.3679) < 0.012
    assert abs(sum(gap > 30_000 for gap in gaps) / len(gaps) - 0.0498) < 0.006


def test_a_stream_starts_at_the_same_moments_whatever_other_streams_there_are() -> None:
    """Adding one, and changing its place, moves no start of the others."""
    time = {"name": "time", "sends": "time_entry", "share": 50}
    others = [{"name": f"other-{at}", "sends": "charge", "share": 25} for at in range(2)]
    one = [time, {"name": "rest", "sends": "charge", "share": 50}]

    def of(streams: Any, at: int) -> list[int]:
        run = run_with(streams=streams)
        return list(starts_of_stream(run, at, scale_of(run)))

    alone = of(one, 0)
    assert alone
    assert of([others[0], time, others[1]], 1) == alone
    assert of([*others, time], 2) == alone
    made = schedule(run_with(streams=[*others, time]))
    assert [arrival.at_us for arrival in made if arrival.stream == 2] == alone
    assert of([others[0], time, others[1]], 0) != of([others[0], time, others[1]], 2), "each draws for itself"


@settings(deadline=None, max_examples=20)
@given(workers=st.integers(1, 7), seed=st.integers(0, 50))
def test_workers_that_share_a_schedule_out_by_number_leave_nothing_and_share_nothing(
    workers: int, seed: int
) -> None:
    """Each of them computes the whole and takes every n-th; together that is the schedule again."""
    taken: list[Arrival] = []
    for worker in range(workers):
        taken += [one for one in schedule(run_with(seed=seed)) if one.number % workers == worker]
    assert sorted(taken) == list(schedule(run_with(seed=seed)))


def test_other_seeds_start_at_other_moments_and_the_same_seed_at_the_same() -> None:
    """A run is a function of its seed."""
    assert schedule(run_with(seed=1)).starts_us == schedule(run_with(seed=1)).starts_us
    assert schedule(run_with(seed=1)).starts_us != schedule(run_with(seed=2)).starts_us


def test_another_process_computes_the_same_bytes(tmp_path: Path) -> None:
    """With another hash seed, from the run's file."""
    scenario = read_scenario("month-end")
    run = run_of(scenario, scenario.short, form_name="short", seed=11, gateway="http://gateway")
    run.written(tmp_path)
    code = (
        "import sys; from hashlib import sha256; from pathlib import Path;"
        "from loadtests.running.run import read_run; from loadtests.scenario.arrivals import schedule;"
        "made = schedule(read_run(Path(sys.argv[1])));"
        "print(sha256(made.starts_us.tobytes() + made.streams).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env={"PYTHONHASHSEED": "5"}, capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    mine = schedule(run)
    assert done.stdout.strip() == sha256(mine.starts_us.tobytes() + mine.streams).hexdigest()


def test_a_jump_of_the_curve_is_a_jump_of_the_rate() -> None:
    """Two points at one time: nothing before it, everything after it."""
    curve = {"points": [{"at": 50, "level": 0}, {"at": 50, "level": 1}]}
    made = schedule(run_with(curve=curve, arrivals="even"))
    assert made.starts_us[0] == 30_050_000
    assert len(made) == 600


def test_a_month_end_sweeps_from_asia_to_america_and_is_the_firms_at_its_peak() -> None:
    """Each region's busiest hour by its own clock, in this order; all streams together reach the peak rate."""
    run = run_with(
        curve={"month_end": "last-day"},
        streams=[
            {"name": "apac", "sends": "time_entry", "share": 22, "entities": ["SG01", "JP01"]},
            {"name": "emea", "sends": "time_entry", "share": 44, "entities": ["UK01", "DE01", "BH01"]},
            {"name": "amer", "sends": "time_entry", "share": 34, "entities": ["US01"]},
        ],
        peak="100",
    )
    scale = scale_of(run)
    start, end = window("last-day", FIRM)
    hours = (end - start).total_seconds() / 3600
    pieces = [pieces_of(run.scenario, stream, scale) for stream in run.scenario.streams]
    busiest = [max(one, key=lambda piece: piece.rate_from).from_us for one in pieces]
    assert busiest == sorted(busiest)
    assert busiest[2] - busiest[0] > 10 / hours * scale.length_us, "some ten hours between Tokyo and New York"
    together: Counter[int] = Counter()
    for one in pieces:
        for piece in one:
            together[piece.from_us] += piece.rate_from  # type: ignore[assignment]
    assert max(together.values()) == 100


@pytest.mark.parametrize(("kind", "hours"), [("friday", 25), ("three-days", 85), ("last-day", 37)])
def test_a_month_end_window_covers_its_days_by_every_clock(kind: Any, hours: int) -> None:
    """From the first entity's midnight (or noon) to the last one's midnight; 1 is the firm's busiest hour."""
    start, end = window(kind, FIRM)
    made = levels(kind, FIRM)
    assert len(made) == hours == (end - start).total_seconds() / 3600
    assert max(made) == 1
    assert min(levels(kind, FIRM, ("US01",))) >= 0


def test_a_month_end_of_an_entity_that_is_not_there_is_refused() -> None:
    """By name."""
    with pytest.raises(BadInput, match="no entity 'FR01'"):
        levels("friday", FIRM, ("FR01",))


def test_a_million_starts_fit_nine_bytes_each() -> None:
    """Eight for the moment, one for the stream; and every one of them is there (the speed is the bench's)."""
    made = schedule(run_with(minutes="10", peak="500", arrivals="even"))
    assert len(made) == 300_000
    assert made.starts_us.itemsize == 8
    assert len(made.streams) == 300_000
