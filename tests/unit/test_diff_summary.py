"""summary.json: the verdict, all four levels always, money counted once a pair, nothing silenced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.diff import tally as tallying
from cutover.diff.summary import run_id_of
from cutover.diff.tally import LEVELS, Tally
from router.dualrun.breaks import BreakClass
from tests.unit import diff_samples as samples

LAST = samples.totals()[2:]


def money(summary: dict[str, Any], way: str, name: str, value: str) -> Any:
    return next(row["money"] for row in summary["breaks"][way] if row[name] == value)


def test_the_verdict_follows_breaks_acceptances_and_the_walk() -> None:
    """No break agrees, an open one differs, accepted ones are accepted, a walk that fails outranks all."""
    accepted = [replace(one, state="accepted") for one in samples.breaks()]
    broken = (replace(samples.totals()[1], amounts_minor=1),)
    assert samples.a_summary([], totals=LAST)["verdict"] == "agree"
    assert samples.a_summary()["verdict"] == "differ"
    assert samples.a_summary(accepted)["verdict"] == "accepted"
    assert samples.a_summary(accepted, totals=broken)["verdict"] == "does not tie"


def test_accepted_breaks_stay_in_every_total() -> None:
    """Accepting changes states and the verdict, no sum."""
    plain = samples.a_summary()
    accepted = samples.a_summary([replace(one, state="accepted") for one in samples.breaks()])
    assert accepted["breaks"]["money"] == plain["breaks"]["money"]
    assert (plain["breaks"]["open"], accepted["breaks"]["open"]) == (10, 0)


def test_money_is_counted_once_a_pair_and_never_across_currencies() -> None:
    """The tax that follows its net is no further money; a break's parts go to their own causes."""
    summary = samples.a_summary()
    assert summary["breaks"]["money"] == {
        "BHD": {"net": "0.001", "absolute": "0.001"},
        "GBP": {"net": "-249.96", "absolute": "250.06"},
        "JPY": {"net": "500", "absolute": "500"},
    }
    assert money(summary, "by_column", "column", "tax") == {"GBP": {"net": "0.02", "absolute": "0.02"}}
    assert money(summary, "by_cause", "cause", "tax") == {"GBP": {"net": "0.02", "absolute": "0.02"}}
    assert money(summary, "by_cause", "cause", "rounding") == {"GBP": {"net": "0.02", "absolute": "0.04"}}


def test_all_four_levels_are_always_there() -> None:
    """A policy without any status column still shows the level, and says that nothing was compared."""
    for summary in (samples.a_summary(), samples.a_summary([], totals=())):
        assert list(summary["levels"]) == list(LEVELS)
        assert sum(row["breaks"] for row in summary["levels"].values()) == summary["breaks"]["total"]
        assert all(row["says"] for row in summary["levels"].values())


def test_every_class_of_break_has_a_level() -> None:
    """No class falls between the levels."""
    assert sorted(name for names in LEVELS.values() for name in names) == sorted(get_args(BreakClass))


def test_hidden_rules_say_whether_they_are_used_unused_or_expired() -> None:
    """What hides nothing can go, what is expired hides nothing any more; both are told."""
    summary = samples.a_summary()
    assert [(row["column"], row["state"]) for row in summary["hidden"]] == [
        ("tax", "used"), ("memo", "expired"), ("status", "unused"),
    ]  # fmt: skip
    assert summary["hidden"][0]["money"] == {"BHD": "0.012", "GBP": "0.03"}
    assert summary["policy"]["expired_ignores"] == ["memo"]


def test_the_run_is_named_after_inputs_and_policy() -> None:
    """Other bytes or another policy: another name; the same: the same."""
    facts = samples.facts_of([])
    inputs = list(facts.inputs.values())
    name = run_id_of(facts.policy, inputs)
    assert name == run_id_of(facts.policy, inputs)
    assert name != run_id_of(facts.policy, [inputs[0], replace(inputs[1], sha256="c" * 64)])
    assert name != run_id_of(facts.policy.model_copy(update={"crosswalk_complete": True}), inputs)


def test_groups_beyond_the_limit_are_counted_together(monkeypatch: Any) -> None:
    """A hostile extract with an entity a row makes no endless table, and no break goes uncounted."""
    monkeypatch.setattr(tallying, "GROUPS_MAX", 5)
    many = [samples.a_break(number, legal_entity=f"E{number}") for number in range(40)]
    summary = samples.a_summary(many, totals=LAST)
    entities = summary["breaks"]["by_entity"]
    assert len(entities) == 6
    assert sum(row["breaks"] for row in entities) == 40
    assert sum(row["breaks"] for row in summary["levels"]["money"]["entities"]) == 40
    assert any(row["legal_entity"] == "(others)" for row in entities)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(samples.breaks()), max_size=30))
def test_the_order_of_breaks_does_not_show(found: list[Any]) -> None:
    """Sums and groups are the same whatever the order of the stream, and every way of grouping holds all."""
    one, other = Tally(), Tally()
    for item in found:
        one.add(item)
    for item in reversed(found):
        other.add(item)
    for way in ("class", "column", "cause", "entity", "currency", "level", "state", "cluster"):
        names = "abc"[: {"column": 2, "level": 2, "cluster": 3}.get(way, 1)]
        assert orjson.dumps(one.ranked(way, names)) == orjson.dumps(other.ranked(way, names))
        assert sum(row["breaks"] for row in one.ranked(way, names)) == len(found)
