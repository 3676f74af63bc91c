"""Repairs of what two extracts differ in: proposed from their breaks, checked against newer extracts.

There is no router behind extracts, so a proposal names the correction and makes no document, and a
plan of them can't be applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from router.dualrun.breaks import UNEXPLAINED, Break, Explanation
from router.dualrun.engine.comparison import TableComparison
from router.dualrun.explain import explained
from router.dualrun.extracts import read_crosswalk, read_extract
from router.dualrun.policy import Policy
from router.dualrun.repairs.drafts import drafts, proposal, state_of_breaks, told
from router.dualrun.repairs.findings import Finding
from router.dualrun.repairs.plan import Header, Plan, Proposal, sealed
from router.dualrun.repairs.rules import RepairRules
from router.dualrun.repairs.standing import moved
from router.dualrun.results import DocumentView
from router.dualrun.workbench import Workbench
from router.errors import BadInput

MOST = 100_000
"""Breaks of one plan: more is one cause to mend, not so many corrections."""
Place = tuple[tuple[str, str], ...]


def propose(found: Iterable[Break], rules: RepairRules, header: Header) -> Plan:
    """A plan for breaks of extracts; raises BadInput for more than anybody decides."""
    held: list[Break] = []
    for one in found:
        held.append(one)
        if len(held) > MOST:
            raise BadInput(
                f"more than {MOST:,} breaks are no plan a person decides",
                mend="mend the largest cause first, or narrow it down with --cause or --entity",
            )
    by_place = _by_place(held)
    return sealed(
        header,
        [
            proposal(
                draft,
                state=state_of_breaks(by_place[_place(draft.breaks[0])]),
                tells=told(draft, rules) or (_by_hand(draft.side) if draft.side else ""),
            )
            for draft in drafts(held, rules, lambda _kind, _key: rules.authority)
        ],
    )


def check(plan: Plan, found: Iterable[Break]) -> list[Finding]:
    """What newer extracts say of each proposal; only breaks of the plan's documents are kept."""
    wanted = {tuple(sorted(one.key.items())) for one in plan.proposals}
    now = _by_place(one for one in found if _place(one) in wanted)
    return [_checked(one, now.get(tuple(sorted(one.key.items())), [])) for one in plan.proposals]


def _checked(one: Proposal, now: Sequence[Break]) -> Finding:
    if not one.posts:
        return Finding(id=one.id, verdict="no_posting", why=one.tells or one.why)
    standing = {found.identity for found in now}
    if not any(held.identity in standing for held in one.breaks):
        return Finding(id=one.id, verdict="already_right", why="the newer extracts agree on it")
    changes = moved(one.state, state_of_breaks(now))
    if changes:
        return Finding(
            id=one.id, verdict="moved", why="the rows have moved since: propose again", moved=tuple(changes)
        )
    return Finding(id=one.id, verdict="ready", why=one.tells)


def breaks_of(
    bench: Workbench, legacy: Path, cloud: Path, policy: Policy, *, crosswalk: Path | None, today: date
) -> Iterator[Break]:
    """Every break two extracts have now, without causes: a check asks what differs, not why."""
    comparison = TableComparison(
        bench,
        policy,
        read_extract(bench, "legacy", legacy, policy),
        read_extract(bench, "cloud", cloud, policy),
        crosswalk=read_crosswalk(bench, crosswalk, policy) if crosswalk is not None else None,
        today=today,
    )
    comparison.run()
    yield from explained(comparison.documents(), _Silent(), policy)


class _Silent:
    """A judge that explains nothing."""

    def explain(self, view: DocumentView) -> Sequence[Sequence[Explanation]]:
        """No explanation for each difference."""
        return [[UNEXPLAINED for _ in pair.differences] for pair in view.pairs]


def _by_hand(side: str) -> str:
    return f"post it in the {side} ERP; there is no router behind extracts"


def _place(found: Break) -> Place:
    return tuple(sorted(found.key.items()))


def _by_place(found: Iterable[Break]) -> dict[Place, list[Break]]:
    places: dict[Place, list[Break]] = {}
    for one in found:
        places.setdefault(_place(one), []).append(one)
    return places
