"""Defects of amounts: rounding, tax, exchange rates, slips of the hand in numbers.

As in `defects_in_rows`: each function spoils a document and returns the breaks that must be found.
What follows from a spoiled number is worked out anew where an ERP would do so.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from simulators.core.money import rounded
from simulators.extracts.defects_in_rows import Planter
from simulators.extracts.lines import DAYS, ENTITIES, MONTH, Line, half_up
from simulators.extracts.plot import Plot, Reason, Truth, differing, key_of

NOBODY_KNOWS = ("unexplained", "unexplained")


def one_cent(plot: Plot) -> list[Truth]:
    """A total one minor unit off, which no rule accounts for."""
    return _total_moved(plot, "one_cent", plot.rng.choice((-1, 1)))


def thirty(plot: Plot) -> list[Truth]:
    """A total some thousand minor units off, which no rule accounts for."""
    return _total_moved(plot, "thirty", 3_001)


def _total_moved(plot: Plot, defect: str, by: int) -> list[Truth]:
    place = plot.line()
    plot.cloud[place].total += by
    return differing(defect, plot.legacy[place], plot.cloud[place], NOBODY_KNOWS)


def sign_flip(plot: Plot) -> list[Truth]:
    """A line whose amounts have the other sign in the cloud ERP."""
    place = plot.line()
    line = plot.cloud[place]
    line.net, line.tax, line.total, line.base_amount = (
        -line.net,
        -(line.tax or 0),
        -line.total,
        -line.base_amount,
    )
    return differing("sign_flip", plot.legacy[place], line, ("data_entry", "sign-flip"))


def transposed_digits(plot: Plot) -> list[Truth]:
    """Two digits of the total in each other's place."""
    place = plot.line()
    swapped = _transposed(plot, plot.cloud[place].total)
    if swapped is None:
        return []
    plot.cloud[place].total = swapped
    return differing(
        "transposed_digits", plot.legacy[place], plot.cloud[place], ("data_entry", "transposed-digits")
    )


def rate_mistyped(plot: Plot) -> list[Truth]:
    """Two digits of the hourly rate in each other's place, and all that follows from it."""
    place = plot.line()
    swapped = _transposed(plot, plot.cloud[place].rate)
    if swapped is None:
        return []
    plot.cloud[place].rate = swapped
    plot.cloud[place].reckon()
    return differing(
        "rate_mistyped", plot.legacy[place], plot.cloud[place], ("data_entry", "transposed-digits")
    )


def _transposed(plot: Plot, number: int) -> int | None:
    digits = str(number)
    places = [at for at in range(len(digits) - 1) if digits[at] != digits[at + 1] and digits[at + 1] != "0"]
    if len(digits) < 4 or not places:
        return None
    at = plot.rng.choice(places)
    return int(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :])


def decimal_shift(plot: Plot) -> list[Truth]:
    """A total a hundred times too large: minor units read as major ones."""
    place = plot.line()
    plot.cloud[place].total *= 100
    return differing("decimal_shift", plot.legacy[place], plot.cloud[place], ("data_entry", "decimal-shift"))


def null_versus_zero(plot: Plot) -> list[Truth]:
    """No tax at all on one side where the other has a tax of zero."""
    places = [at for at, line in enumerate(plot.legacy) if line.tax == 0]
    if not places:
        return []
    place = plot.rng.choice(places)
    plot.rng.choice((plot.legacy, plot.cloud))[place].tax = None
    return differing(
        "null_versus_zero", plot.legacy[place], plot.cloud[place], ("formatting", "null-versus-zero")
    )


def half_even(plot: Plot) -> list[Truth]:
    """An amount that ends in exactly half a minor unit, rounded to even in the cloud ERP."""
    place = plot.line()
    legacy = plot.legacy[place]
    legacy.hours = Decimal(plot.rng.randrange(4, 40)) + Decimal("0.5")
    legacy.rate += 1 - legacy.rate % 2
    # Of x.5 the even neighbour must be the lower one.
    while half_up(legacy.exact_net) == rounded(legacy.exact_net, "half_even"):
        legacy.rate += 2
    legacy.reckon()
    cloud = plot.cloud[place] = legacy.copied()
    cloud.net = rounded(cloud.exact_net, "half_even")
    cloud.retax()
    return differing("half_even", legacy, cloud, ("rounding", "half-up-half-even"))


def hundredths(plot: Plot) -> list[Truth]:
    """Minutes that the legacy ERP keeps in hundredths of an hour and the cloud's in full."""
    place = plot.line()
    minutes = 60 * int(plot.legacy[place].hours) + plot.rng.choice((5, 10, 20, 25, 35, 40, 50, 55))
    legacy, cloud = plot.legacy[place], plot.cloud[place]
    legacy.hours = Decimal(half_up(Fraction(minutes * 100, 60))).scaleb(-2)
    cloud.hours = Decimal(half_up(Fraction(minutes * 10_000, 60))).scaleb(-4)
    legacy.reckon()
    cloud.net = half_up(Fraction(minutes, 60) * cloud.rate)
    cloud.retax()
    return differing("hundredths", legacy, cloud, ("rounding", "hours-in-hundredths"))


