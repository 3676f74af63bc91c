"""Defects of whole rows: missing, doubled, renumbered, split, merged, wrongly cross-referenced.

Each function takes a document that is equal in both ERPs, spoils it and returns the breaks that must
be found; an empty list, with nothing spoiled, where the document does not lend itself to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from simulators.extracts.lines import Line
from simulators.extracts.plot import Plot, Truth, alone, key_of

Planter = Callable[[Plot], list[Truth]]
POSTED_TWICE = ("duplicate_posting", "duplicate-posting")
HOURS_TO_SPLIT = Decimal(1)


def missing_in_cloud(plot: Plot) -> list[Truth]:
    """A line that never reached the cloud ERP."""
    line = plot.cloud.pop(plot.line())
    return [alone("missing_in_cloud", line, "missing_in_cloud", ("missing", "not-in-cloud"))]


def missing_in_legacy(plot: Plot) -> list[Truth]:
    """A line that only the cloud ERP has."""
    line = plot.legacy.pop(plot.line())
    return [alone("missing_in_legacy", line, "missing_in_legacy", ("missing", "not-in-legacy"))]


def duplicate_in_cloud(plot: Plot) -> list[Truth]:
    """A line posted twice under one key in the cloud ERP."""
    place = plot.line()
    plot.cloud.append(plot.cloud[place].copied())
    return [alone("duplicate_in_cloud", plot.legacy[place], "duplicate_in_cloud", POSTED_TWICE)]


def duplicate_in_legacy(plot: Plot) -> list[Truth]:
    """A line posted twice under one key in the legacy ERP."""
    place = plot.line()
    plot.legacy.append(plot.legacy[place].copied())
    return [alone("duplicate_in_legacy", plot.legacy[place], "duplicate_in_legacy", POSTED_TWICE)]


def posted_again(plot: Plot) -> list[Truth]:
    """A line posted twice, the second time under a line number of its own."""
    again = plot.cloud[plot.line()].copied()
    again.line = "900"
    plot.cloud.append(again)
    return [alone("posted_again", again, "missing_in_legacy", POSTED_TWICE)]


def renumbered(plot: Plot) -> list[Truth]:
    """A line that stands under another line number in the cloud ERP."""
    place = plot.line()
    plot.cloud[place].line = str(int(plot.cloud[place].line) + 5)
    return _both("renumbered", plot.legacy[place], plot.cloud[place], ("numbering", "number"))


def leading_zeros(plot: Plot) -> list[Truth]:
    """A document whose number lost its leading zeros, so that none of its lines pairs."""
    found = []
    for legacy, cloud in zip(plot.legacy, plot.cloud, strict=True):
        cloud.document = cloud.document.lstrip("0")
        found += _both("leading_zeros", legacy, cloud, ("numbering", "leading-zeros"))
    return found


def unapproved_and_absent(plot: Plot) -> list[Truth]:
    """A line that nobody approved, so that it never went on to the cloud ERP."""
    place = plot.line()
    line = plot.legacy[place]
    line.approved_by, line.status = "", "pending approval"
    del plot.cloud[place]
    reason = ("missing_approval", "missing-approval")
    return [alone("unapproved_and_absent", line, "missing_in_cloud", reason)]


def split_in_crosswalk(plot: Plot) -> list[Truth]:
    """A line split in two in the cloud ERP, and the crosswalk says so: no break at all."""
    place = plot.line()
    if plot.legacy[place].hours < HOURS_TO_SPLIT:
        return []
    whole = plot.cloud.pop(place)
    for half in _halves(whole):
        plot.cloud.append(half)
        plot.crosswalk.append(((whole.document, whole.line), (half.document, half.line)))
    return [_none("split_in_crosswalk", whole)]


def merged_in_crosswalk(plot: Plot) -> list[Truth]:
    """Two lines of the legacy ERP that are one in the cloud's, and the crosswalk says so: no break at all."""
    place = plot.line()
    if plot.legacy[place].hours < HOURS_TO_SPLIT:
        return []
    whole = plot.legacy.pop(place)
    for half in _halves(whole):
        plot.legacy.append(half)
        plot.crosswalk.append(((half.document, half.line), (whole.document, whole.line)))
    return [_none("merged_in_crosswalk", whole)]


def split(plot: Plot) -> list[Truth]:
    """A line split in two in the cloud ERP, and nothing says so."""
    place = plot.line()
    if plot.legacy[place].hours < HOURS_TO_SPLIT:
        return []
    whole = plot.cloud.pop(place)
    halves = _halves(whole)
    plot.cloud.extend(halves)
    reason = ("split", "split")
    return [
        alone("split", whole, "missing_in_cloud", reason),
        *(alone("split", half, "missing_in_legacy", reason) for half in halves),
    ]


def merged(plot: Plot) -> list[Truth]:
    """Two lines of the legacy ERP merged into one of the cloud's, and nothing says so."""
    place = plot.line()
    if plot.legacy[place].hours < HOURS_TO_SPLIT:
        return []
    whole = plot.legacy.pop(place)
    halves = _halves(whole)
    plot.legacy.extend(halves)
    reason = ("split", "merged")
    return [
        alone("merged", whole, "missing_in_legacy", reason),
        *(alone("merged", half, "missing_in_cloud", reason) for half in halves),
    ]


def wrong_crosswalk(plot: Plot) -> list[Truth]:
    """A crosswalk entry that names a row of another document; the right row stands beside it."""
    line = plot.legacy[plot.line()]
    plot.crosswalk.append(((line.document, line.line), plot.spare))
    return [alone("wrong_crosswalk", line, "crosswalk", ("crosswalk", "wrong-entry"))]


def _both(defect: str, legacy: Line, cloud: Line, reason: tuple[str, str]) -> list[Truth]:
    return [
        alone(defect, legacy, "missing_in_cloud", reason),
        alone(defect, cloud, "missing_in_legacy", reason),
    ]


def _halves(whole: Line) -> tuple[Line, Line]:
    """Two lines that sum to the whole exactly, in hours and in every amount."""
    first, second = whole.copied(), whole.copied()
    first.line, second.line = f"{whole.line}1", f"{whole.line}2"
    first.hours = (whole.hours / 3).quantize(Decimal("0.25"))
    second.hours = whole.hours - first.hours
    first.reckon()
    second.net = whole.net - first.net
    second.tax = (whole.tax or 0) - (first.tax or 0)
    second.total = whole.total - first.total
    second.base_amount = whole.base_amount - first.base_amount
    return first, second


def _none(defect: str, line: Line) -> Truth:
    """Planted, and no break: what the crosswalk says is no difference."""
    return Truth(defect=defect, key=key_of(line), what="", column="", cause="", code="")


PLANTERS: Mapping[str, Planter] = {
    planter.__name__: planter
    for planter in (
        missing_in_cloud, missing_in_legacy, duplicate_in_cloud, duplicate_in_legacy, posted_again, renumbered,
        leading_zeros, unapproved_and_absent, split_in_crosswalk, merged_in_crosswalk, split, merged,
        wrong_crosswalk,
    )
}  # fmt: skip
