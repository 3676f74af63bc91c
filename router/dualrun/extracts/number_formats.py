"""Which format the numbers of a file are in, proven by the cells themselves or refused. Pure.

`1.234` is a thousand and more in Berlin and little more than one in London. What proves a format:
two different marks in one cell (`1.234,50`), one mark twice (`1.234.567`), or a mark that can't group
because what follows is not three digits or what stands before is nothing, a zero or four digits
(`12.50`, `0.125`, `1234.500`). Cells without marks prove nothing and fit all formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from router.dualrun.extracts.numbers import BLANKS, MINUS
from router.dualrun.extracts.refusals import shown
from router.dualrun.policy import NumberFormat, Side

_APOSTROPHES = "'\u2019"
_MARKS = ".,"


@dataclass(slots=True)
class Evidence:
    """What the cells of a file say about their format, each with the first cell that says it."""

    decimals: dict[str, str] = field(default_factory=dict)
    groupings: dict[str, str] = field(default_factory=dict)
    either: dict[str, str] = field(default_factory=dict)
    """Marks that may be the one or the other."""

    def add(self, text: str) -> None:
        """Look at one cell; what is no number says nothing here, it is refused when it is read."""
        core = text.strip(BLANKS + "+()" + MINUS)
        marks = [letter for letter in core if not (letter.isascii() and letter.isdigit())]
        kinds = list(dict.fromkeys(_kind(mark) for mark in marks))
        if not marks or "" in kinds or not any(letter.isdigit() for letter in core):
            return
        last = marks[-1]
        if len(kinds) == 1 and len(marks) > 1:
            self.groupings.setdefault(kinds[0], text)
        elif len(kinds) == 1:
            self._one(core, last, kinds[0], text)
        elif len(kinds) == 2 and last in _MARKS and marks.count(last) == 1:
            self.decimals.setdefault(last, text)
            self.groupings.setdefault(kinds[0], text)

    def _one(self, core: str, mark: str, kind: str, text: str) -> None:
        before, after = core.split(mark)
        groups = len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")
        if kind not in _MARKS:
            if groups:
                self.groupings.setdefault(kind, text)
        elif groups:
            self.either.setdefault(kind, text)
        else:
            self.decimals.setdefault(kind, text)

    @property
    def open(self) -> bool:
        """Whether more cells could still change what follows from it."""
        return not (self.decimals and self.groupings)


def _kind(mark: str) -> str:
    """The mark that stands for its look-alikes; empty: no mark of a number."""
    if mark in _MARKS:
        return mark
    if mark in _APOSTROPHES:
        return "'"
    return " " if mark in BLANKS else ""


@dataclass(frozen=True, slots=True)
class Untold:
    """Why the format can't be told: the cell that shows it, what to say, and the mend."""

    cell: str
    message: str
    mend: str


def found(evidence: Evidence, side: Side) -> NumberFormat | Untold:
    """The one format that all cells fit; `Untold` when there are two, or when none is proven."""
    decimals, groupings, either = evidence.decimals, dict(evidence.groupings), evidence.either
    if len(decimals) > 1:
        return _two(decimals["."], decimals[","])
    decimal = next(iter(decimals), "")
    if not decimal:
        grouping = next((mark for mark in _MARKS if mark in groupings), "")
        free = [mark for mark in either if mark not in groupings]
        if either and (not groupings or (not grouping and len(free) > 1)):
            cell = next(iter(either.values()))
            return Untold(
                cell,
                f"{shown(cell)!r} may be in thousands or in thousandths, and no cell tells which",
                f"write files.{side}.numbers: {{decimal: '.', grouping: ','}} or {{decimal: ',', grouping: '.'}}",
            )
        # Where one of the two marks groups, the other one is the decimal mark.
        decimal = {"": free[0] if free else ".", ".": ",", ",": "."}[grouping]
    for mark, text in either.items():
        if mark != decimal:
            groupings.setdefault(mark, text)
    texts = [*groupings.values(), *decimals.values()]
    if len(groupings) > 1 or decimal in groupings:
        return _two(texts[0], texts[-1])
    return NumberFormat.model_validate({"decimal": decimal, "grouping": next(iter(groupings), "")})


def _two(one: str, other: str) -> Untold:
    return Untold(
        other,
        f"numbers stand in two formats: {shown(one)!r} and {shown(other)!r}",
        "export it again in one format",
    )
