"""Drawn faults: the same for the same seed, every kind over all systems, each one the simulators take."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from cutover.montecarlo.chaos import LONGEST, MOST_CRASHES, draw_crashes, draw_faults
from cutover.plan.reading import read_plan
from router.landscape import as_landscape, default_file
from simulators.core.faults import REQUEST_KINDS, Faults, read_fault

LANDSCAPE = as_landscape(default_file("landscapes/default.yaml"))
PLAN = read_plan(None, LANDSCAPE)


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 10, 31, tzinfo=UTC)


def test_one_seed_draws_one_schedule() -> None:
    """Equal for the same seed, and not for all."""
    drawn = [(draw_faults(seed, PLAN, LANDSCAPE), draw_crashes(seed, PLAN)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_over_many_seeds_every_kind_hits_every_system_and_the_simulators_take_them_all() -> None:
    """Period locks only where there are periods; windows within the plan and bounded, so that all can settle."""
    seen: set[tuple[str, str]] = set()
    crashes: set[int] = set()
    for seed in range(400):
        crashes.add(len(draw_crashes(seed, PLAN)))
        for system, faults in draw_faults(seed, PLAN, LANDSCAPE).items():
            Faults(faults, clock=Still(), rng=Random(0))
            for data in faults:
                fault = read_fault(data)
                seen.add((system, fault.kind))
                assert fault.starts is not None
                assert fault.ends is not None
                assert PLAN.start <= fault.starts < fault.ends <= PLAN.end
                assert fault.ends - fault.starts <= LONGEST
    erps = set(LANDSCAPE.of_role("erp"))
    expected = {(str(name), kind) for name in LANDSCAPE.systems for kind in REQUEST_KINDS}
    assert seen == expected | {(str(name), "period_lock") for name in erps}
    assert crashes == set(range(MOST_CRASHES + 1))


def test_crashes_lie_within_the_plan_in_order() -> None:
    """The router dies one time after the other."""
    for seed in range(50):
        at = [crash.at for crash in draw_crashes(seed, PLAN)]
        assert at == sorted(at)
        assert all(PLAN.start <= one < PLAN.end for one in at)
