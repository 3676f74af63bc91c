"""Lists and envelopes: filters, order, paging, side-loading. Order lives only in `results`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from simulators.psa.kantata.errors import KantataError, system
from simulators.psa.kantata.schema import BY_SUBJECT, COLLECTIONS, REQUESTED_ONLY, Collection
from simulators.psa.kantata.state import Account, Asked, Keys, Row, seconds_of

PER_PAGE, PER_PAGE_MAX = 20, 200
Query = Mapping[str, str]
_WINDOW = frozenset({"limit", "offset", "page", "per_page", "updated_after", "include"})
"""What says which part of a list is shown, and how: none of it is a test of a row."""
_TESTED = ("workspaces", "external_references")
"""Collections the tests of another collection's rows look into."""


def list_rows(account: Account, collection: Collection, query: Query) -> tuple[list[Row], int, int, int]:
    """(rows of the page, count of all, page number, page size); raises KantataError for a bad parameter."""
    limit, offset, page = _window(query)
    keys, descending = _keys(account, collection, query)
    tests = _tests(account, collection, query)
    rows = account.tables[collection.name].rows
    if not tests:
        total = len(keys)
        picked: Sequence[tuple[int, int]]
        if descending:
            picked = keys[max(0, total - offset - limit) : max(0, total - offset)][::-1]
        else:
            picked = keys[offset : offset + limit]
        return [rows[number] for _, number in picked], total, page, limit
    fitting = _fitting(account, collection, query, keys, tests)
    ordered = fitting[::-1] if descending else fitting
    return [rows[number] for _, number in ordered[offset : offset + limit]], len(fitting), page, limit


def _fitting(
    account: Account,
    collection: Collection,
    query: Query,
    keys: Keys,
    tests: Sequence[Callable[[Row], bool]],
) -> Keys:
    """The keys whose rows pass the tests.

    Who reads page after page asks the same with a later `updated_after`; while nothing changed, the next
    page is part of what was found for the last one, and all pages together cost one look at the rows.
    """
    low = (_at(query, "updated_after"), 1 << 62) if "updated_after" in query else (0, 0)
    ordered = query.get("order", collection.order).partition(":")[0]
    narrowed = "only" in query or collection.name == "external_references"
    asked: Asked | None = None
    if ordered == "updated_at" and not narrowed:
        changes = tuple(account.tables[name].changes for name in (collection.name, *_TESTED))
        asked = (*sorted((name, text) for name, text in query.items() if name not in _WINDOW), changes)
        kept = account.listed.get(collection.name)
        if kept is not None and kept[0] == asked and kept[1] <= low:
            return kept[2][bisect_right(kept[2], low) :]
    rows = account.tables[collection.name].rows
    found = [key for key in keys if _passes(rows[key[1]], tests)]
    if asked is not None:
        account.listed[collection.name] = (asked, low, found)
    return found


def _passes(row: Row, tests: Sequence[Callable[[Row], bool]]) -> bool:
    return all(test(row) for test in tests)


def _window(query: Query) -> tuple[int, int, int]:
    if "limit" in query and "offset" in query:
        limit = min(max(whole_number(query, "limit", PER_PAGE), 1), PER_PAGE_MAX)
        offset = whole_number(query, "offset", 0)
        return limit, offset, offset // limit + 1
    limit = min(max(whole_number(query, "per_page", PER_PAGE), 1), PER_PAGE_MAX)
    page = max(whole_number(query, "page", 1), 1)
    return limit, (page - 1) * limit, page


