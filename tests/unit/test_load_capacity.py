"""The search for the highest rate that passes: its answer, its end, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.capacity.decisions import PROBES_MAX, Known, Tried, Try, next_step
from loadtests.capacity.finding import CAPACITY, CAPACITY_PAGE, Capacity, find_capacity
from loadtests.verdict.model import Measured, Outcome, Verdict
from tests.unit import load_report_samples as sample

RATES = st.decimals(min_value=Decimal("0.02"), max_value=Decimal(500), places=3)


def search(
    answers: Callable[[Decimal, int], Outcome], probes_max: int = PROBES_MAX
) -> tuple[Known, list[Tried]]:
    """Let a deployment answer until the search is over."""
    tried: list[Tried] = []
    while isinstance(step := next_step(tried, probes_max=probes_max), Try):
        assert len(tried) < probes_max, "more probes than allowed"
        tried.append(Tried(rate=step.rate, outcome=answers(step.rate, len(tried))))
    return step, tried


@settings(deadline=None, max_examples=200)
@given(threshold=RATES)
def test_a_planted_threshold_is_found(threshold: Decimal) -> None:
    """The answer brackets the threshold within the precision promised."""
    known, _ = search(lambda rate, _: "pass" if rate <= threshold else "fail", probes_max=30)
    assert known.why == "bracketed"
    assert known.passes is not None
    assert known.fails is not None
    assert known.passes <= threshold < known.fails
    middle = (known.passes + known.fails) / 2
    assert known.fails <= middle * Decimal("1.0501")


@settings(deadline=None, max_examples=200)
@given(threshold=RATES, seed=st.integers(0, 10_000), probes_max=st.integers(1, 20))
def test_a_noisy_threshold_gives_an_answer_within_its_noise(
    threshold: Decimal, seed: int, probes_max: int
) -> None:
    """With a threshold that wavers by a tenth, what is said to pass did pass, and lies below what is said to fail."""
    chance = Random(seed)
    known, tried = search(
        lambda rate, _: "pass" if rate <= threshold * Decimal(chance.randint(90, 110)) / 100 else "fail",
        probes_max,
    )
    assert len(tried) <= probes_max
    if known.passes is not None:
        assert known.passes <= threshold * Decimal("1.1")
        assert Tried(rate=known.passes, outcome="pass") in tried
    if known.fails is not None:
        assert known.fails >= threshold * Decimal("0.9")
        assert known.passes is None or known.passes < known.fails


@settings(deadline=None, max_examples=100)
@given(
    outcomes=st.lists(st.sampled_from(["pass", "fail", "invalid"]), min_size=PROBES_MAX, max_size=PROBES_MAX)
)
def test_the_search_ends_whatever_is_answered(outcomes: list[Outcome]) -> None:
    """Any answers at all: no more than the probes allowed, no rate asked twice but after an invalid one."""
    known, tried = search(lambda _, at: outcomes[at])
    assert isinstance(known, Known)
    measured = [one.rate for one in tried if one.outcome != "invalid"]
    assert len(measured) == len(set(measured))


def test_a_deployment_that_always_passes_ends_at_the_highest_rate() -> None:
    """Nothing is claimed to fail that was never seen to."""
    known, tried = search(lambda *_: "pass", probes_max=30)
    assert (known.why, known.passes, known.fails) == ("never fails", Decimal(1024), None)
    assert [one.rate for one in tried] == [Decimal(2**at) for at in range(11)]


def test_the_highest_rate_is_tried_and_not_exceeded() -> None:
    """Doubling stops at the highest rate there is, also where it is no doubling away."""
    assert next_step([Tried(rate=Decimal(600), outcome="pass")], start=Decimal(600)) == Try(
        rate=Decimal(1024)
    )


def test_a_deployment_that_never_passes_ends_at_the_lowest_rate() -> None:
    """A rate under a hundredth of the scenario's is no load."""
    known, tried = search(lambda *_: "fail", probes_max=30)
    assert (known.why, known.passes, known.fails) == ("never passes", None, Decimal("0.01"))
    assert len(tried) == 8


def test_an_invalid_probe_is_repeated_once() -> None:
    """One bad moment of the generator costs a probe, not the search."""
    known, tried = search(lambda rate, at: "invalid" if at == 1 else "pass" if rate <= 3 else "fail")
    assert known.why == "bracketed"
    assert [one.rate for one in tried[:3]] == [Decimal(1), Decimal(2), Decimal(2)]


def test_a_generator_that_cannot_keep_a_rate_is_the_limit() -> None:
    """Two invalid probes of one rate end the search, with what was measured until then."""
    known, tried = search(lambda rate, _: "pass" if rate < 4 else "invalid")
    assert (known.why, known.passes, known.fails, known.unmeasured) == (
        "generator",
        Decimal(2),
        None,
        Decimal(4),
    )
    assert len(tried) == 4


