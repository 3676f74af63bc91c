"""What many rows say: the path, the bottleneck, the last safe moment, the histogram, and the page over it all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from cutover.montecarlo.critical import critical_path, held_by
from cutover.montecarlo.deciding import last_safe_moments
from cutover.montecarlo.limits import Levels, at_limits, seconds_within
from cutover.montecarlo.page import render_many
from cutover.montecarlo.page import tiles as page_tiles
from cutover.montecarlo.summary import summarise
from cutover.plan.model import Plan
from router.clock import to_text

START = datetime(2026, 10, 31, tzinfo=UTC)
KINDS = {"dual": "dual_run", "freeze": "freeze", "drain": "drain", "switch": "switch", "release": "release"}


def at(minute: int) -> datetime:
    """A minute of the weekend."""
    return START + timedelta(minutes=minute)


PLAN = Plan.model_validate(
    {
        "name": "p", "start": START, "end": at(2000), "window": {"opens": START, "closes": at(600)},
        "from": "sap_ecc", "to": "netsuite", "waves": [{"id": "uk", "entities": ["UK01"]}],
        "steps": [
            {"id": "dual", "kind": "dual_run", "wave": "uk"},
            {"id": "freeze", "kind": "freeze", "wave": "uk", "at": at(100), "after": ["dual"]},
            {"id": "drain", "kind": "drain", "wave": "uk", "after": ["freeze"]},
            {"id": "switch", "kind": "switch", "wave": "uk", "after": ["drain"]},
            {"id": "release", "kind": "release", "wave": "uk", "after": ["switch"]},
            {"id": "care", "kind": "hypercare", "wave": "uk", "after": ["release"], "watch_minutes": 60},
        ],
    }
)  # fmt: skip


def step(name: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    """A step's part of a row."""
    return {
        "id": name, "outcome": "done", "start": to_text(at(start)), "end": to_text(at(end)), "minutes": end - start,
        "people_minutes": 0, **more,
    }  # fmt: skip


def row(seed: int, drain: int = 60, **more: Any) -> dict[str, Any]:
    """A run whose drain took so long."""
    after = 110 + drain
    steps = [
        step("dual", 0, 1), step("freeze", 100, 110, people_minutes=9),
        step("drain", 110, after, at_limit_s={"sap_ecc concurrency": drain * 50}),
        step("switch", after, after + 5), step("release", after + 5, after + 25), step("care", after + 25, after + 85),
    ]  # fmt: skip
    ended = at(after + 25)
    return {
        "seed": seed, "verdict": "go", "because": ["all well"], "ended": to_text(ended),
        "spare_minutes": int((PLAN.window.closes - ended).total_seconds()) // 60, "steps": steps,
        "limits": {"sap_ecc": {"concurrency": {"seconds": drain * 50, "share_percent": 80.0, "waiting": 40}}},
        "bulk": {"sap_ecc": {"calls": 10, "documents": 40, "full_calls": 1}}, "backlog": {"sap_ecc": 90},
        "faults": {"sap_ecc": {"storm": 1 if drain > 60 else 0}}, "violated": [], "settled": True,
        "reproduce": f"coexist rehearse p.yaml --seed {seed}", **more,
    }  # fmt: skip


def failed(seed: int) -> dict[str, Any]:
    """A run that stopped at its drain and gave the wave back."""
    steps = [
        step("dual", 0, 1), step("freeze", 100, 110), step("drain", 110, 350, outcome="failed", why="too long", unwind="given_back"),
        *({"id": name, "outcome": "not run", "start": None, "end": None, "minutes": None, "people_minutes": 0} for name in ("switch", "release", "care")),
    ]  # fmt: skip
    return row(seed) | {
        "verdict": "no-go",
        "because": ["step drain failed: too long"],
        "spare_minutes": None,
        "steps": steps,
    }


