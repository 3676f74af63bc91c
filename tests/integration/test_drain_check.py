"""A predicted drain is put beside a measured one, from both journals' own times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from cutover.cli import app
from cutover.drain.check import Compared, check
from cutover.drain.predicted import predict
from cutover.drain.scenario import Drained
from cutover.drain.work import masters_of, waiting_time
from cutover.rehearsal.firm import build_firm
from cutover.rehearsal.options import Options, make_options
from router.errors import BadInput
from router.model import SystemId


def pilot() -> Options:
    """One entity of the small firm, undisturbed."""
    return replace(make_options(seed=7, command="test", plan=Path("pilot"), size="small"), faults={})


def predicted(options: Options, deliveries: int) -> Drained:
    """The drain of so many deliveries in virtual time."""
    firm, _ = build_firm(options)
    scope = options.plan.wave("uk").scope()
    return predict(
        options,
        "uk",
        seeds=firm.seeds(),
        masters=masters_of(firm, scope),
        work=waiting_time(firm, scope, deliveries),
        say=lambda _: None,
    )


def test_a_prediction_is_the_same_each_time_and_grows_with_the_work() -> None:
    """Virtual time: no machine, no chance."""
    few, again, many = predicted(pilot(), 100), predicted(pilot(), 100), predicted(pilot(), 800)
    assert few == again
    assert (few.deliveries, many.deliveries) == (100, 800)
    assert 0 < few.seconds(50) <= few.seconds() < many.seconds()


def test_less_concurrency_is_predicted_to_take_longer() -> None:
    """The limit of the ERP is what the prediction is made of."""
    plain = pilot()
    netsuite = plain.landscape.systems[SystemId("netsuite")]
    narrow = netsuite.model_copy(update={"budget": netsuite.budget.model_copy(update={"concurrency": 1})})
    systems = {**plain.landscape.systems, SystemId("netsuite"): narrow}
    slow = replace(plain, landscape=plain.landscape.model_copy(update={"systems": systems}))
    assert predicted(slow, 400).seconds() > 1.5 * predicted(plain, 400).seconds()


def test_what_is_too_far_apart_disagrees() -> None:
    """Fifteen per cent of the measured time, either way; other counts never agree."""
    start = datetime(2026, 10, 31, tzinfo=UTC)

    def drained(seconds: int, deliveries: int = 1) -> Drained:
        return Drained(
            deliveries=deliveries, released=start, settled=(start + timedelta(seconds=seconds),) * deliveries
        )

    def agrees(predicted: Drained, measured: Drained) -> bool:
        found = Compared(
            wave="uk", target="netsuite", predicted=predicted, measured=measured, tolerance_percent=15
        )
        assert found.to_json()["agrees"] is found.agrees
        return bool(found.agrees)

    assert agrees(drained(86), drained(100))
    assert agrees(drained(114), drained(100))
    assert not agrees(drained(84), drained(100))
    assert not agrees(drained(116), drained(100))
    assert not agrees(drained(100), drained(100, 2))


def test_a_wave_there_is_not_is_bad_input() -> None:
    """The name is refused before anything starts."""
    with pytest.raises(BadInput, match="no wave 'mars'"):
        check(pilot(), "mars", deliveries=10, tolerance_percent=15, say=lambda _: None)


def test_both_worlds_play_the_scenario_to_its_end() -> None:
    """On real sockets: simulate and serve in processes of their own. How far apart is measured by the soak."""
    done = CliRunner().invoke(
        app, ["cutover", "drain", "pilot", "--deliveries", "60", "--tolerance", "100", "--json"]
    )
    told = orjson.loads(done.stdout)
    assert told["deliveries"] == 60
    assert [row["percent"] for row in told["curve"]] == [10, 25, 50, 75, 90, 100]
    times = [row["measured_s"] for row in told["curve"]]
    assert times == sorted(times)
    assert times[0] > 0


@pytest.mark.soak
def test_the_prediction_is_within_fifteen_per_cent_of_the_wall_clock() -> None:
    """The default wave with 3,000 deliveries: about a minute of draining."""
    done = CliRunner().invoke(app, ["cutover", "drain"])
    assert done.exit_code == 0, done.output
