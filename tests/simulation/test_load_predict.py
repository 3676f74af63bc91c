"""A load run in virtual time: the same for the same run, and what happens to it happens at its time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest

from loadtests.predict.predict import predict
from loadtests.predict.rehearsed import options_of
from loadtests.running.run import Run, run_of
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.model import Scenario

STEADY = {
    "name": "steady", "title": "Steady", "question": "?", "curve": {"points": [{"at": 0, "level": 1}]},
    "streams": [
        {"name": "time", "sends": "time_entry", "share": 80, "repeats": 10},
        {"name": "expenses", "sends": "expense_item", "share": 20},
    ],
    "long": {"minutes": 1, "peak_per_s": 4}, "short": {"minutes": "0.2", "peak_per_s": 5},
    "limits": {"drained_within_s": 300},
}  # fmt: skip
OUTAGE = {"name": "legacy ERP down", "at": 20, "until": 100, "system": "sap_ecc", "params": {"status": 503}}
FROZEN = {"name": "gateway frozen", "at": 25, "until": 50, "kind": "freeze"}


def run_with(*, seed: int = 7, **changes: Any) -> Run:
    """Twelve seconds of five requests a second."""
    scenario = Scenario.model_validate(STEADY | changes)
    return run_of(scenario, scenario.short, form_name="short", seed=seed, gateway="http://gateway")


@cache
def steady() -> dict[str, Any]:
    """The prediction nothing goes wrong in."""
    return predict(run_with())


def total(told: dict[str, Any], name: str, since: float = 0.0, until: float = 1e9) -> int:
    """The sum of a column of the series over some seconds."""
    return sum(row[name] for row in told["series"] if since <= row["t"] < until)


def test_the_same_run_is_predicted_alike_to_the_byte() -> None:
    """And another seed's is another."""
    again = predict(run_with())
    assert orjson.dumps(again) == orjson.dumps(steady())
    assert orjson.dumps(predict(run_with(seed=8))) != orjson.dumps(again)


def test_every_document_is_accepted_and_delivered_and_the_series_says_when() -> None:
    """Its sums are the figures; the backlog rises and is gone at the end."""
    told, run = steady(), run_with()
    count = len(schedule(run))
    assert told["documents"] == told["accepted"] == count == total(told, "arrivals")
    assert told["states"] == {"posted": count}
    assert total(told, "accepted") == total(told, "delivered") == count
    assert max(row["backlog"] for row in told["series"]) <= told["backlog_peak"] <= count
    assert told["series"][-1]["backlog"] == 0
    assert 0 < told["drained_s"] < 60
    assert told["delivery"][""]["count"] == count
    assert told["delivery"]["time"]["count"] + told["delivery"]["expenses"]["count"] == count
    assert 0 < told["delivery"][""]["p50_ms"] <= told["delivery"][""]["max_ms"]
    assert told["problems"] == []


def test_it_says_what_it_does_not_predict() -> None:
    """Latencies above all: no figure of theirs stands in it."""
    told = steady()
    assert any("latency" in one for one in told["not_predicted"])
    assert any("repeats" in one for one in told["not_predicted"])
    assert "latency" not in told
    assert not any("p99_ms" in row for row in told["series"])


def test_while_the_legacy_erp_is_down_work_is_taken_and_waits() -> None:
    """At its times: some is delivered before, nothing meanwhile, everything after."""
    told = predict(run_with(faults=[OUTAGE]))
    assert total(told, "delivered", until=2.4) > 0
    assert total(told, "delivered", since=3.5, until=12) == 0
    assert total(told, "accepted", since=3.5, until=12) > 20
    assert told["states"] == {"posted": told["documents"]}
    assert told["drained_s"] > steady()["drained_s"]
    assert told["backlog_peak"] > steady()["backlog_peak"]


def test_a_frozen_gateway_accepts_and_delivers_nothing_until_it_goes_on() -> None:
    """What came meanwhile is taken at once then; what was under way is confirmed then."""
    told = predict(run_with(faults=[FROZEN]))
    assert total(told, "accepted", since=3, until=6) == 0
    assert total(told, "arrivals", since=3, until=6) > 5
    taken = total(told, "accepted", since=6, until=7)
    assert taken >= total(told, "arrivals", since=3, until=6)
    assert told["accepted"] == told["documents"]
    # What it had heard by then it still writes down, within the quarter of a second outcomes wait for company.
    assert total(told, "delivered", since=4, until=6) == 0 < total(told, "delivered", since=6)
    assert total(steady(), "delivered", since=4, until=6) > 0
    calls = sum(row["calls"]["sap_ecc"] for row in told["series"] if 3 <= row["t"] < 6)
    assert calls == 0


def test_a_switch_moves_the_wave_to_the_cloud_erp_and_loses_nothing() -> None:
    """The same steps as in the run itself: dual run, freeze, drain, switch, release."""
    streams = [
        {"name": "moving", "sends": "time_entry", "share": 50, "entities": ["UK01"]},
        {"name": "staying", "sends": "time_entry", "share": 50, "entities": ["US01"]},
    ]
    told = predict(run_with(streams=streams, switch={"at": 40, "wave": "uk"}))
    assert told["problems"] == []
    assert told["states"] == {"posted": told["documents"]}
    calls = {erp["system"]: erp["calls"] for erp in told["erps"]}
    assert calls["netsuite"] > 0
    assert calls["sap_ecc"] > 0


def test_a_small_contract_limit_is_kept_and_used() -> None:
    """The scenario's settings are the rehearsed ERP's: never more than three calls, none refused, and they are used."""
    told = predict(
        run_with(
            streams=[{"name": "charges", "sends": "charge", "share": 100}],
            authority="netsuite",
            settings=["netsuite.concurrency=3"],
            limits={"drained_within_s": 300, "erps": [{"system": "netsuite"}]},
        )
    )
    (erp,) = (one for one in told["erps"] if one["system"] == "netsuite")
    assert erp["limit"] == "concurrency 3"
    assert (erp["peak"], erp["refused"]) == (3, 0)
    assert erp["used_percent"] > 85


def test_what_is_not_delivered_in_time_leaves_the_backlog_open() -> None:
    """No drained time is made up."""
    told = predict(replace(run_with(faults=[OUTAGE]), drained_within_s="2"))
    assert told["drained_s"] is None
    assert told["states"].get("posted", 0) < told["documents"]


def test_the_runs_own_landscape_is_the_one_that_is_rehearsed() -> None:
    """With the scenario's settings in it."""
    data = dict(options_of(run_with()).landscape_data)
    data["systems"] = {
        **data["systems"],
        "sap_ecc": {**data["systems"]["sap_ecc"], "budget": {"concurrency": 1}},
    }
    made = options_of(replace(run_with(settings=["netsuite.concurrency=2"]), landscape=data))
    budgets = {str(name): system.budget.concurrency for name, system in made.landscape.systems.items()}
    assert (budgets["sap_ecc"], budgets["netsuite"]) == (1, 2)


@pytest.mark.parametrize("authority", ["", "netsuite"])
def test_the_rehearsed_table_is_the_one_a_served_gateway_starts_with(authority: str) -> None:
    """The scenario's authority has everything."""
    assert ("netsuite" in options_of(run_with(authority=authority)).routes.partition("rules")[0]) is bool(
        authority
    )