def test_limits_that_leave_nothing_to_try_are_refused() -> None:
    """A search without a probe or a start out of range is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least one probe"):
        next_step([], probes_max=0)
    with pytest.raises(ValueError, match="between least and most"):
        next_step([], start=Decimal(5_000))


def found(
    folder: Path,
    answers: Callable[[Decimal], Verdict],
    said: list[str] | None = None,
    probes_max: int = PROBES_MAX,
) -> Capacity:
    """A whole search with verdicts."""

    def probe(rate: Decimal, number: int) -> tuple[Verdict, Measured]:
        assert number >= 1
        p99 = float(30 * rate)
        return answers(rate), sample.measured(latency={"": sample.spread(1_000, 10.0, p99, p99 * 1.5)})

    return find_capacity(
        probe, run=sample.run(), folder=folder, probes_max=probes_max, say=(said if said is not None else []).append, pages=lambda number: f"probe-{number}/report.html", command="coexist load x --capacity"
    )  # fmt: skip


def test_the_answer_says_rate_and_reason(tmp_path: Path) -> None:
    """Requests a second, not factors; the reason of the lowest failure; every probe in file and page."""
    said: list[str] = []
    told = found(tmp_path, lambda rate: sample.verdict("pass" if rate <= 3 else "fail"), said)
    assert told.sentence.startswith(
        "Passes at 180 requests/s, fails at 195 requests/s because: Of all requests, 1 in 100"
    )
    assert told.exit_code == 0
    assert said[0] == "60 requests/s: pass"
    written = orjson.loads((tmp_path / CAPACITY).read_bytes())
    assert written["passes"] == {"rate": "3", "per_s": "180"}
    assert [probe["rate"] for probe in written["probes"]] == ["1", "2", "4", "3", "3.5", "3.25"]
    page = told.page.read_text()
    assert told.page == tmp_path / CAPACITY_PAGE
    assert page.count("<tr>") == 1 + len(written["probes"])
    assert "180 requests/s" in page
    assert '<a href="probe-6/report.html"' in page
    assert "<script" not in page


def test_a_search_gives_the_same_bytes_again(tmp_path: Path) -> None:
    """The same verdicts, the same file and page."""
    files = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        found(folder, lambda rate: sample.verdict("pass" if rate <= 3 else "fail"))
        files.append([(folder / file).read_bytes() for file in (CAPACITY, CAPACITY_PAGE)])
    assert files[0] == files[1]


def test_what_was_found_until_a_probe_broke_is_kept(tmp_path: Path) -> None:
    """A search that is stopped leaves the probes made so far."""

    def answers(rate: Decimal) -> Verdict:
        if rate > 1:
            raise KeyboardInterrupt
        return sample.verdict("pass")

    with pytest.raises(KeyboardInterrupt):
        found(tmp_path, answers)
    written = orjson.loads((tmp_path / CAPACITY).read_bytes())
    assert written["why"] == "under way"
    assert len(written["probes"]) == 1


@pytest.mark.parametrize(
    ("outcome", "words", "code"),
    [
        ("fail", "No rate passed", 1),
        ("invalid", "at 60 requests/s the generator itself was the limit", 4),
        ("pass", "no rate failed", 0),
    ],
)
def test_a_search_without_a_bracket_says_why(tmp_path: Path, outcome: Outcome, words: str, code: int) -> None:
    """Never passing, never failing and never measuring are three different answers."""
    told = found(tmp_path, lambda _: sample.verdict(outcome))
    assert words in told.sentence
    assert told.exit_code == code


def test_every_broken_check_of_a_probe_is_named(tmp_path: Path) -> None:
    """The first broken check is told in its own words, the others by name: the first may be a mere consequence."""
    broken = (
        sample.check("late for its SLA", "fail", why="20 were late."),
        sample.check("drained before the cut-off", "fail"),
    )
    verdict = Verdict(outcome="fail", because=("No.",), checks=broken)
    told = found(tmp_path, lambda rate: sample.verdict("pass") if rate <= 3 else verdict)
    assert told.sentence.endswith("because: 20 were late. Also: drained before the cut-off.")


def test_a_loss_at_any_rate_is_louder_than_the_answer(tmp_path: Path) -> None:
    """A probe that lost documents is no limit of speed: it is said, and the exit code is that of broken books."""
    lost = Verdict(
        outcome="fail",
        because=("Lost.",),
        checks=(sample.check("nothing lost", "fail", why="3 documents were lost."),),
    )
    told = found(tmp_path, lambda rate: sample.verdict("pass") if rate <= 3 else lost)
    assert told.exit_code == 3
    assert "documents were lost or doubled" in told.sentence
    assert 'class="verdict bad"' in told.page.read_text()
