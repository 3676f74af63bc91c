"""How much the index saves: one decision at 10,000 rules against rule-engine's scan and zen-engine's table.

All three are first asked the same documents and must agree; then each is timed on documents drawn
from the same seed. The index is timed without its memo, which would flatter it.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import zen

from router.canonical.kinds import KINDS, parse
from router.routing import table_from
from router.routing.compiled import Compiled
from router.routing.decisions import by_table
from router.routing.facts import Fact, Facts
from router.routing.oracle import first_match
from router.routing.table import RouteTable
from tests.bench.rounds import Row as Figure
from tests.bench.rounds import ratio_of, tell

RULES = 10_000
ROUNDS = 5
SEED = 20261101
_KINDS = tuple(KINDS)
_UNITS = ("CONSULTING", "MANAGED", "DIGITAL")
_REGIONS = ("AMER", "EMEA", "APAC")
_SYSTEMS = ("sap_ecc", "netsuite", "oracle")
_START = date(2026, 1, 1)
Row = dict[str, Any]


def _entity(number: int) -> str:
    return f"E{number:03d}"


def draw_rules(rng: random.Random, count: int = RULES) -> list[Row]:
    """Rules of a big firm: entity, sometimes unit, region and kinds, half of them with a window."""
    rows: list[Row] = []
    for number in range(count):
        since = _START + timedelta(days=rng.randrange(0, 360, 30)) if rng.random() < 0.5 else None
        rows.append(
            {
                "id": f"r{number}",
                "legal_entity": _entity(rng.randrange(400)),
                "region": rng.choice(_REGIONS) if rng.random() < 0.5 else None,
                "business_unit": rng.choice(_UNITS) if rng.random() < 0.7 else None,
                "kind": sorted(rng.sample(_KINDS, rng.randint(1, 3))),
                "from": since,
                "until": since + timedelta(days=90) if since else None,
                "authority": rng.choice(_SYSTEMS),
            }
        )
    return rows


def as_table(rows: Sequence[Row]) -> RouteTable:
    """The rules as a route table."""
    text = ["version: 1", "rules:"]
    for row in rows:
        when = [f'{f} == "{row[f]}"' for f in ("legal_entity", "region", "business_unit") if row[f]]
        when.append("kind in " + json.dumps(row["kind"]))
        text.append(f"  - id: {row['id']}\n    when: {' and '.join(when)}\n    authority: {row['authority']}")
        if row["from"]:
            text.append(f"    from: {row['from']}\n    until: {row['until']}")
    return table_from("\n".join(text))


def as_zen(rows: Sequence[Row]) -> Any:
    """The same rules as a zen-engine decision table, first hit."""
    fields = ("legal_entity", "region", "business_unit", "kind")

    def cells(row: Row) -> Row:
        tests = {f: f'"{row[f]}"' if row[f] else "" for f in fields[:3]}
        tests["kind"] = ", ".join(f'"{kind}"' for kind in row["kind"])
        window = ""
        if row["from"]:
            window = f"[{row['from'].toordinal()}..{row['until'].toordinal() - 1}]"
        return {"_id": row["id"], **tests, "day": window, "rule": f'"{row["id"]}"'}

    node = {
        "hitPolicy": "first",
        "inputs": [{"id": f, "name": f, "field": f} for f in (*fields, "day")],
        "outputs": [{"id": "rule", "name": "rule", "field": "rule"}],
        "rules": [cells(row) for row in rows],
    }
    graph = {
        "nodes": [
            {"id": "in", "name": "in", "type": "inputNode", "position": {"x": 0, "y": 0}},
            {
                "id": "t",
                "name": "t",
                "type": "decisionTableNode",
                "content": node,
                "position": {"x": 1, "y": 0},
            },
            {"id": "out", "name": "out", "type": "outputNode", "position": {"x": 2, "y": 0}},
        ],
        "edges": [
            {"id": "a", "sourceId": "in", "targetId": "t", "type": "edge"},
            {"id": "b", "sourceId": "t", "targetId": "out", "type": "edge"},
        ],
    }
    # Compiled content; from plain JSON zen-engine is some 25 times slower, which would flatter us.
    return zen.ZenEngine().create_decision(zen.ZenDecisionContent(json.dumps(graph)))


def draw_facts(rng: random.Random) -> dict[str, Fact]:
    """A document's header."""
    return {
        "legal_entity": _entity(rng.randrange(400)),
        "region": rng.choice(_REGIONS),
        "business_unit": rng.choice(_UNITS),
        "kind": rng.choice(_KINDS),
        "accounting_date": _START + timedelta(days=rng.randrange(365)),
    }


