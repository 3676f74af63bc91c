"""The cases of documents across a switch, each judged by the policy the plan states. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from cutover.plan.model import Straddling
from cutover.plan.stages import NEW
from cutover.straddling.facts import Across, Straddler, money

WORK = ("time_entry", "expense_item")
FOLLOWERS = ("payment", "credit_memo", "write_off", "invoice")
EXAMPLES = 3
SHOWN = 50
"""Violations listed; all are counted."""
LAST = "9999"
"""After every instant of a run."""
WAITS = "waits"
"""Where a document is that has no authority yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A straddling document and what is wrong with where it went; empty: nothing."""

    document: Straddler
    wrong: str
    went: str = ""
    """Where, where that is more than its authority."""


def back_dated(across: Across, policy: Straddling) -> list[Judged]:
    """Time and expenses of the days before the switch that were approved after it."""
    cut = policy.cut_date.isoformat() if policy.cut_date else ""
    found = []
    for one in across.straddlers:
        since = across.moved(one)
        if one.kind not in WORK or one.corrects or not since or one.day >= since[:10]:
            continue
        old = across.stays(one, policy.stays, cut)
        found.append(Judged(document=one, wrong=_elsewhere(one, across.source if old else across.target)))
    return found


def followers(across: Across, policy: Straddling) -> list[Judged]:
    """Payments, credit memos, write-offs and re-bills of invoices that stayed in the old ERP."""
    del policy
    return _following(across, lambda one: one.kind in FOLLOWERS)


def reopened(across: Across, policy: Straddling) -> list[Judged]:
    """Corrections of work that was posted before the switch."""
    del policy
    return _following(across, lambda one: one.kind in WORK and one.corrects)


def _following(across: Across, wanted: Callable[[Straddler], bool]) -> list[Judged]:
    found = []
    for one in across.straddlers:
        if not wanted(one) or one.refers_to is None or not across.moved(one):
            continue
        lives = across.authority.get(one.refers_to, "")
        if lives == across.source:
            found.append(Judged(document=one, wrong=_elsewhere(one, lives)))
    return found


def milestones(across: Across, policy: Straddling) -> list[Judged]:
    """Milestones reached before the switch and billed, or only recorded, after it."""
    cut = policy.cut_date.isoformat() if policy.cut_date else ""
    copies = _copies(across)
    found = []
    for one in across.straddlers:
        since = across.moved(one)
        if not since:
            continue
        if one.kind == "milestone" and one.day < since[:10]:
            old = across.stays(one, policy.stays, cut)
            found.append(Judged(document=one, wrong=_elsewhere(one, across.source if old else across.target)))
        elif one.kind == "billing_event":
            before = [m for m in one.milestones if across.authority.get(("milestone", m)) == across.source]
            if not before:
                continue
            lost = [m for m in before if copies is not None and (one.authority, "milestone", m) not in copies]
            wrong = _elsewhere(one, across.target)
            if lost and one.authority:
                wrong = wrong or f"{one.authority} bills {lost[0]}, which it does not have"
            went = f"recorded in {across.source}, billed by {one.authority or WAITS}"
            found.append(Judged(document=one, wrong=wrong, went=went))
    return found


def closed_period(across: Across, policy: Straddling) -> list[Judged]:
    """Documents of a period that was closed when they came, after the switch."""
    found = []
    for one in across.straddlers:
        if one.redated is None or not across.moved(one):
            continue
        came, given, stood = one.redated
        wrong = ""
        if policy.closed_period != "next_period":
            wrong = f"it was moved from {came} to {given}, the plan says {policy.closed_period}"
        elif given <= came or one.accounting_date < given:
            wrong = f"it is dated {one.accounting_date} in a period that is {stood}, it should be {given}"
        found.append(Judged(document=one, wrong=wrong))
    return found


def intercompany(across: Across, policy: Straddling) -> list[Judged]:
    """Charges whose two legs stand in two ERPs."""
    del policy
    legs = {one.document_id: one for one in across.straddlers if one.counterparty}
    found = []
    for name, first in legs.items():
        stem, _, side = name.rpartition(".")
        second = legs.get(f"{stem}.to")
        if side != "from" or second is None or not {first.authority, second.authority} - {""}:
            continue
        if first.authority == second.authority:
            continue
        for one, other in ((first, second), (second, first)):
            lives = across.authority.get(one.refers_to, "") if one.refers_to else ""
            wrong = _elsewhere(one, lives or across.home(one))
            if not wrong and one.state == "posted" and other.state != "posted":
                wrong = f"its other leg {other.transaction_id} is {other.state}"
            if not wrong and (one.currency, one.amount_minor) != (other.currency, other.amount_minor):
                wrong = f"its other leg {other.transaction_id} has another amount"
            found.append(Judged(document=one, wrong=wrong))
    return found


def half_moved(across: Across, policy: Straddling) -> dict[str, Any]:
    """Projects with work in both ERPs: who has what, who bills it, and whether any of it is billed by nobody."""
    by_project: dict[str, list[Any]] = {}
    for half in across.halves:
        by_project.setdefault(half.project_id, []).append(half)
    split = {
        name: rows
        for name, rows in sorted(by_project.items())
        if {across.source, across.target} <= {row.authority for row in rows}
    }
    bills = [
        one
        for one in across.straddlers
        if one.kind == "billing_event" and one.project_id in split and across.moved(one)
    ]
    violations: list[dict[str, str | None]] = [
        {"transaction_id": one.transaction_id, "why": wrong}
        for one in bills
        if (wrong := _elsewhere(one, across.target))
    ]
    moved = {
        half.project_id
        for half in across.halves
        if across.stage_at(half.legal_entity, "", "billing_event", LAST)[0] in NEW
    }
    violations += [{"transaction_id": None, "why": said} for said in _billing(across, moved)]
    rows = [row for rows in split.values() for row in rows]
    where: dict[str, int] = {}
    for row in rows:
        where[row.authority] = where.get(row.authority, 0) + row.count
    return {
        **_shown("half_moved", policy, violations),
        "count": len(split),
        "money": money([(row.currency, row.minor) for row in rows]),
        "where": [{"went": f"work in {name}", "count": count} for name, count in sorted(where.items())]
        + _went([f"billing request in {one.authority or WAITS}" for one in bills]),
        "examples": [
            {
                "transaction_id": None,
                "text": f"project {name}: "
                + ", ".join(f"{row.count} pieces of work in {row.authority}" for row in rows),
                "trace": "",
            }
            for name, rows in list(split.items())[:EXAMPLES]
        ],
    }


def _billing(across: Across, moved: AbstractSet[str]) -> Iterable[str]:
    """Work of projects that have moved, wholly or by half, that two ERPs billed or none can bill any more."""
    if across.work is None:
        return
    by_document: dict[tuple[str, str], dict[str, str]] = {}
    worth: dict[tuple[str, str], None] = {}
    for row in across.work:
        if across.projects.get((row.kind, row.document_id)) in moved:
            by_document.setdefault((row.kind, row.document_id), {})[row.system] = row.billed_by
            if row.worth:
                worth[(row.kind, row.document_id)] = None
    for key, systems in sorted(by_document.items()):
        # Documents an ERP makes of a billing request carry the request's id there.
        billed = [
            name
            for name, by in sorted(systems.items())
            if by
            and name in (across.authority.get(("billing_event", by)), across.authority.get(("invoice", by)))
        ]
        if len(billed) > 1:
            yield f"{key[0]} {key[1]} is billed in {' and '.join(billed)}"
        if not billed and key in worth and across.target not in systems:
            yield f"{key[0]} {key[1]} stands in {across.source} alone, unbilled: nobody will bill it"


CASES: Mapping[str, Callable[[Across, Straddling], list[Judged]]] = {
    "back_dated": back_dated,
    "followers": followers,
    "milestones": milestones,
    "closed_period": closed_period,
    "intercompany": intercompany,
    "reopened": reopened,
}
TITLES: Mapping[str, str] = {
    "back_dated": "Time and expenses of the old days, approved after the switch",
    "followers": "Payments, credit memos, write-offs and re-bills of invoices that stayed behind",
    "half_moved": "Projects half moved",
    "milestones": "Milestones billed across the switch",
    "closed_period": "Documents of a closed period",
    "intercompany": "Intercompany with one entity on each side",
    "reopened": "Timesheets re-opened: posted before, corrected after",
}


def straddlers(across: Across, policy: Straddling) -> dict[str, Any]:
    """Every case as the report's key `straddlers`."""
    cases = [_case(name, find(across, policy), policy) for name, find in CASES.items()]
    cases.insert(2, half_moved(across, policy))
    return {"cases": cases, "violations": sum(case["violated"] for case in cases)}


