"""Renders `report.html`: one offline file for people, in the look of the rehearsal's report.

A function of `summary.json` and a few example pairs. What is shown is a choice only where it says so,
as `20 of 312; all of them are in breaks.jsonl`. Everything is escaped, nothing is loaded or run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment

from cutover.diff.chart import money_chart, of_many
from cutover.report.html import data_digest, environment
from cutover.report.wording import NOTHING, amount, delta, number, plural, words

TOTALS_SHOWN = 300
GROUPS_SHOWN = 100
CLUSTERS_SHOWN = 60
EXAMPLES_SHOWN = 20
"""Clusters with an example pair; the rest are in the table."""
FILE = "summary.json"
VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "agree": ("THE EXTRACTS AGREE", "good", "Nothing differs beyond what the policy allows."),
    "accepted": (
        "DIFFERENCES, ALL ACCEPTED",
        "good",
        "Each has an owner, a reason, an end and a second person.",
    ),
    "noise": (
        "NOTHING BUT NOISE",
        "good",
        "What differs, differs in the legacy ERP itself and bears no money; all of it is listed.",
    ),
    "differ": ("THE EXTRACTS DIFFER", "bad", "There are differences nobody has accepted."),
    "does not tie": ("THE TOTALS DO NOT TIE", "bad", "The differences found do not account for the totals."),
}
"""Verdict → (words, tone, one sentence)."""
STEPS = (
    ("missing_in_cloud", "missing in cloud", -1), ("missing_in_legacy", "missing in legacy", 1),
    ("duplicates", "duplicates", 1), ("amounts", "other amounts", 1), ("moved", "in another group", 1),
)  # fmt: skip
"""Steps of the walk with their words, and whether they add or take."""


def render(summary: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> str:
    """The report as HTML. `examples`: a pair for each of the first clusters, in their order."""
    word, tone, meaning = VERDICTS[summary["verdict"]]
    return (
        _environment()
        .get_template("diff.html.j2")
        .render(
            s=summary,
            head={"word": word, "tone": tone, "meaning": meaning},
            tiles=_tiles(summary),
            totals=_totals(summary),
            entities=_groups(summary["breaks"]["by_entity"]),
            fields=_groups(summary["breaks"]["by_column"]),
            causes=_causes(summary),
            clusters=_clusters(summary),
            examples=examples,
            examples_note=of_many(len(examples), len(summary["clusters"]), f"breaks.jsonl and {FILE}"),
            hidden=_hidden(summary),
            states=_states(summary),
            digest=data_digest(summary),
            nothing=NOTHING,
        )
    )


@cache
def _environment() -> Environment:
    made = environment("cutover.diff", "cutover.report")
    made.filters.update(delta=delta)
    return made


def _tiles(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    breaks, levels, totals = summary["breaks"], summary["levels"], summary["control_totals"]
    open_causes = sum(row["breaks"] for row in breaks["by_cause"] if row["cause"] == "unexplained")
    rows = levels["count"]["rows"]
    untied = sum(not row["ties"] for row in totals)
    hidden = sum(row["pairs"] for row in summary["hidden"])
    stale = sum(row["state"] == "expired" for row in summary["hidden"])
    found = [
        ("Rows compared", number(rows["legacy"] + rows["cloud"]),
         f"{number(levels['count']['pairs']['all'])} pairs", "levels", "plain"),
        ("Breaks", number(breaks["total"]), f"{number(breaks['accepted'])} accepted",
         "causes", "bad" if breaks["open"] else "good"),
        ("Without a cause", number(open_causes), "differences nobody could explain" if open_causes
         else "every difference has a cause", "causes", "bad" if open_causes else "good"),
        ("Control totals that tie", f"{number(len(totals) - untied)} of {number(len(totals))}",
         "walked from legacy to cloud by what was found", "totals", "bad" if untied else "good" if totals else "open"),
        *((f"Differ in {currency}", amount(sums["absolute"]), f"net {delta(sums['net'])}", "causes", "bad")
          for currency, sums in list(breaks["money"].items())[:3]),
        ("Hidden by the policy", number(hidden), plural(stale, "expired rule") if stale else "tolerances, ignores, normalising",
         "hidden", "open" if stale else "plain"),
    ]  # fmt: skip
    return [
        {"label": label, "value": value, "note": note, "href": href, "tone": tone}
        for label, value, note, href, tone in found
    ]


def _totals(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A table for each grouping: totals that differ or don't tie first, those that are equal apart."""
    rows = summary["control_totals"]
    tables: dict[tuple[str, ...], dict[str, Any]] = {}
    left = TOTALS_SHOWN
    # Whoever has little time sees what does not tie, then what differs.
    for row in sorted(rows, key=lambda row: (row["ties"], _zero(row["difference"]))):
        groups = tuple(name for name in row["by"] if name != "currency")
        table = tables.setdefault(groups, {"groups": groups, "differ": [], "equal": [], "all": 0, "shown": 0})
        table["all"] += 1
        if left:
            left -= 1
            table["shown"] += 1
            quiet = row["ties"] and not any(map(_moves, row["walk"].values()))
            table["equal" if quiet else "differ"].append(
                {**row, "steps": [_step(row, name, sign) for name, _, sign in STEPS]}
            )
    for table in tables.values():
        for part in ("differ", "equal"):
            table[part].sort(key=lambda row: (row["ties"], [*row["by"].values()], row["currency"]))
        table["note"] = of_many(table["shown"], table["all"], FILE)
    return {
        "tables": list(tables.values()),
        "steps": [f"{'−' if sign < 0 else '+'} {told}" for _, told, sign in STEPS],
    }


def _moves(text: str) -> bool:
    return not _zero(text)


def _step(row: Mapping[str, Any], name: str, sign: int) -> str:
    """What a step adds to the walk, signed as it is walked."""
    text = row["walk"][name]
    if sign < 0:
        text = text[1:] if text.startswith("-") else text if _zero(text) else f"-{text}"
    return delta(text)


def _zero(text: str) -> bool:
    return not text.strip("-0.")


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    shown = rows[:GROUPS_SHOWN]
    return {
        "rows": [{**row, "sums": _sums(row["money"])} for row in shown],
        "note": of_many(len(shown), len(rows), FILE),
    }


def _sums(money: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    return [{"currency": currency, **sums} for currency, sums in money.items()]


def _causes(summary: Mapping[str, Any]) -> dict[str, Any]:
    rows = summary["breaks"]["by_cause"]
    panels: dict[str, list[tuple[str, int, str, bool]]] = {}
    for row in rows:
        for currency, sums in row["money"].items():
            minor = int(sums["absolute"].replace(".", ""))
            if minor:
                bar = (
                    words(row["cause"]),
                    minor,
                    sums["absolute"],
                    row["cause"] == "unexplained",
                )
                panels.setdefault(currency, []).append(bar)
    ordered = {
        currency: sorted(panels[currency], key=lambda bar: (-bar[1], bar[0])) for currency in sorted(panels)
    }
    return {"chart": money_chart(ordered) if ordered else "", **_groups(rows)}


def _clusters(summary: Mapping[str, Any]) -> dict[str, Any]:
    rows = summary["clusters"]
    return {"rows": rows[:CLUSTERS_SHOWN], "note": of_many(min(len(rows), CLUSTERS_SHOWN), len(rows), FILE)}


def _hidden(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    order = {"expired": 0, "used": 1, "unused": 2}
    return sorted(summary["hidden"], key=lambda row: order[row["state"]])


def _states(summary: Mapping[str, Any]) -> list[tuple[str, int]]:
    found = summary["lifecycle"]
    return list(found["states"].items()) if found else []
