"""Breaks as others wrote them, back to values: a line of `breaks.jsonl` or a row of the journal. Pure.

What is read may come from anywhere, so every field is looked at: a break with an amount that is no amount
would become a correction of that amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from router.canonical.money import exponent
from router.dualrun.breaks import CAUSES, Break, BreakClass
from router.errors import BadInput

CLASSES: tuple[str, ...] = get_args(BreakClass)
TEXT_MAX = 10_000
_TEXTS = ("column", "kind", "legal_entity", "project_id", "customer_id", "period", "evidence", "code")


def break_of(row: object, where: str) -> Break:
    """A break from decoded JSON; raises BadInput naming `where`, the field and what it should be."""
    if not isinstance(row, Mapping):
        raise BadInput(f"{where}: a break is a JSON object", mend="give a breaks.jsonl of coexist diff")
    key = row.get("key")
    named = isinstance(key, Mapping) and key and all(_is_text(part) for pair in key.items() for part in pair)
    if not named:
        raise _bad(where, "key", "names of columns and their texts")
    assert isinstance(key, Mapping)
    what, cause = row.get("class"), row.get("cause", "unexplained")
    if what not in CLASSES:
        raise _bad(where, "class", "one of " + ", ".join(CLASSES))
    if cause not in CAUSES:
        raise _bad(where, "cause", "one of " + ", ".join(CAUSES))
    level: Literal["document", "line"] = "line" if row.get("level") == "line" else "document"
    if row.get("level", "document") not in ("document", "line"):
        raise _bad(where, "level", "document or line")
    texts = {name: _text(row, name, where) for name in _TEXTS}
    delta = row.get("delta_minor")
    if delta is not None and (not isinstance(delta, int) or isinstance(delta, bool)):
        raise _bad(where, "delta_minor", "an integer of minor units")
    counted = row.get("counted", True)
    if not isinstance(counted, bool):
        raise _bad(where, "counted", "true or false")
    return Break(
        key={str(name): str(value) for name, value in key.items()},
        what=what,
        level=level,
        legacy=_value(row, "legacy", where),
        cloud=_value(row, "cloud", where),
        currency=_currency(row, where) if delta is not None else _text(row, "currency", where),
        delta_minor=delta,
        cause=str(cause),
        counted=counted,
        column=texts["column"],
        kind=texts["kind"],
        legal_entity=texts["legal_entity"],
        project_id=texts["project_id"],
        customer_id=texts["customer_id"],
        period=texts["period"],
        evidence=texts["evidence"],
        code=texts["code"] or str(cause),
    )


def _currency(row: Mapping[str, Any], where: str) -> str:
    """The currency of an amount; one nobody knows has no minor units."""
    code = _text(row, "currency", where)
    if not code:
        return code
    try:
        exponent(code)
    except (ValueError, TypeError) as error:
        raise _bad(where, "currency", "an ISO 4217 code") from error
    return code


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name, "")
    if not _is_text(value):
        raise _bad(where, name, f"a text of at most {TEXT_MAX} characters")
    return str(value)


def _value(row: Mapping[str, Any], name: str, where: str) -> str | None:
    return None if row.get(name) is None else _text(row, name, where)


def _bad(where: str, field: str, wanted: str) -> BadInput:
    return BadInput(f"{where}: {field} should be {wanted}", mend="give a breaks.jsonl of coexist diff")
