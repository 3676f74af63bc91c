"""Runs a comparison: reads both ERPs back, compares, explains, stores every break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.canonical.money import Money
from router.connectors.port import Connector, Record
from router.dualrun.compare import Difference, Sheets, Total
from router.dualrun.decisions import cause, evidence_of
from router.dualrun.policy import DualRunPolicy
from router.errors import Broken
from router.journal.journal import Journal
from router.model import State, SystemId

PENDING = (State.QUEUED.value, State.IN_FLIGHT.value, State.IN_DOUBT.value, State.HELD.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The outcome of one comparison, for gates and reports. Money in minor units by currency."""

    run_id: str
    legacy: SystemId
    cloud: SystemId
    entities: tuple[str, ...]
    consistency: str
    """`quiescent` when nothing was under way for these entities, else `unfenced`."""
    compared: int
    pending: int
    totals: tuple[Total, ...] = ()
    breaks: tuple[Mapping[str, Any], ...] = ()
    money: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Per currency: legacy_minor, cloud_minor, variance_minor of invoices that both ERPs hold."""
    untied: int = 0

    @property
    def missing(self) -> int:
        """Documents that stand in one ERP only, or more than once in one."""
        return sum(row["class"].startswith(("missing_", "duplicate_")) for row in self.breaks)

    @property
    def unexplained(self) -> int:
        """Breaks without a cause."""
        return sum(row["cause"] == "unexplained" for row in self.breaks)

    def by_cause(self) -> list[dict[str, Any]]:
        """Breaks counted by class, cause, entity and currency; money as the sum of deltas of totals."""
        groups: dict[tuple[str, str, str, str, str], list[int]] = {}
        for row in self.breaks:
            key = (row["kind"], row["class"], row["cause"], row["legal_entity"], row["currency"])
            group = groups.setdefault(key, [0, 0])
            group[0] += 1
            if row["column"] in ("", "total") or (row["column"] == "net" and row["kind"] != "invoice"):
                # An invoice counts once, by its total: its net and tax are inside of it.
                group[1] += row["delta_minor"] or 0
        names = ("kind", "class", "cause", "legal_entity", "currency")
        return [
            {
                **dict(zip(names, key, strict=True)),
                "breaks": count,
                "delta": _text(minor, key[4]) if key[4] else None,
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
            "consistency": self.consistency,
            "compared": self.compared,
            "pending": self.pending,
            "breaks": len(self.breaks),
            "missing": self.missing,
            "unexplained": self.unexplained,
            "untied": self.untied,
            "levels": [_level(total, self.breaks) for total in self.totals],
            "causes": self.by_cause(),
            "money": {
                currency: {
                    name.removesuffix("_minor"): _text(minor, currency) for name, minor in sorted(row.items())
                }
                for currency, row in sorted(self.money.items())
            },
        }


class DualRun:
    """Compares what two ERPs hold."""

    def __init__(
        self, *, journal: Journal, connectors: Mapping[SystemId, Connector], policy: DualRunPolicy
    ) -> None:
        self._journal = journal
        self._connectors = connectors
        self._policy = policy

    async def compare(
        self,
        *,
        run_id: str,
        legacy: SystemId,
        cloud: SystemId,
        entities: Sequence[str],
        since: str,
        until: str,
    ) -> Comparison:
        """Compare all kinds of the policy for some entities and accounting dates in [since, until)."""
        old = await self._read(legacy, entities, since, until)
        new = await self._read(cloud, entities, since, until)
        shadow = await self._journal.shadow_states(target=cloud, entities=entities)
        under_way = sum(state in PENDING for state, _ in shadow.values())
        sheets = Sheets(old, new)
        try:
            differences = [row for row in sheets.differences(self._policy) if not _is_pending(row, shadow)]
            totals, pairs = tuple(sheets.totals()), sheets.pairs()
        finally:
            sheets.close()
        evidence = evidence_of(old, new, differences, shadow)
        breaks = tuple(_break(row, *cause(row, evidence)) for row in differences)
        await self._journal.store_breaks(run_id, breaks)
        return Comparison(
            run_id=run_id,
            legacy=legacy,
            cloud=cloud,
            entities=tuple(entities),
            consistency="quiescent" if under_way == 0 else "unfenced",
            compared=pairs,
            pending=under_way,
            totals=totals,
            breaks=breaks,
            money=_money(old, new),
            untied=_untied(old) + _untied(new),
        )

    async def _read(self, system: SystemId, entities: Sequence[str], since: str, until: str) -> list[Record]:
        connector = self._connectors.get(system)
        if connector is None:
            raise Broken(f"there is no connector for {system}")
        records: list[Record] = []
        for kind in self._policy.kinds:
            records += await connector.read_back(kind, legal_entities=entities, since=since, until=until)
        return records


def _is_pending(row: Difference, shadow: Mapping[tuple[str, str], tuple[str, str]]) -> bool:
    # D8: a shadow delivery that is still under way is not a mismatch.
    kind = "billing_event" if row.kind == "invoice" else row.kind
    return row.what == "missing_in_cloud" and shadow.get((kind, row.key), ("", ""))[0] in PENDING


def _break(row: Difference, found: str, evidence: str) -> dict[str, Any]:
    money = row.column in ("net", "tax", "total") or row.what.startswith(("missing", "duplicate"))
    delta = row.delta if money else None
    return {
        "key": {"document_id": row.key},
        "kind": row.kind,
        "class": row.what,
        "column": row.column,
        "legacy": _shown(row.legacy, row),
        "cloud": _shown(row.cloud, row),
        "legal_entity": row.legal_entity,
        "project_id": row.project_id,
        "currency": row.currency,
        "delta": _text(delta, row.currency) if delta is not None and row.currency else None,
        "delta_minor": delta,
        "cause": found,
        "evidence": evidence,
    }


def _shown(value: str | None, row: Difference) -> str | None:
    if value is not None and row.column in ("net", "tax", "total") and row.currency:
        return _text(int(value), row.currency)
    return value


def _text(minor: int, currency: str) -> str:
    return str(Money(minor, currency))


def _money(old: Sequence[Record], new: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Invoice totals of the keys that both ERPs hold; the variance is the sum of absolute differences."""
    left = {row.external_id: row for row in old if row.kind == "invoice" and row.external_id}
    right = {row.external_id: row for row in new if row.kind == "invoice" and row.external_id}
    found: dict[str, dict[str, int]] = {}
    for key in sorted(left.keys() & right.keys()):
        a, b = left[key].total_minor or 0, right[key].total_minor or 0
        row = found.setdefault(left[key].currency, {"legacy_minor": 0, "cloud_minor": 0, "variance_minor": 0})
        row["legacy_minor"] += a
        row["cloud_minor"] += b
        row["variance_minor"] += abs(b - a)
    return found


def _untied(records: Sequence[Record]) -> int:
    """Documents whose lines do not sum to their net, or whose net and tax do not sum to their total."""
    count = 0
    for row in records:
        if row.lines and sum(int(line["net_minor"]) for line in row.lines) != row.net_minor:
            count += 1
        elif row.total_minor is not None and row.net_minor is not None and row.tax_minor is not None:
            count += row.net_minor + row.tax_minor != row.total_minor
    return count


def _level(total: Total, breaks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    mine = [row for row in breaks if row["kind"] == total.kind and row["legal_entity"] == total.legal_entity]
    currency = total.currency
    return {
        "kind": total.kind,
        "legal_entity": total.legal_entity,
        "currency": currency,
        "count": {"legacy": total.legacy_count, "cloud": total.cloud_count},
        "money": {
            "legacy": _text(total.legacy_minor, currency) if currency else None,
            "cloud": _text(total.cloud_minor, currency) if currency else None,
        },
        "minutes": {"legacy": total.legacy_minutes, "cloud": total.cloud_minutes},
        "status_breaks": sum(row["class"] == "status" for row in mine),
        "dimension_breaks": sum(row["class"] == "dimension" for row in mine),
    }
