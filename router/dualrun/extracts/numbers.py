"""How a number is written: text in a file's own format to canonical text, as SQL and as Python.

Canonical is `-?digits[.digits]`: no plus, no grouping, ASCII digits. Zeros in front and behind stay, so
`007.10` is canonical and is no other text than it was. Understood are a leading plus or minus, a trailing
minus (`123.45-`, as SAP prints it), parentheses (`(123.45)`, as spreadsheets print it), groups of three
(with a comma also the Indian `12,34,567`), and blanks around. Everything else is no number: currency
signs, letters, exponents such as `1e3`, other scripts' digits, groups of the wrong size. Pure.
"""

from __future__ import annotations

import re
from functools import cache

from router.dualrun.policy import NumberFormat
from router.dualrun.workbench import literal

BLANKS = " \t\u00a0\u2009\u202f"
"""Blank, tab, no-break space, thin space, narrow no-break space."""
MINUS = "-\u2212"
"""Hyphen-minus and the typographic minus."""
_APOSTROPHES = "'\u2019"


def same_mark(numbers: NumberFormat) -> bool:
    """Whether one mark is said to be both the decimal and the grouping mark, which no number can be read by."""
    return numbers.decimal == numbers.grouping


@cache
def _patterns(decimal: str, grouping: str) -> tuple[str, str]:
    """Regular expressions (of RE2 and Python alike) for the plain form and for every understood form."""
    mark = re.escape(decimal)
    plain = rf"-?[0-9]+(?:{mark}[0-9]+)?"
    whole = "[0-9]+"
    if grouping:
        marks = BLANKS.replace("\t", "") if grouping in BLANKS else grouping
        marks = _APOSTROPHES if grouping in _APOSTROPHES else marks
        # One file groups by one mark, but blanks and apostrophes come in look-alike kinds.
        whole = rf"(?:[0-9]{{1,3}}(?:[{marks}][0-9]{{3}})+|[0-9]+)"
        if grouping == ",":
            whole = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}|[0-9]+)"
    body = rf"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)"
    blank, minus = f"[{BLANKS}]*", f"[{MINUS[1:]}-]"
    forms = rf"[+{MINUS[1:]}-]?{blank}{body}|{body}{blank}{minus}|\({blank}{body}{blank}\)"
    return plain, rf"{blank}(?:{forms}){blank}"


def number_sql(column_sql: str, numbers: NumberFormat) -> str:
    """SQL for the canonical text of a VARCHAR column's number, or NULL where there is no value or no number.

    Text that is canonical already costs one regular expression; the rest is looked at only for other cells.
    `column_sql` stands in it more than once: give a column, not a computation.
    """
    plain, every = _patterns(numbers.decimal, numbers.grouping)
    column = f"({column_sql})"
    point = numbers.decimal == "."
    as_is = column if point else f"replace({column}, ',', '.')"
    digits = f"regexp_replace({column}, {literal(f'[^0-9{numbers.decimal}]')}, '', 'g')"
    if not point:
        digits = f"replace({digits}, ',', '.')"
    sign = f"CASE WHEN regexp_matches({column}, {literal(f'[({MINUS[1:]}-]')}) THEN '-' ELSE '' END"
    front = f"CASE WHEN starts_with({digits}, '.') THEN '0' ELSE '' END"
    return (
        f"CASE WHEN regexp_full_match({column}, {literal(plain)}) THEN {as_is} "
        f"WHEN regexp_full_match({column}, {literal(every)}) "
        f"THEN {sign} || {front} || rtrim({digits}, '.') END"
    )


def canonical_number(text: str | None, numbers: NumberFormat) -> str | None:
    """The same for one text in Python: canonical, or None where it is no number."""
    if text is None or not re.fullmatch(_patterns(numbers.decimal, numbers.grouping)[1], text):
        return None
    digits = re.sub(rf"[^0-9{re.escape(numbers.decimal)}]", "", text).replace(numbers.decimal, ".")
    sign = "-" if any(mark in text for mark in f"({MINUS}") else ""
    return sign + ("0" if digits.startswith(".") else "") + digits.removesuffix(".")
