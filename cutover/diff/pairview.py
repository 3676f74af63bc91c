"""One pair, field by field, for a person: whole rows side by side, every difference named. Pure.

DeepDiff says which fields differ in value; what the policy made of it stands beside each: a break, or
allowed (and then counted among what was hidden), or only written differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from cutover.report.wording import NOTHING
from router.canonical.money import Money
from router.dualrun.policy import Policy
from router.dualrun.results import Cell, Difference, DocumentView, Pair, Row

LINES_SHOWN = 12
"""Lines of a document on the page; how many it has is said."""
COLUMNS_SHOWN = 9
ROWS_SHOWN = 4
"""Rows of one side of a pair on the page; a split has rarely more."""
CHARS_SHOWN = 400


def pair_view(pair: Pair, policy: Policy) -> dict[str, Any]:
    """A pair as rows of (field, legacy, cloud, what is different)."""
    names = _names(pair, policy)
    found = {one.column: one for one in pair.differences if one.column}
    changed = changed_fields(pair, names)
    return {
        "key": dict(pair.key),
        "paired_by": pair.paired_by or "not paired",
        "rows": {"legacy": len(pair.legacy), "cloud": len(pair.cloud)},
        "more": max(len(pair.legacy), len(pair.cloud)) > ROWS_SHOWN,
        "fields": [_field(name, pair, policy, found.get(name), name in changed) for name in names],
        "alone": [one.what for one in pair.differences if not one.column],
    }


def changed_fields(pair: Pair, names: Sequence[str]) -> frozenset[str]:
    """The fields whose values differ between the rows of both sides, as DeepDiff finds them."""
    if not pair.legacy or not pair.cloud:
        return frozenset()
    from deepdiff import DeepDiff  # noqa: PLC0415 - a third of a second that only a report with breaks pays

    left, right = ({name: _values(rows, name) for name in names} for rows in (pair.legacy, pair.cloud))
    tree = DeepDiff(left, right, view="tree", ignore_order=True, report_repetition=True)
    return frozenset(
        str(change.path(output_format="list")[0]) for changes in tree.values() for change in changes
    )


def lines_view(view: DocumentView, policy: Policy) -> dict[str, Any] | None:
    """The lines of a document side by side; None where a row is a document."""
    if not policy.document or max(len(view.legacy), len(view.cloud)) < 2:
        return None
    key = [name for name in policy.key if name not in policy.document]
    differing = dict.fromkeys(one.column for pair in view.pairs for one in pair.differences if one.column)
    money = (name for name, column in policy.columns.items() if column.type == "money")
    names = [name for name in dict.fromkeys([*key, *differing, *money]) if name][:COLUMNS_SHOWN]
    lines: dict[tuple[str, ...], list[list[Row]]] = {}
    for at, rows in enumerate((view.legacy, view.cloud)):
        for row in rows:
            place = tuple(text_of(row, name, policy) for name in policy.key)
            lines.setdefault(place, [[], []])[at].append(row)
    # Lines that differ first: a document may have thousands.
    told = [_line(sides, names, policy) for _, sides in sorted(lines.items())]
    told.sort(key=lambda line: not line["differs"])
    return {
        "columns": names,
        "lines": told[:LINES_SHOWN],
        "total": len(told),
        "document": dict(view.document),
    }


def text_of(row: Row, name: str, policy: Policy) -> str:
    """A cell as a person reads it."""
    cell = row.cells.get(name)
    column = policy.columns.get(name)
    if cell is None:
        return NOTHING
    if column is not None and column.type == "money" and isinstance(cell, int):
        currency = column.currency or row.cells.get(column.currency_column)
        return str(Money(cell, currency)) if isinstance(currency, str) and currency else str(cell)
    return _plain(cell)


def _plain(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        text = format(cell, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(cell, date):
        return cell.isoformat()
    text = str(cell)
    return text if len(text) <= CHARS_SHOWN else f"{text[:CHARS_SHOWN]}… ({len(text):,} characters)"


def _names(pair: Pair, policy: Policy) -> list[str]:
    held = {name for row in (*pair.legacy, *pair.cloud) for name in row.cells}
    ordered = dict.fromkeys([*policy.key, *policy.columns])
    return [name for name in ordered if name in held] + sorted(held.difference(ordered))


def _values(rows: Iterable[Row], name: str) -> list[Cell]:
    return [row.cells.get(name) for row in rows]


def _field(name: str, pair: Pair, policy: Policy, found: Difference | None, changed: bool) -> dict[str, Any]:  # noqa: FBT001 - one caller
    legacy, cloud = _shown(pair.legacy, name, policy), _shown(pair.cloud, name, policy)
    both = bool(pair.legacy and pair.cloud)
    if found is not None:
        says = f"break: {found.what.replace('_', ' ')}"
        if found.delta_minor is not None and found.currency:
            says += f", {_signed(found.delta_minor, found.currency)}"
        state = "differs"
    elif changed:
        says, state = "differs; the policy allows it", "allowed"
    elif both and not _dated(name, policy) and _raw(pair.legacy, name) != _raw(pair.cloud, name):
        says, state = "the same, written differently", "written"
    else:
        says, state = "", ""
    return {"name": name, "legacy": legacy, "cloud": cloud, "says": says, "state": state}


def _dated(name: str, policy: Policy) -> bool:
    """Whether each side may write it in its own way, as the policy says."""
    column = policy.columns.get(name)
    return column is not None and column.type == "date"


def _signed(minor: int, currency: str) -> str:
    return f"{'+' if minor > 0 else ''}{Money(minor, currency)} {currency}"


def _shown(rows: Sequence[Row], name: str, policy: Policy) -> list[str]:
    return [_with_raw(row, name, policy) for row in rows[:ROWS_SHOWN]]


def _with_raw(row: Row, name: str, policy: Policy) -> str:
    """The cell, and what stood in the file where that is something else."""
    value, raw = text_of(row, name, policy), row.raw.get(name)
    if raw is None or raw == value:
        return _visible(value)
    return (
        f"{_visible(value)} (written {_visible(_plain(raw))})" if value != NOTHING else _visible(_plain(raw))
    )


def _visible(text: str) -> str:
    """Blanks at the ends made visible, as a difference may be nothing else."""
    body = text.strip(" \u00a0")
    if body == text or not text:
        return text
    start, _, end = text.partition(body) if body else (text, "", "")
    dots = str.maketrans({" ": "␣", "\u00a0": "⍽"})
    return start.translate(dots) + body + end.translate(dots)


def _raw(rows: Sequence[Row], name: str) -> list[str | None]:
    return [row.raw.get(name) for row in rows]


def _line(sides: Sequence[Sequence[Row]], names: Sequence[str], policy: Policy) -> dict[str, Any]:
    legacy, cloud = sides
    cells = []
    for name in names:
        left, right = ([_with_raw(row, name, policy) for row in rows] for rows in (legacy, cloud))
        values = [[row.cells.get(name) for row in rows] for rows in (legacy, cloud)]
        same = bool(legacy) and bool(cloud) and values[0] == values[1]
        cells.append({"legacy": left or [NOTHING], "cloud": right or [NOTHING], "same": same})
    where = "both" if legacy and cloud else "legacy only" if legacy else "cloud only"
    return {"cells": cells, "where": where, "differs": any(not cell["same"] for cell in cells)}
