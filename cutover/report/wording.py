"""How figures, instants and states read in the report, pure.

Amounts arrive as exact decimal strings and stay exact: they are grouped as text and added as
Decimal. A hyphen serves as minus sign, so that a figure copied into a spreadsheet stays a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from markupsafe import Markup

NOTHING = "–"
"""Shown where there is no value; never a zero in disguise."""
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_WHOLE = re.compile(r"(?<![\w.,-])[1-9][0-9]{3,14}(?![\w.,-])")
_NUMBERED = re.compile(r"[\w-]*[0-9][\w-]*")
_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "go": ("GO", "good", "The plan fits: nothing measured speaks against it."),
    "rolled-back": ("ROLLED BACK", "good", "It was turned back on purpose, and both ERPs agree."),
    "no-go": ("NO-GO", "bad", "Something measured speaks against the cutover."),
    "inconclusive": ("INCONCLUSIVE", "open", "Not everything that was asked could be told."),
}
"""Verdict → (word, tone, one sentence)."""
MARKS: Mapping[str, tuple[str, str]] = {
    "done": ("✓", "good"), "pass": ("✓", "good"), "held": ("✓", "good"), "posted": ("✓", "good"),
    "go": ("✓", "good"), "settled": ("✓", "good"), "not settled": ("✕", "bad"), "fired": ("✓", "good"),
    "failed": ("✕", "bad"), "fail": ("✕", "bad"), "violated": ("✕", "bad"), "no-go": ("✕", "bad"),
    "dead": ("✕", "bad"), "refused": ("✕", "bad"), "lost": ("✕", "bad"), "unexplained": ("✕", "bad"),
    "not run": ("?", "open"), "inconclusive": ("?", "open"), "parked": ("?", "open"), "never fired": ("?", "open"), "late": ("✕", "bad"),
    "in_doubt": ("?", "open"), "queued": ("…", "open"), "in_flight": ("…", "open"), "unfenced": ("?", "open"),
    "agrees": ("✓", "good"), "ties": ("✓", "good"), "accepted": ("✓", "good"), "fixed": ("✓", "good"), "used": ("✓", "good"),
    "differs": ("✕", "bad"), "does not tie": ("✕", "bad"), "reopened": ("✕", "bad"), "expired": ("✕", "bad"),
    "unused": ("?", "open"), "caught": ("✓", "good"), "missed": ("✕", "bad"), "obeyed": ("✓", "good"), "broken": ("✕", "bad"),
}  # fmt: skip
"""State → (sign, tone): a state is always shown as sign and word, never by colour alone."""
EVENTS: Mapping[str, str] = {
    "answered yes": "the system took it",
    "answered no": "the system refused it for a business reason",
    "not taken, try later": "busy, throttled or not reachable; tried again later",
    "no answer": "the call went out and nothing came back: looked up before anything else",
    "look-up found it": "an unanswered call had worked after all; not sent again",
    "look-up found nothing": "an unanswered call had not worked; sent again",
    "look-up failed": "the look-up was not answered either; asked again",
    "attempts exhausted": "gave up after the bounded number of attempts",
    "lease lost": "the router died with the call under way; looked up after the restart",
    "unanswered": "under way when the router died, or at the end of the run",
}
"""What an attempt's outcome means, for a reader who knows no code."""
FACTS: Mapping[str, str] = {
    "table_version": "route table", "masters": "masters loaded", "held": "held back", "released": "released",
    "given_back": "given back", "refused": "refused", "dead": "given up",
}  # fmt: skip
"""The figures in a step's evidence that a reader is shown, and their names."""


def clean(value: Any) -> str:
    """Text safe to show: control and direction-changing characters and lone surrogates become U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", value if isinstance(value, str) else str(value))


def grouped(text: Any) -> str:
    """A sentence with thousands separators in its whole numbers."""
    return _WHOLE.sub(lambda found: f"{int(found.group()):,}", clean(text))


def pattern(text: Any) -> str:
    """A sentence without what sets it apart from its like: ids and numbers become an ellipsis."""
    return _NUMBERED.sub("…", clean(text))


def instant(value: Any) -> datetime | None:
    """An instant from RFC 3339 text or a datetime, UTC; None when there is none or it can't be read."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def when(value: Any) -> str:
    """An instant as `Sat 31 Oct 06:00Z`; what can't be read is shown as it came."""
    at = instant(value)
    if at is None:
        return NOTHING if value in (None, "") else clean(value)
    return f"{day(at)} {clock(at)}Z"


