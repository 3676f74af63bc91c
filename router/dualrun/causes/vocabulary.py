"""What each cause code means in words, for sentences about many breaks at once."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "half-up-half-even": "halves rounded up by one ERP and to even by the other",
    "truncated": "amounts cut off by one ERP and rounded by the other",
    "rounded-per-line": "net rounded per line by one ERP and per document by the other",
    "hours-in-hundredths": "hours kept in hundredths by one ERP and exactly by the other",
    "tax-per-line": "tax rounded per line",
    "tax-code": "another tax code",
    "tax-rate": "another tax rate under the same code",
    "tax-inclusive": "net that includes the tax in one ERP",
    "fx-rate": "another exchange rate",
    "fx-date": "the exchange rate of another day",
    "fx-source": "exchange rates of another source",
    "converted": "the amount converted into another currency",
    "currency-swapped": "the same number in another currency",
    "dimension-mapping": "one word mapped to another throughout",
    "other-dimension": "another dimension than the same word has elsewhere",
    "columns-swapped": "two dimensions in each other's place",
    "number": "numbered differently",
    "leading-zeros": "leading zeros",
    "cut-off": "posted on either side of a period's end",
    "wrong-period": "a period the posting date does not fall in",
    "time-zone": "dates cut from one instant in two time zones",
    "day-month-swapped": "day and month in each other's place",
    "status-lag": "one ERP is a step behind the other",
    "missing-approval": "not approved on one side",
    "duplicate-posting": "posted twice",
    "key-used-twice": "one key for rows that are not the same",
    "split": "one row split into several",
    "merged": "several rows merged into one",
    "sign-flip": "the sign turned round",
    "transposed-digits": "two digits in each other's place",
    "decimal-shift": "the decimal point moved",
    "null-versus-zero": "no value on one side and zero on the other",
    "trailing-space": "blanks around the text",
    "inner-space": "other blanks inside the text",
    "letter-case": "upper and lower case",
    "unicode-composition": "accents composed in one ERP and combined in the other",
    "unicode-compatibility": "full-width, ligature or other compatibility letters",
    "look-alike": "letters that only look alike",
    "wrong-entry": "a crosswalk entry that names the wrong row",
    "no-entry": "no crosswalk entry",
    "not-in-cloud": "not in the cloud ERP",
    "not-in-legacy": "not in the legacy ERP",
    "control-run-differs": "what differs in the legacy ERP itself",
    "control-run-differs-in-money": "amounts that differ in the legacy ERP itself",
    "unexplained": "no cause can be shown",
}  # fmt: skip


def phrase(code: str) -> str:
    """The code in words; the code itself with blanks where nothing better is known."""
    return PHRASES.get(code, code.replace("-", " "))
