"""Slips of the hand in a number: sign, digits in each other's place, decimal point, no value for zero.

Each is told by the digits themselves, whatever the number means. A difference that two digits in each
other's place make is divisible by nine, but not every such difference is one: the digits are looked at.
"""

from __future__ import annotations

from fractions import Fraction

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import because

SHIFT_MAX = 3
DIGITS_MIN = 3
"""Two numbers of two digits are each other's reverse too easily."""


def slip(legacy: Fraction | None, cloud: Fraction | None, places: int) -> Explanation | None:
    """The slip that turns one number into the other; None when no single one does. Numbers in the major unit."""
    if legacy is None or cloud is None:
        value = cloud if legacy is None else legacy
        if value == 0:
            where = "legacy" if legacy is None else "cloud"
            return because(
                "formatting", "null-versus-zero", f"the {where} ERP has no value where the other has 0"
            )
        return None
    if not legacy or not cloud:
        return None
    if legacy == -cloud:
        return because(
            "data_entry", "sign-flip", f"{_text(legacy, places)} and {_text(cloud, places)}: the sign only"
        )
    return _shift(legacy, cloud, places) or _transposed(legacy, cloud, places)


def _shift(legacy: Fraction, cloud: Fraction, places: int) -> Explanation | None:
    for power in range(1, SHIFT_MAX + 1):
        if legacy * 10**power == cloud or cloud * 10**power == legacy:
            said = f"{_text(legacy, places)} and {_text(cloud, places)}: the decimal point moved by {power}"
            return because("data_entry", "decimal-shift", said)
    return None


def _transposed(legacy: Fraction, cloud: Fraction, places: int) -> Explanation | None:
    scale = 10**places
    if (legacy * scale).denominator != 1 or (cloud * scale).denominator != 1 or (legacy < 0) != (cloud < 0):
        return None
    one, other = str(abs(int(legacy * scale))), str(abs(int(cloud * scale)))
    width = max(len(one), len(other), places + 1)
    one, other = one.rjust(width, "0"), other.rjust(width, "0")
    apart = [at for at in range(width) if one[at] != other[at]]
    if len(apart) != 2 or apart[1] != apart[0] + 1 or width < DIGITS_MIN:
        return None
    first, second = apart
    if (one[first], one[second]) != (other[second], other[first]):
        return None
    said = (
        f"{_text(legacy, places)} and {_text(cloud, places)}: {one[first]}{one[second]} and "
        f"{other[first]}{other[second]} in each other's place, {abs(int((cloud - legacy) * scale)) // 9} x 9 apart"
    )
    return because("data_entry", "transposed-digits", said)


def _text(value: Fraction, places: int) -> str:
    """A number with its places; they hold it exactly wherever a slip is looked for."""
    scaled = abs(value) * 10**places
    digits = str(scaled.numerator // scaled.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
