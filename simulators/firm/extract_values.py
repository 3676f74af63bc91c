"""One value of an export, from text to what its field holds; what does not fit is refused, never bent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from simulators.core.money import exponent
from simulators.firm.extract_mapping import FileMapping
from simulators.firm.model import Dimensions, Entity

MAX_ID = 16
"""Characters of an id: what the legacy ERP's reference field holds."""
MAX_TEXT = 255
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}\Z", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,6})?\Z", re.ASCII)
YES, NO = ("true", "t", "yes", "y", "1", "x", "ja"), ("false", "f", "no", "n", "0", "", "-", "nein")
BILLING = ("time_and_materials", "fixed_fee")


class Bad(Exception):
    """A value that does not fit its field; it never leaves the reader."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(why)
        self.why, self.mend = why, mend


@dataclass(frozen=True, slots=True)
class Known:
    """The codes a value may be, from the landscape."""

    entities: Mapping[str, Entity]
    dimensions: Dimensions


def typed(kind: str, text: str, *, field: str, mapping: FileMapping, known: Known) -> Any:
    """The value of a field; raises Bad saying why the text is none, and how to mend it."""
    if kind == "id":
        return _id(text)
    if kind in ("name", "text"):
        if len(text) > MAX_TEXT:
            raise Bad(f"has {len(text)} characters, at most {MAX_TEXT} fit", "shorten it")
        return text
    if kind in ("amount", "hours", "minutes", "days"):
        return _counted(kind, text, mapping)
    if kind == "date":
        return _date(text, mapping.date_format)
    if kind == "yes":
        if text.casefold() not in YES + NO:
            raise Bad("is neither yes nor no", f"map it under values.{field} in mapping.yaml")
        return text.casefold() in YES
    return _coded(kind, text, field, known)


def _coded(kind: str, text: str, field: str, known: Known) -> str:
    options: tuple[str, ...] | None = None
    if kind == "entity":
        options = tuple(known.entities)
    elif kind == "billing":
        options = BILLING
    elif kind in ("business_units", "departments", "practices", "service_lines"):
        options = getattr(known.dimensions, kind)
    if options is not None:
        if text not in options:
            raise Bad(f"is none of {', '.join(options[:12])}", f"map it under values.{field} in mapping.yaml")
    elif kind == "currency":
        _known_currency(text)
    elif kind == "country":
        if not (len(text) == 2 and text.isascii() and text.isalpha() and text.isupper()):
            raise Bad("is no ISO 3166 country such as GB", f"map it under values.{field} in mapping.yaml")
    elif not _CODE.match(text):
        raise Bad("is no code (A-Z, 0-9, - and _, at most 32)", f"map it under values.{field}")
    return text


def _id(text: str) -> str:
    if not _ID.match(text):
        raise Bad("is no id (letters, digits and . _ : / -)", "clean it in the source system")
    if len(text) > MAX_ID:
        raise Bad(f"has {len(text)} characters, the legacy ERP holds {MAX_ID}", "map it to a shorter id")
    return text


def _known_currency(text: str) -> None:
    try:
        exponent(text)
    except ValueError:
        raise Bad("is no ISO 4217 currency", "map it under values.currency in mapping.yaml") from None


def _number(text: str, mapping: FileMapping) -> Decimal:
    """A number as the file writes it: `1.234,50-` is minus 1234.50 where "." groups and "," divides."""
    plain = text.replace(" ", "").replace("\u00a0", "")
    if plain.endswith("-"):
        plain = "-" + plain[:-1]
    if mapping.thousands:
        whole, sign, part = plain.partition(mapping.decimal)
        groups = whole.lstrip("+-").split(mapping.thousands)
        if len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])):
            raise Bad("is grouped oddly", f"check decimal and thousands of {mapping.name} in mapping.yaml")
        plain = whole.replace(mapping.thousands, "") + sign + part
    if mapping.decimal != ".":
        if "." in plain:
            raise Bad("has a point where the file divides otherwise", "check decimal in mapping.yaml")
        plain = plain.replace(mapping.decimal, ".")
    if not _NUMBER.match(plain):
        raise Bad("is no number", f"check decimal and thousands of {mapping.name} in mapping.yaml")
    return Decimal(plain)


def _counted(kind: str, text: str, mapping: FileMapping) -> Decimal | int:
    number = _number(text, mapping)
    if kind in ("amount", "hours"):
        return number
    if number != int(number):
        raise Bad(
            f"is no whole number of {kind}", "map the column to hours" if kind == "minutes" else "use days"
        )
    if kind == "days" and not 0 <= number <= 365:
        raise Bad("is no number of days from 0 to 365", "map it under values in mapping.yaml")
    return int(number)


def _date(text: str, written: str) -> date:
    try:
        found = datetime.strptime(text, written).date()  # noqa: DTZ007  a day, not an instant
    except (ValueError, re.error):
        raise Bad(f"is no date written {written}", "set date in mapping.yaml") from None
    if not 2000 <= found.year <= 2100:
        raise Bad("lies outside 2000 to 2100", "check the date format in mapping.yaml")
    return found
