"""Control runs: a router or a gate with a known bug is rehearsed, and whose claim it breaks says so (D13)."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.proving import gate_mutants, router_mutants
from cutover.proving.mutants import MUTANTS, SECOND_LOOK
from cutover.proving.proving import names, prove
from cutover.proving.seams import Seams, planted
from router.journal import fence
from router.journal.journal import Journal


@pytest.mark.parametrize("name", names())
def test_each_bug_is_caught_by_whom_it_concerns(name: str) -> None:
    """The right check says the right thing; where nothing is broken nobody complains."""
    row = prove(name)
    assert row["caught"], row


def test_every_invariant_and_every_bug_has_a_control_run() -> None:
    """Nothing that is planted is left out of the list, and no invariant is without a bug that breaks it."""
    planted_ones = {mutant.plant for mutant in MUTANTS}
    for module in (router_mutants, gate_mutants):
        made = [
            one for name, one in vars(module).items() if getattr(one, "__module__", "") == module.__name__
        ]
        assert [one for one in made if one not in planted_ones] == []
    caught_by = {mutant.caught_by for mutant in MUTANTS}
    assert {f"I{n}" for n in range(1, 8)} | {SECOND_LOOK} <= caught_by
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_what_was_planted_is_taken_out_again() -> None:
    """Also where the rehearsal fails; what a class only inherits is inherited again."""
    before: tuple[Any, Any] = (fence.enter, vars(Journal).get("store_run"))

    def plant(seams: Seams) -> None:
        router_mutants.stale_epoch(seams)
        router_mutants.swallowed_break(seams)

    seen: list[bool] = []

    def fails() -> None:
        with planted(plant):
            seen.append(fence.enter is not before[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert seen == [True]
    assert (fence.enter, vars(Journal).get("store_run")) == before


def test_a_seam_that_is_gone_is_noticed() -> None:
    """A mutant of something that is not there would be caught by nobody, and would prove nothing."""
    with pytest.raises(AttributeError), planted(lambda seams: seams.put(fence, "no_such_function", None)):
        pass
