"""Which columns name a row on both sides, and how far they must be made alike for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from router.dualrun.extracts.likeness import Match, names_rows, role_of, roles_said
from router.dualrun.extracts.profiles import Profile
from router.dualrun.policy import Normalise
from router.dualrun.workbench import Workbench, literal, quoted

ALONE_MOST, TOGETHER_MOST = 20, 8
"""Columns tried as a key alone and in pairs."""
WAYS: tuple[tuple[Normalise, ...], ...] = ((), ("strip_leading_zeros",), ("casefold",), ("trim", "casefold", "strip_leading_zeros"))  # fmt: skip
STRONGEST = WAYS[-1]
COLUMNS_MOST = 4
ENOUGH = 0.9
"""Share of rows that pair, beyond which no columns are put together."""
FAVOUR = 0.05
SYSTEMATIC = 0.25
"""What a stronger normalisation must add to the share of pairs to be proposed."""
WORTH = 0.01
"""What another key must add to it."""
GOOD = 0.5


@dataclass(frozen=True, slots=True)
class Key:
    """Columns that name a row, and what they achieve."""

    columns: tuple[Match, ...]
    normalise: tuple[Normalise, ...]
    paired: float
    """Rows that stand on both sides exactly once, of those of the larger side."""


def normal(one: Profile, ways: Sequence[Normalise], row: str = "") -> str:
    """SQL for a key cell made alike; `row`: the alias of its table."""
    column = f"{row}.{quoted(one.column)}" if row else quoted(one.column)
    if one.shape == "date":
        return one.comparable.replace(quoted(one.column), column)
    sql = column
    if "trim" in ways:
        sql = f"trim({sql})"
    if "casefold" in ways:
        sql = f"lower({sql})"
    return f"regexp_replace({sql}, '^0+([0-9])', '\\1')" if "strip_leading_zeros" in ways else sql


def best_key(bench: Workbench, matches: Sequence[Match], rows: int) -> Key | None:
    """The fewest columns that pair the most rows; None when there is nothing to pair by.

    Free text goes last, however unique it is: a memo names nothing. Then columns are put together, as
    document and line, or entity, account and period.
    """
    usable = [match for match in matches if match.legacy.filled and match.cloud.filled and _may_name(match)]
    usable.sort(key=lambda match: _last(match, matches))
    named = [match for match in usable if not _wordy(match)]
    best = _best(bench, [(match,) for match in named[:ALONE_MOST] if not _date(match)], rows)
    if best is None or best.paired < ENOUGH:
        best = _together(bench, named, rows, best)
    if best is None or best.paired < GOOD:
        # Only where nothing else pairs half of the rows.
        wordy = _best(bench, [(match,) for match in usable if _wordy(match)][:ALONE_MOST], rows)
        if wordy and (best is None or wordy.paired > best.paired + GOOD):
            best = wordy
    return best


def _together(bench: Workbench, named: Sequence[Match], rows: int, best: Key | None) -> Key | None:
    """As few columns as pair most rows together: two, then three, then four."""
    for size in range(2, COLUMNS_MOST + 1):
        tried = list(combinations(named[:TOGETHER_MOST], size))
        found = _best(bench, tried, rows, (STRONGEST,))
        if found is not None and (best is None or found.paired > best.paired + WORTH):
            best = _best(bench, [found.columns], rows) or found
        if best is not None and best.paired >= GOOD:
            break
    return best


def _last(match: Match, matches: Sequence[Match]) -> tuple[bool, bool, float, bool, int]:
    """Dates last, what is called a number first; one that is unique before others, a document before its reference."""
    unique = -round(min(match.legacy.unique, match.cloud.unique), 1)
    document = "document" in roles_said(match)
    return (_date(match), not names_rows(match), unique, not document, matches.index(match))


def _favour(columns: Sequence[Match]) -> float:
    """A document's own number is preferred to another that pairs a few rows more."""
    return FAVOUR if any("document" in roles_said(match) for match in columns) else 0.0


def _wordy(match: Match) -> bool:
    return match.legacy.wordy or match.cloud.wordy