def reasons(found: Mapping[str, Any]) -> list[str]:
    """Why the cutover is no-go; empty when every document went where the plan says."""
    return [
        f"{case['violated']} documents across the switch went elsewhere than the plan says: {case['title'].lower()}"
        for case in found["cases"]
        if case["violated"]
    ]


def words(name: str, policy: Straddling) -> str:
    """The policy of a case as one would say it."""
    cut = policy.cut_date.isoformat() if policy.cut_date else ""
    billed = "the new ERP has a copy and bills it"
    said = {
        "back_dated": "go to the new ERP, whatever their date"
        if policy.back_dated == "new_erp"
        else f"dated before {cut} go to the old ERP until it is retired, the others to the new one; {billed}",
        "followers": "go where the invoice is that they refer to",
        "half_moved": "each ERP keeps the work it was given; after the switch the new ERP bills what is unbilled,"
        " from its copies of the old days' work, and no work is billed twice",
        "milestones": "are recorded and billed in the new ERP"
        if policy.milestones == "new_erp"
        else f"reached before {cut} are recorded in the old ERP until it is retired; {billed}",
        "closed_period": {
            "next_period": "are dated the first day that takes them",
            "refuse": "are refused",
            "wait": "wait for a person",
        }[policy.closed_period],
        "intercompany": "each leg goes to its own entity's ERP, and the two are matched across",
        "reopened": "go to the ERP that holds what they correct",
    }
    return said[name]


