"""What a load run sends: a pure function of scenario, seed, stream and ordinal, and documents that hold together."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.running.run import Run
from loadtests.scenario.arrivals import schedule
from loadtests.scenario.model import Curve, Form, Point, Scenario, Stream
from loadtests.scenario.reading import built_in, read_scenario
from loadtests.scenario.schedule import Arrival
from loadtests.traffic.build import FirmTraffic, traffic_of
from loadtests.traffic.chance import drawn, name_of
from loadtests.traffic.forms import BATCH, SINGLE, blanked
from loadtests.traffic.model import Request
from router.canonical import events
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.errors import BadInput
from router.landscape import default_file

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}\Z", re.ASCII)
SENT: tuple[tuple[str, int], ...] = (
    ("time_entry", 1), ("time_entry", 7), ("expense_item", 1), ("milestone", 1), ("charge", 1), ("billing_event", 1),
    ("billing_event", 5), ("customer", 1), ("contract", 1), ("contract", 2), ("project", 1), ("project", 6),
    ("assignment", 1), ("change_order", 1), ("change_order", 3), ("journal_entry", 1), ("client_account", 1),
    ("project_start", 1), ("time_approval", 1), ("time_approval", 3), ("historical_time", 20),
)  # fmt: skip
"""Every sort of request, with the lines it carries."""
CHANGES = 100_000
"""Requests with change orders until a contract's versions reach 9999, at three lines."""
EVENTS = [
    at
    for at, (what, _) in enumerate(SENT)
    if what not in ("client_account", "project_start", "time_approval")
]


def run_of(
    sent: tuple[tuple[str, int], ...] = SENT,
    *,
    tag: str = "a1",
    seed: int = 7,
    entities: tuple[str, ...] = (),
    size: Any = "small",
) -> Run:
    """A run that sends these, a stream each."""
    streams: tuple[Any, ...] = tuple(
        Stream(
            name=f"{what.replace('_', '-')}-{lines}",
            sends=what,
            share=Decimal(100) / len(sent),
            lines=lines,
            entities=entities,
        )
        for what, lines in sent
    )
    form = Form(minutes=1, peak_per_s=60)
    level = (Point(at=0, level=1), Point(at=100, level=1))
    scenario = Scenario(
        name="every-sort", title="Every sort", question="Is it taken?", size=size, curve=Curve(points=level),
        streams=streams, long=form, short=form,
    )  # fmt: skip
    return Run(
        scenario=scenario, seed=seed, minutes="1", peak_per_s="60", form="short", gateway="http://gateway",
        drained_within_s="600", tag=tag,
    )  # fmt: skip


@cache
def every_sort(tag: str = "a1", seed: int = 7) -> FirmTraffic:
    """The traffic of a run of all sorts."""
    return traffic_of(run_of(tag=tag, seed=seed))


def asked(traffic: FirmTraffic, stream: int, ordinal: int) -> Request:
    """A request of it."""
    return traffic.request(Arrival(0, 0, stream, ordinal))


def documents_in(request: Request) -> list[tuple[str, str, Document]]:
    """Source, event id and document of every line of a request that carries events."""
    lines = request.body.split(b"\n") if request.path == BATCH else [request.body]
    read = [events.read(orjson.loads(line)) for line in lines]
    return [(one.source, one.id, one.document) for one in read]


def fingerprint() -> str:
    """Of masters, seeds and some requests of every sort."""
    traffic = every_sort()
    digest = hashlib.sha256(orjson.dumps([traffic.masters(), traffic.seeds()]))
    for stream in range(len(SENT)):
        for ordinal in (0, 1, 2, 17, 40_000):
            digest.update(repr(asked(traffic, stream, ordinal)).encode())
    return digest.hexdigest()


def test_every_process_makes_the_same_bytes() -> None:
    """Generators share nothing but run.json; not even the order of a set may show."""
    code = "from tests.unit.test_load_traffic import fingerprint; print(fingerprint())"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": number},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for number in ("1", "2")
    }
    assert found == {fingerprint()}


@settings(deadline=None, max_examples=300)
@given(
    stream=st.sampled_from(EVENTS),
    ordinal=st.integers(0, 60_000_000),
    tag=st.sampled_from(["", "a1", "2026-11-21T02:35", "a-tag-longer-than-any-id-should-be", "ü"]),
)
def test_documents_are_told_as_they_are_sent(stream: int, ordinal: int, tag: str) -> None:
    """Every line is a valid event of the kind, id, source and entity the ledger's reader is told."""
    what, lines = SENT[stream]
    request = asked(every_sort(tag), stream, ordinal % CHANGES if what == "change_order" else ordinal)
    sent = documents_in(request)
    assert len(sent) == len(request.documents) == (max(2, lines) if what == "billing_event" else lines)
    assert (request.path == SINGLE) == (len(sent) == 1)
    for (source, event_id, document), told in zip(sent, request.documents, strict=True):
        assert (document.kind, document.document_id, source, event_id, document.legal_entity) == told
        assert IDENTIFIER.match(told.document_id)


