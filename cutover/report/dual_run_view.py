"""Puts together what the report shows of the dual run: totals, then entity, field and example. Pure.

Money first: invoice totals, money by cause, the walk from the legacy to the cloud total, what lies behind.
A sample says that it is one, and where all of it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from cutover.diff.chart import money_chart, of_many
from cutover.report.headline import part
from cutover.report.wording import NOTHING, amount, basis_points, delta, exact, number, total, words

WALKS_SHOWN = 60
CLUSTERS_SHOWN = 40
FIELDS_SHOWN = 80
EXAMPLES_SHOWN = 12
WHERE = "the journal (`GET /v1/breaks`) and report.json"
STEPS = (
    ("missing_in_cloud", "− missing in cloud", -1), ("missing_in_legacy", "+ missing in legacy", 1),
    ("duplicates", "+ duplicates", 1), ("amounts", "+ other amounts", 1), ("moved", "+ in another group", 1),
)  # fmt: skip
"""Steps of the walk, their words, and whether they add or take."""


def differences(report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the section, of all comparisons of the run together."""
    compared = list(report.get("differences") or ())
    causes = [
        {**one, "run": _run(row), "money": _has_money(one)}
        for row in compared
        for one in row.get("causes") or ()
    ]
    # What nobody could explain comes first, then the most frequent.
    causes.sort(key=lambda one: (one.get("cause") != "unexplained", -int(one.get("breaks") or 0)))
    return {
        "compared": [{**row, "run": _run(row), "point": _point(row)} for row in compared],
        "sums": [sum_ for row in compared for sum_ in _sums(row)],
        "causes": causes,
        "chart": _chart(compared),
        "clusters": _clusters(compared),
        "habits": [_habit(one, _run(row)) for row in compared for one in row.get("habits") or ()],
        "walk": _walks(compared),
        "fields": _fields(compared),
        "examples": _examples(compared),
        "hidden": _hidden(compared),
        "noise": _noise(report, compared),
        "levels": [
            {"run": _run(row), "rows": [_level(one) for one in row.get("levels") or ()]} for row in compared
        ],
        "steps": [told for _, told, _ in STEPS],
    }


def _sums(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "run": _run(row),
            "entities": ", ".join(map(str, row.get("entities") or ())),
            "currency": currency,
            "legacy": amount(one.get("legacy")),
            "cloud": amount(one.get("cloud")),
            "net": delta(_minus(one.get("cloud"), one.get("legacy"))),
            "variance": amount(one.get("variance")),
            "points": basis_points(one.get("variance"), one.get("legacy")),
            "zero": exact(one.get("variance")) == 0,
        }
        for currency, one in sorted((row.get("money") or {}).items())
    ]


def _point(row: Mapping[str, Any]) -> dict[str, Any]:
    """The consistency point; a report of an older release has only its word."""
    found = row.get("consistency")
    if isinstance(found, Mapping):
        return {
            "state": found.get("state"),
            "sentence": found.get("sentence") or "",
            "read": found.get("read") or (),
        }
    return {"state": found, "sentence": "", "read": ()}


def _chart(compared: Sequence[Mapping[str, Any]]) -> Markup | str:
    """Absolute money by cause and kind, a panel for each currency; what has no cause first."""
    sums: dict[str, dict[tuple[bool, str], list[str]]] = {}
    for row in compared:
        for one in row.get("clusters") or ():
            if not one.get("currency") or exact(one.get("absolute")) in (None, 0):
                continue
            label = f"{words(one.get('cause'))} · {words(one.get('kind'))}"
            bar = (one.get("cause") == "unexplained", label)
            sums.setdefault(one["currency"], {}).setdefault(bar, []).append(one["absolute"])
    panels = {
        currency: sorted(
            ((label, _minor(texts), str(total(texts)), open_) for (open_, label), texts in bars.items()),
            key=lambda bar: (not bar[3], -bar[1], bar[0]),
        )
        for currency, bars in sorted(sums.items())
    }
    return money_chart(panels) if panels else ""


