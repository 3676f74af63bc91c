"""What an answer of the gateway says, read as the reply of a stranger: bounded, of any shape. Pure.

A 2xx without a transaction's id where one belongs keeps its status and gets an error: nothing was promised that
could be looked up.
"""

from __future__ import annotations

from typing import Any

import orjson

ERROR_MAX = 200
"""Characters of an error that are kept."""
ID_MAX = 100
IDS_MAX = 10_000
"""Results of a batch; the gateway takes no larger ones."""

Told = tuple[tuple[str, ...], str]
"""Ids, line by line, and the error."""


def read_answer(status: int, body: bytes) -> Told:
    """The ids an answer tells, an empty one for a refused line, and what is wrong with it."""
    try:
        told = orjson.loads(body) if body else None
    except ValueError:
        return (), bounded(f"HTTP {status}: the answer is no JSON")
    if not 200 <= status < 300:
        return (), problem_of(told) or f"HTTP {status}"
    if not isinstance(told, dict):
        return (), f"HTTP {status}: the answer is no JSON object"
    results = told.get("results")
    if results is None:
        transaction = id_of(told)
        return (
            ((transaction,), "") if transaction else ((), f"HTTP {status}: the answer names no transaction")
        )
    if not isinstance(results, list) or len(results) > IDS_MAX:
        return (), f"HTTP {status}: results should be a list of at most {IDS_MAX:,}"
    return _of_lines(results)


def _of_lines(results: list[Any]) -> Told:
    """Of a batch: refused lines are no error of the request, but the first one's reason is kept."""
    ids = tuple(id_of(row) for row in results)
    refused = [row for row, told in zip(results, ids, strict=True) if not told]
    if not refused:
        return ids, ""
    first = refused[0].get("problem") if isinstance(refused[0], dict) else None
    return ids, bounded(
        f"{len(refused)} of {len(ids)} lines refused: {problem_of(first) or 'no reason told'}"
    )


def id_of(told: Any) -> str:
    """The transaction's id of a result; empty when there is none that could be one."""
    found = told.get("transaction_id") if isinstance(told, dict) else None
    return found if isinstance(found, str) and len(found) <= ID_MAX else ""


def problem_of(told: Any) -> str:
    """The type of a problem (RFC 9457)."""
    kind = told.get("type") if isinstance(told, dict) else None
    return bounded(kind) if isinstance(kind, str) else ""


def bounded(text: str) -> str:
    """At most `ERROR_MAX` printable characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:ERROR_MAX])
