"""What surrounds a load run: when things go wrong in it, on what landscape, and how its end is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from loadtests.running.contrast import STOCK, figures
from loadtests.running.order import Order
from loadtests.running.run import CLOSED, CLOSED_STATS, Run, run_from
from loadtests.running.stand import Stand, read_ready, settled
from loadtests.running.timeline import freezes, length_s, system_faults
from loadtests.scenario.model import Scenario
from loadtests.scenario.reading import read_scenario
from loadtests.scenario.routing import routes_of
from router.errors import BadConfig, BadInput
from simulators.core.faults import read_fault

STARTED = datetime(2026, 10, 30, 12, tzinfo=UTC)


def scenario(**changed: object) -> Scenario:
    """The outage, with something else in it."""
    return read_scenario("legacy-outage").model_copy(update=changed)


def run_with(faults: list[dict[str, object]]) -> Run:
    """A run of ten minutes with these faults."""
    given = Scenario.model_validate({**read_scenario("soak").model_dump(), "faults": faults})
    order = Order(
        scenario=given, form=given.long.model_copy(update={"minutes": Decimal(10)}), form_name="custom", seed=1,
        rate=Decimal(2), landscape=None, place=Path(),
    )  # fmt: skip
    return order.run(Stand(gateway="http://127.0.0.1:1"), tag="t")


def test_shares_of_the_run_become_moments() -> None:
    """40 per cent of ten minutes is four minutes after moment 0; what says which calls are hit is told apart."""
    run = run_with(
        [
            {
                "name": "slow", "at": 40, "until": "50.5", "system": "sap_ecc", "kind": "delay",
                "params": {"seconds": 2, "path": "/sap/bc", "probability": "0.5"},
            },
            {"name": "standstill", "at": 60, "until": 61, "kind": "freeze"},
        ]
    )  # fmt: skip
    assert length_s(run) == 600
    ((system, rows),) = system_faults(run, STARTED).items()
    assert system == "sap_ecc"
    assert rows == [
        {
            "name": "slow", "kind": "delay", "path": "/sap/bc", "probability": "0.5", "params": {"seconds": 2},
            "from": "2026-10-30T12:04:00+00:00", "until": "2026-10-30T12:05:03+00:00",
        }
    ]  # fmt: skip
    assert read_fault(rows[0]).seconds(0) == 2
    assert [(one.name, one.from_s, one.until_s) for one in freezes(run)] == [("standstill", 360.0, 366.0)]


def test_a_run_carries_the_landscape_it_meets_and_survives_its_file() -> None:
    """A gateway of the run's own has the scenario's settings; somebody else's has what it has."""
    given = scenario(settings=("sap_ecc.concurrency=2",))
    order = Order(
        scenario=given,
        form=given.short,
        form_name="short",
        seed=3,
        rate=Decimal("1.5"),
        landscape=None,
        place=Path(),
    )
    own = order.run(Stand(gateway="http://127.0.0.1:1", own=True), rate=Decimal(2))
    other = order.run(Stand(gateway="http://127.0.0.1:1"))
    budgets = [
        run.landscape["systems"]["sap_ecc"]["budget"]["concurrency"] for run in (own, other) if run.landscape
    ]
    assert budgets == [2, 4]
    assert Decimal(own.peak_per_s) == given.short.peak_per_s * 3
    assert own.tag == ""
    assert other.tag
    assert run_from(own.as_bytes()) == own


def test_a_setting_of_a_plan_is_refused() -> None:
    """There is no plan in a load run: the setting would say something and do nothing."""
    with pytest.raises(BadInput, match="no plan"):
        settled(scenario(settings=("window.closes=2026-11-02T00:00:00Z",)), None)


def test_the_first_table_puts_everything_where_the_scenario_says() -> None:
    """Else it is the default one, letter by letter."""
    default = "version: 1\ndefault: {authority: sap_ecc}\nrules: []\n"
    assert routes_of(scenario(), default) == default
    assert "authority: netsuite" in routes_of(scenario(authority="netsuite"), default)


@pytest.mark.parametrize("text", [None, "", "[]", '{"sap_ecc": 1}', '{"sap_ecc": {"tls_url": "x"}}'])
def test_what_is_no_ready_file_is_named(text: str | None, tmp_path: Path) -> None:
    """The file stands in the message."""
    file = tmp_path / "ready.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(BadConfig, match=r"ready\.json"):
        read_ready(file)


def test_the_closed_models_figures_are_its_ledgers_and_locusts_own(tmp_path: Path) -> None:
    """Exact ones from each request, rounded ones as Locust told them."""
    lines = [
        [at, at * 1000, at * 1000, at * 1000 + 1234 * (at + 1), 202, ["T1"], "", False] for at in range(100)
    ]
    (tmp_path / CLOSED).write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    stock = {"requests": 100, "users": 7, "percentiles_ms": dict.fromkeys(STOCK, 120)}
    (tmp_path / CLOSED_STATS).write_bytes(orjson.dumps(stock))
    told = figures(tmp_path, 50)
    assert told["latency"][""]["p99_ms"] == 1234 * 99 / 1000
    assert told["stock"][""] == {"count": 100, **dict.fromkeys(STOCK.values(), 120)}
    assert (told["users"], told["requests"], told["rate_per_s"]) == (7, 100, 2.0)