@settings(deadline=None, max_examples=100)
@given(stream=st.sampled_from(EVENTS), ordinal=st.integers(0, CHANGES))
def test_what_a_document_needs_is_loaded_or_comes_before_it(stream: int, ordinal: int) -> None:
    """So requests may overtake one another."""
    traffic = every_sort()
    known = {(one["data"]["kind"], one["data"]["document_id"]) for one in traffic.masters()}
    for _, _, document in documents_in(asked(traffic, stream, ordinal)):
        assert set(document.needs) <= known
        known.add((document.kind, document.document_id))


def test_an_entry_stays_one_document() -> None:
    """No cap within reach to split it at, and nobody lent to another entity, which would bring ledger entries along."""
    traffic = traffic_of(run_of(size="default"))
    masters = {one["data"]["document_id"]: one["data"] for one in traffic.masters()}
    caps = [
        Decimal(line["cap"])
        for row in masters.values()
        if row["kind"] == "contract" and row["billing"] == "time_and_materials"
        for line in row["lines"]
        if line["bills"] == "time" and "cap" in line
    ]
    assert caps
    assert min(caps) >= 1_000_000_000
    for stream, (what, _) in enumerate(SENT):
        if what in ("time_entry", "historical_time", "billing_event", "expense_item"):
            for ordinal in range(300):
                for _, _, document in documents_in(asked(traffic, stream, ordinal)):
                    row: Any = document
                    if row.kind != "billing_event":
                        assert masters[row.resource_id]["legal_entity"] == row.legal_entity
                        contract = masters[masters[row.project_id]["contract_id"]]
                        assert contract["billing"] == "time_and_materials" or row.kind == "expense_item"


def test_masters_need_only_what_comes_before_them() -> None:
    """They are loaded in order."""
    known: set[tuple[str, str]] = set()
    for one in every_sort().masters():
        document = events.read(one).document
        assert set(document.needs) <= known
        known.add((document.kind, document.document_id))


def test_no_two_requests_share_a_document() -> None:
    """Neither within a run nor between runs of two tags."""
    seen: set[tuple[str, str]] = set()
    count = 0
    for traffic in (every_sort("a1"), every_sort("b2")):
        for stream in range(len(SENT)):
            for ordinal in range(300):
                rows = asked(traffic, stream, ordinal).documents
                seen.update((row.kind, row.document_id) for row in rows)
                count += len(rows)
    assert len(seen) == count


def test_another_seed_is_another_draw_of_the_same_firm() -> None:
    """Masters stay, so that runs of several seeds may meet at one gateway; what is sent does not."""
    one, other = every_sort(seed=7), every_sort(seed=8)
    assert one.masters() == other.masters()
    for stream in EVENTS:
        if SENT[stream][0] != "change_order":  # these go round the contracts in order
            assert [asked(one, stream, at).body for at in range(50)] != [
                asked(other, stream, at).body for at in range(50)
            ]


def test_change_orders_count_each_contracts_versions_from_two() -> None:
    """Every contract gets 2, 3, 4, … and no version twice."""
    for what in (("change_order", 1), ("change_order", 3)):
        traffic = every_sort()
        versions: dict[str, list[int]] = {}
        for ordinal in range(200):
            for _, _, document in documents_in(asked(traffic, SENT.index(what), ordinal)):
                row: Any = document
                versions.setdefault(row.contract_id, []).append(row.contract_version)
        assert len(versions) > 20
        for found in versions.values():
            assert found == list(range(2, 2 + len(found)))


