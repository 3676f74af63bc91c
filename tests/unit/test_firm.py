"""The fictional firm: the same for a seed everywhere, valid to the router, exact in money, busy at month-end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from router.canonical import events
from router.canonical.billing import BillingEvent
from router.canonical.masters import Contract, Project, RateCard, Resource
from router.canonical.money import exponent
from router.landscape import as_landscape, default_file
from simulators.firm import (
    DEFAULT,
    GATEWAY,
    SMALL,
    Action,
    CreditInvoice,
    Firm,
    PayInvoice,
    Size,
    Step,
    build,
    workload,
)
from simulators.firm.actions import OnInvoice
from simulators.firm.entities import month_end, shares, week_of, workdays
from simulators.firm.timesheets import timesheets_of

START = datetime(2026, 10, 29, tzinfo=UTC)
END = datetime(2026, 11, 2, 12, tzinfo=UTC)
DIGEST = """
import hashlib, sys
from datetime import UTC, datetime
import orjson, yaml
from importlib import resources
from simulators.firm import SMALL, build, workload
landscape = yaml.safe_load(resources.files("fixtures").joinpath("landscapes/default.yaml").read_bytes())
firm = build(landscape, seed=int(sys.argv[1]), size=SMALL)
steps = workload(firm, start=datetime(2026, 10, 29, tzinfo=UTC), end=datetime(2026, 11, 2, 12, tzinfo=UTC), seed=5)
print(hashlib.sha256(
    orjson.dumps([firm.masters(), firm.seeds()]) + "".join(map(repr, steps)).encode()
).hexdigest())
"""


@cache
def landscape() -> Mapping[str, Any]:
    """The default landscape as plain data, as simulators get it."""
    loaded: Mapping[str, Any] = yaml.safe_load(
        resources.files("fixtures").joinpath("landscapes/default.yaml").read_bytes()
    )
    return loaded


@cache
def firm_of(size: Size) -> Firm:
    """A firm, built once a process."""
    return build(landscape(), seed=7, size=size)


@cache
def steps_of(size: Size) -> tuple[Step, ...]:
    """Its workload over the default weekend."""
    return tuple(workload(firm_of(size), start=START, end=END, seed=7))


BILLINGS = ("time_and_materials", "fixed_fee", "retainer", "subscription")


def events_of(size: Size) -> list[Action]:
    """What is sent to the gateway as an event."""
    return [
        step
        for step in steps_of(size)
        if isinstance(step, Action) and step.system == GATEWAY and step.path == "/v1/transactions"
    ]


def billing_of(size: Size) -> list[Action]:
    """The requests to bill."""
    return [step for step in events_of(size) if step.json["data"]["kind"] == "billing_event"]


def digest(seed: int, hash_seed: str) -> str:
    """The digest of a small firm and its workload, computed in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, str(seed)],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    return done.stdout.strip()


def test_same_seed_same_firm_in_every_process() -> None:
    """Masters, seeds and workload are byte for byte the same whatever PYTHONHASHSEED; another seed differs."""
    first = digest(7, "0")
    assert first == digest(7, "4242")
    assert first != digest(8, "0")


@pytest.mark.parametrize("size", [SMALL, DEFAULT], ids=lambda size: size.name)
def test_every_master_is_a_valid_event(size: Size) -> None:
    """The router reads every event of the initial load, and ids are unique in their kind."""
    documents = [events.read(event).document for event in firm_of(size).masters()]
    kinds = Counter(document.kind for document in documents)
    assert kinds["customer"] >= size.customers
    assert kinds["project"] == kinds["contract"] >= size.projects
    assert kinds["resource"] >= size.consultants
    ids = Counter((document.kind, document.document_id) for document in documents)
    assert max(ids.values()) == 1
    assert all(len(document.document_id) <= 16 for document in documents)


def test_masters_come_in_the_order_they_need_each_other() -> None:
    """Whatever a document needs was sent before it, and no accounting date lies in a closed period."""
    real = as_landscape(default_file("landscapes/default.yaml"))
    seen: set[tuple[str, str]] = set()
    for event in firm_of(DEFAULT).masters():
        document = events.read(event).document
        assert set(document.needs) <= seen, document.document_id
        assert not real.is_closed(document.legal_entity, document.accounting_date)
        seen.add((document.kind, document.document_id))


