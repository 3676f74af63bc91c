"""What a load verdict is for, on real sockets: each planted fault is caught by the check it should be, and no other.

One gateway and one fleet of simulators serve all runs; a bug sleeps until documents of its own tag come.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it comes with locust, without types
import pytest
import yaml

from loadtests.running.run import STARTED, Run, read_run, run_of
from loadtests.running.stand import Stand, own_stand
from loadtests.running.whole import Done, run_load
from loadtests.scenario.model import Scenario
from loadtests.verdict.measuring import measure
from router.landscape import default_file

SCENARIO = Scenario.model_validate(
    {
        "name": "planted", "title": "Planted faults", "question": "Is each caught?", "arrivals": "even",
        "curve": {"points": [{"at": 0, "level": 1}, {"at": 100, "level": 1}]},
        "streams": [{"name": "time", "sends": "time_entry", "share": 100, "entities": ["UK01"], "repeats": 10}],
        "long": {"minutes": "0.05", "peak_per_s": 20}, "short": {"minutes": "0.05", "peak_per_s": 20},
        "limits": {"latency": [{"p99_ms": 1000}], "sla": [{"seconds": 60}], "drained_within_s": 60},
    }
)  # fmt: skip
FREEZE = {"name": "gateway frozen", "at": 40, "until": 90, "kind": "freeze"}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A gateway with sleeping bugs, and a legacy ERP that answers at once."""
    folder = tmp_path_factory.mktemp("planted")
    landscape = dict(default_file("landscapes/default.yaml").data)
    systems = {name: dict(system) for name, system in landscape["systems"].items()}
    for system in systems.values():
        system["options"] = {**system.get("options", {}), "latency": "fixed 0.02"}
    file = folder / "landscape.yaml"
    file.write_text(yaml.safe_dump({**landscape, "systems": systems}), encoding="utf-8")
    serve = (str(Path(__file__).with_name("planted_serve.py")),)
    with own_stand(SCENARIO, folder, seed=7, landscape=file, serve=serve) as stand:
        yield stand


def load(stand: Stand, folder: Path, tag: str, scenario: Scenario = SCENARIO) -> Done:
    """One run whose documents begin with `LT-<tag>-`."""
    run: Run = run_of(scenario, scenario.short, form_name="short", seed=7, gateway=stand.gateway, tag=tag)
    return run_load(replace(run, answer_within_s=10), folder, stand)


def bad(done: Done) -> dict[str, str]:
    """The checks that did not pass."""
    return {check.name: check.outcome for check in done.verdict.checks if check.outcome != "pass"}


@contextmanager
def frozen_generator(folder: Path, *, after_s: float, for_s: float) -> Iterator[None]:
    """Stops the sending process for a while, counted from the run's beginning."""
    stopped = threading.Event()

    def freeze() -> None:
        while not (folder / STARTED).exists():
            if stopped.wait(0.02):
                return
        stopped.wait(after_s)
        for child in psutil.Process().children():
            if any(word.endswith("locustfile.py") for word in child.cmdline()):
                child.suspend()
                stopped.wait(for_s)
                child.resume()

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def test_the_unplanted_control_passes(stand: Stand, tmp_path: Path) -> None:
    """The same gateway, the same scenario, no bug awake: everything asked passes."""
    done = load(stand, tmp_path, "sound")
    assert bad(done) == {}
    assert done.verdict.exit_code == 0
    assert done.measured.accepted == done.measured.generator.planned == 60
    assert done.measured.states == {"posted": 60}
    assert done.measured.repeats > 0


def test_without_database_and_simulators_it_asks_the_gateway(stand: Stand, tmp_path: Path) -> None:
    """What the API can tell is the same; what it can't is named, and no check passes for want of an answer."""
    done = load(replace(stand, database=None, simulated=None), tmp_path, "api")
    assert bad(done) == dict.fromkeys(("nothing doubled", "invariants", "ERP limits kept"), "not asked")
    assert (done.measured.states, done.measured.lost) == ({"posted": 60}, ())
    assert done.measured.delivery[""].count == 60
    assert len(done.measured.notes) == 3
    asked = measure(read_run(tmp_path), tmp_path, database=stand.database)
    assert (asked.delivery, asked.states) == (done.measured.delivery, done.measured.states)


def test_a_document_the_erp_never_got_is_lost(stand: Stand, tmp_path: Path) -> None:
    """The journal says posted for all of them; only the ERP knows that one is missing."""
    done = load(stand, tmp_path, "drop")
    assert bad(done) == {"nothing lost": "fail"}
    assert done.verdict.exit_code == 3
    (lost,) = done.measured.lost
    assert lost.startswith("time_entry LT-drop-0-")
    assert "sap_ecc has not got it" in lost
    assert done.measured.states == {"posted": 60}


def test_a_document_posted_twice_is_doubled(stand: Stand, tmp_path: Path) -> None:
    """The second post went out under another id, so that the ERP could not refuse it and no journal knows of it."""
    done = load(stand, tmp_path, "twice")
    assert bad(done) == {"nothing doubled": "fail"}
    assert done.verdict.exit_code == 3
    (doubled,) = done.measured.doubled
    assert doubled.startswith("time_entry LT-twice-0-")
    assert "-again" in doubled


def test_a_frozen_gateway_fails_by_latency(stand: Stand, tmp_path: Path) -> None:
    """Three seconds without an answer show in the p99 from the intended start; nothing is lost, the run is valid."""
    scenario = Scenario.model_validate(
        SCENARIO.model_dump(mode="json") | {"faults": [FREEZE], "short": {"minutes": "0.1", "peak_per_s": 20}}
    )
    done = load(stand, tmp_path, "freeze", scenario)
    assert bad(done) == {"latency all p99": "fail"}
    assert done.verdict.exit_code == 1
    assert done.measured.latency[""].p99_ms > 2500
    assert done.measured.generator.late == 0


def test_a_frozen_generator_is_invalid(stand: Stand, tmp_path: Path) -> None:
    """Who was late with sending has measured itself: the run is neither passed nor failed."""
    with frozen_generator(tmp_path, after_s=2.0, for_s=0.8):
        done = load(stand, tmp_path, "late")
    assert bad(done) == {"generator on time": "invalid"}
    assert done.verdict.exit_code == 4
    assert done.measured.generator.late >= 10
    assert (done.measured.lost, done.measured.doubled) == ((), ())
