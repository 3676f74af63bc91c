"""From headings of a file to the columns of the policy: renamed, folded, each there exactly once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz, process

from router.dualrun.extracts.refusals import refused, shown
from router.dualrun.policy import Policy, Side

ALIKE = 60
"""How alike (per cent) a heading must be to be offered as what was meant."""


def fold(name: str) -> str:
    """A heading as `headers: casefold` compares it."""
    return name.strip().casefold()


def wanted(policy: Policy) -> tuple[str, ...]:
    """The columns a policy can't do without, on both sides."""
    names = [*policy.key, *policy.columns, *policy.document]
    money = [column for column in policy.columns.values() if column.type == "money"]
    names += [column.currency_column for column in money if column.currency is None]
    if policy.fallback:
        names += [policy.fallback.amount, *policy.fallback.same]
    # A currency is part of every group anyway, so the default group needs no column of that name.
    names += [name for group in policy.control_totals for name in group if name != "currency"]
    return tuple(dict.fromkeys(names))


def columns_of(
    name: str, side: Side, headings: Sequence[str], policy: Policy | None, *, row: int
) -> tuple[str, ...]:
    """The name of each column, unique also without regard to case, which the database does not see.

    Columns the policy does not use may be blank or stand twice: they are named by their place. Raises
    BadConfig (at `row`, the header's) when one that it uses is missing or stands twice, or a rename
    means nothing.
    """
    if policy is None:
        return _unique(headings, used=frozenset())
    folds = policy.headers == "casefold"
    known = {fold(column): column for column in (*wanted(policy), *policy.roles.values())} if folds else {}
    renames = {fold(old) if folds else old: new for old, new in policy.rename.get(side, {}).items()}
    there = {fold(heading) if folds else heading for heading in headings}
    for old in renames:
        if old not in there:
            raise refused(
                name,
                f"has no column {shown(old)!r}, which rename.{side} names",
                row=row,
                mend=meant(old, headings),
            )
    named = []
    for heading in headings:
        plain = fold(heading) if folds else heading
        named.append(renames.get(plain, known.get(plain, plain)))
    used = frozenset(wanted(policy))
    _each_once(name, headings, named, used, row)
    return _unique(named, used=used)


def _each_once(
    name: str, headings: Sequence[str], named: Sequence[str], used: frozenset[str], row: int
) -> None:
    for column in sorted(used):
        places = [place for place, found in enumerate(named, start=1) if found == column]
        if len(places) > 1:
            raise refused(
                name,
                f"column {shown(column)!r} stands more than once (columns {', '.join(map(str, places))})",
                row=row,
                mend="leave one, or rename the other",
            )
        near = [found for found in named if found != column and found.casefold() == column.casefold()]
        if places and any(found in used for found in near):
            raise refused(
                name,
                f"columns {shown(column)!r} and {shown(near[0])!r} differ in case only",
                row=row,
                mend="rename one in the policy",
            )
        if not places:
            mend = meant(column, headings)
            if near:
                mend = f"it has {shown(near[0])!r}: write headers: casefold"
            raise refused(name, f"has no column {shown(column)!r}", row=row, mend=mend)


def meant(column: str, headings: Sequence[str]) -> str:
    """The mend for a column that is not there: the headings it may have been meant by, else what there is."""
    alike = process.extract(
        fold(column), {heading: fold(heading) for heading in headings}, scorer=fuzz.WRatio, limit=2
    )
    near = [heading for _, score, heading in alike if score >= ALIKE]
    if near:
        return f"did you mean {' or '.join(repr(shown(heading)) for heading in near)}? then rename it in the policy"
    first = ", ".join(shown(heading) for heading in headings[:8])
    return f"it has {first}{', …' if len(headings) > 8 else ''}"


def _unique(named: Sequence[str], used: Iterable[str]) -> tuple[str, ...]:
    """Names by place for blanks and for what stands twice, so that none is lost and used ones keep theirs."""
    mine = frozenset(used)
    taken = {column.casefold() for column in mine}
    kept: list[str] = []
    for place, column in enumerate(named, start=1):
        name = column if column.strip() else f"column {place}"
        if name not in mine or name in kept:
            while name.casefold() in taken:
                name = f"{name} (column {place})"
        taken.add(name.casefold())
        kept.append(name)
    return tuple(kept)
