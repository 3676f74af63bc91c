"""Plants defects into a pair of extracts that agree, and keeps the truth about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from simulators.extracts import defects_in_amounts, defects_in_rows, defects_in_words
from simulators.extracts.defects_in_rows import Planter
from simulators.extracts.lines import Line, Market, invoices
from simulators.extracts.plot import CLOUD_DATES, LEGACY_DATES, Plot, Truth
from simulators.extracts.policy import POLICY

PLANTERS: Mapping[str, Planter] = {
    **defects_in_rows.PLANTERS,
    **defects_in_amounts.PLANTERS,
    **defects_in_words.PLANTERS,
}
DEFECTS: tuple[str, ...] = tuple(PLANTERS)
"""The kinds of defects, by name."""
CROSSWALK = ("legacy.document", "legacy.line", "cloud.document", "cloud.line")
MIGRATED = 0.15
"""Share of documents that have a number of their own in the cloud ERP and pair by the crosswalk only."""
Cells = dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Two extracts, their crosswalk and policy, and every break there is between them."""

    columns: tuple[str, ...]
    legacy_rows: Sequence[Cells]
    """Dates as 20261031, numbers with a decimal point; None is no value."""
    cloud_rows: Sequence[Cells]
    """Dates in ISO 8601."""
    crosswalk: Sequence[Mapping[str, str]]
    truth: Sequence[Truth]
    planted: Mapping[str, int]
    """How often each defect was planted; also those that must not be a break."""
    policy_yaml: str


def planted(
    seed: int, documents: int = 200, defects: Sequence[str] = DEFECTS, *, each: int = 1, first: int = 0
) -> Planted:
    """A pair of extracts with each defect planted `each` times, at most one in a document.

    Small documents lend themselves to fewer defects: what finds none is left out and not in `planted`.
    `first` is where the documents' numbers begin, so that several pairs can be put together.
    """
    rng = Random(seed)  # noqa: S311 - no secret: the same extracts for the same seed
    market = Market.drawn(rng)
    legacy = invoices(rng, market, documents, first)
    cloud = [[line.copied() for line in lines] for lines in legacy]
    entries: list[tuple[tuple[str, str], tuple[str, str]]] = []
    free = list(range(documents))
    rng.shuffle(free)
    spare = free.pop() if len(free) > 1 else free[0]
    truth: list[Truth] = []
    counted: dict[str, int] = {}
    for name in defects:
        for _ in range(each):
            for place in list(free):
                plot = Plot(
                    rng=rng, market=market, legacy=legacy[place], cloud=cloud[place],
                    spare=(cloud[spare][0].document, cloud[spare][0].line),
                )  # fmt: skip
                found = PLANTERS[name](plot)
                if found:
                    free.remove(place)
                    truth += [one for one in found if one.what]
                    entries += plot.crosswalk
                    counted[name] = counted.get(name, 0) + 1
                    break
    for place in free:
        if rng.random() < MIGRATED:
            entries += _migrated(cloud[place])
    return Planted(
        columns=tuple(legacy[0][0].cells(LEGACY_DATES)),
        legacy_rows=_rows(rng, legacy, LEGACY_DATES),
        cloud_rows=_rows(rng, cloud, CLOUD_DATES),
        crosswalk=[dict(zip(CROSSWALK, (*one, *other), strict=True)) for one, other in entries],
        truth=truth,
        planted=counted,
        policy_yaml=POLICY,
    )


def _migrated(lines: list[Line]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Give a document a number of its own in the cloud ERP."""
    entries = []
    for line in lines:
        before = (line.document, line.line)
        line.document = f"INV{int(line.document) % 100_000:05d}"
        entries.append((before, (line.document, line.line)))
    return entries


def _rows(rng: Random, documents: Sequence[Sequence[Line]], dates: str) -> list[Cells]:
    """All lines in an order of the ERP's own."""
    rows = [line.cells(dates) for lines in documents for line in lines]
    rng.shuffle(rows)
    return rows