def test_codes_are_the_landscapes() -> None:
    """Entities, regions, currencies, tax codes and dimensions are those of the landscape."""
    real = as_landscape(default_file("landscapes/default.yaml"))
    entities_seen = set()
    for event in firm_of(DEFAULT).masters():
        document = events.read(event).document
        entity = real.legal_entities[document.legal_entity]
        entities_seen.add(document.legal_entity)
        assert document.region == entity.region
        assert document.business_unit in real.business_units
        if isinstance(document, Project):
            assert document.currency in {one.currency for one in real.legal_entities.values()}
            assert document.department in real.dimensions.departments
            assert document.practice in real.dimensions.practices
            assert document.service_line in real.dimensions.service_lines
        if isinstance(document, Contract):
            assert {line.tax_code for line in document.lines} <= {entity.tax_code, "EU-RC", "EXPORT"}
            assert document.billing in BILLINGS
    assert entities_seen == set(real.legal_entities)


@pytest.mark.parametrize("size", [SMALL, DEFAULT], ids=lambda size: size.name)
def test_the_firm_does_all_a_services_firm_does(size: Size) -> None:
    """All four ways to bill, caps, mark-ups, deferred fees, clients abroad, groups, and people lent out."""
    firm = firm_of(size)
    entity_of = {project.project_id: project.entity for project in firm.projects}
    lines = [line for contract in firm.contracts for line in contract.lines]
    assert {contract.billing for contract in firm.contracts} == set(BILLINGS)
    assert any(line.bills == "time" and line.amount_minor for line in lines)
    assert any(line.revenue == "straight_line" for line in lines)
    assert any(row.currency != firm.entities[row.entity].currency for row in firm.contracts)
    employer = {person.person_id: person.entity for person in firm.people}
    assert any(entity_of[row.project_id] != employer[row.person_id] for row in firm.time)
    paths = {step.path for step in steps_of(size) if isinstance(step, Action)}
    assert {"/v1/processes/recognise-revenue", "/v1/processes/accrue"} <= paths
    kinds = {event["data"]["kind"] for event in firm.masters()} | {
        step.json["data"]["kind"] for step in events_of(size)
    }
    assert {"contact", "task", "assignment", "change_order", "billing_event"} <= kinds


def test_amounts_are_exact_and_in_the_currencys_places() -> None:
    """Yen have no decimals, dinars three, and every role has a price on every day of the year."""
    places = {}
    for event in firm_of(DEFAULT).masters():
        document = events.read(event).document
        if isinstance(document, RateCard):
            text = event["data"]["rates"][0]["hourly"]
            places[document.currency] = len(text.partition(".")[2])
            for role in {row.role for row in document.rates}:
                before, after = document.rate(role, date(2026, 1, 1)), document.rate(role, date(2026, 11, 30))
                assert before is not None
                assert after is not None
                assert 0 < before.minor < after.minor
        if isinstance(document, Resource):
            assert document.cost_rate.minor > 0
    assert places == {currency: exponent(currency) for currency in places}
    assert {"JPY", "BHD", "GBP"} <= set(places)


def test_three_of_four_contracts_are_by_the_hour() -> None:
    """About 75% time and materials; fixed-fee ones have milestones with a fee."""
    contracts = firm_of(DEFAULT).contracts
    hourly = [row for row in contracts if row.billing == "time_and_materials"]
    assert 65 <= 100 * len(hourly) // len(contracts) <= 85
    for row in contracts:
        fees = [line.amount_minor for line in row.lines if line.bills == "milestones"]
        assert bool(fees) == (row.billing == "fixed_fee")
        assert all(fees)


def test_nobody_books_on_days_off_or_nothing() -> None:
    """Time lies on the entity's working days (Friday is off in Bahrain), in positive minutes of a day."""
    firm = firm_of(DEFAULT)
    person = {row.person_id: row for row in firm.people}
    of_day: Counter[tuple[str, date]] = Counter()
    for row in firm.time:
        entity = firm.entities[person[row.person_id].entity]
        assert row.worked_on.weekday() not in entity.weekend
        assert row.minutes > 0
        of_day[(row.person_id, row.worked_on)] += row.minutes
    assert set(of_day.values()) <= {450, 480, 510, 540}
    assert firm.entities["BH01"].weekend == (4, 5)


def test_the_workload_is_ordered_and_stays_in_the_window() -> None:
    """Actions come by time, inside [start, end), to systems of the landscape."""
    steps = steps_of(DEFAULT)
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert steps[0].at >= START
    assert steps[-1].at < END
    systems = {step.system for step in steps if isinstance(step, Action)}
    assert systems == {"kantata", "salesforce", GATEWAY}


