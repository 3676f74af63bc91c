"""Salesforce record ids: 15 case-sensitive characters, or 18 with a checksum that survives folding.

Each group of five characters gives one checksum character: a five-bit mask of its upper-case
positions, lowest bit first, indexed into `A-Z0-5`. Prefixes tell the object (001 Account, 006
Opportunity). Counters are rendered in base 62, so ids sort in order of creation.
"""

from __future__ import annotations

import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Z]{3})?\Z", re.ASCII)


def checksum(short: str) -> str:
    """The three characters that make an 18-character id of a 15-character one."""
    assert len(short) == 15
    return "".join(
        _CHECK[sum(1 << at for at, char in enumerate(short[group : group + 5]) if char.isupper())]
        for group in (0, 5, 10)
    )


def to_18(given: str) -> str:
    """The 18-character form of an id; raises ValueError for a wrong shape or checksum."""
    if not isinstance(given, str) or not _SHAPE.match(given):
        msg = f"{str(given)[:40]!r} is no Salesforce id"
        raise ValueError(msg)
    full = given[:15] + checksum(given[:15])
    if len(given) == 18 and given != full:
        msg = f"{given!r} has a wrong checksum, should be {full!r}"
        raise ValueError(msg)
    return full


def make_id(prefix: str, number: int) -> str:
    """The 18-character id number `number` of an object with this three-character prefix."""
    digits = ""
    rest = number
    while rest:
        rest, digit = divmod(rest, 62)
        digits = _DIGITS[digit] + digits
    short = prefix + "xx" + digits.rjust(10, "0")
    assert len(short) == 15, "a counter outgrew the id"
    return short + checksum(short)