def test_the_critical_path_is_walked_back_to_what_each_step_waited_for() -> None:
    """The freeze waited for its time, not for the dual run; the watch after the window is not on the path."""
    links = critical_path(row(1)["steps"], PLAN)
    assert [link.step for link in links] == ["freeze", "drain", "switch", "release"]
    assert [link.began_after for link in links] == ["its time", "freeze", "drain", "switch"]
    assert [link.held_by for link in links[:2]] == ["people", "sap_ecc concurrency"]
    assert sum(link.minutes for link in links) == 10 + 60 + 5 + 20


def test_a_freeze_that_came_late_waited_for_what_is_before_it() -> None:
    """Then the dual run is on the path."""
    steps = [step("dual", 0, 150), step("freeze", 150, 160)]
    assert [link.began_after for link in critical_path(steps, PLAN)] == ["the start", "dual"]
    assert critical_path([], PLAN) == []


def test_what_holds_a_step_is_what_took_most_of_it() -> None:
    """People, else a limit it stood at for half of the machines' time, else the machines' own pace."""
    assert held_by({"minutes": 60, "people_minutes": 40}) == "people"
    assert held_by({"minutes": 60, "people_minutes": 0, "at_limit_s": {"a concurrency": 1700}}) == "machines"
    assert held_by({"minutes": 60, "people_minutes": 0, "at_limit_s": {"a b": 10, "a c": 1900}}) == "a c"


def test_many_rows_are_summed_up() -> None:
    """Probability, ends, failing steps, path and bottleneck from three in time, one too late, one stopped."""
    rows = [row(1), row(2), row(3, 90), row(4, 500), failed(5)]
    told = summarise(rows, PLAN)
    assert (told["fits"]["count"], told["fits"]["of"]) == (3, 5)
    assert told["verdicts"] == {"go": 4, "no-go": 1}
    assert (told["ends"]["through"], told["ends"]["stopped"]) == (4, 1)
    assert sum(one["runs"] for one in told["ends"]["bins"]) == 4
    assert (told["ends"]["p50"], told["ends"]["p90"]) == (to_text(at(195)), to_text(at(635)))
    assert [(one["id"], one["chance"]["count"]) for one in told["failing_steps"]] == [("drain", 1)]
    assert told["unwound"]["count"] == 1
    drain = next(one for one in told["steps"] if one["id"] == "drain")
    assert (drain["done"], drain["failed"], drain["minutes"]["p50"]) == (4, 1, 60)
    assert told["bottleneck"]["step"] == "drain"
    assert told["bottleneck"]["limit"]["limit"] == "concurrency"
    on = {one["id"]: one["on_path"]["count"] for one in told["critical"]["steps"]}
    assert on == {"freeze": 5, "drain": 5, "switch": 4, "release": 4}
    assert told["faults"][0]["runs"] == 2
    assert told["failures"]["rows"][0]["reproduce"] == "coexist rehearse p.yaml --seed 5"


def test_a_bug_is_counted_apart_from_the_plan() -> None:
    """A run that broke lowers no probability, and stands first among the failures."""
    broken = {"seed": 9, "verdict": "broken", "because": ["KeyError"], "reproduce": "again"}
    told = summarise([failed(5), row(1), broken, row(2) | {"violated": ["I4"], "verdict": "no-go"}], PLAN)
    assert told["fits"]["of"] == 3
    assert [one["seed"] for one in told["failures"]["rows"]] == [9, 2, 5]
    assert told["runs_with_a_violated_invariant"] == 1