def test_a_request_costs_the_same_however_late_it_is() -> None:
    """The generator makes it while it sends: no state, no search, no sum over those before it."""

    def calls(stream: int, ordinal: int) -> int:
        count = 0

        def note(_frame: Any, event: str, _arg: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        request, arrival = every_sort().request, Arrival(0, 0, stream, ordinal)
        sys.setprofile(note)
        try:
            request(arrival)
        finally:
            sys.setprofile(None)
        return count

    for stream, (what, lines) in enumerate(SENT):
        early, late = calls(stream, 3), calls(stream, 60_000_003)
        assert early <= late + 4
        assert late <= early + 4
        assert early <= 60 + 40 * lines, what


def test_process_bodies_are_what_the_apis_read() -> None:
    """A canonical customer, a won opportunity, entries as a PSA knows them."""
    traffic = every_sort()
    for stream, (what, lines) in enumerate(SENT):
        for ordinal in range(40):
            request = asked(traffic, stream, ordinal)
            if what == "client_account":
                customer = parse(orjson.loads(request.body) | {"kind": "customer"})
                assert customer.document_id == request.documents[0].document_id
            elif what == "project_start":
                deal: Any = parse(orjson.loads(request.body) | {"kind": "opportunity"})
                assert deal.won
                assert [row.kind for row in request.documents] == ["opportunity", "contract", "project"]
                assert request.documents[0].document_id == deal.document_id
            elif what == "time_approval":
                entries = orjson.loads(request.body)["entries"]
                assert len(entries) == lines
                assert [row["document_id"] for row in entries] == [
                    row.document_id for row in request.documents
                ]


def test_every_deal_a_run_will_win_stands_in_the_crm() -> None:
    """The process writes the project code back to it."""
    run = run_of((("project_start", 1),))
    traffic = traffic_of(run)
    rows = {row["Id"]: row for row in traffic.seeds()["salesforce"]["Opportunity"]}
    count = schedule(run).streams.count(0)
    assert count > 3000
    for ordinal in range(count):
        deal = asked(traffic, 0, ordinal).documents[0]
        row = rows[deal.document_id.removeprefix("OPP-")]
        assert row["Legal_Entity__c"] == deal.legal_entity
        assert row["StageName"] != "Closed Won"


@pytest.mark.parametrize("name", sorted(built_in()))
def test_every_built_in_scenario_has_its_traffic(name: str) -> None:
    """All its streams can be sent, and each keeps to its entities."""
    scenario = read_scenario(name)
    run = replace(run_of(), scenario=scenario)
    traffic = traffic_of(run)
    for at, stream in enumerate(scenario.streams):
        rows = [row for ordinal in range(50) for row in asked(traffic, at, ordinal).documents]
        assert not stream.entities or {row.legal_entity for row in rows} == set(stream.entities)
        assert asked(traffic, at, 0).client == stream.client


@pytest.mark.parametrize("entities", [("DE01",), ("JP01", "BH01")])
def test_a_stream_keeps_to_its_entities(entities: tuple[str, ...]) -> None:
    """Also where the smallest firm has no hours, no milestones or no expenses in one of them."""
    traffic = traffic_of(run_of(entities=entities))
    assert {one["data"]["legal_entity"] for one in traffic.masters()} == set(entities)
    for stream, (what, _) in enumerate(SENT):
        seen = {row.legal_entity for at in range(60) for row in asked(traffic, stream, at).documents}
        assert seen == set(entities), what


def test_an_unknown_entity_is_refused_by_name() -> None:
    """Before anything is sent."""
    with pytest.raises(BadInput, match="FR01"):
        traffic_of(run_of((("time_entry", 1),), entities=("FR01",)))


def test_a_process_of_one_document_takes_no_lines() -> None:
    """`create-client-account` has no bulk form."""
    with pytest.raises(BadInput, match="client-account-2"):
        traffic_of(run_of((("client_account", 2),)))


def test_the_runs_own_landscape_is_its_firms() -> None:
    """Entities of the landscape in run.json, which is JSON: days are texts there."""
    data = orjson.loads(orjson.dumps(default_file("landscapes/default.yaml").data))
    data["legal_entities"] = dict(islice(data["legal_entities"].items(), 1, 2))
    data["legal_entities"]["UK09"] = data["legal_entities"].pop("UK01")
    traffic = traffic_of(replace(run_of(), landscape=data))
    assert {one["data"]["legal_entity"] for one in traffic.masters()} == {"UK09"}
    assert asked(traffic, 0, 1).documents[0].legal_entity == "UK09"


def test_draws_are_even_and_names_apart() -> None:
    """A thousand names share hardly a word, and every form is drawn about as often as the others."""
    words = [word for at in range(1000) for word in name_of(5, at).split()]
    assert len(set(words)) > 1990
    counts = [0] * 10
    for at in range(10_000):
        counts[drawn(9, at) % 10] += 1
    assert all(880 < count < 1120 for count in counts)


def test_a_per_cent_sign_in_a_name_stays_what_it_is() -> None:
    """Bodies are filled in printf-style."""
    assert blanked({"name": "100% Ltd"}) % {} == b'{"name":"100% Ltd"}'
