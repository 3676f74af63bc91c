"""Writes `report.xlsx`: a summary, the control totals, clusters, what was hidden, and a sheet for each cause.

A function of `summary.json` and `breaks.jsonl`: same data, same bytes (the workbook's date is fixed).
Amounts are numbers with the format of their currency. Excel keeps 15 digits: a longer amount is
written as text and flagged, never rounded. A text is always written as text, whatever it begins with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutover.report.wording import clean, words
from router.canonical.money import exponent

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

SHEET_ROWS = 1_048_576
"""Rows a sheet can hold, the header among them (Excel specifications and limits)."""
CELL_CHARS = 32_767
DIGITS = 15
"""Significant digits a number keeps in Excel."""
NAME_CHARS = 31
MADE = datetime(1980, 1, 1, tzinfo=UTC)
STEP = 1_000
_AMOUNT = re.compile(r"-?(\d+)(?:\.(\d+))?\Z", re.ASCII)
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_ESCAPE_LIKE = re.compile(r"_(x[0-9A-Fa-f]{4}_)")
_RISKY = ("=", "+", "-", "@", "\t", "\r")
AS_TEXT = "an amount of more than 15 digits is text here"
CUT = "a text was cut; all of it is in breaks.jsonl"
STEPS = ("missing_in_cloud", "missing_in_legacy", "duplicates", "amounts", "moved")
Told = Callable[[int], None]


def write_workbook(
    path: Path,
    summary: Mapping[str, Any],
    lines: Iterable[Mapping[str, Any]],
    *,
    told: Told | None = None,
    sheet_rows: int = SHEET_ROWS,
) -> int:
    """Write the workbook; how many breaks it holds. `lines`: the objects of breaks.jsonl, read once.

    `told` hears now and then how many breaks are written; `sheet_rows` is Excel's limit but for tests.
    """
    from xlsxwriter.workbook import Workbook as New  # noqa: PLC0415 - a tenth of a second only this command pays

    book = New(str(path), {"constant_memory": True, "tmpdir": str(path.parent), "default_date_format": ""})
    book.set_properties(
        {"title": "Comparison of two extracts", "comments": summary["run_id"], "created": MADE}
    )
    formats = _Formats(book)
    names = _Names()
    _summary(
        _Sheet(book, names("Summary"), formats, ["What", "Value", "Breaks", "Currency", "Net", "Absolute"]),
        summary,
    )
    _totals(_Sheet(book, names("Totals"), formats, _totals_head(summary)), summary)
    _clusters(_Sheet(book, names("Clusters"), formats, _CLUSTERS), summary)
    _hidden(_Sheet(book, names("Hidden"), formats, _HIDDEN), summary)
    head = [*summary["policy"]["key"], *_BREAK]
    causes = {
        row["cause"]: _Cause(book, names, formats, row["cause"], head, sheet_rows)
        for row in summary["breaks"]["by_cause"]
        if row["breaks"]
    }
    count = 0
    for line in lines:
        causes[line["cause"]].add(line, summary["policy"]["key"])
        count += 1
        if told is not None and count % STEP == 0:
            told(count)
    for cause in causes.values():
        cause.close()
    book.close()
    return count


class _Formats:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.bold = book.add_format({"bold": True})
        self.risky = book.add_format({"quote_prefix": True})
        self.count = book.add_format({"num_format": "#,##0"})
        self._money: dict[str, Format] = {}

    def money(self, currency: str) -> Format:
        """The number format with the currency's decimals."""
        if currency not in self._money:
            places = exponent(currency)
            self._money[currency] = self._book.add_format(
                {"num_format": "#,##0" + ("." + "0" * places if places else "")}
            )
        return self._money[currency]


class _Names:
    """Names of sheets: allowed, at most 31 characters, and each once whatever the case."""

    def __init__(self) -> None:
        self._taken: set[str] = {"history"}

    def __call__(self, wanted: str) -> str:
        base = _FORBIDDEN.sub(" ", clean(wanted)).strip(" '") or "sheet"
        name, at = base[:NAME_CHARS].strip(" '"), 1
        while name.casefold() in self._taken:
            at += 1
            tail = f" ({at})"
            name = base[: NAME_CHARS - len(tail)].strip(" '") + tail
        self._taken.add(name.casefold())
        return name


