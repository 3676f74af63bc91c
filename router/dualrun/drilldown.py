"""One pair of each cluster, whole, for a person to look into. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.canonical.money import Money
from router.connectors.port import Record
from router.dualrun.breaks import Break
from router.dualrun.comparison import KindCluster
from router.dualrun.kind_comparison import KindResult
from router.dualrun.reading_back import identity

EXAMPLES = 30
"""Clusters with an example pair; the largest first. All breaks are in the journal."""
LINES = 12
TEXT_MAX = 200
WORDS = (
    "number",
    "vendor_id",
    "status",
    "legal_entity",
    "accounting_date",
    "currency",
    "project_id",
    "customer_id",
)


def examples(clusters: Sequence[KindCluster], results: Mapping[str, KindResult]) -> Iterator[dict[str, Any]]:
    """The first break of each cluster with both ERPs' documents, as text; at most `EXAMPLES`."""
    by_key: dict[str, dict[str, tuple[list[Record], list[Record]]]] = {}
    for at, (_, cluster) in enumerate(clusters[:EXAMPLES]):
        if not cluster.examples:
            continue
        row = cluster.examples[0]
        result = results.get(row.kind)
        if result is None:
            continue
        if row.kind not in by_key:
            by_key[row.kind] = _by_key(result)
        old, new = by_key[row.kind].get(row.key["document_id"], ([], []))
        yield {
            "cluster": at,
            **_told(row),
            "legacy": [_shown(one) for one in old],
            "cloud": [_shown(one) for one in new],
        }


def _by_key(result: KindResult) -> dict[str, tuple[list[Record], list[Record]]]:
    found: dict[str, tuple[list[Record], list[Record]]] = {}
    for at, rows in enumerate((result.legacy, result.cloud)):
        for row in rows:
            found.setdefault(identity(row), ([], []))[at].append(row)
    return found


def _told(row: Break) -> dict[str, Any]:
    return {
        "identity": row.identity, "kind": row.kind, "level": row.level, "key": dict(row.key), "class": row.what,
        "column": row.column, "currency": row.currency, "delta": row.delta, "cause": row.cause, "code": row.code,
        "evidence": row.evidence[:1000],
    }  # fmt: skip


def _shown(row: Record) -> dict[str, Any]:
    """A document as text: its fields, and its first lines with how many there are."""
    fields = {name: str(getattr(row, name))[:TEXT_MAX] for name in WORDS if getattr(row, name)}
    for name in ("net", "tax", "total"):
        minor = getattr(row, f"{name}_minor")
        if minor is not None:
            fields[name] = _money(minor, row.currency)
    if row.minutes is not None:
        fields["minutes"] = str(row.minutes)
    fields |= {name: str(value)[:TEXT_MAX] for name, value in sorted(row.dimensions.items()) if value}
    lines = [_line(line, row.currency) for line in row.lines[:LINES]]
    return {"fields": fields, "lines": lines, "line_count": len(row.lines)}


def _line(line: Mapping[str, Any], currency: str) -> dict[str, str]:
    shown = {}
    for name, value in line.items():
        if name.endswith("_minor") and value is not None:
            shown[name.removesuffix("_minor")] = _money(int(value), currency)
        elif value not in (None, ""):
            shown[name] = str(value)[:TEXT_MAX]
    return shown


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency)) if currency else str(minor)