def test_the_default_rehearsal_is_big_enough_and_the_small_one_small() -> None:
    """At least 22,000 transactions by default, about 600 in the small firm."""

    def transactions(size: Size) -> int:
        done = sum(step.documents if isinstance(step, Action) else 1 for step in steps_of(size))
        return done + len(firm_of(size).masters())

    assert 22_000 <= transactions(DEFAULT) <= 27_000
    assert 400 <= transactions(SMALL) <= 900


def test_approvals_follow_the_curve() -> None:
    """Friday is busiest, its busiest hours are the afternoon, the weekend has stragglers, Asia comes first."""
    by_day: Counter[str] = Counter()
    by_hour: Counter[int] = Counter()
    hours_of_friday: dict[str, list[float]] = {}
    firm = firm_of(DEFAULT)
    for step in steps_of(DEFAULT):
        if isinstance(step, Action) and step.what == "timesheet approved":
            local = step.at.astimezone(ZoneInfo(firm.entities[step.entity].time_zone))
            by_day[f"{local:%a}"] += step.documents
            if local.date() == date(2026, 10, 30):
                by_hour[local.hour] += step.documents
                hours_of_friday.setdefault(firm.entities[step.entity].region, []).append(step.at.timestamp())
    total = by_day.total()
    assert by_day["Fri"] > total // 2
    assert by_day["Sat"] > total // 100
    assert by_day["Sun"] > total // 100
    assert by_day["Mon"] > total // 100
    assert by_hour.most_common(1)[0][0] in (16, 17, 18)
    middle = {region: sorted(at)[len(at) // 2] for region, at in hours_of_friday.items()}
    assert middle["APAC"] < middle["EMEA"] < middle["AMER"]


def test_late_time_is_entered_after_the_month_and_in_november() -> None:
    """Some October time is entered after the month's end, some November time on Monday; both get approved."""
    late = [
        row
        for step in steps_of(DEFAULT)
        if isinstance(step, Action) and step.what == "late time"
        for row in step.json["time_entries"]
    ]
    days = {row["date_performed"][:7] for row in late}
    assert days == {"2026-10", "2026-11"}
    first = min(s.at for s in steps_of(DEFAULT) if isinstance(s, Action) and s.what == "late time")
    assert first >= datetime(2026, 10, 31, 3, tzinfo=UTC)


def test_no_timesheet_is_approved_before_it_is_worked() -> None:
    """The last week's approval comes after the afternoon of its last day."""
    firm = firm_of(DEFAULT)
    zone_of = {row.person_id: firm.entities[row.entity].time_zone for row in firm.people}
    approved = {step.path: step.at for step in steps_of(DEFAULT) if isinstance(step, Action)}
    checked = 0
    for sheet in timesheets_of(firm):
        at = approved.get(f"/api/v1/timesheet_submissions/{500_001 + sheet.sheet_id}/approve")
        if at is not None:
            assert at.astimezone(ZoneInfo(zone_of[sheet.person_id])).date() >= sheet.last
            checked += 1
    assert checked > 2000


def test_billing_events_are_valid_and_have_something_to_bill() -> None:
    """Every billing event reads, once a project, with client `psa-billing`, after work was approved on it."""
    billed = set()
    for step in billing_of(DEFAULT):
        document = events.read(dict(step.json)).document
        assert isinstance(document, BillingEvent)
        assert document.project_id not in billed
        assert document.period == "2026-10"
        assert document.accounting_date == date(2026, 10, 31)
        assert step.actor == "psa-billing"
        billed.add(document.project_id)
    assert len(billed) > 300


def billable_since(firm: Firm, steps: tuple[Step, ...]) -> dict[str, datetime]:
    """Project id → when the first thing it can bill was approved, read from the PSA's rows."""
    rows = firm.seeds()["kantata"]
    names = {
        row["subject_id"]: row["service_model_ref"]
        for row in rows["external_references"]
        if row["subject_type"] == "Workspace"
    }
    hourly = {row.contract_id for row in firm.contracts if row.billing == "time_and_materials"}
    by_the_hour = {row.project_id for row in firm.projects if row.contract_id in hourly}
    covers: dict[str, list[str]] = {}
    for what, submission in (("time_entries", "timesheet"), ("expenses", "expense_report")):
        for row in rows[what]:
            project = names[row["workspace_id"]]
            if row["billable"] and (what == "expenses" or project in by_the_hour):
                path = f"/api/v1/{submission}_submissions/{row['active_submission_id']}/approve"
                covers.setdefault(path, []).append(project)
    for row in rows["billing_milestones"]:
        covers[f"/api/v1/stories/{row['story_id']}"] = [names[row["workspace_id"]]]
    found: dict[str, datetime] = {}
    for step in steps:
        if isinstance(step, Action):
            for project in covers.get(step.path, []):
                found.setdefault(project, step.at)
    return found


def test_nothing_is_billed_before_there_is_something_to_bill() -> None:
    """A billing event comes after billable work on its project was approved, milestone or expense included."""
    firm = firm_of(DEFAULT)
    since = billable_since(firm, steps_of(DEFAULT))
    fees = {row.contract_id for row in firm.contracts if row.billing in ("retainer", "subscription")}
    for step in billing_of(DEFAULT):
        if step.json["data"]["contract_id"] not in fees:
            assert since[step.json["data"]["project_id"]] < step.at, step


def test_payments_and_credits_follow_their_billing() -> None:
    """An intent names a billing event that came before it, in the same entity, and never both pays and credits."""
    billed: dict[str, tuple[datetime, str]] = {}
    settled: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for step in steps_of(DEFAULT):
        if isinstance(step, Action):
            if step.what == "billing requested":
                billed[step.json["data"]["document_id"]] = (step.at, step.entity)
            continue
        kinds[type(step).__name__] += 1
        assert step.billing_event_id is not None
        at, entity = billed[step.billing_event_id]
        assert step.entity == entity
        assert step.at > at
        assert step.share is None or 0 < step.share <= 1
        settled[step.billing_event_id] += 1
    assert max(settled.values()) == 1
    assert kinds["PayInvoice"] > 150
    assert 2 <= kinds["CreditInvoice"] <= 20
    assert kinds["OnInvoice"] >= 2


def test_seeds_are_json_and_refer_to_each_other() -> None:
    """Every id a PSA row points at exists, ids are unique numeric texts, and canonical ids are referenced."""
    rows = firm_of(DEFAULT).seeds()["kantata"]
    json.dumps(rows)
    ids = {name: {row["id"] for row in kind} for name, kind in rows.items()}
    assert all(len(ids[name]) == len(kind) for name, kind in rows.items())
    assert all(identifier.isdigit() for kind in ids.values() for identifier in kind)
    for row in rows["time_entries"]:
        assert row["workspace_id"] in ids["workspaces"]
        assert row["story_id"] in ids["stories"]
        assert row["user_id"] in ids["users"]
    references = {
        (row["subject_type"], row["subject_id"]): row["service_model_ref"]
        for row in rows["external_references"]
    }
    assert all(("Workspace", row["id"]) in references for row in rows["workspaces"])
    assert all(("User", row["id"]) in references for row in rows["users"])
    crm = firm_of(DEFAULT).seeds()["salesforce"]
    assert all(len(row["Id"]) == 18 for kind in crm.values() for row in kind)
    codes = {row["Project_Code__c"] for row in crm["Opportunity"]}
    assert {row.project_id for row in firm_of(DEFAULT).projects} <= codes


def test_any_landscape_will_do() -> None:
    """One entity with an odd currency and no PSA gives a firm whose masters read."""
    small = {
        "legal_entities": {
            "NO9": {"name": "Fjord AS", "region": "NORDIC", "currency": "NOK", "country": "NO"}
        },
        "business_units": ["ONE"],
        "systems": {"mycrm": {"vendor": "salesforce", "role": "crm"}},
    }
    firm = build(small, seed=1, size=SMALL, month=date(2027, 1, 1))
    assert [events.read(event).document.legal_entity for event in firm.masters()] == ["NO9"] * len(
        firm.masters()
    )
    assert list(firm.seeds()) == ["mycrm"]
    steps = list(
        workload(firm, start=datetime(2027, 1, 29, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC), seed=1)
    )
    assert {step.system for step in steps if isinstance(step, Action)} <= {"mycrm", GATEWAY}


def test_calendar_arithmetic() -> None:
    """Shares add up, weeks start after the weekend, months end where they end."""
    entities = firm_of(SMALL).entities
    assert sum(shares(420, dict(entities)).values()) == 420
    assert min(shares(1, dict(entities)).values()) == 1
    assert month_end(date(2028, 2, 1)) == date(2028, 2, 29)
    assert month_end(date(2026, 12, 1)) == date(2026, 12, 31)
    assert len(workdays(date(2026, 10, 1), (5, 6))) == 22
    assert week_of(date(2026, 10, 30), (5, 6)) == date(2026, 10, 26)
    assert week_of(date(2026, 10, 29), (4, 5)) == date(2026, 10, 25)


def test_intents_are_told_apart() -> None:
    """The four kinds of step are what a driver has to know."""
    assert {type(step) for step in steps_of(DEFAULT)} == {Action, PayInvoice, CreditInvoice, OnInvoice}