class _Sheet:
    """A sheet with a frozen header, written row by row."""

    def __init__(self, book: Workbook, name: str, formats: _Formats, head: Sequence[str]) -> None:
        self._sheet: Worksheet = book.add_worksheet(name)
        self._formats = formats
        self._at = 0
        self._head = len(head)
        self._sheet.freeze_panes(1, 0)
        for column, title in enumerate(head):
            self._sheet.set_column(column, column, _WIDTHS.get(title, 16))
            self._sheet.write_string(0, column, clean(title), formats.head)

    @property
    def rows(self) -> int:
        """Rows below the header."""
        return self._at

    def start(self) -> None:
        """Begin the next row."""
        self._at += 1

    def text(self, column: int, text: Any, form: Format | None = None) -> str:
        """Write a text; gives what has to be flagged."""
        if text is None or text == "":
            return ""
        # Excel reads _x0041_ as an escaped letter.
        shown = _ESCAPE_LIKE.sub(r"_x005F_\1", clean(text))
        cut = len(shown) > CELL_CHARS
        if form is None and shown.startswith(_RISKY):
            form = self._formats.risky
        self._sheet.write_string(self._at, column, shown[:CELL_CHARS], form)
        return CUT if cut else ""

    def count(self, column: int, value: int | None) -> None:
        """Write a whole number; None leaves the cell empty."""
        if value is not None:
            self._sheet.write_number(self._at, column, value, self._formats.count)

    def amount(self, column: int, text: Any, currency: str) -> str:
        """Write an amount or another decimal as a number where Excel can hold it; gives what has to be flagged."""
        found = _AMOUNT.match(text) if isinstance(text, str) else None
        if found is None:
            return self.text(column, text)
        if len((found[1] + (found[2] or "")).lstrip("0")) > DIGITS:
            self.text(column, text)
            return AS_TEXT
        # A Decimal goes into the file digit by digit; it never becomes a float.
        form = self._formats.money(currency) if currency else None
        self._sheet.write_number(self._at, column, Decimal(text), form)
        return ""

    def close(self) -> None:
        """Set the filter over what was written."""
        self._sheet.autofilter(0, 0, max(self._at, 1), self._head - 1)


class _Cause:
    """The breaks of one cause, on as many sheets as they need."""

    def __init__(
        self, book: Workbook, names: _Names, formats: _Formats, cause: str, head: Sequence[str], limit: int
    ) -> None:
        self._book, self._names, self._formats = book, names, formats
        self._cause, self._head, self._limit = words(cause), head, limit
        self._sheet = _Sheet(book, names(self._cause), formats, head)

    def add(self, line: Mapping[str, Any], key: Sequence[str]) -> None:
        """Write one break."""
        if self._sheet.rows + 2 >= self._limit:
            # The last row says where it goes on.
            self._sheet.start()
            name = self._names(self._cause)
            self._sheet.text(0, f"goes on in sheet {name}", self._formats.bold)
            self._sheet.close()
            self._sheet = _Sheet(self._book, name, self._formats, self._head)
        sheet = self._sheet
        sheet.start()
        flags = [sheet.text(at, line["key"].get(name)) for at, name in enumerate(key)]
        at = len(key)
        for name in _TEXTS_BEFORE:
            flags.append(sheet.text(at, words(line[name]) if name == "class" else line[name]))
            at += 1
        money = line["class"] == "amount" or line["delta_minor"] is not None
        for name in ("legacy", "cloud", "delta"):
            number = money or name == "delta"
            flags.append(
                sheet.amount(at, line[name], line["currency"]) if number else sheet.text(at, line[name])
            )
            at += 1
        for name in ("legacy_rows", "cloud_rows"):
            sheet.text(at, ", ".join(map(str, line[name])))
            at += 1
        for name in _TEXTS_AFTER:
            flags.append(sheet.text(at, line[name]))
            at += 1
        parts = "; ".join(f"{part['code']}: {part['delta_minor']}" for part in line["parts"])
        flags.append(sheet.text(at, parts))
        sheet.text(at + 1, "; ".join(dict.fromkeys(flag for flag in flags if flag)))

    def close(self) -> None:
        """Finish the last sheet."""
        self._sheet.close()


_TEXTS_BEFORE = ("class", "column", "legal_entity", "customer_id", "project_id", "period", "currency")
_TEXTS_AFTER = ("paired_by", "code", "evidence", "state", "first_seen", "identity")
_BREAK = (
    "Class", "Column", "Legal entity", "Customer", "Project", "Period", "Currency", "Legacy", "Cloud",
    "Cloud − legacy", "Legacy rows", "Cloud rows", "Paired by", "Code", "Evidence", "State", "First seen",
    "Identity", "Parts in minor units", "Flag",
)  # fmt: skip
_CLUSTERS = (
    "Cause", "Code", "Legal entity", "Breaks", "Documents", "Currency", "Net", "Absolute", "Sentence", "Flag",
)  # fmt: skip
_HIDDEN = (
    "Column", "Why", "Pairs", "Currency", "Absolute", "Reason", "Owner", "Approved by", "Expires", "State", "Flag",
)  # fmt: skip
_WIDTHS: Mapping[str, int] = {
    "Evidence": 60,
    "Sentence": 90,
    "What": 34,
    "Value": 60,
    "Class": 20,
    "Reason": 30,
}


