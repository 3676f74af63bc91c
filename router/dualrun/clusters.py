"""Breaks with one cause belong together: clusters, money first, each with one sentence.

A cluster is a cause with its code in one legal entity and currency, and what else sets it apart: the
pair of words of a mapping, the column of what has no money. Money is counted once a pair, on the
break that says `counted`; its parts go to the cluster of each part, and the break itself counts in
the cluster of its largest part. So the money of all clusters sums to what the documents differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from router.canonical.money import Money
from router.dualrun.breaks import Break, Part
from router.dualrun.causes.vocabulary import phrase

CLUSTERS_MAX = 5_000
"""Beyond these, entities and words of hostile extracts are put together as `OTHERS`; nothing is left out."""
EXAMPLES = 3
OTHERS = "(others)"
WORD_MAX = 60
Key = tuple[str, str, str, str, str]


@dataclass(slots=True, kw_only=True)
class Cluster:
    """The breaks of one cause."""

    cause: str
    code: str
    legal_entity: str
    currency: str
    """Empty where the breaks have no money."""
    facet: str
    """What else sets it apart: `cost_center: A10 -> B10`, or a column; often empty."""
    breaks: int = 0
    shares: int = 0
    """Breaks it is a part of, but not the largest."""
    documents: int = 0
    net_minor: int = 0
    """Cloud minus legacy."""
    absolute_minor: int = 0
    """The same without signs: what moved, even where it cancels out."""
    examples: list[Break] = field(default_factory=list)
    """The first few, in the order they came."""
    _document: tuple[str, ...] | None = None

    @property
    def sentence(self) -> str:
        """Such as `312 breaks, 41.07 GBP, one cause: tax rounded per line for UK01`."""
        many = f"{self.breaks:,} break{'' if self.breaks == 1 else 's'}"
        if not self.breaks:
            many = f"Part of {self.shares:,} break{'' if self.shares == 1 else 's'}"
        money = ""
        if self.currency and self.absolute_minor:
            money = f", {_grouped(self.absolute_minor, self.currency)} {self.currency}"
            if abs(self.net_minor) != self.absolute_minor:
                money += f" (net {_grouped(self.net_minor, self.currency)})"
        where = f" for {self.legal_entity}" if self.legal_entity else ""
        facet = f" ({self.facet})" if self.facet else ""
        said = phrase(self.code) if self.cause == "unexplained" else f"one cause: {phrase(self.code)}"
        return f"{many}{money}, {said}{facet}{where}"

    def to_json(self) -> dict[str, Any]:
        """Money as decimal strings, examples by their identity."""
        money = {
            "net": str(Money(self.net_minor, self.currency)) if self.currency else None,
            "absolute": str(Money(self.absolute_minor, self.currency)) if self.currency else None,
        }
        return {
            "cause": self.cause,
            "code": self.code,
            "legal_entity": self.legal_entity,
            "currency": self.currency,
            "facet": self.facet,
            "breaks": self.breaks,
            "shares": self.shares,
            "documents": self.documents,
            **money,
            "sentence": self.sentence,
            "examples": [example.identity for example in self.examples],
        }


class Clusters:
    """Gathers breaks into clusters as they stream by, those of one document after another."""

    def __init__(self, document: tuple[str, ...] = ()) -> None:
        """`document`: the key columns that name a document (`Policy.document`); empty: a key is a document."""
        self._by: dict[Key, Cluster] = {}
        self._document = document

    def add(self, row: Break) -> None:
        """Count a break; its money only where it says `counted`."""
        shares = row.shares()
        largest = max(range(len(shares)), key=lambda at: (abs(shares[at].delta_minor), -at))
        for at, part in enumerate(shares):
            cluster = self._cluster(row, part)
            if row.counted and row.delta_minor is not None and row.currency:
                cluster.net_minor += part.delta_minor
                cluster.absolute_minor += abs(part.delta_minor)
            if at != largest:
                cluster.shares += 1
                continue
            cluster.breaks += 1
            named = self._named(row)
            if cluster._document != named:  # noqa: SLF001 - its own cluster
                cluster.documents += 1
                cluster._document = named  # noqa: SLF001 - its own cluster
            if len(cluster.examples) < EXAMPLES:
                cluster.examples.append(row)

    def ranked(self) -> list[Cluster]:
        """The clusters, currency by currency, most money first within one; those without money last, by count.

        Amounts of two currencies can't be compared without a rate, so currencies stand in the order of
        their breaks, most first: that needs no rate, and no yen is taken for a pound.
        """
        breaks: dict[str, int] = {}
        for cluster in self._by.values():
            breaks[cluster.currency] = breaks.get(cluster.currency, 0) + cluster.breaks
        order = sorted((code for code in breaks if code), key=lambda code: (-breaks[code], code))
        places = {code: at for at, code in enumerate(order)}
        return sorted(
            self._by.values(), key=lambda one: (places.get(one.currency, len(places)), *_weight(one))
        )

    def money(self) -> dict[str, int]:
        """Net money of all clusters by currency, minor units: what the documents differ."""
        sums: dict[str, int] = {}
        for cluster in self._by.values():
            if cluster.currency:
                sums[cluster.currency] = sums.get(cluster.currency, 0) + cluster.net_minor
        return {currency: sums[currency] for currency in sorted(sums)}

    def _named(self, row: Break) -> tuple[str, ...]:
        names = [name for name in self._document if name in row.key or name in row.facts]
        told = [row.key.get(name) or row.facts.get(name, "") for name in names] or list(row.key.values())
        return (row.kind, *told)

    def _cluster(self, row: Break, part: Part) -> Cluster:
        currency = row.currency if row.delta_minor is not None else ""
        key: Key = (part.cause, part.code, row.legal_entity[:WORD_MAX], currency, _facet(row, part))
        if key not in self._by and len(self._by) >= CLUSTERS_MAX:
            key = (part.cause, part.code, OTHERS, currency, OTHERS)
        found = self._by.get(key)
        if found is None:
            cause, code, entity, currency, facet = key
            found = Cluster(cause=cause, code=code, legal_entity=entity, currency=currency, facet=facet)
            self._by[key] = found
        return found


WORDS_MATTER = frozenset(
    {"dimension-mapping", "other-dimension", "status-lag", "tax-code", "currency-swapped"}
)


def _facet(row: Break, part: Part) -> str:
    """What sets a cluster apart beside its cause: words where they are the cause, else a column without money."""
    if row.delta_minor is not None and part.cause != "unexplained":
        return ""
    if part.code in WORDS_MATTER:
        words = [(word or "(none)")[:WORD_MAX] for word in (row.legacy, row.cloud)]
        return f"{row.column}: {words[0]} -> {words[1]}" if row.column else " -> ".join(words)
    return row.column


def _grouped(minor: int, currency: str) -> str:
    """An amount with thousands separators, as people read it."""
    whole, dot, part = str(Money(abs(minor), currency)).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{dot}{part}"


def _weight(cluster: Cluster) -> tuple[int, int, Key]:
    key = (cluster.cause, cluster.code, cluster.legal_entity, cluster.currency, cluster.facet)
    return (-cluster.absolute_minor, -cluster.breaks, key)