def _date(match: Match) -> bool:
    return "date" in (match.legacy.shape, match.cloud.shape)


def _may_name(match: Match) -> bool:
    """Amounts, hours and dates may be unique by chance, but name nothing."""
    if any(one.shape == "number" and one.places for one in (match.legacy, match.cloud)):
        return False
    if _date(match) and any(len(one.date_formats) != 1 for one in (match.legacy, match.cloud)):
        # Which day it is can't be told before rows are paired.
        return False
    return role_of(match) not in (
        "net",
        "tax",
        "total",
        "quantity",
        "rate",
        "base_amount",
    )


def _best(
    bench: Workbench,
    tried: Sequence[tuple[Match, ...]],
    rows: int,
    tries: Sequence[tuple[Normalise, ...]] = WAYS,
) -> Key | None:
    best: Key | None = None
    for columns in tried:
        for ways in tries:
            paired = _paired(bench, columns, ways) / rows if rows else 0.0
            # Where a few rows only pair when made alike, that is a defect to be found, not the files' way.
            least = SYSTEMATIC if best is not None and best.columns == columns else WORTH
            if best is None or paired + _favour(columns) > best.paired + _favour(best.columns) + least:
                best = Key(columns, ways, paired)
    return best


def _paired(bench: Workbench, columns: Sequence[Match], ways: Sequence[Normalise]) -> int:
    once = [
        f"SELECT {', '.join(f'{normal(one, ways)} AS k{at}' for at, one in enumerate(profiles))} "  # noqa: S608 - quoted
        f"FROM {table} GROUP BY ALL HAVING count(*) = 1"
        for table, profiles in (
            ("legacy_profiled", [match.legacy for match in columns]),
            ("cloud_profiled", [match.cloud for match in columns]),
        )
    ]
    keys = ", ".join(f"k{at}" for at in range(len(columns)))
    return int(bench.rows(f"SELECT count(*) FROM ({once[0]}) JOIN ({once[1]}) USING ({keys})")[0][0])  # noqa: S608 - quoted


def pairs_sql(key: Key) -> str:
    """SQL after FROM: the rows that the key pairs, as `l` and `c`; a key that stands twice is left out of samples."""
    on = " AND ".join(
        f"{normal(match.legacy, key.normalise, 'l')} = {normal(match.cloud, key.normalise, 'c')}"
        for match in key.columns
    )
    return f"legacy_profiled l JOIN cloud_profiled c ON {on}"


def word_pairs(bench: Workbench, key: Key, match: Match) -> list[tuple[str, str, int, int]]:
    """(legacy word, the cloud word it meets most, how often, how often it stands at all), in the words' order."""
    ours, theirs = f"l.{quoted(match.legacy.column)}", f"c.{quoted(match.cloud.column)}"
    return [
        (str(one), str(other), int(times), int(whole))
        for one, other, times, whole in bench.rows(
            f"SELECT a, b, n, sum(n) OVER (PARTITION BY a) FROM (SELECT {ours} AS a, {theirs} AS b, count(*) AS n "  # noqa: S608 - quoted
            f"FROM {pairs_sql(key)} WHERE {ours} IS NOT NULL AND {theirs} IS NOT NULL GROUP BY 1, 2) "
            "QUALIFY row_number() OVER (PARTITION BY a ORDER BY n DESC, b) = 1 ORDER BY a"
        )
    ]


def date_agreement(bench: Workbench, key: Key, match: Match, legacy: str, cloud: str) -> float:
    """The share of pairs of rows with the same day where each side is read in one format."""
    ours, theirs = f"l.{quoted(match.legacy.column)}", f"c.{quoted(match.cloud.column)}"
    days = f"try_strptime({ours}, {literal(legacy)})::DATE = try_strptime({theirs}, {literal(cloud)})::DATE"
    same, whole = bench.rows(
        f"SELECT count(*) FILTER (WHERE {days}), count(*) FROM {pairs_sql(key)} "  # noqa: S608 - quoted
        f"WHERE {ours} IS NOT NULL AND {theirs} IS NOT NULL"
    )[0]
    return same / whole if whole else 0.0
