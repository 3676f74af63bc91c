"""A break: one thing that differs between the two ERPs, with its cause; what `breaks.jsonl` holds.

A break has an identity that outlives a run: what differs (kind, class, column) and where (key), not by
how much. The same break found again is the same break, whatever its amount has become.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import orjson

from router.canonical.money import Money

BreakClass = Literal[
    "missing_in_cloud", "missing_in_legacy", "duplicate_in_legacy", "duplicate_in_cloud",
    "amount", "status", "dimension", "date", "text", "crosswalk", "currency", "intercompany", "cross_check",
]  # fmt: skip
"""`currency`: the two sides are in two currencies, so no amount can be subtracted."""
Cause = Literal[
    "rounding", "fx", "tax", "mapping", "timing", "period", "numbering", "missing_approval",
    "duplicate_posting", "ownership", "in_doubt", "refused", "noise", "data_entry", "formatting",
    "split", "crosswalk", "missing", "unmatched", "unexplained",
]  # fmt: skip
CAUSES: tuple[str, ...] = get_args(Cause)
PairedBy = Literal["key", "crosswalk", "fallback", ""]
Level = Literal["document", "line"]
LifeState = Literal["new", "recurring", "reopened", "accepted", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of a break's delta that one cause accounts for."""

    cause: str
    code: str
    delta_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why something differs: the cause, a stable finer code, and the evidence in one sentence."""

    cause: Cause
    code: str
    """Kebab-case, stable: `tax-per-line`, `hours-in-hundredths`, `half-up-half-even`, …; clusters go by it."""
    evidence: str
    parts: tuple[Part, ...] = ()
    """Where several causes make up one delta; sums to it. Empty: the cause accounts for all of it."""


UNEXPLAINED = Explanation(cause="unexplained", code="unexplained", evidence="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One column of one pair that differs, or a row that stands on one side only or too often."""

    key: Mapping[str, str]
    what: BreakClass
    """`class` on the wire."""
    column: str = ""
    kind: str = ""
    """The kind of document in a live dual run; empty in a comparison of extracts."""
    level: Level = "document"
    legacy: str | None = None
    """As a person reads it: money as a decimal string in the currency's own decimals."""
    cloud: str | None = None
    currency: str = ""
    delta_minor: int | None = None
    """Cloud minus legacy in minor units of `currency`; None where nothing can be subtracted."""
    legal_entity: str = ""
    project_id: str = ""
    customer_id: str = ""
    period: str = ""
    paired_by: PairedBy = ""
    legacy_rows: tuple[int, ...] = ()
    """Row numbers in the extract, the first record being 1; empty in a live dual run."""
    cloud_rows: tuple[int, ...] = ()
    cause: str = "unexplained"
    code: str = "unexplained"
    evidence: str = ""
    parts: tuple[Part, ...] = ()
    counted: bool = True
    """Whether its delta counts as money: of the columns of one pair only one does, total before net before
    tax, so that an invoice whose net, tax and total differ is not counted thrice."""
    state: LifeState = "new"
    first_seen: str = ""
    """When a run found it first, RFC 3339."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else a person needs, such as who accepted it."""

    @property
    def identity(self) -> str:
        """Sixteen hexadecimal digits, the same in every run that finds this break."""
        said = entry_of(self.what, self.legacy, self.cloud)
        return identity_of(self.kind, self.level, self.what, self.column, self.key, said)

    @property
    def delta(self) -> str | None:
        """`delta_minor` as a decimal string."""
        if self.delta_minor is None:
            return None
        return str(Money(self.delta_minor, self.currency)) if self.currency else str(self.delta_minor)

    def shares(self) -> tuple[Part, ...]:
        """The causes of the delta with what each accounts for: its parts, or the one cause with all of it."""
        return self.parts or (Part(cause=self.cause, code=self.code, delta_minor=self.delta_minor or 0),)

    def to_json(self) -> dict[str, Any]:
        """The object of `breaks.jsonl`."""
        return {
            "identity": self.identity,
            "key": dict(self.key),
            "kind": self.kind,
            "level": self.level,
            "class": self.what,
            "column": self.column,
            "legacy": self.legacy,
            "cloud": self.cloud,
            "currency": self.currency,
            "delta": self.delta,
            "delta_minor": self.delta_minor,
            "legal_entity": self.legal_entity,
            "project_id": self.project_id,
            "customer_id": self.customer_id,
            "period": self.period,
            "paired_by": self.paired_by,
            "legacy_rows": list(self.legacy_rows),
            "cloud_rows": list(self.cloud_rows),
            "cause": self.cause,
            "code": self.code,
            "evidence": self.evidence,
            "parts": [
                {"cause": part.cause, "code": part.code, "delta_minor": part.delta_minor}
                for part in self.parts
            ],
            "counted": self.counted,
            "state": self.state,
            "first_seen": self.first_seen,
            **({"facts": dict(self.facts)} if self.facts else {}),
        }


def entry_of(what: str, legacy: str | None, cloud: str | None) -> tuple[str, ...]:
    """What else names a break beside its key: of a crosswalk the entry, as one row may stand in several."""
    return (legacy or "", cloud or "") if what == "crosswalk" else ()


def identity_of(
    kind: str, level: str, what: str, column: str, key: Mapping[str, str], entry: tuple[str, ...] = ()
) -> str:
    """The identity of a break: what differs and where, not by how much."""
    facts = orjson.dumps([kind, level, what, column, sorted(key.items()), *([entry] if entry else [])])
    return hashlib.sha256(facts).hexdigest()[:16]
