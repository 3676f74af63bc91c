"""Texts, statuses and dimensions that differ: their form, a mapping that holds throughout, a step behind."""

from __future__ import annotations

from router.dualrun.breaks import Explanation
from router.dualrun.causes.facts import Case, because
from router.dualrun.causes.letters import form
from router.dualrun.policy import Side
from router.dualrun.results import Difference, Row

THROUGHOUT = 3
"""Rows that must show a pair of words before it is a mapping."""
STEPS = {
    "draft": 1, "new": 1, "entered": 1, "parked": 1, "held": 1,
    "pending": 2, "submitted": 2, "pending approval": 2, "pendingapproval": 2, "unapproved": 2, "in approval": 2,
    "approved": 3, "released": 3,
    "open": 4, "posted": 4, "booked": 4, "sent": 4, "billed": 4, "invoiced": 4, "outstanding": 4,
    "partially paid": 5, "partiallypaid": 5, "part paid": 5, "partly paid": 5,
    "paid": 6, "paid in full": 6, "paidinfull": 6, "cleared": 6, "closed": 6, "settled": 6,
}  # fmt: skip
"""What follows what in the life of a document; two words of one step are a matter of mapping."""
UNAPPROVED = 2
APPROVED = 3


def said(row: Row, name: str) -> str:
    """What a row says in a column, as it was written where that is known."""
    raw = row.raw.get(name)
    if raw is not None:
        return raw
    cell = row.cells.get(name)
    return "" if cell is None else str(cell)


def words(case: Case, difference: Difference) -> Explanation | None:
    """Why a text, status or dimension differs; None when it just does."""
    legacy, cloud = told(case, difference, "legacy"), told(case, difference, "cloud")
    role = case.table.roles.get(difference.column)
    if role in ("approved_by", "status"):
        found = _approval(case)
        if found is not None:
            return found
    found = form(legacy, cloud)
    if found is not None:
        return found
    if case.one_to_one:
        # From here on the words as the policy made them alike.
        legacy, cloud = _cell(case, "legacy", difference.column), _cell(case, "cloud", difference.column)
        found = form(legacy, cloud)
        if found is not None:
            return found
    if role == "tax_code":
        return _tax_code(case, legacy, cloud)
    if role == "number":
        return because(
            "numbering",
            "number",
            f"numbered {legacy or 'not'} in the legacy ERP, {cloud or 'not'} in the cloud",
        )
    if role == "status" or difference.what == "status":
        return _lag(legacy, cloud) or _throughout(case, difference)
    if difference.what == "dimension":
        return (
            _swapped_columns(case, difference) or _throughout(case, difference) or _another(case, difference)
        )
    return None


def told(case: Case, difference: Difference, side: Side) -> str:
    """The text of a side: its row's, or what the difference shows of several rows."""
    rows = case.rows(side)
    if len(rows) == 1:
        return said(rows[0], difference.column)
    return (difference.legacy if side == "legacy" else difference.cloud) or ""


def _cell(case: Case, side: Side, name: str) -> str:
    cell = case.rows(side)[0].cells.get(name)
    return "" if cell is None else str(cell)


def _approval(case: Case) -> Explanation | None:
    """Approved on one side and not on the other: by who approved it, or by the status."""
    who = case.table.columns.get("approved_by")
    names = case.text("legacy", "approved_by"), case.text("cloud", "approved_by")
    statuses = case.text("legacy", "status"), case.text("cloud", "status")
    if who and bool(names[0]) != bool(names[1]):
        side, other = ("cloud", "legacy") if names[0] else ("legacy", "cloud")
        by = names[0] or names[1]
        status = statuses[1] if names[0] else statuses[0]
        standing = f" (status {status!r})" if status else ""
        said_so = f"approved by {by} in the {other} ERP; in the {side} ERP nobody approved it{standing}"
        return because("missing_approval", "missing-approval", said_so)
    if who and names[0] and names[1]:
        return None
    steps = [STEPS.get(status.strip().casefold(), 0) for status in statuses]
    if min(steps) == UNAPPROVED and max(steps) >= APPROVED:
        side = "legacy" if steps[0] == UNAPPROVED else "cloud"
        return because(
            "missing_approval",
            "missing-approval",
            f"{statuses[0]!r} and {statuses[1]!r}: not approved in the {side} ERP",
        )
    return None


