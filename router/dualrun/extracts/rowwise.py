"""Columns matched by what they say in rows that a key pairs, where headings and sets of values don't tell."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from router.dualrun.extracts.agreement import Values, kappa, meeting
from router.dualrun.extracts.headings import fold
from router.dualrun.extracts.keys import Key, pairs_sql
from router.dualrun.extracts.likeness import MOST_COMPARED, Match, names_alike
from router.dualrun.extracts.profiles import Profile, SideProfile, alike
from router.dualrun.workbench import Workbench, quoted

SAMPLE = 2_000
"""Pairs of rows that are looked at: those with the smallest SHA-256 of their key."""
AGREE, MEET = 0.6, 0.8
NAMES = 0.6


def rematched(
    bench: Workbench, legacy: SideProfile, cloud: SideProfile, matches: Sequence[Match], key: Key
) -> list[Match]:
    """The pairs again, in the order of the cloud's columns: those not called the same are told by the key's rows."""
    sure = [
        match
        for match in matches
        if match in key.columns or fold(match.legacy.heading) == fold(match.cloud.heading)
    ]
    ours = _free(legacy.columns, {match.legacy.column for match in sure})
    theirs = _free(cloud.columns, {match.cloud.column for match in sure})
    if not ours or not theirs:
        return list(matches)
    left, right = _sampled(bench, key, ours, theirs)
    before = {(match.legacy.column, match.cloud.column): match for match in matches}
    found: list[tuple[float, Match]] = []
    for one, values in zip(ours, left, strict=True):
        for other, others in zip(theirs, right, strict=True):
            told = _told(one, other, values, others, before.get((one.column, other.column)))
            if told is not None:
                found.append(told)
    found.sort(key=lambda pair: (-pair[0], pair[1].legacy.column, pair[1].cloud.column))
    taken = {match.cloud.column: match for match in sure}
    used = {match.legacy.column for match in sure}
    for _, match in found:
        if match.cloud.column not in taken and match.legacy.column not in used:
            taken[match.cloud.column] = match
            used.add(match.legacy.column)
    return [taken[one.column] for one in cloud.columns if one.column in taken]


def _free(columns: Sequence[Profile], taken: set[str]) -> list[Profile]:
    return [one for one in columns if one.column not in taken][:MOST_COMPARED]


def _told(
    one: Profile, other: Profile, values: Values, others: Values, before: Match | None
) -> tuple[float, Match] | None:
    """How much speaks for a pair, and the pair; None where too little does."""
    names = names_alike(one.heading, other.heading)
    agree = kappa(values, others)
    same = Match(other.column, one, other, names, alike(one.sketch, other.sketch))
    if agree is not None and agree >= AGREE:
        seen = sum(a == b for a, b in zip(values, others, strict=True))
        same = Match(*_parts(same), rows=f"the same in {seen:,} of {len(values):,} rows that the key pairs")
        return agree + names / 2, same
    if one.words and other.words and len(one.words) > 1 and len(other.words) > 1:
        met = meeting(values, others)
        if met >= MEET and (names >= NAMES or met >= 0.95):
            return met / 2 + names / 2, Match(
                *_parts(same), rows="other words, which meet in the rows that the key pairs"
            )
    if agree is None and one.sketch and one.sketch == other.sketch:
        # Constant on both sides: the rows can't tell, the one value and the headings may.
        return (0.5 + names / 2, same) if names >= NAMES or one.codes else None
    return (before.names / 4, before) if before is not None else None


def _parts(match: Match) -> tuple[str, Profile, Profile, float, float]:
    return match.name, match.legacy, match.cloud, match.names, match.values


def _sampled(
    bench: Workbench, key: Key, ours: Sequence[Profile], theirs: Sequence[Profile]
) -> tuple[list[list[str | None]], list[list[str | None]]]:
    cells = [_cell("l", one) for one in ours] + [_cell("c", one) for one in theirs]
    rows = bench.rows(
        f"SELECT {', '.join(cells)} FROM {pairs_sql(key)} ORDER BY {_order(key)} LIMIT {SAMPLE}"  # noqa: S608 - quoted
    )
    columns: list[list[str | None]] = [list(column) for column in zip(*rows, strict=True)] or [
        [] for _ in cells
    ]
    return columns[: len(ours)], columns[len(ours) :]


def _order(key: Key) -> str:
    names = [f"l.{quoted(match.legacy.column)}" for match in key.columns]
    return ", ".join([f"sha256(concat_ws('|', {', '.join(names)}))", *names])


def _cell(side: str, one: Profile) -> str:
    sql = one.comparable or quoted(one.column)
    if one.decimal:
        sql = f"CAST(TRY_CAST({one.decimal} AS DECIMAL(38, 8)) AS VARCHAR)"
    return sql.replace(quoted(one.column), f"{side}.{quoted(one.column)}")


def numbers_sampled(
    bench: Workbench, side: SideProfile, columns: Sequence[Profile]
) -> list[list[Decimal | None]]:
    """The first rows' numbers of some columns, exactly."""
    if not columns:
        return []
    cells = ", ".join(one.decimal for one in columns)
    rows = bench.rows(f"SELECT {cells} FROM {side.table} LIMIT 400")  # noqa: S608 - quoted
    return [
        [None if cell is None else Decimal(cell) for cell in column] for column in zip(*rows, strict=True)
    ]