def tax_per_document(plot: Plot) -> list[Truth]:
    """Tax rounded on the sum of a tax code's lines in the cloud ERP; the last of them takes the rest."""
    by_code: dict[str, list[Line]] = {}
    for line in plot.cloud:
        by_code.setdefault(line.tax_code, []).append(line)
    for lines in by_code.values():
        exact = sum((line.net * Fraction(line.tax_rate) / 100 for line in lines), Fraction())
        rest = half_up(exact) - sum(line.tax or 0 for line in lines)
        last = lines[-1]
        shown = (last.tax or 0) + rest
        if not rest or rounded(last.net * Fraction(last.tax_rate) / 100, "half_even") == shown:
            continue
        last.tax = shown
        last.resum()
        legacy = next(line for line in plot.legacy if line.line == last.line)
        return differing("tax_per_document", legacy, last, ("tax", "tax-per-line"))
    return []


def net_per_document(plot: Plot) -> list[Truth]:
    """Net rounded on the sum of the lines in the cloud ERP; the last line takes the rest."""
    exact = sum((line.exact_net for line in plot.cloud), Fraction())
    rest = half_up(exact) - sum(line.net for line in plot.cloud)
    last = plot.cloud[-1]
    if not rest or any(_ways(last, last.net + rest)):
        return []
    last.net += rest
    last.retax()
    return differing("net_per_document", plot.legacy[-1], last, ("rounding", "rounded-per-line"))


def _ways(line: Line, shown: int) -> list[bool]:
    """Whether one line's own rounding would give the amount as well."""
    return [rounded(line.exact_net, "half_even") == shown]


def tax_code(plot: Plot) -> list[Truth]:
    """Another tax code with its own rate in the cloud ERP."""
    place = plot.line()
    line = plot.cloud[place]
    others = [one for one in ENTITIES[line.legal_entity][1] if one[0] != line.tax_code]
    code, percent = plot.rng.choice(others)
    line.tax_code, line.tax_rate = code, Decimal(percent)
    line.retax()
    return differing("tax_code", plot.legacy[place], line, ("tax", "tax-code"))


def tax_rate(plot: Plot) -> list[Truth]:
    """An outdated rate under the same tax code."""
    place = plot.line()
    line = plot.cloud[place]
    line.tax_rate += Decimal("1.5")
    line.retax()
    return differing("tax_rate", plot.legacy[place], line, ("tax", "tax-rate"))


def tax_inclusive(plot: Plot) -> list[Truth]:
    """A net that holds the tax in the cloud ERP; the totals agree."""
    place = plot.line()
    line = plot.cloud[place]
    if not line.tax:
        return []
    line.net = line.total
    return differing("tax_inclusive", plot.legacy[place], line, ("tax", "tax-inclusive"))


def fx_rate(plot: Plot) -> list[Truth]:
    """Another rate of the same day: another source."""
    place = plot.line()
    line = plot.cloud[place]
    if line.currency == line.base_currency:
        return []
    line.fx_rate = (line.fx_rate * Decimal("1.0337")).quantize(Decimal("0.00000001"))
    line.resum()
    return differing("fx_rate", plot.legacy[place], line, ("fx", "fx-rate"))


def fx_date(plot: Plot) -> list[Truth]:
    """The rate of another day."""
    place = plot.line()
    line = plot.cloud[place]
    if line.currency == line.base_currency:
        return []
    day = line.fx_date
    line.fx_date = MONTH.replace(day=day.day + 1 if day.day < DAYS else day.day - 1)
    line.fx_rate = plot.market.rate(line.currency, line.base_currency, line.fx_date)
    line.resum()
    return differing("fx_date", plot.legacy[place], line, ("fx", "fx-date"))


def wrong_currency(plot: Plot) -> list[Truth]:
    """The same numbers in another currency."""
    place = plot.line()
    line = plot.cloud[place]
    others = [code for code in ("GBP", "EUR", "USD") if code != line.currency]
    if line.currency not in ("GBP", "EUR", "USD"):
        return []
    line.currency = plot.rng.choice(others)
    reason: Reason = ("data_entry", "currency-swapped")
    return [
        Truth(
            defect="wrong_currency", key=key_of(line), what="currency", column="currency",
            cause=reason[0], code=reason[1],
        )
    ]  # fmt: skip


PLANTERS: Mapping[str, Planter] = {
    planter.__name__: planter
    for planter in (
        one_cent, thirty, sign_flip, transposed_digits, rate_mistyped, decimal_shift, null_versus_zero, half_even,
        hundredths, tax_per_document, net_per_document, tax_code, tax_rate, tax_inclusive, fx_rate, fx_date,
        wrong_currency,
    )
}  # fmt: skip
