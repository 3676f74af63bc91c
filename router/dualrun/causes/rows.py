"""Rows that stand on one side only, or too often: renumbered, split, merged, posted twice, late, or absent.

A lone row is first looked for among the lone rows of the other side: the same key in another form,
the same row under another key, several rows that sum to it. Only what fits exactly and in one way is
taken; the rest is absent, which is said and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import combinations

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import Case, because
from router.dualrun.causes.learned import Learned, Lone
from router.dualrun.causes.letters import folded, form
from router.dualrun.causes.table import Table
from router.dualrun.policy import Role, Side
from router.dualrun.results import Difference, Row

NUMBERED: tuple[Role, ...] = ("number", "line", "document")
Matches = Mapping[tuple[Side, int], Explanation]
"""By side and row number."""
SPLIT_MAX = 6
"""Rows that one row is looked for in; no invoice line is split into more by any known interface."""
CANDIDATES_MAX = 14
"""Lone rows of one customer, or of one document, that are tried on either side; beyond it sums meet by chance."""


def alone(case: Case, matches: Matches, until: Mapping[Side, date]) -> Explanation:
    """Why a row stands on one side only."""
    side: Side = "legacy" if case.pair.legacy else "cloud"
    other: Side = "cloud" if side == "legacy" else "legacy"
    row = case.rows(side)[0]
    found = matches.get((side, row.number)) or _again(case, side, row) or _unapproved(case, side, other, row)
    if found is not None:
        return found
    when = row.cells.get(case.table.columns.get("accounting_date", ""))
    end = until.get(other)
    if isinstance(when, date) and end is not None and when > end:
        said = f"dated {when} in the {side} ERP; the extract of the {other} ERP ends on {end}"
        return because("timing", "cut-off", said)
    dated = f", dated {when}" if isinstance(when, date) else ""
    where = f"row {row.number} of the {side} ERP{dated}"
    return because("missing", f"not-in-{other}", f"{where} has no partner in the {other} ERP")


def doubled(case: Case, difference: Difference) -> Explanation:
    """A key that stands more than once on a side."""
    side: Side = "legacy" if difference.what == "duplicate_in_legacy" else "cloud"
    rows = case.rows(side)
    places = ", ".join(str(row.number) for row in rows[:10]) + (", …" if len(rows) > 10 else "")
    names = [name for name in _compared(case.table) if len({str(row.cells.get(name)) for row in rows}) > 1]
    alike = f"they differ in {', '.join(names)}" if names else "they are alike in all that is compared"
    said = f"the key stands {len(rows)} times in the {side} ERP, in rows {places}; {alike}"
    if names and len({_worth(case.table, row) for row in rows}) == len(rows):
        return because("numbering", "key-used-twice", said)
    return because("duplicate_posting", "duplicate-posting", said)


def _worth(table: Table, row: Row) -> tuple[str, ...]:
    """What two postings of one thing have in common: its numbers and whose it is; not its date, status or text."""
    columns = table.policy.columns
    kept = [name for name in _compared(table) if columns[name].numeric or columns[name].type == "dimension"]
    return tuple(str(row.cells.get(name)) for name in kept)


def wrong_crosswalk(case: Case, difference: Difference) -> Explanation:
    """An entry of the crosswalk that is missing, dangles or names the wrong row."""
    pair = case.pair
    told = f"{difference.legacy or 'no legacy row'} and {difference.cloud or 'no cloud row'}"
    if pair.paired_by == "key":
        return because("crosswalk", "no-entry", f"{told} were paired by their key, the crosswalk has neither")
    if pair.legacy and pair.cloud:
        said = f"the crosswalk pairs {told}, which agree neither in key nor in money; the row of the very key does"
        return because("crosswalk", "wrong-entry", said)
    return because("crosswalk", "dangling", f"the crosswalk names {told}, which is not there")


def matched(learned: Learned) -> Matches:
    """The lone rows that are one another's, by what each is."""
    found: dict[tuple[Side, int], Explanation] = {}
    if "lone" in learned.full:
        return found
    _same_key(learned.lone, found)
    _same_row(learned, found)
    groups: dict[tuple[str, ...], list[Lone]] = {}
    for lone in learned.lone:
        groups.setdefault(lone.group, []).append(lone)
    for group in groups.values():
        _sums(learned.table, group, "legacy", "split", found)
        _sums(learned.table, group, "cloud", "merged", found)
    return found


def _free(lone: Lone, found: Matches) -> bool:
    return (lone.side, lone.row.number) not in found


def _same_key(lones: Sequence[Lone], found: dict[tuple[Side, int], Explanation]) -> None:
    """The same key in another form: leading zeros, blanks, letters that look alike."""
    by_key: dict[tuple[str, ...], list[Lone]] = {}
    for lone in lones:
        by_key.setdefault(tuple(folded(text) for text in lone.pair.key.values()), []).append(lone)
    for same in by_key.values():
        legacy = [lone for lone in same if lone.side == "legacy"]
        cloud = [lone for lone in same if lone.side == "cloud"]
        if len(legacy) != 1 or len(cloud) != 1:
            continue
        for name, text in legacy[0].pair.key.items():
            reason = form(text, cloud[0].pair.key.get(name, ""))
            if reason is not None:
                said = because(
                    reason.cause, reason.code, f"{name} {reason.evidence}, so that the rows did not pair"
                )
                found["legacy", legacy[0].row.number] = found["cloud", cloud[0].row.number] = said
                break


