"""Whether one ERP says another word for a dimension throughout: then it is mapped, otherwise nobody knows. Pure.

One document that says A here and B there proves nothing: it may as well have been coded wrongly in one
ERP. So it takes several documents, no other word for the same one, and none that says it in both ERPs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from router.connectors.port import Record
from router.dualrun.results import Difference, DocumentView

MAPPED = frozenset({"department", "practice", "service_line", "cost_center", "tax_code", "counterparty"})
"""Columns whose words ERPs map; a legal entity, a period or a project that differs is never a mere word."""
LEAST = 3
"""Documents that must say so; two may be one slip made twice."""


@dataclass(slots=True)
class Words:
    """What each word of a dimension is called by the other ERP, in all documents of one kind."""

    kept: dict[str, set[str]] = field(default_factory=dict)
    """By column, words that both ERPs say of one document."""
    _called: dict[tuple[str, str], dict[str, set[str]]] = field(default_factory=dict)
    """(column, legacy word) to each cloud word with the documents that say so."""

    def learn(self, views: Iterable[DocumentView]) -> None:
        """Count the words of differing documents."""
        for view in views:
            document = "\x00".join(view.document.values())
            for pair in view.pairs:
                for one in pair.differences:
                    if one.what == "dimension" and one.column in MAPPED:
                        called = self._called.setdefault((one.column, one.legacy or ""), {})
                        called.setdefault(one.cloud or "", set()).add(document)

    def throughout(self, difference: Difference) -> int:
        """In how many documents the legacy's word is the cloud's, where it never is another; 0: nothing is proven."""
        column, old, new = difference.column, difference.legacy or "", difference.cloud or ""
        called = self._called.get((column, old), {})
        if not old or not new or set(called) != {new} or old in self.kept.get(column, ()):
            return 0
        found = len(called[new])
        return found if found >= LEAST else 0


def words_of(
    kind: str, legacy: Mapping[tuple[str, str], Record], cloud: Mapping[tuple[str, str], Record]
) -> Words:
    """The words that both ERPs say of one document of a kind; records by kind and our id."""
    kept: dict[str, set[str]] = {}
    for key, old in legacy.items():
        new = cloud.get(key) if key[0] == kind else None
        if new is None:
            continue
        ours = set(_said(new))
        for column, word in _said(old):
            if (column, word) in ours:
                kept.setdefault(column, set()).add(word)
    return Words(kept)


def _said(record: Record) -> Iterator[tuple[str, str]]:
    yield from record.dimensions.items()
    for line in record.lines:
        yield from ((name, value) for name, value in line.items() if isinstance(value, str))
