"""Which columns name a row on both sides, and how far they must be made alike for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from router.dualrun.extracts.likeness import Match, names_rows, role_of
from router.dualrun.policy import Normalise
from router.dualrun.workbench import Workbench, quoted

ALONE_MOST, TOGETHER_MOST = 20, 10
"""Columns tried as a key alone and in pairs."""
WAYS: tuple[tuple[Normalise, ...], ...] = ((), ("strip_leading_zeros",), ("casefold",), ("trim", "casefold", "strip_leading_zeros"))  # fmt: skip
WORTH = 0.01
"""What a stronger normalisation must add to the share of pairs to be proposed."""
GOOD = 0.5


@dataclass(frozen=True, slots=True)
class Key:
    """Columns that name a row, and what they achieve."""

    columns: tuple[Match, ...]
    normalise: tuple[Normalise, ...]
    paired: float
    """Rows that stand on both sides exactly once, of those of the larger side."""


def normal(column: str, ways: Sequence[Normalise]) -> str:
    """SQL for a key cell made alike."""
    sql = quoted(column)
    if "trim" in ways:
        sql = f"trim({sql})"
    if "casefold" in ways:
        sql = f"lower({sql})"
    return f"regexp_replace({sql}, '^0+([0-9])', '\\1')" if "strip_leading_zeros" in ways else sql


def best_key(bench: Workbench, matches: Sequence[Match], rows: int) -> Key | None:
    """The fewest columns that pair the most rows; None when there is nothing to pair by."""
    usable = [match for match in matches if match.legacy.filled and match.cloud.filled and _may_name(match)]
    # A memo may be as unique as a number, so what is called a number goes first; one that is unique before others.
    usable.sort(
        key=lambda match: (
            not names_rows(match),
            -round(min(match.legacy.unique, match.cloud.unique), 1),
            matches.index(match),
        )
    )
    tried = [(match,) for match in usable[:ALONE_MOST]]
    best = _best(bench, tried, rows)
    if best is None or best.paired < 0.9:
        pairs = _best(bench, list(combinations(usable[:TOGETHER_MOST], 2)), rows)
        if pairs and (best is None or pairs.paired > best.paired + WORTH):
            best = pairs
    return best


def _may_name(match: Match) -> bool:
    """Amounts, hours and dates may be unique by chance, but name nothing."""
    if any(one.shape == "number" and one.places for one in (match.legacy, match.cloud)):
        return False
    shapes = {match.legacy.shape, match.cloud.shape}
    return shapes != {"date"} and role_of(match) not in (
        "net",
        "tax",
        "total",
        "quantity",
        "rate",
        "base_amount",
    )


def _best(bench: Workbench, tried: Sequence[tuple[Match, ...]], rows: int) -> Key | None:
    best: Key | None = None
    for columns in tried:
        for ways in WAYS:
            paired = _paired(bench, columns, ways) / rows if rows else 0.0
            if best is None or paired > best.paired + WORTH:
                best = Key(columns, ways, paired)
    return best


def _paired(bench: Workbench, columns: Sequence[Match], ways: Sequence[Normalise]) -> int:
    once = [
        f"SELECT {', '.join(f'{normal(name, ways)} AS k{at}' for at, name in enumerate(names))} "  # noqa: S608 - quoted
        f"FROM {table} GROUP BY ALL HAVING count(*) = 1"
        for table, names in (
            ("legacy_profiled", [match.legacy.column for match in columns]),
            ("cloud_profiled", [match.cloud.column for match in columns]),
        )
    ]
    keys = ", ".join(f"k{at}" for at in range(len(columns)))
    return int(bench.rows(f"SELECT count(*) FROM ({once[0]}) JOIN ({once[1]}) USING ({keys})")[0][0])  # noqa: S608 - quoted


def pairs_sql(key: Key) -> str:
    """SQL after FROM: the rows that the key pairs, as `l` and `c`; a key that stands twice is left out of samples."""
    on = " AND ".join(
        f"{normal(match.legacy.column, key.normalise).replace(quoted(match.legacy.column), 'l.' + quoted(match.legacy.column))} = "
        f"{normal(match.cloud.column, key.normalise).replace(quoted(match.cloud.column), 'c.' + quoted(match.cloud.column))}"
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