def _ask_zen(decision: Any, given: Facts) -> str | None:
    on = given["accounting_date"]
    assert isinstance(on, date)
    told = decision.evaluate({**given, "accounting_date": None, "day": on.toordinal()})["result"]
    return told.get("rule") if told else None


def _seconds_each(ask: Callable[[Any], object], asked: Sequence[Any]) -> float:
    """Mean seconds a question takes."""
    start = time.perf_counter()
    for one in asked:
        ask(one)
    return (time.perf_counter() - start) / len(asked)


def run(*, rules: int = RULES, sample: int = 100, many: int = 20_000) -> list[Figure]:
    """Ratios of the index to the others, with their targets; fails when the three disagree."""
    rng = random.Random(SEED)
    rows = draw_rules(rng, rules)
    table = as_table(rows)
    compiled = Compiled(table)
    zen_table = as_zen(rows)
    asked = [draw_facts(rng) for _ in range(sample)]
    hits = 0
    for given in asked:
        fast, slow = compiled.first_match(given), first_match(table, given)
        other = _ask_zen(zen_table, given)
        name = None if fast.rule is None else table.rules[fast.rule].id
        if fast != slow or name != other:
            raise AssertionError(f"{given}: index {fast}, scan {slow}, zen {other}")
        hits += name is not None
    drawn = [draw_facts(rng) for _ in range(many)]
    documents = [_document(given) for given in drawn[:2_000]]
    index_s, scan_s, zen_s, whole_s = [], [], [], []
    for _ in range(ROUNDS):
        index_s.append(_seconds_each(compiled.first_match, drawn))
        scan_s.append(_seconds_each(lambda given: first_match(table, given), asked[:10]))
        zen_s.append(_seconds_each(lambda given: _ask_zen(zen_table, given), asked))
        whole_s.append(_seconds_each(lambda document: by_table(compiled, document), documents))
    index_us, scan_us, zen_us, whole_us = (
        statistics.median(seconds) * 1e6 for seconds in (index_s, scan_s, zen_s, whole_s)
    )
    agreed = f"{sample} documents agree, {hits} of them by a rule; {rules:,} rules, median of {ROUNDS} rounds"
    return [
        {
            "name": f"route decision with {rules:,} rules against a linear rule-engine scan",
            "ratio": ratio_of(scan_s, index_s),
            "target": 5000,
            "detail": f"{index_us:.1f} µs to {scan_us / 1e3:.1f} ms; {agreed}",
        },
        {
            "name": f"route decision with {rules:,} rules against zen-engine's decision table",
            "ratio": ratio_of(zen_s, index_s),
            "target": 40,
            "detail": f"{index_us:.1f} µs to {zen_us:,.0f} µs; {agreed}",
        },
        {
            "name": "whole decision with the answers remembered against the index alone",
            "ratio": ratio_of(index_s, whole_s),
            "target": None,
            "detail": f"{whole_us:.2f} µs to {index_us:.1f} µs; a month-end asks the same few hundred questions",
        },
    ]


def _document(given: Facts) -> Any:
    return parse(
        {**{name: str(value) for name, value in given.items()}, "kind": "contact", "document_id": "D1"}
        | {"customer_id": "C1", "name": "Ada"}
    )


if __name__ == "__main__":
    tell(run())