def _lag(legacy: str, cloud: str) -> Explanation | None:
    one, other = (STEPS.get(text.strip().casefold().replace("_", " "), 0) for text in (legacy, cloud))
    if not one or not other or one == other:
        return None
    behind = "legacy" if one < other else "cloud"
    first, then = (legacy, cloud) if one < other else (cloud, legacy)
    return because("timing", "status-lag", f"{then!r} follows {first!r}: the {behind} ERP is behind")


def _tax_code(case: Case, legacy: str, cloud: str) -> Explanation:
    rates = case.number(case.pair.legacy[0], "tax_rate"), case.number(case.pair.cloud[0], "tax_rate")
    same = rates[0] is not None and rates[0] == rates[1]
    found = _throughout(case, case.differing[case.table.columns["tax_code"]])
    throughout = f"; {found.evidence}" if found else ""
    effect = "with the same rate" if same else "with another rate" if rates[0] is not None else ""
    return because(
        "tax", "tax-code", f"tax code {legacy or 'none'} and {cloud or 'none'} {effect}{throughout}".strip()
    )


def _throughout(case: Case, difference: Difference) -> Explanation | None:
    """The pair of words stands together wherever the legacy word was seen."""
    name = difference.column
    if not case.one_to_one or name in case.learned.full:
        return None
    legacy, cloud = _cell(case, "legacy", name), _cell(case, "cloud", name)
    if not legacy:
        return None
    together = case.learned.together(name, legacy, cloud)
    seen = case.learned.uses(name, "legacy", legacy)
    if together < THROUGHOUT or together != seen or case.learned.agreed(name, legacy):
        return None
    back = case.learned.uses(name, "cloud", cloud)
    one_to_one = (
        "and the other way round" if back == together else f"though not the other way round ({back} rows)"
    )
    return because(
        "mapping",
        "dimension-mapping",
        f"{name} {legacy!r} is {cloud or 'nothing'!r} in all {together} rows seen, {one_to_one}",
    )


def _swapped_columns(case: Case, difference: Difference) -> Explanation | None:
    """Two columns of the row hold each other's word."""
    if not case.one_to_one:
        return None
    name = difference.column
    legacy, cloud = _cell(case, "legacy", name), _cell(case, "cloud", name)
    for other, row in case.differing.items():
        if other == name or row.what != "dimension" or not legacy or not cloud:
            continue
        if _cell(case, "legacy", other) == cloud and _cell(case, "cloud", other) == legacy:
            return because(
                "data_entry",
                "columns-swapped",
                f"{name} and {other} hold each other's word: {legacy!r} and {cloud!r}",
            )
    return None


def _another(case: Case, difference: Difference) -> Explanation | None:
    """Both words belong to what both sides use, so that no mapping of words is the cause."""
    name = difference.column
    if not case.one_to_one or name in case.learned.full:
        return None
    legacy, cloud = _cell(case, "legacy", name), _cell(case, "cloud", name)
    agreed = case.learned.agreed(name, legacy)
    known = max(case.learned.uses(name, "legacy", cloud), case.learned.agreed(name, cloud))
    if not legacy or not cloud or not (agreed or known):
        return None
    elsewhere = (
        f"{legacy!r} is {legacy!r} on both sides in {agreed} other rows"
        if agreed
        else f"the legacy ERP uses {cloud!r} as well, in {known} rows"
    )
    return because("data_entry", "other-dimension", f"{name} is {legacy!r} and {cloud!r} here; {elsewhere}")
