"""A run beside an earlier one: which figures are worse, and by how much. Pure.

Two runs are two draws: a figure counts as worse or better only beyond a tenth and beyond a floor of its unit,
and only if both runs did the same work. A bigger claim would need more runs than two, and is not made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadtests.report.wording import change, figure, finite

WORSE_PERCENT = 10.0
"""A change up to this is within what two runs of one program differ by."""
FLOORS: Mapping[str, float] = {"ms": 5.0, "s": 1.0, "percent": 0.1, "count": 0.0, "per_s": 1.0}
"""Changes up to this, in the figure's own unit, say nothing: a scheduler's whim is some milliseconds."""
_COUNT_FLOORS: Mapping[str, float] = {"backlog_peak": 20.0, "generator.late": 5.0}
_SAME = (
    ("scenario", "scenario"), ("scenario_digest", "wording of the scenario"), ("seed", "seed"), ("form", "form"),
    ("minutes", "length in minutes"), ("peak_per_s", "peak rate a second"),
)  # fmt: skip
_SIMILAR = (
    ("workers", "workers of the generator"), ("processor", "processor"), ("cores", "cores"), ("system", "system"),
    ("python", "Python"), ("locust", "Locust"),
)  # fmt: skip
_FIRST = ("lost", "doubled", "strangers", "drained_s")
"""Said before any slowness."""


def compared(now: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Two reports beside each other (`report.json`, at least `run`, `verdict` and `figures`).

    Returns `same` (whether the same work was done), `differences` (sentences, if it was not), `circumstances`,
    `rows` (then, now, change, says), `worse` and `better` (keys) and `summary`, a sentence.
    """
    differences = list(_differences(now.get("run") or {}, earlier.get("run") or {}, _SAME))
    circumstances = list(_differences(_round(now), _round(earlier), _SIMILAR))
    valid = "invalid" not in (now.get("verdict"), earlier.get("verdict"))
    judged = not differences and valid
    before = {row["key"]: row for row in earlier.get("figures") or ()}
    after = {row["key"]: row for row in now.get("figures") or ()}
    rows = [_row(row, before.get(key), judged=judged) for key, row in after.items()]
    rows += [
        _row(row | {"value": None}, row, judged=judged) for key, row in before.items() if key not in after
    ]
    worse = [row["key"] for row in rows if row["says"] == "worse"]
    better = [row["key"] for row in rows if row["says"] == "better"]
    return {
        "same": not differences,
        "differences": differences,
        "circumstances": circumstances,
        "then": {"verdict": earlier.get("verdict"), "at": earlier.get("at"), "digest": earlier.get("digest")},
        "rows": rows,
        "worse": worse,
        "better": better,
        "summary": _summary(rows, differences, valid=valid),
    }


def _round(report: Mapping[str, Any]) -> dict[str, Any]:
    found = report.get("circumstances")
    return dict(found) if isinstance(found, Mapping) else {}


def _differences(
    now: Mapping[str, Any], then: Mapping[str, Any], fields: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    for field, name in fields:
        one, other = now.get(field), then.get(field)
        if one == other:
            continue
        if field == "scenario_digest":
            yield "the scenario itself was changed since (its curve, mix, faults or limits)"
        else:
            yield f"{name}: {_told(other)} then, {_told(one)} now"


def _told(value: Any) -> str:
    return "unknown" if value in (None, "") else str(value)[:80]


def _row(now: Mapping[str, Any], then: Mapping[str, Any] | None, *, judged: bool) -> dict[str, Any]:
    one, other = finite(now.get("value")), finite(then.get("value")) if then is not None else None
    percent = None if one is None or not other else round(100 * (one - other) / abs(other), 2)
    return {
        "key": now["key"], "name": now["name"], "group": now["group"], "unit": now["unit"], "then": other, "now": one,
        "change_percent": percent, "says": _says(now, one, other, judged=judged),
    }  # fmt: skip


def _says(row: Mapping[str, Any], now: float | None, then: float | None, *, judged: bool) -> str:
    """`worse`, `better`, `within noise`, `changed` (neither way is worse), or what can't be told."""
    if now is None and then is None:
        return "not measured"
    if now is None:
        # A backlog that never emptied has no time it took: that is the worst of all times.
        return "worse" if judged and row["key"] == "drained_s" else "not measured now"
    if then is None:
        return "better" if judged and row["key"] == "drained_s" else "not measured then"
    floor = _COUNT_FLOORS.get(row["key"], FLOORS.get(row["unit"], 0.0))
    by = now - then
    if abs(by) <= floor or abs(by) <= abs(then) * WORSE_PERCENT / 100:
        return "within noise"
    if not judged or row.get("worse") not in ("higher", "lower"):
        return "changed"
    return "worse" if (by > 0) == (row["worse"] == "higher") else "better"


def _summary(rows: list[dict[str, Any]], differences: list[str], *, valid: bool) -> str:
    if differences:
        return (
            "The two runs did not do the same work, so no figure is called better or worse: "
            + "; ".join(differences)
            + "."
        )
    if not valid:
        return "One of the two runs is invalid, so no figure is called better or worse."
    worse = sorted((row for row in rows if row["says"] == "worse"), key=lambda row: row["key"] not in _FIRST)
    better = sum(row["says"] == "better" for row in rows)
    if not worse:
        same = "nothing is worse than in the earlier run"
        return f"Compared like with like, {same}" + (f", and {better} figures are better." if better else ".")
    told = "; ".join(_sentence(row) for row in worse[:3])
    more = f"; and {len(worse) - 3} more" if len(worse) > 3 else ""
    return f"{len(worse)} {'figure is' if len(worse) == 1 else 'figures are'} worse than in the earlier run: {told}{more}."


def _sentence(row: Mapping[str, Any]) -> str:
    now = "never" if row["now"] is None else figure(row["now"], row["unit"])
    by = f" ({change(row['change_percent'])})" if row["change_percent"] is not None else ""
    return f"{row['name']} {now} after {figure(row['then'], row['unit'])}{by}"
