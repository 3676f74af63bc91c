"""The verdict on a load run: a sound run passes, and each thing that can be wrong is found by its own check."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.running.run import Run, run_of
from loadtests.scenario.model import Scenario
from loadtests.verdict.decisions import judge
from loadtests.verdict.model import Erp, Generator, Measured, Percentiles, Verdict
from loadtests.verdict.percentiles import nearest_rank, percentiles

SCENARIO = Scenario.model_validate(
    {
        "name": "sound", "title": "A sound run", "question": "Does it pass?",
        "curve": {"points": [{"at": 0, "level": 1}, {"at": 100, "level": 1}]},
        "streams": [
            {"name": "time", "sends": "time_entry", "share": 60, "repeats": 5},
            {"name": "bulk", "sends": "historical_time", "share": 40, "lines": 10},
        ],
        "long": {"minutes": 1, "peak_per_s": 10}, "short": {"minutes": 1, "peak_per_s": 10},
        "limits": {
            "latency": [{"p99_ms": 500}, {"stream": "time", "p50_ms": 100, "max_ms": 2000}],
            "errors_percent": "0.5",
            "sla": [{"seconds": 60}, {"seconds": 30, "stream": "time", "share_percent": 99}],
            "drained_within_s": 120,
            "refused_documents": 1,
            "erp_refusals": 2,
            "erps": [{"system": "netsuite", "used_percent": 95}],
        },
    }
)  # fmt: skip
RUN: Run = run_of(SCENARIO, SCENARIO.short, form_name="short", seed=7, gateway="http://127.0.0.1:1")


def spread(count: int = 1000, **changes: Any) -> Percentiles:
    """A distribution well within its limits."""
    sound = Percentiles(count=count, p50_ms=20, p90_ms=60, p95_ms=80, p99_ms=120, p999_ms=300, max_ms=400)
    return replace(sound, **changes)


LATENCY = {"": spread(), "time": spread(600), "bulk": spread(400)}
SOUND = Measured(
    generator=Generator(
        planned=1000, started=1000, dropped=0, late=1, worst_late_ms=51, workers=1, processor_percent=20
    ),
    answers={"202": 1000},
    latency=LATENCY,
    service=LATENCY,
    documents=4600,
    accepted=4600,
    unanswered_accepted=0,
    states={"posted": 4600},
    lost=(),
    doubled=(),
    strangers=(),
    delivery={"": spread(4600), "time": spread(600), "bulk": spread(4000)},
    backlog_peak=200,
    drained_s=30.0,
    erps=(
        Erp(system="netsuite", calls=50, refused=0, limit="concurrency 15", peak=15, used_percent=97.5, documents=4600),
    ),
    invariants=({"name": "I1", "held": True, "examples": []},),
    series=(),
    bucket_s=1.0,
    sla_misses={"": 0, "time": 0},
    owed={"": 4600, "time": 600, "bulk": 4000},
    planned_documents=4600,
    repeats_sent=31,
    repeats=30,
    erp_documents=4700,
)  # fmt: skip


def judged(**changes: Any) -> Verdict:
    """The verdict on the sound run with something changed."""
    return judge(SCENARIO, RUN, replace(SOUND, **changes))


def bad(verdict: Verdict) -> dict[str, str]:
    """The checks that did not pass."""
    return {check.name: check.outcome for check in verdict.checks if check.outcome != "pass"}


def generator(**changes: Any) -> Generator:
    """The sound generator with something changed."""
    return replace(SOUND.generator, **changes)


def erp(**changes: Any) -> tuple[Erp, ...]:
    """The sound ERP with something changed."""
    return (replace(SOUND.erps[0], **changes),)


def test_a_sound_run_passes_every_check() -> None:
    """Every check has something to say, in a sentence with its figures."""
    verdict = judged()
    assert bad(verdict) == {}
    assert (verdict.outcome, verdict.exit_code) == ("pass", 0)
    assert [check.name for check in verdict.checks] == [
        "generator on time", "clocks agree", "latency all p99", "latency time p50", "latency time max", "errors", "nothing lost",
        "nothing doubled", "invariants", "late for its SLA", "late for its SLA time", "drained before the cut-off",
        "ERP limits kept", "ERP limit used netsuite", "refused by an ERP", "replays got the first answer",
    ]  # fmt: skip
    assert all(check.measured and check.limit and check.why.endswith(".") for check in verdict.checks)


FLIPS: dict[str, tuple[dict[str, Any], dict[str, str], int]] = {
    "two starts late": ({"generator": generator(late=2)}, {"generator on time": "invalid"}, 4),
    "one start dropped": ({"generator": generator(dropped=1, started=999)}, {"generator on time": "invalid"}, 4),
    "one start missing": ({"generator": generator(started=999)}, {"generator on time": "invalid"}, 4),
    "its generator was killed": ({"generator": generator(ended=False)}, {"generator on time": "invalid"}, 4),
    "a worker was lost": ({"generator": generator(lost_workers=1)}, {"generator on time": "invalid"}, 4),
    "rows of another run": ({"generator": generator(foreign=1)}, {"generator on time": "invalid"}, 4),
    "clock ahead": ({"clocks_off_s": 1.001}, {"clocks agree": "invalid"}, 4),
    "clock behind": ({"clocks_off_s": -1.001}, {"clocks agree": "invalid"}, 4),
    "nothing sent": ({"generator": generator(started=0)}, {"generator on time": "invalid"}, 4),
    "nothing planned": ({"generator": generator(planned=0, started=0)}, {"generator on time": "invalid"}, 4),
    "slow": ({"latency": LATENCY | {"": spread(p99_ms=500.001)}}, {"latency all p99": "fail"}, 1),
    "one stream slow": ({"latency": LATENCY | {"time": spread(p50_ms=101)}}, {"latency time p50": "fail"}, 1),
    "one answer slow": ({"latency": LATENCY | {"time": spread(max_ms=2001)}}, {"latency time max": "fail"}, 1),
    "no latency": ({"latency": LATENCY | {"": spread(0)}}, {"latency all p99": "fail"}, 1),
    "server errors": ({"answers": {"202": 994, "503": 6}}, {"errors": "fail"}, 1),
    "no answers in time": ({"answers": {"202": 994, "none": 6}}, {"errors": "fail"}, 1),
    "answers that say nothing": ({"without_promise": 6}, {"errors": "fail"}, 1),
    "lines refused": ({"refused_documents": 24}, {"errors": "fail"}, 1),
    "errors to repeats": ({"repeat_answers": {"202": 25, "500": 6}}, {"errors": "fail"}, 1),
    "no answers at all": ({"answers": {"dropped": 1000}}, {"errors": "fail"}, 1),
    "lost": ({"lost": ("time_entry A",)}, {"nothing lost": "fail"}, 3),
    "doubled": ({"doubled": ("time_entry A",)}, {"nothing doubled": "fail"}, 3),
    "sent by nobody": ({"strangers": ("time_entry A",)}, {"nothing doubled": "fail"}, 3),
    "the ERPs are empty": ({"erp_documents": 0}, {"nothing doubled": "fail"}, 3),
    "an invariant": (
        {"invariants": ({"name": "I4", "held": False, "examples": ["P-1"]},)}, {"invariants": "fail"}, 3,
    ),
    "late": ({"sla_misses": {"": 1, "time": 0}}, {"late for its SLA": "fail"}, 1),
    "a stream late": ({"sla_misses": {"": 0, "time": 7}}, {"late for its SLA time": "fail"}, 1),
    "nothing owed": ({"owed": {"": 0, "time": 600}}, {"late for its SLA": "fail"}, 1),
    "drained late": ({"drained_s": 120.5}, {"drained before the cut-off": "fail"}, 1),
    "never drained": ({"drained_s": None}, {"drained before the cut-off": "fail"}, 1),
    "limits exceeded": ({"erps": erp(refused=3)}, {"ERP limits kept": "fail"}, 1),
    "limit not used": ({"erps": erp(used_percent=94.9)}, {"ERP limit used netsuite": "fail"}, 1),
    "limit never reached": ({"erps": erp(used_percent=None)}, {"ERP limit used netsuite": "fail"}, 1),
    "the ERP was never called": (
        {"erps": ()}, {"ERP limit used netsuite": "fail", "ERP limits kept": "not asked"}, 1,
    ),
    "refused by the ERP": ({"states": {"posted": 4598, "refused": 2}}, {"refused by an ERP": "fail"}, 1),
    "parked and dead": ({"states": {"posted": 4598, "parked": 1, "dead": 1}}, {"refused by an ERP": "fail"}, 1),
    "another answer": ({"repeats_differ": ("request 3",)}, {"replays got the first answer": "fail"}, 1),
    "no repeat answered": ({"repeats": 0}, {"replays got the first answer": "fail"}, 1),
    "nothing repeated": ({"repeats": 0, "repeats_sent": 0}, {"replays got the first answer": "fail"}, 1),
    "no repeat drawn": (
        {
            "repeats": 0, "repeats_sent": 0, "generator": generator(planned=600, started=600, late=0),
        },
        {"replays got the first answer": "not asked"},
        0,
    ),
    "nothing accepted": (
        {"accepted": 0},
        {
            "nothing lost": "fail", "drained before the cut-off": "fail", "nothing doubled": "not asked",
            "refused by an ERP": "not asked", "clocks agree": "not asked",
        },
        3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FLIPS, ids=lambda case: case.replace(" ", "-"))
def test_each_check_flips_alone(case: str) -> None:
    """One thing wrong is found by exactly its own check, decides the outcome, and is told first."""
    changes, wanted, code = FLIPS[case]
    verdict = judged(**changes)
    assert bad(verdict) == wanted
    assert verdict.exit_code == code
    for check in verdict.checks:
        if check.outcome in ("fail", "invalid"):
            assert check.why in verdict.because


WITHIN: dict[str, dict[str, Any]] = {
    "a late start in a thousand": {"generator": generator(late=1)},
    "p99 at its limit": {"latency": LATENCY | {"": spread(p99_ms=500.0)}},
    "errors at their limit": {"answers": {"202": 995, "503": 5}},
    "lines refused at their limit": {"refused_documents": 23},
    "one refused": {"states": {"posted": 4599, "refused": 1}},
    "two 429s": {"erps": erp(refused=2)},
    "used as asked": {"erps": erp(used_percent=95.0)},
    "drained in time": {"drained_s": 120.0},
    "six in six hundred late": {"sla_misses": {"": 0, "time": 6}},
    "repeats met the first under way": {"repeat_answers": {"202": 1, "409": 30}},
    "clocks a second apart": {"clocks_off_s": -1.0},
    "heard nothing of an acceptance": {"unanswered_accepted": 3},
}


@pytest.mark.parametrize("case", WITHIN, ids=lambda case: case.replace(" ", "-"))
def test_a_limit_itself_is_kept(case: str) -> None:
    """What is exactly at its limit passes: the table above bites just beyond."""
    assert bad(judged(**WITHIN[case])) == {}


def test_an_invalid_run_still_says_what_it_lost() -> None:
    """Invalid beats fail in the outcome, and the loss stands in the sentences with it."""
    verdict = judged(generator=generator(late=20), lost=("time_entry A was never seen",))
    assert (verdict.outcome, verdict.exit_code) == ("invalid", 4)
    assert verdict.because[0] == "The run is no measurement of the gateway."
    assert any("time_entry A was never seen" in sentence for sentence in verdict.because)


def test_what_nobody_could_ask_is_told_and_not_passed() -> None:
    """Without the ERPs, doubles there and their limits are unknown: said in the sentences of a pass."""
    verdict = judged(erps_asked=False, erps=(), erp_documents=0)
    assert bad(verdict) == dict.fromkeys(
        ("nothing doubled", "ERP limits kept", "ERP limit used netsuite"), "not asked"
    )
    assert verdict.outcome == "pass"
    assert sum(sentence.startswith("Not asked: ") for sentence in verdict.because) == 3


def test_a_journal_that_is_silent_is_no_pass() -> None:
    """Where neither journal nor gateway answered, nothing can be judged."""
    verdict = judged(journal_asked=False, erps_asked=False, accepted=0, invariants=(), states={})
    assert verdict.outcome == "invalid"
    assert bad(verdict)["nothing lost"] == "invalid"


def test_nothing_measured_never_passes() -> None:
    """An empty run fails or is invalid in every check that could be asked."""
    empty = Measured(
        generator=generator(planned=0, started=0, late=0), answers={}, latency={}, service={}, documents=0,
        accepted=0, unanswered_accepted=0, states={}, lost=(), doubled=(), strangers=(), delivery={}, backlog_peak=0,
        drained_s=None, erps=(), invariants=(), series=(), bucket_s=1.0,
    )  # fmt: skip
    verdict = judge(SCENARIO, RUN, empty)
    assert verdict.outcome == "invalid"
    assert [check.name for check in verdict.checks if check.outcome == "pass"] == []


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=400), st.integers(1, 1000))
@settings(deadline=None)
def test_percentiles_are_measured_values_by_nearest_rank(values: list[int], thousandths: int) -> None:
    """At least so many thousandths do not exceed it, fewer do not exceed any smaller value."""
    ranked = sorted(values)
    value = nearest_rank(ranked, thousandths)
    assert value in values
    assert 1000 * sum(one <= value for one in values) >= thousandths * len(values)
    assert 1000 * sum(one < value for one in values) < thousandths * len(values)


def test_percentiles_round_nothing() -> None:
    """Values that two digits would merge stay apart, to the microsecond; of nothing there are zeros."""
    found = percentiles([1_234_567] * 98 + [1_239_999, 2_861_003])
    assert (found.p50_ms, found.p99_ms, found.max_ms) == (1234.567, 1239.999, 2861.003)
    assert percentiles([]) == Percentiles(
        count=0, p50_ms=0, p90_ms=0, p95_ms=0, p99_ms=0, p999_ms=0, max_ms=0
    )


@given(
    late=st.integers(0, 50), dropped=st.integers(0, 2), p99=st.integers(1, 1000), none=st.integers(0, 20),
    lost=st.booleans(), doubled=st.booleans(), refusals=st.integers(0, 5),
)  # fmt: skip
@settings(deadline=None)
def test_the_outcome_is_that_of_the_worst_check(
    *, late: int, dropped: int, p99: int, none: int, lost: bool, doubled: bool, refusals: int
) -> None:
    """Whatever goes wrong together: invalid before fail before pass, and 3 only for what is no matter of speed."""
    verdict = judged(
        generator=generator(late=late, dropped=dropped, started=1000 - dropped),
        latency=LATENCY | {"": spread(p99_ms=float(p99))},
        answers={"202": 1000 - none, "none": none},
        lost=("A",) * lost,
        doubled=("B",) * doubled,
        erps=erp(refused=refusals),
    )
    invalid = late > 1 or dropped > 0
    slow = p99 > 500 or Decimal(none) / 10 > Decimal("0.5") or refusals > 2
    expected = 4 if invalid else 3 if lost or doubled else 1 if slow else 0
    assert verdict.exit_code == expected
