"""The built-in load scenarios, each in its short form, on real sockets, to a verdict.

Those that need no landscape or route table of their own share a gateway, as releases share a test system: each
run's documents are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from loadtests.running.order import Order
from loadtests.running.run import JUNIT, MEASURED, PAGE, REPORT
from loadtests.running.stand import Stand, own_stand
from loadtests.running.whole import Asked, Done, run_load
from loadtests.scenario.model import Scenario
from loadtests.scenario.reading import built_in, read_scenario

TRIES = 3
"""On a machine with other work a run is made again whose generator was late, or that failed by speed alone."""
SPEED = ("latency ", "ERP limit used ")
"""Checks that another program on the machine can only make worse."""


def alone(scenario: Scenario) -> bool:
    """Whether it needs a gateway of its own."""
    return bool(scenario.settings or scenario.authority or scenario.switch)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One gateway with its simulators."""
    with own_stand(read_scenario("month-end"), tmp_path_factory.mktemp("shared"), seed=7) as stand:
        yield stand


def order_of(scenario: Scenario, place: Path) -> Order:
    """Its short form, as `coexist load NAME --short` orders it."""
    return Order(
        scenario=scenario, form=scenario.short, form_name="short", seed=scenario.seed, rate=Decimal(1),
        landscape=None, place=place,
    )  # fmt: skip


def judged(scenario: Scenario, place: Path, stand: Stand, tag: str) -> Done:
    """The scenario's short form against a stand."""
    run = order_of(scenario, place).run(stand, tag=tag)
    return run_load(run, place, stand, Asked())


@pytest.mark.parametrize("name", built_in())
def test_the_short_form_passes(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Healthy systems pass; everything sent was accepted and posted, and the report is there."""
    scenario = read_scenario(name)
    for number in range(TRIES):
        place = tmp_path / str(number)
        if alone(scenario):
            place.mkdir()
            with own_stand(scenario, place, seed=scenario.seed) as stand:
                done = judged(scenario, place, stand, "")
        else:
            tag = f"{name.replace('-', '')[:12]}{number}"
            done = judged(scenario, place, request.getfixturevalue("shared"), tag)
        failed = [check.name for check in done.verdict.checks if check.outcome == "fail"]
        if done.verdict.outcome == "pass" or not all(check.startswith(SPEED) for check in failed):
            break
    wrong = [f"{check.name}: {check.why}" for check in done.verdict.checks if check.outcome != "pass"]
    assert done.verdict.outcome == "pass", (done.verdict.because, wrong)
    measured = done.measured
    assert measured.accepted == measured.documents == measured.planned_documents > 0
    assert measured.states["posted"] == measured.accepted
    assert orjson.loads((place / REPORT).read_bytes())["verdict"] == "pass"
    assert all((place / file).stat().st_size > 0 for file in (PAGE, JUNIT, MEASURED))
