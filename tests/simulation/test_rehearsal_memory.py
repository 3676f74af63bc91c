"""What a rehearsal keeps of each transaction is kept compactly: equal values once, rows without their names."""

from __future__ import annotations

import sys
from datetime import date

from simulators.core.rows import TimeRow
from simulators.core.sharing import KEPT, Shared
from simulators.psa.kantata.state import Rows

ENTRY = {
    "id": "7", "user_id": "4001", "workspace_id": "3001", "date_performed": "2026-10-29", "time_in_minutes": 480,
    "billable": True, "notes": None, "approved": False, "active_submission_id": None,
}  # fmt: skip


def _row(number: int) -> TimeRow:
    """A row as a request brings it: every text is an object of its own."""
    text = f"{number}|P-0001|P-0001 Consultant|EMEA".split("|")
    return TimeRow(
        external_id=f"TE-{number}",
        project=text[1],
        employee="R-" + text[1],
        work_date=date(2026, 10, 29),
        posting_date=date(2026, 10, 29),
        role=text[2],
        rate_minor=15_000,
        dims={"practice": text[3]},
        extra={"part_of": text[2]},
    )


def test_rows_of_one_project_share_its_texts_and_dimensions() -> None:
    """Two requests bring two texts of one project; their rows keep one, and one set of dimensions, and stay equal."""
    shared, rows = Shared(), [_row(1), _row(2)]
    before = [_row(1), _row(2)]
    for row in rows:
        shared.row(row)
    assert rows == before
    one, two = rows
    assert one.project is two.project
    assert one.dims is two.dims
    assert one.extra is not two.extra, "a row may change what is its own"
    assert one.extra["part_of"] is two.extra["part_of"]


def test_shared_values_are_bounded() -> None:
    """However many different texts come, no more than the bound are remembered."""
    shared = Shared()
    for number in range(2 * KEPT + 10):
        assert shared.text(str(number)) == str(number)
    assert len(shared._texts) <= KEPT
    for number in range(KEPT + 10):
        shared.dims({"practice": str(number)})
    assert len(shared._dims) <= KEPT


def test_an_accounts_rows_come_back_as_they_were_at_half_their_size() -> None:
    """Packed rows are equal to what was put, in the same order of names, and callers get a copy of their own."""
    shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
    rows = Rows(shapes, Shared())
    for number in range(3):
        rows[number] = ENTRY | {"id": str(number)}
    assert [list(row) for row in rows.values()] == [list(ENTRY)] * 3
    assert dict(rows.items()) == {number: ENTRY | {"id": str(number)} for number in range(3)}
    assert len(shapes) == 1, "one list of names for all"
    rows[0]["notes"] = "changed by a caller"
    assert rows[0]["notes"] is None
    wide = {f"field_{at}": at for at in range(40)}
    rows[9] = wide
    packed = rows.packed(9)
    assert packed is not None
    assert 2 * sys.getsizeof(packed) <= sys.getsizeof({**wide})
    assert rows.pop(1) == ENTRY | {"id": "1"}
    assert 1 not in rows
    assert rows.get(1) is None