def test_the_last_safe_moment_leaves_time_for_the_rest_and_the_way_back() -> None:
    """Closes minus what is left after the switch and the way back; measured where a run went it."""
    (told,) = last_safe_moments([row(1), row(2)], PLAN)
    assert told["left_minutes"] == 25 + (60 + 20)
    assert told["switch_by"] == to_text(at(600 - 105))
    assert told["turn_back_by"] == to_text(at(600 - 80))
    assert told["way_back"] == "as long as drain and release took"
    measured = row(1, ways_back={"uk": 200})
    (told,) = last_safe_moments([measured], PLAN)
    assert (told["way_back_minutes"], told["way_back"]) == (200, "measured")
    assert last_safe_moments([failed(1)], PLAN) == []
    (told,) = last_safe_moments([measured, row(2), row(3)], PLAN)
    assert told["way_back"] == "measured in 1 of 3 runs, else as long as drain and release took"
    assert told["rests_on"] == "the worst of 3 runs"
    (told,) = last_safe_moments([row(seed, drain=60 + seed) for seed in range(20)], PLAN)
    assert (told["rests_on"], told["way_back_minutes"]) == ("P95 of 20 runs", 20 + 60 + 18)


def test_time_at_a_limit_is_a_share_of_the_time_anything_waited() -> None:
    """Ten minutes at the limit of twenty busy ones is half; what waited meanwhile is averaged over time."""
    levels = Levels([("a", at(0), at(20)), ("a", at(5), at(10)), ("b", at(0), at(50))])
    stretches = [[at(0), at(10)]]
    found = at_limits({("a", "concurrency"): stretches}, levels, start=at(0), end=at(100))
    assert found == {"a": {"concurrency": {"seconds": 600, "share_percent": 50.0, "waiting": 2}}}
    assert levels.mean("a", stretches) == 1.5
    assert seconds_within(stretches, at(5), at(7)) == 120
    assert at_limits({("a", "concurrency"): stretches}, levels, start=at(30), end=at(40)) == {}


def page(rows: list[dict[str, Any]]) -> str:
    """The page over rows."""
    return render_many(
        {
            "plan": {
                "name": "p", "version": 1, "title": "<b>x</b>", "digest": "d" * 64, "from": "a", "to": "b",
                "opens": to_text(START), "closes": to_text(at(600)),
            },
            "options": {"size": "small", "extracts": None, "settings": ["netsuite.concurrency=30"]},
            **summarise(rows, PLAN),
            "sensitivity": {"pairs": 0, "changes": [], "not_made": [{"says": "s", "why": "w"}]},
            "reproduce": "coexist rehearse p.yaml --runs 5",
        }
    )  # fmt: skip


def test_the_page_says_the_probability_first_and_escapes_everything() -> None:
    """Offline, without scripts, with the setting, the failing seed's line, and no markup out of a title."""
    text = page([row(1), row(2), row(3, 90), row(4, 500), failed(5)])
    assert text.startswith("<!DOCTYPE html>") or text.lstrip().startswith("<!DOCTYPE html>")
    assert text.index("FITS IN ONLY 60% OF RUNS") < text.index("When it ends")
    assert "<b>x</b>" not in text
    assert "<script" not in text
    assert "coexist rehearse p.yaml --seed 5" in text
    assert "netsuite.concurrency=30" in text


def test_a_page_of_nothing_but_failures_still_reads() -> None:
    """No end, no path, no wave switched: said, not raised; and the data go into JSON."""
    rows = [failed(5), {"seed": 9, "verdict": "died", "because": ["its process was killed by signal 9"]}]
    text = page(rows)
    assert "A RUN BROKE" in text
    assert "No run got through all its steps" in text
    assert orjson.dumps(summarise(rows, PLAN))


def test_a_run_that_stopped_counts_as_never_through() -> None:
    """Nine of ten by some hour is not said where one in five never came: the survivors are not the runs."""
    tiles = {
        one["label"]: one for one in page_tiles(summarise([row(1), row(2), row(3), row(4), failed(5)], PLAN))
    }
    assert tiles["Ends, nine of ten"]["value"] == "never"
    assert tiles["Ends, nine of ten"]["note"] == "4 of 5 got through"
    assert tiles["Ends, half of the runs"]["note"].endswith("of the 4 that got through")