def _minor(texts: Sequence[str]) -> int:
    """The sum in the smallest unit the texts show."""
    return int(str(total(texts)).replace(".", ""))


def _clusters(compared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [{**one, "run": _run(row)} for row in compared for one in row.get("clusters") or ()]
    # Of all comparisons together; currencies are ranked by their number, never added.
    rows.sort(key=lambda one: abs(exact(one.get("absolute")) or Decimal(0)), reverse=True)
    rows.sort(key=lambda one: one.get("cause") != "unexplained")
    return {"rows": rows[:CLUSTERS_SHOWN], "note": of_many(min(len(rows), CLUSTERS_SHOWN), len(rows), WHERE)}


def _habit(row: Mapping[str, Any], run: str) -> dict[str, Any]:
    """How one ERP reckons, in an accountant's words; what no invoice told apart has a question mark."""
    habits, untold = part(row, "habits"), tuple(row.get("not_told_apart") or ())

    def said(name: str, told: Mapping[str, str]) -> str:
        word = str(habits.get(name) or NOTHING)
        return told.get(word, word) + (" ?" if name in untold else "")

    return {
        "system": row.get("system") or NOTHING,
        "run": run,
        "hours": said("hours", {"hundredths": "hundredths of an hour", "minutes": "to the minute"}),
        "rounding": said("rounding", {"line": "per time entry", "document": "once a document"}),
        "mode": said("mode", {"half_up": "up", "half_even": "to the even neighbour"}),
        "tax": said("tax", {"line": "per line", "document": "once a tax code"}),
        "entries": f"{number(row.get('entries_in_hundredths'))} of {number(row.get('entries'))}",
        "again": f"{number(row.get('reproduced'))} of {number(row.get('invoices'))}",
    }


def _walks(compared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The control totals that differ or don't tie, step by step; how many there are of those that agree."""
    rows = [{**one, "run": _run(row)} for row in compared for one in row.get("walk") or ()]
    off = [one for one in rows if not one["ties"] or exact(one["difference"]) != 0]
    off.sort(key=lambda one: (one["ties"], one["level"] != "document"))
    shown = [
        {
            **one,
            "group": {name: one["by"].get(name) or NOTHING for name in ("legal_entity", "period")},
            "steps": [_step(one["walk"].get(name), sign) for name, _, sign in STEPS],
        }
        for one in off[:WALKS_SHOWN]
    ]
    return {
        "rows": shown,
        "all": len(rows),
        "agree": len(rows) - len(off),
        "untied": sum(not one["ties"] for one in rows),
        "note": of_many(len(shown), len(off), "report.json"),
    }


def _step(text: Any, sign: int) -> str:
    value = exact(text)
    if value is None:
        return NOTHING
    if sign < 0 and value:
        text = text[1:] if text.startswith("-") else f"-{text}"
    return delta(text)


def _fields(compared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Where the differences are: by entity, then field."""
    rows = [{**one, "run": _run(row)} for row in compared for one in row.get("fields") or ()]
    rows.sort(
        key=lambda one: (str(one["legal_entity"]), -int(one["breaks"]), str(one["kind"]), str(one["column"]))
    )
    return {
        "rows": rows[:FIELDS_SHOWN],
        "note": of_many(min(len(rows), FIELDS_SHOWN), len(rows), "report.json"),
    }


def _examples(compared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One pair of each cluster, field by field."""
    rows = [
        {
            **one,
            "run": _run(row),
            "sentence": (row.get("clusters") or [])[one["cluster"]]["sentence"],
            **_pair(one),
        }
        for row in compared
        for one in row.get("examples") or ()
    ]
    rows.sort(key=lambda one: one.get("cause") != "unexplained")
    return {
        "rows": rows[:EXAMPLES_SHOWN],
        "note": of_many(min(len(rows), EXAMPLES_SHOWN), len(rows), "report.json"),
    }


def _pair(one: Mapping[str, Any]) -> dict[str, Any]:
    """Both ERPs' documents as rows of (field, legacy, cloud, whether they differ), with their lines."""
    old, new = (list(one.get(side) or ()) for side in ("legacy", "cloud"))
    left, right = (dict(docs[0]["fields"]) if docs else {} for docs in (old, new))
    changed = _changed(left, right) if old and new else frozenset()
    own = ("number", "vendor_id")  # each ERP's own; they differ by nature
    return {
        "copies": (len(old), len(new)),
        "rows": [
            {
                "name": name,
                "legacy": left.get(name, NOTHING),
                "cloud": right.get(name, NOTHING),
                "says": "" if name not in changed else "each ERP's own" if name in own else "differs",
                "off": name in changed and name not in own,
            }
            for name in dict.fromkeys([*left, *right])
        ],
        "lines": _lines(old, new),
    }


def _changed(left: Mapping[str, str], right: Mapping[str, str]) -> frozenset[str]:
    """The fields in which DeepDiff finds the two documents different."""
    from deepdiff import DeepDiff  # noqa: PLC0415 - a third of a second that only a report with differences pays

    tree = DeepDiff(dict(left), dict(right), view="tree")
    return frozenset(
        str(change.path(output_format="list")[0]) for changes in tree.values() for change in changes
    )


def _lines(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines of both documents beside each other, in each ERP's own order."""
    left, right = (docs[0].get("lines") or [] if docs else [] for docs in (old, new))
    names = ("description", "minutes", "net", "tax", "tax_code")
    shown = []
    for at in range(max(len(left), len(right))):
        cells = [tuple(_cell(side, at, name) for side in (left, right)) for name in names]
        shown.append({"line": at + 1, "cells": cells})
    return shown


def _cell(lines: Sequence[Mapping[str, str]], at: int, name: str) -> str:
    return lines[at].get(name, NOTHING) if at < len(lines) else NOTHING


def _hidden(compared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the policy kept from being a difference, and how much of it hid nothing."""
    rows = [{**one, "run": _run(row)} for row in compared for one in row.get("hidden") or ()]
    used = [one for one in rows if one.get("used") or one.get("expired")]
    return {"rows": used, "unused": len(rows) - len(used)}


def _noise(report: Mapping[str, Any], compared: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The noise floor with each field's rates, in the control runs and here; None where no such run was made."""
    floor = report.get("noise")
    if not floor:
        return None
    return {
        "says": floor["says"],
        "runs": floor["runs"],
        "explained": sum(int((row.get("noise") or {}).get("explained") or 0) for row in compared),
        "rows": [
            {**one, "run": _run(row)}
            for row in compared
            for one in (row.get("noise") or {}).get("fields") or ()
        ],
    }


def _has_money(row: Mapping[str, Any]) -> bool:
    """Whether a delta of this class is money; a status that differs has none, not one of zero."""
    return (
        str(row.get("class", "")).startswith(("amount", "missing", "duplicate"))
        and row.get("level") != "line"
    )


def _run(row: Mapping[str, Any]) -> str:
    return str(row.get("run_id", "")).rpartition("/")[2]


def _level(row: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": words(row.get("kind")), "entity": row.get("legal_entity"), "currency": row.get("currency") or NOTHING,
        "period": row.get("period") or NOTHING, "status": row.get("status_breaks"), "dimension": row.get("dimension_breaks"),
    }  # fmt: skip
    for name in ("count", "minutes"):
        old, new = (part(row, name).get(side) for side in ("legacy", "cloud"))
        shown[name] = (
            number(old),
            number(new),
            None if old is None or new is None else delta(str(new - old)),
        )
    old, new = (part(row, "money").get(side) for side in ("legacy", "cloud"))
    shown["empty"] = exact(old) == 0 and exact(new) == 0
    shown["money"] = (amount(old), amount(new), delta(_minus(new, old)))
    return shown


def _minus(left: Any, right: Any) -> str | None:
    if exact(left) is None or exact(right) is None:
        return None
    negated = right[1:] if right.startswith("-") else f"-{right}"
    return total([left, negated])
