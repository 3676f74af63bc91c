"""Writes planted extracts as the two ERPs would: the same facts in two dialects of CSV.

Legacy: semicolon, Windows-1252, decimal comma with points between thousands, the minus behind the
number, dates as 20261031, CRLF. Cloud: comma, UTF-8, decimal point, ISO 8601.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

from simulators.extracts.planting import CROSSWALK, Cells, Planted
from simulators.extracts.policy import LEGACY_HEADINGS

MONEY = ("rate", "net", "tax", "total", "base_amount")
NUMBERS = (*MONEY, "quantity", "tax_rate", "fx_rate")
FILES = ("legacy.csv", "cloud.csv", "crosswalk.csv", "policy.yaml", "truth.jsonl")


def write(extracts: Planted, folder: Path) -> None:
    """Write `FILES` into a folder that is there."""
    with (folder / FILES[0]).open("w", encoding="windows-1252", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow([LEGACY_HEADINGS[name] for name in extracts.columns])
        writer.writerows([_legacy(row, name) for name in extracts.columns] for row in extracts.legacy_rows)
    with (folder / FILES[1]).open("w", encoding="utf-8", newline="") as file:
        cloud = csv.writer(file, lineterminator="\n")
        cloud.writerow(extracts.columns)
        cloud.writerows([row[name] or "" for name in extracts.columns] for row in extracts.cloud_rows)
    with (folder / FILES[2]).open("w", encoding="utf-8", newline="") as file:
        crosswalk = csv.DictWriter(file, CROSSWALK, lineterminator="\n")
        crosswalk.writeheader()
        crosswalk.writerows(extracts.crosswalk)
    (folder / FILES[3]).write_text(extracts.policy_yaml, encoding="utf-8")
    with (folder / FILES[4]).open("w", encoding="utf-8") as file:
        for one in extracts.truth:
            told = {
                "defect": one.defect, "key": dict(one.key), "class": one.what, "column": one.column,
                "cause": one.cause, "code": one.code,
            }  # fmt: skip
            file.write(json.dumps(told, ensure_ascii=False) + "\n")


def _legacy(row: Cells, name: str) -> str:
    text = row[name] or ""
    return _german(text, grouped=name in MONEY) if name in NUMBERS else text


def _german(text: str, *, grouped: bool) -> str:
    """-1234.50 as 1.234,50-."""
    if not text:
        return ""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, part = digits.partition(".")
    if grouped:
        whole = f"{int(whole):,}".replace(",", ".")
    return whole + (f",{part}" if part else "") + sign
