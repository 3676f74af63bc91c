"""Texts made alike before they are compared: what a policy's `normalise` and `map` mean. Pure.

The SQL is for ASCII only, where it says the same as the Python; every other text goes through Python,
because a database's idea of case and of compatible characters is its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from router.dualrun.policy import Column, Normalise
from router.dualrun.workbench import literal

_LOOK_ALIKES: Final = {
    # Cyrillic and Greek letters that print as Latin ones (Unicode TR 39, the part found in names).
    **dict(zip("АВЕЅІЈКМНОРСТУХаеіјорсухѕ", "ABESIJKMHOPCTYXaeijopcyxs", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲ", "ABEZHIKMNOPTYXoc", strict=True)),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2018\u2019\u201b\u2032\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201f\u2033", '"'),
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
}  # fmt: skip
_TABLE: Final = str.maketrans(_LOOK_ALIKES)
_ASCII_BLANKS: Final = "\\t\\n\\x0b\\x0c\\r\\x1c-\\x1f "


def normalised(text: str, steps: Sequence[Normalise]) -> str:
    """The text after the steps, in their order."""
    for step in steps:
        match step:
            case "trim":
                text = text.strip()
            case "collapse_spaces":
                text = re.sub(r"\s+", " ", text)
            case "casefold":
                text = text.casefold()
            case "nfc":
                text = unicodedata.normalize("NFC", text)
            case "nfkc":
                text = unicodedata.normalize("NFKC", text)
            case "strip_leading_zeros":
                text = re.sub(r"\A0+(?=.)", "", text, flags=re.DOTALL)
            case "look_alikes":
                text = text.translate(_TABLE)
    return text


def words(column: Column) -> Mapping[str, str]:
    """The map of a column, both sides of it normalised."""
    return {
        normalised(key, column.normalise): normalised(value, column.normalise)
        for key, value in column.map.items()
    }


def common_word(text: str, column: Column, mapped: Mapping[str, str]) -> str:
    """What a cell is compared as; `mapped` is `words(column)`."""
    text = normalised(text, column.normalise)
    return mapped.get(text, text)


def ascii_sql(cell: str, column: Column) -> str:
    """SQL for the common word of an ASCII cell."""
    for step in column.normalise:
        match step:
            case "trim":
                cell = f"regexp_replace({cell}, '^[{_ASCII_BLANKS}]+|[{_ASCII_BLANKS}]+$', '', 'g')"
            case "collapse_spaces":
                cell = f"regexp_replace({cell}, '[{_ASCII_BLANKS}]+', ' ', 'g')"
            case "casefold":
                cell = f"lower({cell})"
            case "strip_leading_zeros":
                cell = f"CASE WHEN {cell}[1] = '0' THEN coalesce(nullif(ltrim({cell}, '0'), ''), {cell}[-1]) ELSE {cell} END"
            case "nfc" | "nfkc" | "look_alikes":
                pass  # ASCII is its own normal form
    mapped = words(column)
    if mapped:
        cases = " ".join(f"WHEN {literal(key)} THEN {literal(value)}" for key, value in mapped.items())
        cell = f"CASE {cell} {cases} ELSE {cell} END"
    return cell


def mapped_sql(cell: str, column: Column) -> str:
    """SQL for the common word of a cell that stands in the map letter by letter; else NULL."""
    if not column.map:
        return "NULL"
    cases = " ".join(
        f"WHEN {literal(key)} THEN {literal(normalised(value, column.normalise))}"
        for key, value in column.map.items()
    )
    return f"CASE {cell} {cases} END"