def _totals_head(summary: Mapping[str, Any]) -> list[str]:
    groups = _groups(summary)
    return [
        *groups, "Money column", "Currency", "Legacy rows", "Cloud rows", "Legacy", "Cloud", "Cloud − legacy",
        *("Walk: " + words(step) for step in STEPS), "Walk arrives", "Flag",
    ]  # fmt: skip


def _groups(summary: Mapping[str, Any]) -> list[str]:
    """Every column some control total is grouped by, in order of first appearance; currency has its own."""
    found = (name for row in summary["control_totals"] for name in row["by"])
    return list(dict.fromkeys(found))


def _summary(sheet: _Sheet, summary: Mapping[str, Any]) -> None:
    inputs = summary["inputs"]
    facts: list[tuple[str, Any]] = [
        ("Verdict", summary["verdict"]), ("Says", summary["says"]), ("Run", summary["run_id"]), ("As of", summary["as_of"]),
        ("Policy", summary["policy"]["name"]), ("Policy hash (SHA-256)", summary["policy"]["hash"]),
        ("Consistency", summary["consistency"]),
        *((f"{side} (SHA-256)", f"{inputs[side]['name']}: {inputs[side]['sha256']}") for side in sorted(inputs)),
        ("Truncated", "no: every break is on the sheets that follow and in breaks.jsonl"),
    ]  # fmt: skip
    for name, value in facts:
        sheet.start()
        sheet.text(0, name)
        sheet.text(1, value)
    for level, row in summary["levels"].items():
        sheet.start()
        sheet.text(0, f"Level: {level}")
        sheet.text(1, row["says"])
        sheet.count(2, row["breaks"])
    for row in summary["breaks"]["by_cause"]:
        money = row["money"] or {"": {"net": "", "absolute": ""}}
        for at, (currency, sums) in enumerate(money.items()):
            sheet.start()
            sheet.text(0, f"Cause: {words(row['cause'])}")
            if at == 0:
                sheet.count(2, row["breaks"])
            sheet.text(3, currency)
            sheet.amount(4, sums["net"], currency)
            sheet.amount(5, sums["absolute"], currency)
    sheet.close()


def _totals(sheet: _Sheet, summary: Mapping[str, Any]) -> None:
    groups = _groups(summary)
    for row in summary["control_totals"]:
        sheet.start()
        flags = [sheet.text(at, row["by"].get(name)) for at, name in enumerate(groups)]
        at = len(groups)
        sheet.text(at, row["column"])
        sheet.text(at + 1, row["currency"])
        sheet.count(at + 2, row["rows"]["legacy"])
        sheet.count(at + 3, row["rows"]["cloud"])
        amounts = [row["legacy"], row["cloud"], row["difference"], *(row["walk"][step] for step in STEPS)]
        flags += [sheet.amount(at + 4 + n, text, row["currency"]) for n, text in enumerate(amounts)]
        sheet.text(at + 4 + len(amounts), "yes" if row["ties"] else "NO")
        sheet.text(at + 5 + len(amounts), "; ".join(dict.fromkeys(flag for flag in flags if flag)))
    sheet.close()


def _clusters(sheet: _Sheet, summary: Mapping[str, Any]) -> None:
    for row in summary["clusters"]:
        sheet.start()
        for at, name in enumerate(("cause", "code", "legal_entity")):
            sheet.text(at, row[name])
        sheet.count(3, row["breaks"])
        sheet.count(4, row["documents"])
        sheet.text(5, row["currency"])
        flags = [
            sheet.amount(6, row["net"], row["currency"]),
            sheet.amount(7, row["absolute"], row["currency"]),
        ]
        flags.append(sheet.text(8, row["sentence"]))
        sheet.text(9, "; ".join(dict.fromkeys(flag for flag in flags if flag)))
    sheet.close()


def _hidden(sheet: _Sheet, summary: Mapping[str, Any]) -> None:
    for row in summary["hidden"]:
        money = row["money"] or {"": ""}
        for currency, amount in money.items():
            sheet.start()
            sheet.text(0, row["column"])
            sheet.text(1, row["why"])
            sheet.count(2, row["pairs"])
            sheet.text(3, currency)
            flag = sheet.amount(4, amount, currency)
            for at, name in enumerate(("reason", "owner", "approved_by", "expires", "state"), start=5):
                sheet.text(at, row[name])
            sheet.text(10, flag)
    sheet.close()