def _case(name: str, judged: Sequence[Judged], policy: Straddling) -> dict[str, Any]:
    violations = [
        {"transaction_id": one.document.transaction_id, "why": one.wrong} for one in judged if one.wrong
    ]
    return {
        **_shown(name, policy, violations),
        "count": len(judged),
        "money": money([(one.document.currency, one.document.amount_minor) for one in judged]),
        "where": _went([one.went or one.document.authority or WAITS for one in judged]),
        "examples": [_example(one.document) for one in judged[:EXAMPLES]],
    }


def _shown(name: str, policy: Straddling, violations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "case": name,
        "title": TITLES[name],
        "policy": words(name, policy),
        "obeyed": not violations,
        "violated": len(violations),
        "violations": list(violations[:SHOWN]),
    }


def _example(one: Straddler) -> dict[str, Any]:
    about = f"of {one.day}, " if one.day != one.accounting_date else ""
    return {
        "transaction_id": one.transaction_id,
        "text": f"{one.kind} {one.document_id} of {one.legal_entity}, {about}dated {one.accounting_date}, decided"
        f" {one.decided_at[:16]}Z by {one.rule}: {one.authority or WAITS}",
        "trace": f"coexist trace {one.transaction_id}",
    }


def _elsewhere(one: Straddler, expected: str) -> str:
    """What is wrong with its authority; a person's pin is a decision of its own, and what waits went nowhere yet."""
    if not one.authority or one.rule == "pin" or one.authority == expected:
        return ""
    return f"{one.kind} {one.document_id} went to {one.authority}, it belongs to {expected}"


def _copies(across: Across) -> frozenset[tuple[str, str, str]] | None:
    if across.work is None:
        return None
    return frozenset((row.system, row.kind, row.document_id) for row in across.work)


def _went(names: Sequence[str]) -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return [{"went": name, "count": count} for name, count in sorted(counts.items())]
