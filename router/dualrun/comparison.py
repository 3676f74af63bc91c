"""The outcome of a live comparison, for gates and reports: four levels, breaks, walks, what was hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from router.canonical.money import Money, exponent
from router.connectors.port import Record
from router.dualrun.breaks import Break
from router.dualrun.clusters import Cluster
from router.dualrun.kind_comparison import KindResult
from router.dualrun.noise import LOUD
from router.dualrun.reading_back import PeriodOf, identity
from router.dualrun.results import Hidden
from router.model import SystemId

Group = tuple[str, str, str]
"""Legal entity, currency, period."""
LEVEL_CLASSES = ("missing", "duplicate", "amount", "status", "dimension", "date", "text", "currency")


class KindCluster(NamedTuple):
    """A cluster of the breaks of one kind.

    Money is never added across kinds: what a time entry is worth stands in its invoice once more.
    """

    kind: str
    cluster: Cluster

    def to_json(self) -> dict[str, Any]:
        """As the cluster, with the kind before it."""
        found = self.cluster.to_json()
        return {"kind": self.kind, **found, "sentence": f"{self.kind.replace('_', ' ')}: {found['sentence']}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison found. Money in minor units by currency."""

    run_id: str
    legacy: SystemId
    cloud: SystemId
    entities: tuple[str, ...]
    consistency: Mapping[str, Any]
    """The consistency point: `state` quiescent or unfenced, `position`, `sentence`, when each side was read."""
    compared: int
    """Documents that stand on both sides."""
    pending: int
    """Deliveries on their way to either ERP; what differs of their documents is not judged yet."""
    held_back: int = 0
    """Differences of documents that are pending."""
    settled_in_grace: int = 0
    """Documents that differed at first and agreed when the grace period had passed."""
    read_again: int = 0
    levels: tuple[Mapping[str, Any], ...] = ()
    walks: tuple[Mapping[str, Any], ...] = ()
    hidden: tuple[Mapping[str, Any], ...] = ()
    breaks: tuple[Break, ...] = ()
    clusters: tuple[KindCluster, ...] = ()
    habits: tuple[Mapping[str, Any], ...] = ()
    """How each ERP reckons, learned from its own documents, with the evidence; an ERP without any has none."""
    examples: tuple[Mapping[str, Any], ...] = ()
    """One pair of each cluster, for the drill-down."""
    money: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Per currency: legacy_minor, cloud_minor, variance_minor of invoices that both ERPs hold."""
    untied_documents: tuple[str, ...] = ()
    """Documents whose lines do not sum to their net, or whose net and tax do not sum to their total."""
    untied_walks: tuple[str, ...] = ()
    """Control totals that can't be walked from one ERP to the other: an error of the run itself (I7)."""
    policy_hash: str = ""
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Pairs compared by kind and level: what the rates of noise are rates of."""
    noise: Mapping[str, Any] | None = None
    """What control runs knew of the fields that differ; None where none was made."""

    @property
    def untied(self) -> int:
        """Everything that does not tie."""
        return len(self.untied_documents) + len(self.untied_walks)

    @property
    def missing(self) -> int:
        """Documents that stand in one ERP only, or more than once in one."""
        return sum(
            row.what.startswith(("missing_", "duplicate_")) for row in self.breaks if row.level == "document"
        )

    @property
    def unexplained(self) -> int:
        """Breaks without a cause. Noise explains no amount away: there it counts as none."""
        return sum(row.cause == "unexplained" or row.code == LOUD for row in self.breaks)

    @property
    def expired(self) -> int:
        """Differences that a rule of the policy hid after its last day."""
        return sum(int(row["pairs"]) for row in self.hidden if row["expired"])

    def by_cause(self) -> list[dict[str, Any]]:
        """Breaks by class, cause, entity and currency; money counts once a document, by its total."""
        groups: dict[tuple[str, str, str, str, str, str], list[int]] = {}
        for row in self.breaks:
            key = (row.kind, row.level, row.what, row.cause, row.legal_entity, row.currency)
            group = groups.setdefault(key, [0, 0])
            group[0] += 1
            if row.counted and row.currency:
                group[1] += row.delta_minor or 0
        names = ("kind", "level", "class", "cause", "legal_entity", "currency")
        return [
            {
                **dict(zip(names, key, strict=True)),
                "breaks": count,
                "delta": _text(minor, key[-1]) if key[-1] else None,
            }
            for key, (count, minor) in sorted(groups.items())
        ]

    def by_field(self) -> list[dict[str, Any]]:
        """Breaks by entity and field: where to look. A field's deltas are its own and are not added to others'."""
        groups: dict[tuple[str, str, str, str, str, str], list[int]] = {}
        for row in self.breaks:
            key = (row.legal_entity, row.kind, row.level, row.column, row.what, row.currency)
            group = groups.setdefault(key, [0, 0])
            group[0] += 1
            group[1] += row.delta_minor or 0
        names = ("legal_entity", "kind", "level", "column", "class", "currency")
        return [
            {
                **dict(zip(names, key, strict=True)),
                "breaks": count,
                "delta": _text(minor, key[-1]) if key[-1] else None,
            }
            for key, (count, minor) in sorted(groups.items())
        ]

    def to_json(self) -> dict[str, Any]:
        """The comparison without its single breaks, which are stored in the journal."""
        return {
            "run_id": self.run_id,
            "legacy": self.legacy,
            "cloud": self.cloud,
            "entities": list(self.entities),
            "policy_hash": self.policy_hash,
            "consistency": dict(self.consistency),
            "compared": self.compared,
            "pending": self.pending,
            "held_back": self.held_back,
            "settled_in_grace": self.settled_in_grace,
            "read_again": self.read_again,
            "breaks": len(self.breaks),
            "missing": self.missing,
            "unexplained": self.unexplained,
            "untied": self.untied,
            "untied_documents": list(self.untied_documents),
            "untied_walks": list(self.untied_walks),
            "levels": [dict(row) for row in self.levels],
            "walk": [dict(row) for row in self.walks],
            "causes": self.by_cause(),
            "fields": self.by_field(),
            "clusters": [cluster.to_json() for cluster in self.clusters],
            "habits": [dict(row) for row in self.habits],
            "examples": [dict(row) for row in self.examples],
            "hidden_by_expired": self.expired,
            "hidden": [dict(row) for row in self.hidden],
            "money": {
                currency: {
                    name.removesuffix("_minor"): _text(minor, currency) for name, minor in sorted(row.items())
                }
                for currency, row in sorted(self.money.items())
            },
            **({} if self.noise is None else {"noise": dict(self.noise)}),
        }


def levels_of(result: KindResult, breaks: Sequence[Break], period: PeriodOf) -> list[dict[str, Any]]:
    """Count, money, status and dimensions of one kind, per entity, currency and period.

    Summed from the records themselves, not from the engine's tables, so that neither can hide the other's slip.
    """
    sums: dict[Group, dict[str, list[int]]] = {}
    for at, records in enumerate((result.legacy, result.cloud)):
        for row in records:
            key = (row.legal_entity, row.currency, period(row.legal_entity, row.accounting_date))
            group = sums.setdefault(key, {"count": [0, 0], "money": [0, 0], "minutes": [0, 0]})
            group["count"][at] += 1
            group["money"][at] += _worth(row)
            group["minutes"][at] += row.minutes or 0
    where = _where(result, period)
    classes: dict[Group, dict[str, int]] = {}
    for found in breaks:
        if found.level == "document":
            key = where.get("|".join(found.key.values()), (found.legal_entity, found.currency, found.period))
            group_classes = classes.setdefault(key, {})
            name = found.what.split("_", 1)[0]
            group_classes[name] = group_classes.get(name, 0) + 1
            sums.setdefault(key, {"count": [0, 0], "money": [0, 0], "minutes": [0, 0]})
    return [
        {
            "kind": result.kind,
            "legal_entity": entity,
            "currency": currency,
            "period": named,
            "count": _sides(group["count"]),
            "money": {
                side: _text(minor, currency) if currency else None
                for side, minor in _sides(group["money"]).items()
            },
            "minutes": _sides(group["minutes"]),
            **{
                f"{name}_breaks": classes.get((entity, currency, named), {}).get(name, 0)
                for name in LEVEL_CLASSES
            },
        }
        for (entity, currency, named), group in sorted(sums.items())
    ]


def _where(result: KindResult, period: PeriodOf) -> dict[str, tuple[str, str, str]]:
    """Where a document is counted: as the legacy ERP has it, or the cloud where it has it alone."""
    return {
        identity(row): (row.legal_entity, row.currency, period(row.legal_entity, row.accounting_date))
        for row in (*result.cloud, *result.legacy)
    }


def ranked(clusters: Sequence[KindCluster]) -> tuple[KindCluster, ...]:
    """Clusters of all kinds, most money first; what nobody can explain before everything."""

    def weight(one: KindCluster) -> tuple[bool, Fraction, int]:
        places = exponent(one.cluster.currency) if one.cluster.currency else 0
        return (
            one.cluster.cause != "unexplained",
            -Fraction(one.cluster.absolute_minor, 10**places),
            -one.cluster.breaks,
        )

    return tuple(sorted(clusters, key=weight))


def walks_of(result: KindResult) -> list[dict[str, Any]]:
    """The control totals of documents and of their lines, each with its walk."""
    return [
        {"kind": result.kind, "level": level, **total.to_json()}
        for level, table in (("document", result.headers), ("line", result.lines))
        for total in (table.totals if table else ())
    ]


def hidden_of(result: KindResult) -> list[dict[str, Any]]:
    """What the policy kept from being a break, and what it could have but did not."""
    return [
        {"kind": result.kind, "level": level, **_hidden(row)}
        for level, table in (("document", result.headers), ("line", result.lines))
        for row in (table.hidden if table else ())
    ]


def invoice_money(old: Sequence[Record], new: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Invoice totals of the keys that both ERPs hold; the variance is the sum of absolute differences."""
    left = {row.external_id: row for row in old if row.external_id}
    right = {row.external_id: row for row in new if row.external_id}
    found: dict[str, dict[str, int]] = {}
    for key in sorted(left.keys() & right.keys()):
        if left[key].currency != right[key].currency:
            continue
        a, b = left[key].total_minor or 0, right[key].total_minor or 0
        row = found.setdefault(left[key].currency, {"legacy_minor": 0, "cloud_minor": 0, "variance_minor": 0})
        row["legacy_minor"] += a
        row["cloud_minor"] += b
        row["variance_minor"] += abs(b - a)
    return found


def _hidden(row: Hidden) -> dict[str, Any]:
    return {
        "column": row.column,
        "why": row.why,
        "pairs": row.pairs,
        "money": {currency: _text(minor, currency) for currency, minor in sorted(row.money.items())},
        "reason": row.reason,
        "owner": row.owner,
        "approved_by": row.approved_by,
        "expires": row.expires,
        "expired": row.expired,
        "used": row.used,
    }


def _worth(row: Record) -> int:
    found = row.total_minor if row.total_minor is not None else row.net_minor
    return found or 0


def _sides(pair: Sequence[int]) -> dict[str, int]:
    return {"legacy": pair[0], "cloud": pair[1]}


def _text(minor: int, currency: str) -> str:
    return str(Money(minor, currency))