def _same_row(learned: Learned, found: dict[tuple[Side, int], Explanation]) -> None:
    """The same row under another key: equal in all that is compared, and only these two are."""
    names = _compared(learned.table)
    if not names:
        return
    by_content: dict[tuple[str, ...], list[Lone]] = {}
    for lone in learned.lone:
        if _free(lone, found):
            content = (lone.difference.currency, *(str(lone.row.cells.get(name)) for name in names))
            by_content.setdefault(content, []).append(lone)
    for same in by_content.values():
        if len(same) != 2 or same[0].side == same[1].side:
            continue
        one, other = sorted(same, key=lambda lone: lone.side, reverse=True)
        said = f"the same row stands under {_key(one)} in the legacy ERP and under {_key(other)} in the cloud"
        for lone in same:
            found[lone.side, lone.row.number] = because("numbering", "number", said)


def _sums(
    table: Table, group: Sequence[Lone], whole: Side, code: str, found: dict[tuple[Side, int], Explanation]
) -> None:
    """One row of `whole` that is the exact sum of several of the other side, and of these only."""
    wholes = [lone for lone in group if lone.side == whole and _free(lone, found)]
    parts_of: dict[str, list[Lone]] = {}
    for one in group:
        if one.side != whole:
            parts_of.setdefault(table.text(one.row, "document"), []).append(one)
    in_document = Counter(table.text(lone.row, "document") for lone in wholes)
    for lone in wholes:
        if not _free(lone, found):
            continue
        document = table.text(lone.row, "document")
        parts = None
        if document and in_document[document] <= CANDIDATES_MAX:
            parts = _one_way(table, lone, [one for one in parts_of.get(document, ()) if _free(one, found)])
        if parts is None and len(wholes) <= CANDIDATES_MAX:
            others = [one for one in group if one.side != whole and _free(one, found)]
            parts = _one_way(table, lone, others)
        if parts is None:
            continue
        amounts = " + ".join(str(abs(_minor(part))) for part in parts)
        rows = ", ".join(_key(part) for part in parts)
        said = (
            f"{_key(lone)} of the {whole} ERP is the sum of {rows} of the other: "
            f"{abs(_minor(lone))} = {amounts} in minor units of {lone.difference.currency}"
        )
        for one in (lone, *parts):
            found[one.side, one.row.number] = because("split", code, said)


def _one_way(table: Table, lone: Lone, others: Sequence[Lone]) -> tuple[Lone, ...] | None:
    """The fewest rows that sum to the row in amount and hours; None where two sets of as many do."""
    if not 2 <= len(others) <= CANDIDATES_MAX or not _minor(lone):
        return None
    for size in range(2, min(SPLIT_MAX, len(others)) + 1):
        fits = [
            parts
            for parts in combinations(others, size)
            if sum(_minor(part) for part in parts) == -_minor(lone) and _hours_fit(table, lone, parts)
        ]
        if fits:
            return fits[0] if len(fits) == 1 else None
    return None


def _minor(lone: Lone) -> int:
    """What the row adds to cloud minus legacy."""
    return lone.difference.delta_minor or 0


def _hours_fit(table: Table, lone: Lone, parts: Sequence[Lone]) -> bool:
    name = table.columns.get("quantity", "")
    hours = [one.row.cells.get(name) for one in (lone, *parts)]
    numbers = [one for one in hours if one is not None and not isinstance(one, str | date)]
    return len(numbers) != len(hours) or numbers[0] == sum(numbers[1:])


def _again(case: Case, side: Side, row: Row) -> Explanation | None:
    """The same row stands in the document once more, under another line, and that one has a partner."""
    alone_too = [pair for pair in case.view.pairs if not (pair.legacy and pair.cloud)]
    lone = {one.number for pair in alone_too for one in (pair.legacy if side == "legacy" else pair.cloud)}
    names = _compared(case.table)
    for other in case.document(side):
        if other.number in lone or other.number == row.number or not names:
            continue
        if all(other.cells.get(name) == row.cells.get(name) for name in names):
            said = f"rows {other.number} and {row.number} of the {side} ERP say the same under two numbers"
            return because("duplicate_posting", "duplicate-posting", said)
    return None


def _unapproved(case: Case, side: Side, other: Side, row: Row) -> Explanation | None:
    """Nobody approved it, so it never went on."""
    column = case.table.columns.get("approved_by")
    if column is None or case.table.text(row, "approved_by"):
        return None
    approved = sum(1 for one in case.document(side) if case.table.text(one, "approved_by"))
    if (not approved and not case.learned.approved) or case.learned.unapproved:
        return None
    status = case.table.text(row, "status")
    said = f"nobody approved it in the {side} ERP{f' (status {status!r})' if status else ''}, and it is not in the {other}"
    return because("missing_approval", "missing-approval", said)


def _compared(table: Table) -> list[str]:
    """The columns that make a row what it is: compared, and neither its key nor its number."""
    left_out = {*table.policy.key, *(table.columns.get(role, "") for role in NUMBERED)}
    return [
        name for name, column in table.policy.columns.items() if not column.ignore and name not in left_out
    ]


def _key(lone: Lone) -> str:
    return "/".join(text[:40] for text in lone.pair.key.values())
