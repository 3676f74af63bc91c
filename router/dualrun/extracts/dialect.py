"""The dialect of a delimited file: header, delimiter and quote, told from its first rows and the policy. Pure.

Cells are read as RFC 4180 says: a quoted cell may hold delimiters, line ends and doubled quotes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x01", "\x1f", "||", "|~|", "~|~", "^|^", ";;", "#|#")
"""What is looked for where the policy does not say; a longer one wins over what it is made of."""
ROWS_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the head of a file."""

    cells: tuple[str, ...]
    end: int
    """Where the next row begins, in characters."""
    closed: bool
    """Its quotes are closed and its line has an end: there may be more of it otherwise."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are told apart, and the header."""

    delimiter: str
    quote: str
    header: Record


@cache
def _cell(delimiter: str, quote: str) -> re.Pattern[str]:
    mark, end = re.escape(delimiter), r"\r\n|\n|\r|\Z"
    plain = rf"(?P<plain>(?:(?!{mark})[^\r\n])*)"
    if not quote:
        return re.compile(rf"{plain}(?P<end>{mark}|{end})")
    q = re.escape(quote)
    return re.compile(
        rf"(?:[ \t]*{q}(?P<quoted>[^{q}]*(?:{q}{q}[^{q}]*)*)(?P<close>{q}|\Z)[ \t]*|{plain})(?P<end>{mark}|{end})"
    )


def records(text: str, delimiter: str, quote: str, *, most: int = ROWS_LOOKED_AT) -> list[Record]:
    """The first rows of a text; the last one may not be closed. Stops where quotes make no sense."""
    pattern, at = _cell(delimiter, quote), 0
    found: list[Record] = []
    while at < len(text) and len(found) < most:
        cells: list[str] = []
        while True:
            match = pattern.match(text, at)
            if match is None:
                return found
            quoted = match.groupdict().get("quoted")
            cells.append(match["plain"] if quoted is None else quoted.replace(quote * 2, quote))
            at = match.end()
            if match["end"] != delimiter:
                break
        unclosed = quoted is not None and not match["close"]
        found.append(Record(tuple(cells), at, closed=bool(match["end"]) and not unclosed))
    return found


def tell(text: str, quote: str, wanted: Callable[[Sequence[str]], int], *, whole: bool) -> list[Dialect]:
    """The dialects a text may be in, best first; more than one only when nothing tells them apart.

    `wanted` says how many of the policy's columns stand in a header; `whole`: the text is all of the file.
    A dialect with the most of them wins; else those that cut every row in as many cells (more than one).
    """
    scored: list[tuple[tuple[int, int, int], Dialect]] = []
    for delimiter in DELIMITERS:
        if delimiter not in text:
            continue
        rows = records(text, delimiter, quote)
        if not rows:
            continue
        full = [row for row in (rows if whole else rows[:-1] or rows) if row.cells != ("",)]
        widths = Counter(len(row.cells) for row in full)
        width = len(rows[0].cells)
        steady = width > 1 and widths[width] == len(full)
        scored.append(
            ((wanted(rows[0].cells), int(steady), width if steady else 0), Dialect(delimiter, quote, rows[0]))
        )
    if not scored:
        rows = records(text, ",", quote, most=1)
        return [Dialect(",", quote, rows[0])] if rows else []
    scored = [
        one
        for one in scored
        if not any(_made_of(one[1], other[1]) and one[0][:2] <= other[0][:2] for other in scored)
    ]
    best = max(score for score, _ in scored)
    return [found for score, found in scored if score == best]


def _made_of(short: Dialect, long: Dialect) -> bool:
    return short.delimiter != long.delimiter and short.delimiter in long.delimiter
