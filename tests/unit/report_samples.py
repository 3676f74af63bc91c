"""Reports to render: a whole weekend that goes, one that stopped early, and nearly nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

HOSTILE = "<script>alert('x')</script> & \"Söhne\" \u202egnp.exe\x00"
"""What a customer might be called: markup, quotes, a direction override and a control character."""
START = datetime(2026, 10, 29, tzinfo=UTC)
END = datetime(2026, 11, 2, 12, tzinfo=UTC)
ENTITIES = {"UK01": "GBP", "DE01": "EUR", "BH01": "BHD", "US01": "USD", "SG01": "SGD", "JP01": "JPY"}
WAVES = {"emea": ["UK01", "DE01", "BH01"], "amer-apac": ["US01", "SG01", "JP01"]}
PLACES = {"BHD": 3, "JPY": 0}
KINDS = ("expense_item", "invoice", "milestone", "payment", "project", "time_entry")


def text(at: datetime) -> str:
    """As the report writes instants."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def money(minor: int, currency: str) -> str:
    """Minor units as a decimal string."""
    places = PLACES.get(currency, 2)
    digits = str(abs(minor)).rjust(places + 1, "0")
    return ("-" if minor < 0 else "") + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def gate(
    name: str, measured: str = "0", threshold: str = "at most 0", verdict: str = "pass"
) -> dict[str, str]:
    """A gate as the runner reports it."""
    return {"name": name, "verdict": verdict, "measured": measured, "threshold": threshold, "why": ""}


