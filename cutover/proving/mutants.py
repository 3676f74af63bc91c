"""The control runs: what is broken in each, and who must catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cutover.proving import gate_mutants as gates
from cutover.proving import router_mutants as router
from cutover.proving.seams import Seams

SECOND_LOOK = "second look"
"""Caught by the second look at the gates (`cutover.checks.gates_kept`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One known bug."""

    name: str
    broken: str
    """What is broken, for people."""
    caught_by: str
    """An invariant (`I2`), a gate by its name, or the second look."""
    says: str
    """Part of what the catcher must say: it has to find this bug, not another one."""
    plant: Callable[[Seams], None]
    scenario: str = "usual"


def _mutant(
    name: str, plant: Callable[[Seams], None], caught_by: str, says: str, scenario: str = "usual"
) -> Mutant:
    broken = (plant.__doc__ or "").strip().partition("\n")[0]
    return Mutant(name=name, broken=broken, caught_by=caught_by, says=says, plant=plant, scenario=scenario)


MUTANTS: tuple[Mutant, ...] = (
    _mutant("dropped feed row", router.dropped_row, "I1", "never accepted"),
    _mutant("naive retry", router.naive_retry, "I2", "times in sap_ecc", "lost answer"),
    _mutant("double release", router.released_twice, "I2", "two authority jobs"),
    _mutant("no new epoch", router.no_new_epoch, "I3", "was decided by tables"),
    _mutant("unordered lanes", router.unordered_lanes, "I4", "before an earlier one was settled"),
    _mutant("stale epoch", router.stale_epoch, "I5", "was decided in epoch 0"),
    _mutant("unfenced switch", router.unfenced_switch, "I5", "was in force"),
    _mutant("replay answered anew", router.answered_anew, "I6", ""),
    _mutant("swallowed break", router.swallowed_break, "I7", "are stored"),
    _mutant("no drain", gates.no_drain, "deliveries waiting", "", "old ERP down at the freeze"),
    _mutant("a drain that sees nothing", gates.blind_backlog, SECOND_LOOK, "still under way", "old ERP down at the freeze"),
    _mutant("empty books", gates.empty_books, "both ERPs were compared", "0 pairs"),
    _mutant("nothing counts as pass", gates.nothing_passes, SECOND_LOOK, "nothing was compared"),
    _mutant("a failed gate does not stop", gates.failure_passes, SECOND_LOOK, "says fail"),
    _mutant("lost shadow", gates.lost_shadow, "documents in one ERP only", ""),
    _mutant("wrong hours in the new ERP", gates.wrong_hours, "differences without a cause", ""),
    _mutant("refused master", gates.refused_master, "masters the cloud ERP did not take", ""),
    _mutant("given up too early", gates.given_up, "deliveries the cloud ERP gave up", ""),
    _mutant("forgotten release", gates.forgotten_release, "transactions still held", ""),
    _mutant(
        "posted by strangers",
        gates.stranger_within,
        "documents posted beside the router during the freeze",
        "",
    ),
    _mutant("nobody approved", gates.nobody_approved, "approvals", "", "two approvals"),
    _mutant("one approves twice", gates.one_approves_twice, SECOND_LOOK, "1 approvals", "two approvals"),
    _mutant("expired evidence", gates.as_it_is, SECOND_LOOK, "minutes old", "old evidence"),
)  # fmt: skip
