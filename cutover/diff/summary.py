"""Puts `summary.json` together: the verdict, four levels, totals, breaks, clusters, what was hidden. Pure.

Everything else that is written is a function of this and of `breaks.jsonl`. It holds no time of its own:
same inputs, policy and day, same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cutover.diff.tally import LEVELS, Tally
from cutover.report.wording import number, plural, words
from router.canonical.money import Money
from router.dualrun.clusters import Cluster
from router.dualrun.policy import SIDES, ColumnType, Policy, Role, Side
from router.dualrun.results import ControlTotal, Counts, Hidden

UNFENCED = "unfenced: nobody stated that both extracts were taken at one point; what moved in between shows as breaks"
COLUMN_TYPES: Mapping[str, tuple[ColumnType, ...]] = {
    "money": ("money", "count", "decimal"),
    "status": ("status",),
    "dimension": ("dimension",),
    "text and date": ("text", "date"),
}
MAIN: tuple[Role, ...] = ("total", "net")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file that went in."""

    name: str
    sha256: str
    rows: int | None = None
    columns: tuple[str, ...] = ()
    read_as: str = ""

    def to_json(self) -> Row:
        """As `summary.json` shows it."""
        return {
            "name": self.name, "sha256": self.sha256, "rows": self.rows, "columns": list(self.columns),
            "read_as": self.read_as,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a comparison found, but for the breaks themselves."""

    policy: Policy
    policy_name: str
    as_of: date
    inputs: Mapping[str, Input]
    counts: Counts
    totals: Sequence[ControlTotal]
    hidden: Sequence[Hidden]
    not_compared: Mapping[Side, Sequence[str]]
    tally: Tally
    clusters: Sequence[Cluster]
    consistency_point: str = ""
    run_id: str = ""
    command: str = ""
    lifecycle: Row | None = None
    """Counts by state, and the acceptances with their use; None where nothing is known of an earlier run."""
    noise: Row | None = None


def run_id_of(policy: Policy, inputs: Iterable[Input]) -> str:
    """The name of a run of these inputs under this policy, the same whenever it is run."""
    facts = "\n".join([policy.fingerprint, *(one.sha256 for one in inputs)])
    return "diff-" + hashlib.sha256(facts.encode()).hexdigest()[:16]


def summarise(facts: Facts) -> Row:
    """The object of `summary.json`."""
    total = facts.tally.total
    tied = all(one.ties for one in facts.totals)
    open_ = total.breaks - total.accepted
    # Noise that bears no money is listed, counted and open, but is no reason to fail.
    fails, calm = open_ > total.noise, "noise" if open_ else "accepted" if total.breaks else "agree"
    fails = fails or bool(moved_unseen(facts))
    verdict = "does not tie" if not tied else "differ" if fails else calm
    return {
        "verdict": verdict,
        "says": _says(verdict, facts),
        "run_id": facts.run_id or run_id_of(facts.policy, facts.inputs.values()),
        "seed": None,
        "as_of": facts.as_of.isoformat(),
        "policy": {
            "name": facts.policy_name, "hash": facts.policy.fingerprint, "key": list(facts.policy.key),
            "document": list(facts.policy.document), "columns": len(facts.policy.columns),
            "expired_ignores": facts.policy.expired(facts.as_of),
        },
        "inputs": {name: one.to_json() for name, one in facts.inputs.items()},
        "consistency": f"stated: {facts.consistency_point}" if facts.consistency_point else UNFENCED,
        "levels": _levels(facts),
        "control_totals": [one.to_json() for one in facts.totals],
        "totals_tie": tied,
        "by_currency": _by_currency(facts),
        "breaks": {
            "total": total.breaks,
            "open": open_,
            "accepted": total.accepted,
            "noise": total.noise,
            "money": total.to_json()["money"],
            "by_class": facts.tally.ranked("class", ["class"]),
            "by_column": facts.tally.ranked("column", ["column", "class"]),
            "by_cause": _by_cause(facts.tally),
            "by_entity": facts.tally.ranked("entity", ["legal_entity"]),
            "by_currency": facts.tally.ranked("currency", ["currency"]),
            "by_state": facts.tally.ranked("state", ["state"]),
        },
        "clusters": [_cluster(one, facts.tally) for one in facts.clusters],
        "hidden": [_hidden(one) for one in facts.hidden],
        "not_compared": {side: list(facts.not_compared.get(side, ())) for side in SIDES},
        "lifecycle": facts.lifecycle,
        "noise": facts.noise,
        "truncated": False,
        "reproduce": facts.command,
    }  # fmt: skip


def _says(verdict: str, facts: Facts) -> str:
    total, counts = facts.tally.total, facts.counts
    read = f"{number(counts.legacy_rows)} legacy and {number(counts.cloud_rows)} cloud rows"
    money = ", ".join(
        f"{_grouped(minor, currency)} {currency}"
        for currency, minor in sorted(total.absolute.items())
        if minor
    )
    breaks = plural(total.breaks, "break") + (f" over {money}" if money else "")
    causes = facts.tally.group("cause", "unexplained").breaks
    explained = "every one with a cause" if not causes else f"{number(causes)} of them without a cause"
    match verdict:
        case "agree":
            hid = sum(one.pairs for one in facts.hidden)
            allowed = f"; what the policy allows hid {plural(hid, 'difference')}" if hid else ""
            return f"{read} say the same{allowed}."
        case "accepted":
            return f"{read}: {breaks}, all of them accepted and none of them gone from the totals."
        case "noise":
            accepted = f", {number(total.accepted)} accepted" if total.accepted else ""
            return (
                f"{read}: {breaks}{accepted}; {number(total.noise)} in fields that differ in the legacy ERP "
                "itself and bear no money."
            )
        case "differ":
            accepted = f"; {number(total.accepted)} accepted" if total.accepted else ""
            accepted += f"; {number(total.noise)} noise" if total.noise else ""
            return f"{read}: {breaks}, {explained}{accepted}.{_moved_says(facts)}"
        case _:
            untied = sum(not one.ties for one in facts.totals)
            return (
                f"{plural(untied, 'control total')} can't be walked from legacy to cloud by what was found: "
                f"nobody should sign this. {read}: {breaks}."
            )


def moved_unseen(facts: Facts) -> list[ControlTotal]:
    """Control totals that money left for another group by a column that is not compared, so that no break says so."""
    compared = _compared(facts.policy)
    return [one for one in facts.totals if one.moved_minor and not compared.issuperset(one.by)]


def _compared(policy: Policy) -> set[str]:
    """The columns in which a pair can't differ in silence: compared, part of the key, or a currency."""
    return {*policy.columns, *policy.key, *(one.currency_column for one in policy.columns.values())}


def _moved_says(facts: Facts) -> str:
    moved = moved_unseen(facts)
    if not moved:
        return ""
    compared = _compared(facts.policy)
    names = dict.fromkeys(name for one in moved for name in one.by if name not in compared)
    return (
        f" {plural(len(moved), 'control total')} lost or gained money by rows that stand in another group: "
        f"put {', '.join(names)} under columns to see which."
    )


def _by_currency(facts: Facts) -> list[Row]:
    """The main amount's totals in each currency, and the money of breaks with and without a cause.

    The main amount is the policy's total, else its net, else the first money column: what a missing row
    is worth. Each row stands in one group of the first grouping, so its groups add up to the whole.
    """
    if not facts.totals:
        return []
    columns = list(dict.fromkeys(one.column for one in facts.totals))
    main = next((name for role in MAIN if (name := facts.policy.role(role)) in columns), columns[0])
    groups = tuple(next(one for one in facts.totals if one.column == main).by)
    rows: dict[str, list[ControlTotal]] = {}
    for one in facts.totals:
        if one.column == main and tuple(one.by) == groups:
            rows.setdefault(one.currency, []).append(one)
    unexplained = facts.tally.group("cause", "unexplained")
    told = []
    for currency, totals in sorted(rows.items()):
        legacy, cloud = sum(one.legacy_minor for one in totals), sum(one.cloud_minor for one in totals)
        without = unexplained.absolute.get(currency, 0)
        amounts = {
            "legacy": legacy,
            "cloud": cloud,
            "difference": cloud - legacy,
            "explained": facts.tally.total.absolute.get(currency, 0) - without,
            "unexplained": without,
        }
        told.append(
            {"column": main, "currency": currency}
            | {name: str(Money(minor, currency)) for name, minor in amounts.items()}
            | {"ties": all(one.ties for one in totals)}
        )
    return told


def _grouped(minor: int, currency: str) -> str:
    whole, dot, part = str(Money(minor, currency)).partition(".")
    return f"{int(whole):,}{dot}{part}"


def _levels(facts: Facts) -> Row:
    """The four levels, always all four, and below them texts and dates."""
    counts, totals = facts.counts, facts.totals
    columns = facts.policy.columns
    entities = _entities(facts)
    rows: Row = {}
    for level in LEVELS:
        compared = [
            name
            for name, column in columns.items()
            if column.type in COLUMN_TYPES.get(level, ()) and not column.ignore
        ]
        groups = [facts.tally.group("level", level, entity) for entity in entities]
        breaks = sum(group.breaks for group in groups)
        rows[level] = {
            "agrees": not breaks,
            "breaks": breaks,
            "says": "",
            "columns": compared,
            "entities": [
                {
                    "legal_entity": entity,
                    "breaks": group.breaks,
                    "accepted": group.accepted,
                    "noise": group.noise,
                }
                for entity, group in zip(entities, groups, strict=True)
            ],
        }
    rows["count"] |= {
        "rows": {"legacy": counts.legacy_rows, "cloud": counts.cloud_rows},
        "pairs": {
            "all": counts.pairs, "by_key": counts.by_key, "by_crosswalk": counts.by_crosswalk,
            "by_fallback": counts.by_fallback, "split": counts.split, "merged": counts.merged,
            "differing": counts.differing,
        },
    }  # fmt: skip
    rows["count"]["says"] = (
        f"{number(counts.legacy_rows)} legacy rows, {number(counts.cloud_rows)} cloud rows, "
        f"{number(counts.pairs)} paired ({_pairing(counts)})"
    )
    rows["money"]["says"] = _money_says(totals, rows["money"]["columns"])
    for level in ("status", "dimension", "text and date"):
        names = rows[level]["columns"]
        rows[level]["says"] = (
            f"{plural(len(names), 'column')} compared: {', '.join(names)}"
            if names
            else "no such column in the policy"
        )
    return rows


def _money_says(totals: Sequence[ControlTotal], compared: Sequence[str]) -> str:
    if not totals:
        return f"{plural(len(compared), 'column')} compared, none of money"
    equal = sum(one.legacy_minor == one.cloud_minor for one in totals)
    tie = sum(one.ties for one in totals)
    return (
        f"{number(equal)} of {plural(len(totals), 'control total')} equal to the minor unit, "
        f"{number(tie)} walked from legacy to cloud by what was found"
    )


def _pairing(counts: Counts) -> str:
    ways = [
        (counts.by_key, "by key"), (counts.by_crosswalk, "by crosswalk"), (counts.by_fallback, "by the fallback rule"),
        (counts.split, "of them split"), (counts.merged, "of them merged"),
    ]  # fmt: skip
    return ", ".join(f"{number(count)} {way}" for count, way in ways if count) or "none"


def _entities(facts: Facts) -> list[str]:
    """Legal entities of the totals and of the breaks; one nameless entity where there are none."""
    column = facts.policy.role("legal_entity")
    found = {one.by[column] for one in facts.totals if column is not None and column in one.by}
    return sorted(found.union(facts.tally.entities())) or [""]


def _by_cause(tally: Tally) -> list[Row]:
    """By cause, most money of any one currency first; what nobody could explain comes first of all."""
    rows = tally.ranked("cause", ["cause"])
    for row in rows:
        row["says"] = words(row["cause"])
    return sorted(rows, key=lambda row: (row["cause"] != "unexplained", -row["breaks"], row["cause"]))


def _cluster(one: Cluster, tally: Tally) -> Row:
    group = tally.group("cluster", one.cause, one.code, one.legal_entity)
    return {**one.to_json(), "accepted": group.breaks > 0 and group.breaks == group.accepted}


def _hidden(one: Hidden) -> Row:
    state = "expired" if one.expired else "used" if one.used else "unused"
    return {
        "column": one.column,
        "why": one.why,
        "pairs": one.pairs,
        "money": {currency: str(Money(minor, currency)) for currency, minor in sorted(one.money.items())},
        "reason": one.reason,
        "owner": one.owner,
        "approved_by": one.approved_by,
        "expires": one.expires,
        "state": state,
    }