def steps() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps of the default weekend with their gates, all done."""
    rows: list[dict[str, Any]] = []
    gates: list[dict[str, Any]] = []
    shape = (
        ("freeze", "finance", 5, 15, 0), ("drain", "integration", 60, 240, 38), ("reconcile", "finance", 120, 240, 4),
        ("switch", "cutover lead", 5, 15, 1), ("release", "integration", 30, 180, 52), ("verify", "finance", 60, 240, 1),
    )  # fmt: skip
    for wave, day in (("emea", 2), ("amer-apac", 3)):
        at = START + timedelta(hours=3, minutes=0 if wave == "emea" else 26)
        rows.append(
            _row(
                f"{wave}-dual-run",
                "dual_run",
                wave,
                "integration",
                60,
                None,
                at,
                26,
                START + timedelta(hours=3),
            )
        )
        rows[-1]["after"] = [] if wave == "emea" else ["emea-dual-run"]
        rows[-1]["evidence"] = {"table_version": 2, "epochs": {"UK01": 2}, "masters": 412, "polls": 3}
        gates.append({"step": rows[-1]["id"], **gate("masters the cloud ERP did not take")})
        at, before = START + timedelta(days=day, hours=6), f"{wave}-dual-run"
        for kind, owner, planned, deadline, took in shape:
            row = _row(
                f"{wave}-{kind}",
                kind,
                wave,
                owner,
                planned,
                deadline,
                at,
                took,
                at if kind == "freeze" else None,
            )
            row["after"] = [before]
            before, at = row["id"], at + timedelta(minutes=took)
            rows.append(row)
            for name in {
                "drain": ("deliveries waiting", "deliveries in doubt"),
                "reconcile": (
                    "both ERPs were compared",
                    "documents in one ERP only",
                    "differences without a cause",
                ),
                "switch": ("legacy deliveries waiting",),
                "verify": ("transactions still held", "deliveries the cloud ERP gave up"),
            }.get(kind, ()):
                gates += [{"step": row["id"], **gate(name)}]
    return rows, gates


def _row(
    name: str, kind: str, wave: str, owner: str, planned: int, deadline: int | None, at: datetime, took: int,
    planned_at: datetime | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": name, "kind": kind, "wave": wave, "owner": owner, "after": [], "outcome": "done",
        "planned_at": text(planned_at) if planned_at else None, "planned_minutes": planned, "started": text(at),
        "ended": text(at + timedelta(minutes=took)), "minutes": took, "deadline_minutes": deadline,
        "evidence": {"released": 318} if kind == "release" else {}, "why": "",
    }  # fmt: skip


def comparison(wave: str, rng: Random, *, unexplained: int = 0) -> dict[str, Any]:
    """A comparison of one wave: every entity with rounding differences."""
    levels, causes, sums = [], [], {}
    for entity in WAVES[wave]:
        currency = ENTITIES[entity]
        for kind in KINDS:
            count, minor, minutes = (
                rng.randrange(80, 2400),
                rng.randrange(10**6, 10**8),
                rng.randrange(10**4, 10**5),
            )
            off = rng.randrange(-400, 400) if kind in ("invoice", "time_entry") else 0
            levels.append(
                {
                    "kind": kind, "legal_entity": entity, "currency": currency, "period": "2026-10",
                    "count": {"legacy": count, "cloud": count},
                    "money": {"legacy": money(minor, currency), "cloud": money(minor + off, currency)},
                    "minutes": {"legacy": minutes, "cloud": minutes} if kind == "time_entry" else {"legacy": 0, "cloud": 0},
                    "status_breaks": 0, "dimension_breaks": 3 if kind == "project" and entity == "DE01" else 0,
                }
            )  # fmt: skip
            if off:
                causes.append(
                    _cause(kind, "amount", "rounding", entity, rng.randrange(5, 300), money(off, currency))
                )
        causes.append(_cause("invoice", "amount", "tax", entity, rng.randrange(2, 40), money(3, currency)))
        whole, off = rng.randrange(10**7, 10**9), rng.randrange(-900, 900)
        sums[currency] = {
            "cloud": money(whole + off, currency), "legacy": money(whole, currency), "variance": money(abs(off) * 3, currency),
        }  # fmt: skip
    if wave == "emea":
        causes.append(_cause("project", "dimension", "mapping", "DE01", 3, None))
    if unexplained:
        causes.append(_cause("invoice", "missing_in_cloud", "unexplained", "US01", unexplained, "-12450.00"))
    return {
        "run_id": f"weekend/{wave}-reconcile", "legacy": "sap_ecc", "cloud": "netsuite", "entities": WAVES[wave],
        "consistency": POINT, "policy_hash": "a165" * 16, "compared": 9_817, "pending": 0, "settled_in_grace": 2,
        "habits": HABITS, "clusters": [_cluster(row) for row in causes], "fields": [_field(row) for row in causes],
        "walk": [_walk(row, True) for row in causes if row["delta"]], "hidden": HIDDEN, "examples": [_example(causes[0])], "breaks": sum(row["breaks"] for row in causes),
        "missing": unexplained, "unexplained": unexplained, "untied": 0, "levels": levels, "causes": causes, "money": sums,
    }  # fmt: skip


POINT = {
    "state": "quiescent", "position": 4711, "sentence": "quiescent at 4711: nothing of these entities moved",
    "read": [{"system": HOSTILE, "from": text(START), "until": text(START), "records": 9817, "repeated": 0}],
}  # fmt: skip
HABITS = [
    {"system": HOSTILE, "habits": {"hours": "hundredths", "rounding": "line", "mode": "half_up", "tax": "document"},
     "reproduced": 1204, "invoices": 1204, "entries_in_hundredths": 7015, "entries": 7015,
     "not_told_apart": ["mode"], "sentence": HOSTILE},
]  # fmt: skip
HIDDEN = [
    {"kind": "invoice", "level": "document", "column": "memo", "why": "ignore", "pairs": 3, "money": {}, "used": True,
     "reason": HOSTILE, "owner": "finance-ops", "approved_by": "", "expires": "2027-01-31", "expired": False},
    {"kind": "invoice", "level": "document", "column": "total", "why": "tolerance", "pairs": 2, "money": {"GBP": "0.02"},
     "used": True, "reason": "", "owner": "", "approved_by": "", "expires": "", "expired": False},
    {"kind": "invoice", "level": "line", "column": "net", "why": "tolerance", "pairs": 0, "money": {}, "used": False,
     "reason": "", "owner": "", "approved_by": "", "expires": "", "expired": False},
]  # fmt: skip


def _cluster(row: dict[str, Any]) -> dict[str, Any]:
    money_ = {"net": row["delta"], "absolute": row["delta"] and row["delta"].lstrip("-")}
    said = f"{row['breaks']} breaks, one cause: {row['cause']} for {row['legal_entity']} {HOSTILE}"
    return {
        **{name: row[name] for name in ("kind", "cause", "legal_entity", "currency", "breaks")}, "code": "c", "facet": "",
        "shares": 0, "documents": row["breaks"], "sentence": said, "examples": ["0123456789abcdef"], **money_,
    }  # fmt: skip


def _field(row: dict[str, Any]) -> dict[str, Any]:
    names = ("legal_entity", "kind", "class", "currency", "breaks", "delta")
    return {**{name: row[name] for name in names}, "level": "document", "column": "total"}


def _walk(row: dict[str, Any], ties: bool) -> dict[str, Any]:
    zero, currency = money(0, row["currency"]), row["currency"]
    steps = dict.fromkeys(("missing_in_cloud", "missing_in_legacy", "duplicates", "moved"), zero)
    return {
        "kind": row["kind"], "level": "document", "by": {"legal_entity": row["legal_entity"], "period": "2026-10"},
        "column": "total", "currency": currency, "rows": {"legacy": 1, "cloud": 1}, "legacy": zero, "cloud": row["delta"],
        "difference": row["delta"], "walk": {**steps, "amounts": row["delta"]}, "ties": ties,
    }  # fmt: skip


def _example(row: dict[str, Any]) -> dict[str, Any]:
    def document(total: str) -> dict[str, Any]:
        line = {"line": "1", "description": HOSTILE, "net": total, "tax_code": "STD"}
        return {
            "fields": {"status": "posted", "total": total, "memo": HOSTILE},
            "lines": [line],
            "line_count": 1,
        }

    return {
        "cluster": 0, "identity": "0123456789abcdef", "kind": row["kind"], "level": "document", "key": {"document_id": "A"},
        "class": row["class"], "column": "total", "currency": row["currency"], "delta": row["delta"], "cause": row["cause"],
        "code": "c", "evidence": HOSTILE, "legacy": [document("1.00")], "cloud": [document("1.01")],
    }  # fmt: skip


def _cause(kind: str, what: str, cause: str, entity: str, breaks: int, delta: str | None) -> dict[str, Any]:
    return {
        "kind": kind, "class": what, "cause": cause, "legal_entity": entity, "currency": ENTITIES[entity],
        "breaks": breaks, "delta": delta,
    }  # fmt: skip


def timeline(rng: Random) -> dict[str, Any]:
    """Four systems over 108 hours; work by day, a month-end peak on Friday."""
    series: dict[str, Any] = {}
    for system, scale in (("kantata", 2), ("netsuite", 20), ("salesforce", 1), ("sap_ecc", 24)):
        arrived, settled, backlog, level = [], [], [], 0
        for hour in range(108):
            busy = 8 <= hour % 24 <= 19
            come = (
                rng.randrange(4 * scale, 12 * scale) * (3 if 24 <= hour < 48 else 1)
                if busy
                else rng.randrange(scale)
            )
            stuck = (system == "netsuite" and hour == 43) or (system == "sap_ecc" and 38 <= hour < 42)
            done = min(level + come, scale if stuck else 30 * scale)
            level += come - done
            arrived.append(come)
            settled.append(done)
            backlog.append(level)
        series[system] = {"arrived": arrived, "settled": settled, "backlog": backlog, "left": backlog}
    buckets = [text(START + timedelta(hours=at)) for at in range(108)]
    return {"bucket_minutes": 60, "start": text(START), "buckets": buckets, "series": series}


def options() -> dict[str, Any]:
    """The default options as the report shows them; one instant as YAML reads it, one as text."""
    return {
        "size": "default", "extracts": None,
        "faults": {
            "netsuite": [{"name": "429 storm", "kind": "throttle", "from": "2026-10-30T19:00:00Z", "until": "2026-10-30T19:45:00Z", "probability": "0.7", "params": {"retry_after_s": 20}}],
            "sap_ecc": [
                {"name": "lost answer after posting", "kind": "drop_answer", "method": "POST", "from": datetime(2026, 10, 30, 14, tzinfo=UTC), "until": datetime(2026, 10, 30, 18, tzinfo=UTC), "first": 3},
                {"name": "slow on Sunday", "kind": "delay", "from": "2026-11-01T20:00:00Z", "until": "2026-11-01T23:00:00Z", "params": {"seconds": 30}},
            ],
        },
        "crashes": ["2026-10-30T16:37:12.000000Z"],
        "budgets": {
            "kantata": {"concurrency": 4, "per_minute": 600, "bulk": None}, "netsuite": {"concurrency": 15, "per_minute": None, "bulk": 100},
            "salesforce": {"concurrency": 5, "per_minute": None, "bulk": None}, "sap_ecc": {"concurrency": 4, "per_minute": None, "bulk": 500},
        },
        "personalities": {
            "netsuite": {"rounding": "line", "tax": "line", "mode": "half_up", "hours": "minutes", "time_zone": "UTC"},
            "sap_ecc": {"rounding": "document", "tax": "document", "mode": "half_up", "hours": "hundredths", "time_zone": "UTC"},
        },
    }  # fmt: skip


CLAIMS = (
    ("accepted = posted + parked + refused + dead + in flight, by count and by money per entity and currency",
     "what a source system lost before it could be asked; whether an ERP forgot what it confirmed"),
    ("at most one authoritative document per transaction in all ERPs together",
     "documents without our external id, entered by hand in an ERP"),
    ("one authority at any moment for an entity, kind, business date and lineage",
     "whether the rule that decided is the one the business wanted"),
    ("order kept within a lane; only documents of a commuting kind share a batch",
     "order between lanes; the order in which a vendor works inside one batch"),
    ("no decision by a superseded epoch after the switch returned",
     "the instant at which the switch's answer reached the person who asked for it"),
    ("a replayed request gets its first answer", "requests that were not repeated in this run"),
    ("every break found is stored and every control total ties to the cent",
     "differences in fields the comparison policy does not name"),
)  # fmt: skip


def invariants() -> list[dict[str, Any]]:
    """All seven held."""
    return [
        {"name": f"I{at}", "claim": claim, "held": True, "checked": 20_000 // at, "violations": 0, "examples": [], "not_checked": rest}
        for at, (claim, rest) in enumerate(CLAIMS, start=1)
    ]  # fmt: skip


def exceptions(count: int) -> list[dict[str, Any]]:
    """Transactions that wait for a person, for three reasons."""
    reasons = (
        ("refused", "sap_ecc", "V1-302", "customer 0000104711 is blocked for billing"),
        ("parked", "", "", ""),
        ("posted", "netsuite", "USER_ERROR", f"Invalid reference key for {HOSTILE}"),
    )
    rows = []
    for at in range(count):
        state, target, code, why = reasons[at % 3]
        rows.append(
            {
                "transaction_id": f"T{at * 37 + 11:012d}", "kind": "time_entry" if at % 3 else "invoice",
                "document_id": f"TE-{at:05d}" if at else HOSTILE, "legal_entity": "UK01", "state": state, "target": target,
                "code": code, "why": why, "amount": money(at * 12_345_678, "GBP"), "currency": "GBP",
            }
        )  # fmt: skip
    return rows


def full() -> dict[str, Any]:
    """A whole weekend: go, with exceptions."""
    rng = Random(7)
    rows, gates = steps()
    waiting = exceptions(12)
    held = [
        {"legal_entity": entity, "currency": currency, "kind": kind, "state": state, "count": rng.randrange(20, 900) if state == "posted" else 4,
         "amount": money(rng.randrange(10**6, 10**9) if state == "posted" else 1_234_500, currency)}
        for entity, currency in ENTITIES.items() for kind in ("expense_item", "invoice", "payment", "time_entry")
        for state in (("posted", "refused", "parked") if entity == "UK01" and kind == "time_entry" else ("posted",))
    ]  # fmt: skip
    return {
        "verdict": "go",
        "because": [
            "every step was done within its deadline, every gate passed and every invariant held",
            "the cutover ended 864 minutes before the window closed", "12 transactions wait for a person",
        ],
        "seed": 7,
        "plan": {
            "name": "weekend", "version": 1, "title": "Month-end weekend, EMEA first, then the Americas and Asia",
            "digest": "9f2c4e8a" * 8, "start": text(START), "end": text(END), "from": "sap_ecc", "to": "netsuite",
            "waves": [{"id": wave, "entities": names} for wave, names in WAVES.items()],
        },
        "window": {
            "opens": "2026-10-31T06:00:00.000000Z", "closes": "2026-11-01T22:00:00.000000Z",
            "last_step_ended": rows[-1]["ended"], "spare_minutes": 864, "fits": True,
        },
        "options": options(),
        "steps": rows,
        "gates": gates,
        "invariants": invariants(),
        "transactions": {
            "total": 20_431, "by_state": {"parked": 4, "posted": 20_419, "refused": 8},
            "by_kind": {"invoice": {"posted": 1_204, "refused": 8}, "project": {"posted": 420}, "time_entry": {"parked": 4, "posted": 18_795}},
            "posted_by_authority": {"netsuite": 6_204, "sap_ecc": 14_215}, "deliveries": 36_902,
        },
        "differences": [comparison("emea", rng), comparison("amer-apac", rng)],
        "money": held,
        "exceptions": {"total": len(waiting), "truncated": False, "rows": waiting},
        "timeline": timeline(rng),
        "resilience": {
            "router_lives": 2,
            "faults_fired": {"kantata": {}, "netsuite": {"429 storm": 187}, "salesforce": {}, "sap_ecc": {"lost answer after posting": 3, "slow on Sunday": 0}},
            "attempts": {"answered no": 8, "answered yes": 31_204, "lease lost": 4, "look-up found it": 6, "look-up found nothing": 1, "no answer": 3, "not taken, try later": 187, "unanswered": 2},
            "people_retried": 14, "settled": {"settled": True, "minutes": 0, "left": {}},
        },
        "input": {"row_errors": [], "assumptions": [], "refused_by_gateway": [], "never_billed": []},
        "reproduce": "coexist rehearse --seed 7",
    }  # fmt: skip


def stopped() -> dict[str, Any]:
    """A weekend of somebody's extracts that failed in its first drain: no-go in every part."""
    report = full()
    rows: list[dict[str, Any]] = report["steps"]
    for row in rows:
        if row["id"] == "emea-drain":
            row |= {"outcome": "failed", "why": "not done within its deadline of 240 minutes", "minutes": 240}
            row["ended"] = "2026-10-31T10:00:00.000000Z"
            row["evidence"] = {"given_back": 211, "unwound": {"table_version": 5}}
        elif row["kind"] != "dual_run" and row["id"] != "emea-freeze":
            row |= {
                "outcome": "not run",
                "why": "emea-drain was not done",
                "started": None,
                "ended": None,
                "minutes": None,
                "evidence": {},
            }
    waiting = exceptions(200)
    report |= {
        "verdict": "no-go",
        "because": ["I2 is violated 31 times", "step emea-drain failed: not done within its deadline of 240 minutes"],
        "window": report["window"] | {"last_step_ended": "2026-10-31T06:00:00.000000Z", "spare_minutes": -35, "fits": False},
        "gates": [
            {"step": "emea-dual-run", **gate("masters the cloud ERP did not take")},
            {"step": "emea-drain", **gate("deliveries waiting", "1,204", verdict="fail"), "why": "NetSuite says try again at 10:05"},
            {"step": "emea-drain", **gate("deliveries in doubt", "not told", verdict="inconclusive")},
        ],
        "differences": [],
        "exceptions": {"total": 1_317, "truncated": True, "rows": waiting},
        "options": report["options"] | {"extracts": "October <b>exports</b>", "size": "default"},
        "input": {
            "row_errors": [{"file": "timesheets.csv", "line": 17 + at, "column": "Hours", "value": HOSTILE, "why": "is no number", "mend": "write 7.5", "text": "…"} for at in range(230)],
            "assumptions": ["rates.csv was not given; every role costs 100.00"],
            "refused_by_gateway": [{"event": "E1", "status": 422, "problem": {"type": "about:blank", "title": HOSTILE}}],
            "never_billed": ["INV-1", "INV-2"],
        },
        "resilience": report["resilience"] | {"settled": {"settled": False, "minutes": 1440, "left": {"netsuite queued": 1204}}},
    }  # fmt: skip
    report["invariants"][1] |= {
        "held": False,
        "violations": 31,
        "examples": [f"T{at:012d} stands twice: {HOSTILE}" for at in range(20)],
    }
    return report


def bare() -> dict[str, Any]:
    """Nothing but a verdict."""
    return {"verdict": "inconclusive", "because": [], "seed": 0}
