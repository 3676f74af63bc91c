"""SOQL on the simulated org, and the ids of its records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.crm.salesforce.errors import SalesforceError
from simulators.crm.salesforce.ids import checksum, make_id, to_18
from simulators.crm.salesforce.objects import OBJECTS
from simulators.crm.salesforce.soql import parse
from simulators.crm.salesforce.state import Org
from simulators.crm.salesforce.values import number_text


class Clock:
    """A clock the test sets."""

    def __init__(self) -> None:
        self.at = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def org() -> Org:
    """Two accounts, four opportunities an hour apart."""
    clock = Clock()
    made = Org(clock)
    north = made.insert(OBJECTS["Account"], {"Name": "North", "Customer_Code__c": "C-1"})
    south = made.insert(OBJECTS["Account"], {"Name": "South's", "Customer_Code__c": "C-2"})
    rows: list[tuple[str, str, Any, str | None]] = [
        ("One", "Closed Won", "1000.10", north),
        ("Two", "Prospecting", "20", north),
        ("Three", "Closed Won", "0.05", south),
        ("Four", "Closed Lost", None, None),
    ]
    for name, stage, amount, account in rows:
        values = {"Name": name, "StageName": stage, "Amount": amount, "AccountId": account}
        made.insert(OBJECTS["Opportunity"], {**values, "CloseDate": clock.at.date().isoformat()})
        clock.at += timedelta(hours=1)
    return made


def names(where: str) -> list[str]:
    """Names of the opportunities a WHERE clause finds, in order of creation."""
    _, records = org().select(
        parse(f"SELECT Name FROM Opportunity WHERE {where} ORDER BY CreatedDate"), base=""
    )
    return [record["Name"] for record in records]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("IsWon = true", ["One", "Three"]),
        ("IsWon = TRUE AND Amount > 1", ["One"]),
        ("Amount = 1000.1", ["One"]),
        ("Amount = null", ["Four"]),
        ("Amount != 20", ["One", "Three", "Four"]),
        ("name like 't%'", ["Two", "Three"]),
        ("Account.Name = 'south\\'s'", ["Three"]),
        ("Account.Name != null AND NOT (IsWon = true)", ["Two"]),
        ("StageName IN ('Closed Lost', 'Prospecting')", ["Two", "Four"]),
        ("AccountId IN (SELECT Id FROM Account WHERE Customer_Code__c = 'c-2')", ["Three"]),
        ("CreatedDate > 2026-10-30T13:00:00Z", ["Three", "Four"]),
        ("CreatedDate >= 2026-10-30T14:00:00+01:00", ["Two", "Three", "Four"]),
        ("CloseDate = TODAY AND CreatedDate = LAST_N_DAYS:2 AND Name = 'One'", ["One"]),
        ("CloseDate < LAST_MONTH", []),
        ("(Name = 'One' OR Name = 'Two') AND Amount < 100", ["Two"]),
    ],
)
def test_where(where: str, expected: list[str]) -> None:
    """Conditions find what the vendor's would: text without case, null only when asked, dates as spans."""
    assert names(where) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT Name FROM Opportunity WHERE", "MALFORMED_QUERY"),
        ("SELECT Name Opportunity", "MALFORMED_QUERY"),
        ("SELECT Name FROM Opportunity WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Account.Nope FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id FROM Opportunity WHERE Amount = 'ten'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity; DROP TABLE Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE " + "(" * 100 + "Name = 'a'" + ")" * 100, "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_what_is_wrong_is_named(text: str, code: str) -> None:
    """Bad SOQL is refused with the vendor's code, never run."""
    with pytest.raises(SalesforceError) as caught:
        org().select(parse(text), base="")
    assert caught.value.code == code


def test_parents_children_and_aggregates() -> None:
    """Dotted parents nest, sub-selects give child lists, aggregates sum exactly."""
    made = org()
    _, (first, *_) = made.select(parse("SELECT Id, Account.Name FROM Opportunity ORDER BY Id"), base="/b")
    assert first["Account"] == {"attributes": {"type": "Account"}, "Name": "North"}
    assert first["attributes"] == {"type": "Opportunity", "url": f"/b/sobjects/Opportunity/{first['Id']}"}
    _, accounts = made.select(
        parse("SELECT Name, (SELECT Name FROM Opportunities ORDER BY Name) FROM Account"), base=""
    )
    assert [row["Name"] for row in accounts[0]["Opportunities"]["records"]] == ["One", "Two"]
    _, sums = made.select(
        parse("SELECT IsWon, SUM(Amount) total, COUNT(Id) FROM Opportunity GROUP BY IsWon ORDER BY IsWon"),
        base="",
    )
    assert [orjson.loads(orjson.dumps(row)) for row in sums] == [
        {"attributes": {"type": "AggregateResult"}, "IsWon": False, "total": 20.0, "expr0": 2},
        {"attributes": {"type": "AggregateResult"}, "IsWon": True, "total": 1000.15, "expr0": 2},
    ]
    total, records = made.select(parse("SELECT COUNT() FROM Opportunity WHERE IsWon = true"), base="")
    assert (total, records) == (2, [])


def test_a_short_id_finds_its_record() -> None:
    """A 15-character id in a condition is the same record as its 18-character form."""
    made = org()
    _, (first, *_) = made.select(parse("SELECT Id FROM Opportunity"), base="")
    _, found = made.select(parse(f"SELECT Id FROM Opportunity WHERE Id = '{first['Id'][:15]}'"), base="")
    assert [row["Id"] for row in found] == [first["Id"]]


@given(st.integers(min_value=0, max_value=62**9))
def test_ids_keep_their_order_and_checksum(number: int) -> None:
    """Ids sort as they were given, have 18 characters, and a changed case is caught."""
    made = make_id("006", number)
    assert len(made) == 18
    assert make_id("006", number) < make_id("006", number + 1)
    assert to_18(made[:15]) == to_18(made) == made
    folded = made[:15].swapcase() + made[15:]
    with pytest.raises(ValueError, match="checksum"):
        to_18(folded)


def test_a_known_checksum() -> None:
    """The vendor's own example pair of documentation samples: 001D000000IRFma → …IAH."""
    assert checksum("001D000000IRFma") == "IAH"


@given(st.integers(min_value=-(10**17), max_value=10**17))
def test_amounts_leave_as_exact_decimals(scaled: int) -> None:
    """Ten-thousandths become a JSON number without loss."""
    assert Decimal(number_text(scaled)) == Decimal(scaled).scaleb(-4)
