"""A ledger, a summary or a clock that is not the run's own is found: the figures would be of something else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from loadtests.ledger.rows import Sent
from loadtests.ledger.writing import Ledger, line_of
from loadtests.running.run import GENERATOR, SENT, STARTED, Run, run_of
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.reading import read_scenario
from loadtests.verdict.decisions import judge
from loadtests.verdict.measuring import clocks_off_s, measure
from loadtests.verdict.model import Measured
from loadtests.verdict.sent import NOTHING, pairs
from tests.unit.test_load_matching import Case, taken

SCENARIO = read_scenario("soak")
RUN: Run = run_of(SCENARIO, SCENARIO.short, form_name="short", seed=7, gateway="http://127.0.0.1:1")
BEGAN = b'{"started_at":"2026-10-30T12:00:00.000000+00:00","workers":2}'
Change = Callable[[list[Sent]], list[Sent]]


def measured(folder: Path, change: Change = list, summary: bytes | None = BEGAN) -> Measured:
    """A run that nobody answered a transaction's id to, with a changed ledger or another summary."""
    rows = [Sent(one.number, one.at_us, one.at_us, one.at_us + 9, 500, (), "") for one in schedule(RUN)]
    with Ledger(folder / SENT) as ledger:
        ledger.append([line_of(row) for row in change(rows)])
    if summary is not None:
        (folder / GENERATOR).write_bytes(summary)
    (folder / STARTED).write_bytes(BEGAN)
    return measure(RUN, folder, database=None)


def on_time(found: Measured) -> str:
    """How the check of the generator ended."""
    return next(one.outcome for one in judge(SCENARIO, RUN, found).checks if one.name == "generator on time")


def test_its_own_ledger_is_taken(tmp_path: Path) -> None:
    """The control."""
    found = measured(tmp_path)
    assert on_time(found) == "pass"
    assert (found.generator.foreign, found.generator.ended) == (0, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [*rows[1:], rows[0]._replace(number=len(rows))],
        lambda rows: [row._replace(intended_us=row.intended_us + 1) for row in rows],
        lambda rows: [row._replace(started_us=row.started_us - 1) for row in rows],
        lambda rows: [*rows, rows[0]._replace(number=len(rows), repeat=True)],
    ],
    ids=["numbers", "moments", "starts-before-they-are-due", "repeats"],
)
def test_rows_of_another_run_are_no_measurement(change: Change, tmp_path: Path) -> None:
    """As many rows as were planned are not enough: each must be a start of this schedule, at its moment."""
    found = measured(tmp_path, change)
    assert found.generator.foreign > 0
    assert on_time(found) == "invalid"


def test_a_killed_generator_makes_no_measurement_though_every_row_is_there(tmp_path: Path) -> None:
    """It could not say what it lost; when it began is taken from the note of its beginning, not from 1970."""
    found = measured(tmp_path, summary=None)
    assert not found.generator.ended
    assert on_time(found) == "invalid"
    assert len(found.series) < 60


def test_a_lost_worker_makes_no_measurement(tmp_path: Path) -> None:
    """What it may have sent stands as unanswered, with no latency at all: that is no figure."""
    told = orjson.dumps(orjson.loads(BEGAN) | {"lost_workers": 1})
    assert on_time(measured(tmp_path, summary=told)) == "invalid"


@pytest.mark.parametrize(
    ("at", "off"),
    [
        ("2026-10-30T12:00:00.004000Z", 0.0),
        ("2026-10-30T11:59:55.001000Z", -5.0),
        ("2026-10-30T12:00:05.005000Z", 5.0),
    ],
)
def test_an_acceptance_outside_of_its_request_tells_of_another_clock(at: str, off: float) -> None:
    """The first request starts at 1 ms and is answered at 5 ms."""
    case = Case()
    case.taken[0] = taken(1, accepted_at=at)
    assert clocks_off_s(case.documents(), case.found(), pairs(case.ledger)) == off


def test_what_a_process_makes_later_tells_nothing_of_clocks() -> None:
    """An answer names what was accepted with it; its followers are accepted when the systems have worked."""
    case = Case()
    case.taken[0] = taken(1, accepted_at="2026-10-30T12:00:05.005000Z")
    documents = case.documents()
    assert clocks_off_s(documents, case.found(), pairs(case.ledger)) == 5.0
    documents.answered[0] = NOTHING
    assert clocks_off_s(documents, case.found(), pairs(case.ledger)) == 0.0


def test_clocks_of_a_run_without_answers_are_not_compared() -> None:
    """Nobody knows when the answer would have come; before its request nothing can be accepted all the same."""
    case = Case()
    case.ledger = [row._replace(status=0, transactions=()) for row in case.ledger]
    case.taken[0] = taken(1, accepted_at="2026-10-30T12:01:00.000000Z")
    documents, found = case.documents(), case.found()
    assert clocks_off_s(documents, found, pairs(case.ledger)) == 0.0
    late = replace(found, accepted_us=found.accepted_us[:])
    late.accepted_us[0] = -1_999_000
    assert clocks_off_s(documents, late, pairs(case.ledger)) == -2.0
