"""Mapping versions: each says only what changed; codes have a day and come back as ours."""

from __future__ import annotations

from datetime import date

import pytest

from router.configfile import loads
from router.connectors.mapping import Mappings, Unmapped, as_mappings
from router.errors import BadConfig

FILE = """
versions:
  - version: 1
    published: 2026-01-01
    codes:
      accounts: {REVENUE: "400000", CASH: "100000"}
      tax_codes: {GB-STD: [{to: V1}, {from: 2027-01-01, to: V9}]}
      departments: same
    fields:
      time_entry: {work_date: tranDate, practice: custcol_practice}
  - version: 2
    published: 2026-10-15
    codes:
      accounts: {REVENUE: "400100"}
      departments: {DELIVERY: D1}
    fields:
      time_entry: {practice: custcol_firm_practice}
      charge: {amount: amount}
"""


def mappings(text: str = FILE) -> Mappings:
    """The versions of a file."""
    return as_mappings(loads(text, name="file.yaml"))


def test_a_version_says_only_what_changed() -> None:
    """Names and codes it does not give are those of the version before, which stays as it was."""
    old, new = mappings().versions
    assert dict(new.fields["time_entry"]) == {"work_date": "tranDate", "practice": "custcol_firm_practice"}
    assert dict(old.fields["time_entry"]) == {"work_date": "tranDate", "practice": "custcol_practice"}
    assert "charge" not in old.fields
    day = date(2026, 10, 1)
    assert [version.code("accounts", "REVENUE", day) for version in (old, new)] == ["400000", "400100"]
    assert new.code("accounts", "CASH", day) == "100000"
    assert (old.code("departments", "X", day), new.code("departments", "DELIVERY", day)) == ("X", "D1")
    with pytest.raises(Unmapped, match=r"file\.yaml \(version 2\) has no departments entry for 'X'"):
        new.code("departments", "X", day)


@pytest.mark.parametrize(
    ("day", "version"),
    [(None, 2), (date(2025, 1, 1), 1), (date(2026, 10, 14), 1), (date(2026, 10, 15), 2)],
)
def test_a_day_has_its_version(day: date | None, version: int) -> None:
    """The newest one published by then; before the first, the first."""
    assert mappings().as_of(day).version == version


def test_a_code_has_a_day_and_comes_back_as_ours() -> None:
    """Dated values by accounting date; any version's value is read, newer ones first, unknown ones as they are."""
    known = mappings()
    dated = [known.newest.code("tax_codes", "GB-STD", day) for day in (date(2026, 12, 31), date(2027, 1, 1))]
    assert dated == ["V1", "V9"]
    assert [known.ours("tax_codes", code) for code in ("V1", "V9", "V2")] == ["GB-STD", "GB-STD", "V2"]
    assert [known.ours("accounts", number) for number in ("400000", "400100")] == ["REVENUE", "REVENUE"]
    assert known.ours("departments", "OPEN") == "OPEN"


def test_versions_must_be_in_order() -> None:
    """A file whose versions go back in number or day is refused."""
    with pytest.raises(BadConfig, match="is not newer"):
        mappings(FILE.replace("version: 2", "version: 1"))
