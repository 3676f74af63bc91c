"""Two ERPs that are given the same work, each with a personality of its own, and what a dual run finds between them.

Both simulators are driven and read back through their connectors; nothing here reckons. The work is drawn from a
seed: three entities whose currencies have two, no and three decimals, lines with two tax codes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from router.canonical.documents import Document
from router.connectors.port import Posted, Record
from router.dualrun.breaks import Break
from router.dualrun.explain import explained
from router.dualrun.kind_comparison import compare_kind, kinds_bench
from router.dualrun.live_causes import LiveFacts, LiveJudge
from router.dualrun.live_causes.amounts import Amounts
from router.dualrun.policy import as_dual_run_policy
from router.landscape import default_file, read_landscape
from tests.contract import netsuite_bench, sap_ecc_bench
from tests.contract.erp_contract import Bench, chain, contract_line, make, time_entry

SEED = 20261030
PROJECTS = {"UK01": 12, "JP01": 2, "BH01": 2}
RATES = ("150", "133.33", "87.45", "168.75", "99.99", "112.5")
WHOLE = {"JP01": ("19270", "22325", "13333")}
ODD = {"JP01": "13333", "BH01": "49.999"}
ABROAD = {"UK01-1": "EUR"}
"""A project that is billed in another currency than its entity's, at a rate that its documents state."""
FINE = {"BH01": ("58.115", "61.333", "49.999")}
KINDS = ("time_entry", "expense_item", "invoice")
LEGACY: Mapping[str, str] = {
    "rounding": "document",
    "tax": "document",
    "mode": "half_up",
    "hours": "hundredths",
}
CLOUD: Mapping[str, str] = {"rounding": "line", "tax": "line", "mode": "half_up", "hours": "minutes"}
Personality = tuple[tuple[str, str], ...]
Share = tuple[str, str, str, str]
"""Kind, our id with the line's name, column, code."""


def _rate(rng: random.Random, entity: str) -> str:
    return rng.choice(WHOLE.get(entity) or FINE.get(entity) or RATES)


@cache
def work() -> tuple[tuple[Document, ...], ...]:
    """Batches in an order in which each finds what it needs."""
    rng = random.Random(SEED)
    batches: list[list[Document]] = []
    for entity, projects in PROJECTS.items():
        customer, card, terms, project = chain(entity)
        batches += [[customer], [card]]
        for n in range(1, projects + 1):
            batches += _project(rng, entity, n, terms, project)
    return tuple(tuple(batch) for batch in batches)


def _project(
    rng: random.Random, entity: str, n: int, terms: Document, project: Document
) -> list[list[Document]]:
    own = f"{entity}-{n}"
    currency = ABROAD.get(own, project.model_dump()["currency"])
    stated = {"exchange_rate": "0.8567"} if own in ABROAD else {}
    lines = [
        contract_line(1, "time", entity),
        contract_line(2, "expenses", entity) | {"tax_code": rng.choice(("EXPORT", "DE-STD"))},
    ]
    contract = _changed(terms, document_id=f"K-{own}", lines=lines, currency=currency)
    placed = {"project_id": f"P-{own}", "currency": currency}
    hours: list[Document] = []
    count, halves = rng.randint(4, 24), n % 3 == 0
    for at in range(3 if halves else count):
        minutes = rng.choice((rng.randint(1, 599), 15 * rng.randint(1, 32), 10 * rng.randint(1, 48)))
        rate = _rate(rng, entity)
        if halves:
            # Half an hour at an odd rate beside whole hours: the document comes to half a minor unit.
            minutes, rate = (30, ODD.get(entity, "99.99")) if at == 0 else (60 * rng.randint(1, 9), rate)
        role = rng.choice(("SENIOR", "CONSULTANT", "ARCHITECT"))
        entry = time_entry(0, entity, minutes=minutes, rate=rate, role=role, **placed)
        hours.append(_changed(entry, document_id=f"T-{own}-{at}"))
    spent: list[Document] = [
        make(
            "expense_item",
            f"X-{own}-{at}",
            entity,
            resource_id="E-1",
            expense_date="2026-10-27",
            category="TRAVEL",
            billable=True,
            amount=str(rng.randint(10, 900)),
            **placed,
            **{
                name: project.model_dump()[name]
                for name in ("department", "practice", "service_line", "cost_center")
            },
        )
        for at in range(rng.randint(0, 3))
    ]
    event = make(
        "billing_event",
        f"BE-{own}",
        entity,
        customer_id=f"C-{entity}",
        contract_id=f"K-{own}",
        period="2026-10",
        through="2026-10-31",
        **placed,
        **stated,
    )
    batches: list[list[Document]] = [
        [contract],
        [_changed(project, document_id=f"P-{own}", contract_id=f"K-{own}", currency=currency)],
        hours,
    ]
    return [*batches, *([one] for one in spent), [event]]


def _changed(document: Document, **fields: Any) -> Document:
    return type(document).model_validate(document.model_dump(mode="json", exclude_none=True) | fields)


@cache
def books(system: str, personality: Personality) -> tuple[Record, ...]:
    """What an ERP of this personality holds once it has all the work."""
    of = {"sap_ecc": sap_ecc_bench, "netsuite": netsuite_bench}[system]

    def change(config: dict[str, Any]) -> None:
        config["personality"] = {**(config.get("personality") or {}), **dict(personality)}

    async def held(bench: Bench) -> list[Record]:
        for batch in work():
            answers = await bench.post(*batch)
            assert all(isinstance(answer, Posted) for answer in answers), answers
        found: list[Record] = []
        for kind in KINDS:
            found += await bench.connector.read_back(
                kind, legal_entities=list(PROJECTS), since="2026-01-01", until="2027-01-01"
            )
        return found

    return tuple(of.run(held, change=change))


def facts(legacy: Mapping[str, str], cloud: Mapping[str, str]) -> LiveFacts:
    """Both ERPs' books as the causes are told of them."""
    rates = {code: row.basis_points for code, row in read_landscape().tax_codes.items()}
    old, new = (
        books("sap_ecc", tuple(sorted(legacy.items()))),
        books("netsuite", tuple(sorted(cloud.items()))),
    )
    return LiveFacts.of(old, new, {}, tax_rates=rates)


def found(legacy: Mapping[str, str], cloud: Mapping[str, str]) -> list[Break]:
    """The breaks of a dual run between two personalities, documents and lines."""
    return _found(tuple(sorted(legacy.items())), tuple(sorted(cloud.items())))


@cache
def _found(legacy: Personality, cloud: Personality) -> list[Break]:
    known = facts(dict(legacy), dict(cloud))
    policy = as_dual_run_policy(default_file("policies/default.yaml"))
    amounts = Amounts(known)
    breaks: list[Break] = []
    for kind in KINDS:
        sides = [
            [record for record in erp.records.values() if record.kind == kind]
            for erp in (known.legacy, known.cloud)
        ]
        with kinds_bench() as bench:
            result = compare_kind(
                kind,
                policy.kinds[kind],
                *sides,
                period=lambda _, on: on[:7],
                today=date(2026, 10, 31),
                bench=bench,
            )
        judge = LiveJudge(kind, known, amounts)
        for table in filter(None, (result.headers, result.lines)):
            breaks += explained(table.views, judge, table.policy, kind=kind)
    return breaks


def shares(breaks: list[Break]) -> dict[Share, int]:
    """What each code accounts for, by break: kind, our id (and the line's name), column, code."""
    return {
        (one.kind, " ".join(one.key.values()), one.column, part.code): part.delta_minor
        for one in breaks
        for part in one.shares()
    }