def day(at: datetime) -> str:
    """`Sat 31 Oct`; English whatever the locale, as the bytes must not depend on the machine."""
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]}"


def clock(at: datetime) -> str:
    """`06:00`."""
    return f"{at.hour:02d}:{at.minute:02d}"


def number(value: Any) -> str:
    """An integer with thousands separators."""
    if isinstance(value, bool) or not isinstance(value, int):
        return NOTHING if value is None else clean(value)
    return f"{value:,}"


def amount(value: Any, *, signed: bool = False) -> str:
    """A decimal string with thousands separators, digits untouched; `signed` writes a plus as well."""
    text = str(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    if not _AMOUNT.match(text):
        return NOTHING if value is None else clean(value)
    whole, dot, part = text.removeprefix("-").partition(".")
    sign = "-" if text.startswith("-") else "+" if signed and Decimal(text) != 0 else ""
    return f"{sign}{int(whole):,}{dot}{part}"


def delta(value: Any) -> str:
    """A difference, always signed."""
    return amount(value, signed=True)


def exact(value: Any) -> Decimal | None:
    """A decimal string as Decimal; None when it is none."""
    try:
        return Decimal(value) if isinstance(value, str) and _AMOUNT.match(value) else None
    except InvalidOperation:
        return None


def total(values: Iterable[Any]) -> str | None:
    """The exact sum of decimal strings, with their decimal places; None when there is nothing to add."""
    found = [value for value in map(exact, values) if value is not None]
    return format(sum(found, Decimal(0)), "f") if found else None


def basis_points(part: Any, whole: Any) -> str | None:
    """`part` of `whole` in basis points with two decimals, cut off; None without a whole."""
    left, right = exact(part), exact(whole)
    if left is None or right is None or right == 0:
        return None
    hundredths = int(abs(left) * 1_000_000 // abs(right))
    return f"{hundredths // 100:,}.{hundredths % 100:02d}"


def duration(minutes: Any) -> str:
    """Minutes as `3 d 4 h`, `5 h 20 min` or `12 min`."""
    if isinstance(minutes, bool) or not isinstance(minutes, int):
        return NOTHING
    sign, left = ("-" if minutes < 0 else ""), abs(minutes)
    days, hours, rest = left // 1440, left // 60 % 24, left % 60
    if days:
        return f"{sign}{days} d" + (f" {hours} h" if hours else "") + (f" {rest} min" if rest else "")
    if hours:
        return f"{sign}{hours} h" + (f" {rest} min" if rest else "")
    return f"{sign}{rest} min"


def words(name: Any) -> str:
    """`missing_in_cloud` as `missing in cloud`."""
    return clean(name).replace("_", " ")


def plural(count: Any, one: str, many: str | None = None) -> str:
    """`1 wave`, `2 waves`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def badge(state: Any) -> Markup:
    """A state as sign and word in its tone."""
    name = clean(state) if state not in (None, "") else NOTHING
    sign, tone = MARKS.get(name, ("", "plain"))
    shown = Markup('<span aria-hidden="true">{}</span> ').format(sign) if sign else Markup("")
    return Markup('<span class="badge {}">{}{}</span>').format(tone, shown, words(name))


def flat(value: Any) -> str:
    """Any JSON value as one line of text, keys sorted."""
    if isinstance(value, Mapping):
        return "; ".join(f"{words(key)}: {flat(value[key])}" for key in sorted(value, key=str))
    if isinstance(value, list | tuple):
        return ", ".join(flat(item) for item in value)
    if isinstance(value, datetime):
        return when(value)
    if value is None:
        return NOTHING
    return number(value) if isinstance(value, int) and not isinstance(value, bool) else clean(value)
