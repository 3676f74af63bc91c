"""Load scenarios are data: the ones that come with the program are whole, and a wrong one is told its line and mend."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from loadtests.running.run import run_of
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.published import NAME, scenario_schema
from loadtests.scenario.reading import as_scenario, built_in, read_scenario, scenario_file
from router.configfile import loads
from router.errors import BadConfig, BadInput

TEN = (
    "cutover-switch", "erp-throttled", "historical-load", "legacy-outage", "mass-approval", "month-end",
    "noisy-neighbour", "project-onboarding", "soak", "timesheet-deadline",
)  # fmt: skip
GOOD = """name: mine
title: Mine
question: Does it hold?
curve: {points: [{at: 0, level: 0.2}, {at: 100, level: 1}]}
streams:
  - {name: time, sends: time_entry, share: 70, entities: [UK01]}
  - {name: charges, sends: charge, share: 30}
long: {minutes: 10, peak_per_s: 20}
short: {minutes: 0.25, peak_per_s: 10}
faults:
  - {name: down, at: 10, until: 20, system: sap_ecc}
  - {name: frozen, at: 30, until: 40, kind: freeze}
switch: {at: 50, wave: uk}
settings: [netsuite.concurrency=2]
limits:
  latency: [{stream: time, p99_ms: 500}]
  sla: [{seconds: 60}]
  erps: [{system: netsuite}]
"""


def test_the_ten_of_the_field_come_with_the_program() -> None:
    """By name, each with its question."""
    assert tuple(built_in()) == TEN
    assert all(read_scenario(name).question.endswith("?") for name in TEN)


@pytest.mark.parametrize("name", TEN)
def test_each_has_a_short_form_for_ci_and_a_long_one(name: str) -> None:
    """Short: seconds, and few enough requests for two cores; every stream sends something; a file is its name's."""
    scenario = read_scenario(name)
    assert scenario.name == name
    assert 10 <= scenario.short.minutes * 60 <= 20
    assert scenario.long.minutes >= 5
    run = run_of(scenario, scenario.short, form_name="short", seed=7, gateway="http://gateway")
    made = schedule(run)
    assert 50 <= len(made) <= 400
    assert set(made.streams) == set(range(len(scenario.streams)))
    # A short form of a scenario with impatient clients has some, whatever the seed.
    expected = sum(made.streams.count(at) * one.repeats / 100 for at, one in enumerate(scenario.streams))
    assert not any(one.repeats for one in scenario.streams) or expected >= 5


def test_a_scenario_is_read_from_a_file_as_well(tmp_path: Path) -> None:
    """A folder of a built-in's name hides it not."""
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert read_scenario(file).name == "mine"
    assert read_scenario(str(file)).streams[0].entities == ("UK01",)


def test_a_folder_hides_no_built_in_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--out soak` leaves one behind."""
    (tmp_path / "soak").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read_scenario("soak").name == "soak"


def test_a_name_nobody_knows_is_answered_with_those_there_are() -> None:
    """The list is the mend."""
    with pytest.raises(BadInput, match="neither a file nor a built-in scenario") as error:
        read_scenario("month-ned")
    assert all(name in error.value.mend for name in TEN)


@pytest.mark.parametrize(
    ("before", "after", "place", "told"),
    [
        ("share: 30", "share: 29", 6, "the shares make 99, not 100"),
        ("{at: 0, level: 0.2}, {at: 100, level: 1}", "{at: 50, level: 1}, {at: 40, level: 1}", 4, "at 40 comes after the one at 50"),
        ("points: [{at: 0, level: 0.2}, {at: 100, level: 1}]", "points: []", 4, "either points or month_end"),
        ("level: 0.2}, {at: 100, level: 1}", "level: 0}", 4, "nothing ever arrives"),
        ("level: 1}", "level: 1.2}", 4, "less than or equal to 1"),
        ("entities: [UK01]", "entities: [FR01]", 6, "no entity 'FR01'"),
        ("name: charges", "name: time", 7, "stream time stands twice"),
        ("sends: charge", "sends: invoices", 7, "sends"),
        ("system: sap_ecc}", "system: oracle}", 11, "no system 'oracle'"),
        ("system: sap_ecc}", "system: sap_ecc, params: {seconds: -1}}", 11, "params.seconds"),
        ("until: 20", "until: 10", 11, "ends at 10 before it begins at 10"),
        ("at: 30, until: 40", "at: 5, until: 40", 12, "begins before the one above it"),
        ("kind: freeze", "kind: freeze, system: sap_ecc", 12, "befalls the gateway"),
        ("kind: freeze", "kind: freeze, params: {seconds: 3}", 12, "takes no params"),
        ("wave: uk", "wave: emea", 13, "no wave 'emea'"),
        ("wave: uk", "wave: uk, plan: pilots", 13, "no plan 'pilots'"),
        ("switch:", "authority: netsuite\nswitch:", 14, "the plan moves from sap_ecc"),
        ("settings: [netsuite.concurrency=2]", "settings: [netsuite.concurency=2]", 14, "has no 'concurency'"),
        ("settings: [netsuite.concurrency=2]", "settings: [size=large]", 14, "size is the plan's"),
        ("settings: [netsuite.concurrency=2]", "settings: [netsuite.concurrency=0]", 14, "concurrency"),
        ("{stream: time, p99", "{stream: tyme, p99", 16, "no stream 'tyme'"),
        ("[{seconds: 60}]", "[{seconds: 60, stream: tyme}]", 17, "no stream 'tyme'"),
        ("{system: netsuite}", "{system: kantata}", 18, "no ERP 'kantata'"),
        ("minutes: 0.25", "minutes: 0", 9, "greater than 0"),
        ("question:", "asks:", 1, "question"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(before: str, after: str, place: int, told: str) -> None:
    """And what it is."""
    assert before in GOOD
    with pytest.raises(BadConfig, match=re.escape(told)) as error:
        as_scenario(loads(GOOD.replace(before, after, 1), name="mine.yaml"))
    assert error.value.message.startswith(f"mine.yaml:{place}:"), error.value.message


def test_a_scenario_without_mistakes_is_taken() -> None:
    """The one the mistakes are made in."""
    assert as_scenario(loads(GOOD)).switch is not None


def plain(value: Any) -> Any:
    """A YAML value as JSON has it."""
    return orjson.loads(orjson.dumps(value))


def test_the_published_schema_is_the_models() -> None:
    """`coexist schema scenario` prints the file; it is made anew after a change of the model."""
    published = orjson.loads(resources.files("fixtures").joinpath(NAME).read_bytes())
    assert published == plain(scenario_schema())


@pytest.mark.parametrize("name", TEN)
def test_the_schema_takes_the_scenarios_and_they_name_it(name: str) -> None:
    """An editor that knows it finds nothing wrong with them."""
    file = scenario_file(name)
    assert file.text.startswith(f"# yaml-language-server: $schema=../../fixtures/{NAME}\n")
    check = Draft202012Validator(scenario_schema())
    assert [error.message for error in check.iter_errors(plain(file.data))] == []


def test_the_schema_refuses_what_the_model_refuses() -> None:
    """A field nobody knows, a kind of document there is not, a level above 1."""
    check = Draft202012Validator(scenario_schema())
    for before, after in (
        ("question:", "asks:"), ("sends: charge", "sends: invoices"), ("level: 1}", "level: 1.2}"),
    ):  # fmt: skip
        assert list(check.iter_errors(plain(yaml.safe_load(GOOD.replace(before, after)))))
