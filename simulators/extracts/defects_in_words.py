"""Defects of texts, statuses, dimensions and dates.

As in `defects_in_rows`: each function spoils a document and returns the breaks that must be found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import timedelta

from simulators.extracts.defects_in_rows import Planter
from simulators.extracts.lines import COST_CENTERS, DAYS
from simulators.extracts.plot import Plot, Reason, Truth, differing

LINES_OF_A_MAPPING = 3
LOOK_ALIKES = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "C": "\u0421", "P": "\u0420"}
"""Latin letters and the Cyrillic ones that are drawn alike."""
LATE = 25


def swapped_dimension(plot: Plot) -> list[Truth]:
    """Another cost centre than the one it was booked on."""
    place = plot.line()
    line = plot.cloud[place]
    line.cost_center = plot.rng.choice([code for code in COST_CENTERS if code != line.cost_center])
    return _told(plot, place, "swapped_dimension", ("data_entry", "other-dimension"))


def columns_swapped(plot: Plot) -> list[Truth]:
    """Department and practice in each other's column."""
    place = plot.line()
    line = plot.cloud[place]
    line.department, line.practice = line.practice, line.department
    return _told(plot, place, "columns_swapped", ("data_entry", "columns-swapped"))


def dimension_mapping(plot: Plot) -> list[Truth]:
    """A department with one name in the legacy ERP and another in the cloud's, on all its lines."""
    if len(plot.legacy) < LINES_OF_A_MAPPING:
        return []
    name = plot.legacy[0].document[-5:]
    found = []
    for place, line in enumerate(plot.legacy):
        line.department, plot.cloud[place].department = f"Alliance {name}", f"PARTNER-{name}"
        found += _told(plot, place, "dimension_mapping", ("mapping", "dimension-mapping"))
    return found


def cut_off(plot: Plot) -> list[Truth]:
    """A line posted in the month's last days in the legacy ERP and in the next month in the cloud's."""
    place = plot.line()
    line = plot.cloud[place]
    if line.posting_date.day < LATE:
        return []
    line.posting_date += timedelta(DAYS + 2 - line.posting_date.day)
    line.period = f"{line.posting_date:%Y-%m}"
    return _told(plot, place, "cut_off", ("period", "cut-off"))


def wrong_period(plot: Plot) -> list[Truth]:
    """A period the posting date does not fall in."""
    place = plot.line()
    plot.cloud[place].period = "2026-11"
    return _told(plot, place, "wrong_period", ("period", "wrong-period"))


def time_zone(plot: Plot) -> list[Truth]:
    """A posting date cut from one instant in Berlin and in New York: a day earlier in the cloud ERP."""
    place = plot.line()
    line = plot.cloud[place]
    if line.posting_date.day == 1:
        return []
    line.posting_date -= timedelta(1)
    return _told(plot, place, "time_zone", ("timing", "time-zone"))


def day_month_swapped(plot: Plot) -> list[Truth]:
    """Day and month of the posting date in each other's place."""
    place = plot.line()
    line = plot.cloud[place]
    day = line.posting_date
    if day.day > 12 or day.day == day.month:
        return []
    line.posting_date = day.replace(day=day.month, month=day.day)
    return _told(plot, place, "day_month_swapped", ("data_entry", "day-month-swapped"))


def status_lag(plot: Plot) -> list[Truth]:
    """Paid in one ERP and still open in the other."""
    place = plot.line()
    one, other = plot.rng.sample([plot.legacy[place], plot.cloud[place]], 2)
    one.status, other.status = "open", "paid"
    return _told(plot, place, "status_lag", ("timing", "status-lag"))


def missing_approval(plot: Plot) -> list[Truth]:
    """Approved in the legacy ERP, waiting for approval in the cloud's."""
    place = plot.line()
    line = plot.cloud[place]
    line.approved_by, line.status = "", "pending approval"
    return _told(plot, place, "missing_approval", ("missing_approval", "missing-approval"))


def renumbered_invoice(plot: Plot) -> list[Truth]:
    """An invoice number out of the cloud ERP's own range."""
    place = plot.line()
    plot.cloud[place].number = f"INV-{plot.rng.randrange(10_000, 99_999)}"
    return _told(plot, place, "renumbered_invoice", ("numbering", "number"))


def trailing_space(plot: Plot) -> list[Truth]:
    """A blank after the text or the dimension."""
    place = plot.line()
    line = plot.cloud[place]
    if plot.rng.random() < 0.5:
        line.memo += " "
    else:
        line.cost_center += "  "
    return _told(plot, place, "trailing_space", ("formatting", "trailing-space"))


def letter_case(plot: Plot) -> list[Truth]:
    """A text in capitals."""
    place = plot.line()
    plot.cloud[place].memo = plot.cloud[place].memo.upper()
    return _told(plot, place, "letter_case", ("formatting", "letter-case"))


def look_alike(plot: Plot) -> list[Truth]:
    """A Cyrillic letter where a Latin one seems to stand."""
    place = plot.line()
    line = plot.cloud[place]
    letters = [letter for letter in LOOK_ALIKES if letter in line.memo]
    if not letters:
        return []
    letter = plot.rng.choice(letters)
    line.memo = line.memo.replace(letter, LOOK_ALIKES[letter], 1)
    return _told(plot, place, "look_alike", ("formatting", "look-alike"))


def composition(plot: Plot) -> list[Truth]:
    """An accent that is a character of its own in the cloud ERP."""
    place = plot.line()
    line = plot.cloud[place]
    line.memo = unicodedata.normalize("NFD", line.memo)
    return _told(plot, place, "composition", ("formatting", "unicode-composition"))


def _told(plot: Plot, place: int, defect: str, reason: Reason) -> list[Truth]:
    return differing(defect, plot.legacy[place], plot.cloud[place], reason)


PLANTERS: Mapping[str, Planter] = {
    planter.__name__: planter
    for planter in (
        swapped_dimension, columns_swapped, dimension_mapping, cut_off, wrong_period, time_zone, day_month_swapped,
        status_lag, missing_approval, renumbered_invoice, trailing_space, letter_case, look_alike, composition,
    )
}  # fmt: skip