def whole_number(query: Query, name: str, default: int) -> int:
    """A parameter that counts something; raises KantataError 400."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise system(400, f"{name} must be a whole number")
    return int(text)


def _keys(account: Account, collection: Collection, query: Query) -> tuple[Keys, bool]:
    table = account.tables[collection.name]
    field, _, direction = query.get("order", collection.order).partition(":")
    if direction not in ("asc", "desc", ""):
        raise system(400, f"{query['order']} is not a valid order")
    descending = direction == "desc"
    # Whatever value `approved` has, the vendor takes it for true.
    keys = table.approved if "approved" in query else table.changed
    named = _named(account, collection, query)
    if named is not None:
        keys = sorted((table.at[number][1], number) for number in named if number in table.rows)
        if "approved" in query:
            keys = [key for key in keys if table.rows[key[1]].get("approved")]
    if field == "updated_at":
        first = bisect_right(keys, (_at(query, "updated_after"), 1 << 62)) if "updated_after" in query else 0
        last = (
            bisect_left(keys, (_at(query, "updated_before"), 0)) if "updated_before" in query else len(keys)
        )
        return keys[first:last], descending
    if field == "created_at":
        keys = sorted((table.at[number][0], number) for _, number in keys)
    elif field in collection.defaults:
        keys = sorted(keys, key=lambda key: (str(table.rows[key[1]].get(field) or ""), key[1]))
    else:
        raise system(400, f"{query.get('order', field)} is not a valid order")
    lows, highs = _at(query, "updated_after"), _at(query, "updated_before")
    if lows or highs:
        keys = [key for key in keys if _within(table.at[key[1]][1], lows, highs)]
    return keys, descending


def _named(account: Account, collection: Collection, query: Query) -> Iterable[int] | None:
    """The ids a query names outright, so that it costs what it finds; None when it names none."""
    if "only" in query:
        texts = query["only"].split(",")
        return dict.fromkeys(
            int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 16
        )
    subject, record_id = query.get("subject_type", ""), query.get("subject_id", "")
    if collection.name == "external_references" and subject in BY_SUBJECT and record_id.isdigit():
        return account.references.get((subject, record_id), [])
    if collection.name == "external_references" and "service_model_ref" in query:
        marked = account.tables[collection.name].marked
        texts = query["service_model_ref"].lower().split(",")
        return dict.fromkeys(number for text in texts for number in marked.get(text, ()))
    return None


def _within(at: int, after: int, before: int) -> bool:
    return (not after or at > after) and (not before or at < before)


def _at(query: Query, name: str) -> int:
    text = query.get(name, "")
    if not text:
        return 0
    try:
        return seconds_of(text.replace(" ", "+"))
    except ValueError:
        raise system(400, f"{name} must be an ISO 8601 datetime") from None


def _tests(account: Account, collection: Collection, query: Query) -> list[Callable[[Row], bool]]:
    tests: list[Callable[[Row], bool]] = []
    if "only" in query:
        wanted = frozenset(query["only"].split(","))
        tests.append(lambda row: row["id"] in wanted)
    for name in collection.filters:
        given = query.get(name, query.get(f"{name}s"))
        if name == "user_id":
            given = query.get("with_user_ids", given)
        if given is not None:
            tests.append(_one_of(name, frozenset(given.lower().split(","))))
    created_after, created_before = _at(query, "created_after"), _at(query, "created_before")
    if created_after or created_before:
        stamps = account.tables[collection.name].at
        tests.append(lambda row: _within(stamps[int(row["id"])][0], created_after, created_before))
    if query.get("search") and "only" not in query:
        text = query["search"].lower()
        tests.append(lambda row: text in str(row.get(collection.searched, "")).lower())
    between = query.get("date_performed_between")
    if between:
        first, _, last = between.partition(":")
        tests.append(lambda row: first <= str(row.get("date_performed")) <= last)
    tests += _archive_tests(account, collection, query)
    tests += _reference_tests(account, collection, query)
    return tests


def _one_of(name: str, wanted: frozenset[str]) -> Callable[[Row], bool]:
    return lambda row: str(row.get(name)).lower() in wanted


def _archive_tests(account: Account, collection: Collection, query: Query) -> list[Callable[[Row], bool]]:
    """The default filters: archived projects and their work are hidden unless asked for."""
    if collection.name == "workspaces" and query.get("include_archived") != "true":
        return [lambda row: not row["archived"]]
    if collection.name in ("time_entries", "expenses") and query.get("from_archived_workspaces") != "true":
        rows = account.tables["workspaces"].rows
        archived = frozenset(row["id"] for row in rows.values() if row["archived"])
        return [lambda row: row["workspace_id"] not in archived] if archived else []
    return []


def _reference_tests(account: Account, collection: Collection, query: Query) -> list[Callable[[Row], bool]]:
    prefix = "external_reference_"
    wanted = {
        name.removeprefix(prefix): value.split(",") if name.endswith("_refs") else [value]
        for name, value in query.items()
        if name.startswith(prefix)
    }
    if "service_model_refs" in wanted:
        wanted["service_model_ref"] = wanted.pop("service_model_refs")
    if not wanted:
        return []

    def fits(row: Row) -> bool:
        return any(
            all(str(reference.get(name)) in values for name, values in wanted.items())
            for reference in account.references_of(collection.subject, row["id"])
        )

    return [fits]


def envelope(
    account: Account,
    collection: Collection,
    rows: Iterable[Row],
    *,
    include: str = "",
    window: tuple[int, int, int] | None = None,
) -> dict[str, Any]:
    """The answer around rows: count, meta, results in order, and records by id; `window` is (count, page, size)."""
    wanted = [name for name in include.split(",") if name]
    listed = list(rows)
    count, page, size = window or (len(listed), 1, PER_PAGE)
    meta = {"count": count, "page_count": -(-count // size), "page_number": page, "page_size": size}
    results = [{"key": collection.name, "id": row["id"]} for row in listed]
    body: dict[str, Any] = {"count": count, "meta": meta, "results": results, collection.name: {}}
    for name in wanted:
        if name != "external_references" and name not in collection.belongs:
            raise KantataError(400, [{"type": "system", "message": f"{name} is not a valid include"}])
    for row in listed:
        body[collection.name][row["id"]] = _shown(row, wanted)
    for name in wanted:
        if name == "external_references":
            _side_load_references(account, collection, body, listed)
        else:
            _side_load(account, *collection.belongs[name], body, listed)
    return body


def _shown(row: Row, wanted: list[str]) -> Row:
    hidden = [name for name in REQUESTED_ONLY if name in row and name.removesuffix("_id") not in wanted]
    if not hidden:
        return row
    return {name: value for name, value in row.items() if name not in hidden}


def _side_load(account: Account, target: str, key: str, body: dict[str, Any], rows: list[Row]) -> None:
    loaded = body.setdefault(target, {})
    for row in rows:
        record_id = row.get(key)
        if record_id is not None and record_id not in loaded:
            found = account.find(target, record_id)
            if found is not None:
                loaded[record_id] = _shown(found, [])


def _side_load_references(
    account: Account, collection: Collection, body: dict[str, Any], rows: list[Row]
) -> None:
    loaded = body.setdefault("external_references", {})
    for row in rows:
        references = account.references_of(collection.subject, row["id"])
        shown = body[collection.name][row["id"]]
        body[collection.name][row["id"]] = {
            **shown,
            "external_reference_ids": [reference["id"] for reference in references],
        }
        for reference in references:
            loaded[reference["id"]] = reference


def subject_collection(name: str) -> Collection | None:
    """The collection of a subject type such as `Workspace`."""
    found = BY_SUBJECT.get(name)
    return found if found is not None and found.name in COLLECTIONS else None
