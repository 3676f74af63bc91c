"""A list read page after page gives what one look at all rows gives, whatever changes in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.psa.kantata.listing import list_rows
from simulators.psa.kantata.schema import COLLECTIONS
from simulators.psa.kantata.state import Account, text_of

START = datetime(2026, 10, 1, tzinfo=UTC)
TIME = COLLECTIONS["time_entries"]


class _Clock:
    """Goes on by hand."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


def _fits(row: dict[str, object], query: dict[str, str]) -> bool:
    first, _, last = query["date_performed_between"].partition(":")
    billable = query.get("billable")
    return first <= str(row["date_performed"]) <= last and (
        billable is None or str(row["billable"]).lower() == billable
    )


def _plainly(account: Account, query: dict[str, str]) -> tuple[list[str], int]:
    """What the answer must be: every row looked at, sorted, cut."""
    table = account.tables["time_entries"]
    since = datetime.fromisoformat(query["updated_after"]).timestamp() if "updated_after" in query else -1
    places = sorted((table.at[number][1], number) for number in table.rows)
    names = [
        str(number)
        for at, number in places
        if at > since
        and _fits(table.rows[number], query)
        and ("approved" not in query or table.rows[number]["approved"])
    ]
    if query["order"].endswith("desc"):
        names.reverse()
    offset = int(query["offset"])
    return names[offset : offset + int(query["limit"])], len(names)


DAYS = st.integers(1, 9).map(lambda day: f"2026-10-0{day}")
QUERIES = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["updated_at:asc", "updated_at:desc"]),
        "limit": st.integers(2, 5).map(str),
        "offset": st.integers(0, 4).map(str),
        "date_performed_between": st.tuples(DAYS, DAYS).map(lambda pair: f"{min(pair)}:{max(pair)}"),
    },
    optional={
        "updated_after": st.integers(-1, 12).map(lambda s: text_of(int(START.timestamp()) + s)),
        "approved": st.just("true"),
        "billable": st.sampled_from(["true", "false"]),
    },
)
STEPS = st.one_of(
    st.tuples(st.just("ask"), QUERIES),
    st.tuples(st.just("put"), st.tuples(st.integers(1, 12), DAYS, st.booleans(), st.booleans())),
    st.tuples(st.just("delete"), st.integers(1, 12)),
    st.tuples(st.just("wait"), st.integers(1, 3)),
)


@settings(deadline=None, max_examples=150)
@given(steps=st.lists(STEPS, min_size=8, max_size=40), held=st.sampled_from([0.5, 0.0]))
def test_pages_are_parts_of_one_list(steps: list[tuple[str, object]], held: float) -> None:
    """What an earlier page remembered never shows: changes are seen at once, and no filter is mixed up."""
    clock = _Clock()
    account = Account(clock)
    asked: dict[str, str] | None = None
    for what, value in steps:
        if what == "wait":
            clock.at += timedelta(seconds=int(str(value)))
        elif what == "put":
            assert isinstance(value, tuple)
            number, day, approved, billable = value
            row = {
                "id": number, "workspace_id": "1", "user_id": "1", "date_performed": day,
                "approved": approved, "billable": billable,
            }  # fmt: skip
            account.seed_row(TIME, row)
        elif what == "delete":
            if account.find("time_entries", str(value)) is not None:
                account.delete(TIME, str(value))
        else:
            assert isinstance(value, dict)
            query: dict[str, str] = dict(value)
            if asked is not None and held:
                # The next page of the last question, most often.
                query = {
                    **asked,
                    "offset": query["offset"],
                    "updated_after": query.get("updated_after", text_of(0)),
                }
            asked = query
            rows, count, *_ = list_rows(account, TIME, query)
            assert ([row["id"] for row in rows], count) == _plainly(account, query)
