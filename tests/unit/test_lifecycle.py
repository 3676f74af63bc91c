"""The life of a break: what a run may say of it, what an acceptance covers, and the carry-over between two diffs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.configfile import loads
from router.dualrun.acceptances import (
    NONE,
    Acceptance,
    AcceptanceRow,
    Acceptances,
    as_acceptances,
    read_acceptances,
    refuse_one_person,
)
from router.dualrun.breaks import Break
from router.dualrun.carry_over import lifecycle_of
from router.dualrun.lifecycle import Found, Known, Scope, age_days, is_fixed, moved, standing_of
from router.dualrun.policy import Column
from router.errors import BadConfig, BadInput, FourEyes

AT = "2026-11-20T10:00:00.000000Z"
FIRST = "2026-11-01T10:00:00.000000Z"
OCTOBER = Scope(
    subject="dual-run:sap_ecc:netsuite",
    kinds=("invoice",),
    legal_entities=("UK01", "US01"),
    since="2026-10-01",
    until="2026-11-01",
)
FOUND = Found(
    identity="00000000000000aa", kind="invoice", legal_entity="UK01", cause="tax", code="tax-per-line",
    currency="GBP", delta_minor=1,
)  # fmt: skip
KNOWN = Known(state="new", first_seen=FIRST, opened_at=FIRST, place=OCTOBER, delta_minor=1)
TAKEN = Acceptance(
    acceptance_id="7", owner="ann", reason="agreed", approved_by="bob", expires="2026-12-31",
    identity=FOUND.identity, max_amount="0.05", currency="GBP",
)  # fmt: skip


def accepting(*rows: Acceptance) -> Acceptances:
    return Acceptances(rows)


@pytest.mark.parametrize(
    ("known", "state", "first", "note"),
    [
        (None, "new", AT, ""),
        (KNOWN, "recurring", FIRST, ""),
        (replace(KNOWN, state="reopened"), "recurring", FIRST, ""),
        (replace(KNOWN, state="fixed", fixed_at="2026-11-10"), "reopened", FIRST, "was fixed at 2026-11-10"),
    ],
)
def test_a_break_that_is_found(known: Known | None, state: str, first: str, note: str) -> None:
    """New, found again, or back: its age counts from when it was first seen."""
    standing = standing_of(FOUND, known, NONE, at=AT)
    assert (standing.state, standing.first_seen, standing.note) == (state, first, note)
    assert standing.opened_at == (FIRST if state == "recurring" else AT)


def test_an_accepted_break_that_grew_is_back() -> None:
    """Accepted up to 0.05, it stays accepted while it is below, and is reopened with both amounts beyond it."""
    known = replace(KNOWN, state="accepted", acceptance="7")
    assert standing_of(FOUND, known, accepting(TAKEN), at=AT).state == "accepted"
    assert standing_of(replace(FOUND, delta_minor=-5), known, accepting(TAKEN), at=AT).state == "accepted"
    grown = standing_of(replace(FOUND, delta_minor=-400), known, accepting(TAKEN), at=AT)
    assert (grown.state, grown.opened_at, grown.acceptance) == ("reopened", AT, None)
    assert grown.note.startswith("grew from 0.01 to 4.00: ")


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"expires": "2026-11-19"}, "acceptance 7 of ann expired on 2026-11-19"),
        ({"withdrawn": True}, "acceptance 7 of ann was withdrawn"),
        (
            {"max_amount": "", "currency": ""},
            "acceptance 7 of ann states no max_amount, so it covers no money",
        ),
        ({"currency": "USD"}, "acceptance 7 of ann is in USD, not GBP"),
    ],
)
def test_an_acceptance_that_ended_says_why(change: dict[str, Any], note: str) -> None:
    """Expired, withdrawn, or of other money: the break is open again with a note, and its age stays."""
    known = replace(KNOWN, state="accepted", acceptance="7")
    standing = standing_of(FOUND, known, accepting(replace(TAKEN, **change)), at=AT)
    assert (standing.state, standing.note, standing.first_seen) == ("recurring", note, FIRST)
    assert standing.opened_at == AT, "it waits for a person since now"


def test_an_acceptance_holds_through_its_last_day() -> None:
    """`expires` is the last day, whatever the hour."""
    taken = accepting(replace(TAKEN, expires="2026-11-20"))
    assert standing_of(FOUND, KNOWN, taken, at="2026-11-20T23:59:59.999999Z").state == "accepted"
    assert standing_of(FOUND, KNOWN, taken, at="2026-11-21T00:00:00.000000Z").state == "recurring"


def test_a_cluster_covers_what_nobody_has_seen_yet() -> None:
    """By cause, code and entity, up to its amount; another entity or a larger amount is not covered."""
    cluster = accepting(
        replace(TAKEN, identity="", cause="tax", code="tax-per-line", legal_entity="UK01", kind="invoice")
    )
    assert standing_of(FOUND, None, cluster, at=AT).state == "accepted"
    assert standing_of(replace(FOUND, legal_entity="US01"), None, cluster, at=AT).state == "new"
    assert standing_of(replace(FOUND, kind="credit_memo"), None, cluster, at=AT).state == "new"
    large = standing_of(replace(FOUND, delta_minor=6), None, cluster, at=AT)
    assert (large.state, large.note) == ("new", "acceptance 7 of ann covers up to 0.05")


@pytest.mark.parametrize(
    ("change", "covered"),
    [
        ({}, True),
        ({"subject": ""}, True),
        ({"subject": "dual-run"}, True),
        ({"subject": "dual-run:sap_ecc:other"}, False),
        ({"kinds": ()}, True),
        ({"kinds": ("project",)}, False),
        ({"legal_entities": ("UK01",)}, True),
        ({"legal_entities": ("US01",)}, False),
        ({"since": "2026-09-01", "until": "2026-12-01"}, True),
        ({"since": "2026-10-02"}, False),
        ({"until": "2026-10-31"}, False),
        ({"since": "", "until": ""}, True),
    ],
)
def test_only_what_a_run_looked_at_is_fixed(change: dict[str, Any], covered: bool) -> None:
    """A run of another entity, kind, pair of ERPs or part of the dates says nothing of a break."""
    known = replace(KNOWN, place=OCTOBER.place_of(FOUND))
    assert is_fixed(known, replace(OCTOBER, **change)) is covered
    assert not is_fixed(known, None)
    assert not is_fixed(replace(known, state="fixed"), OCTOBER), "it is fixed once"


def test_a_run_of_some_business_units_says_nothing_of_the_others() -> None:
    """What a wave's run does not find again is fixed only where it, or a narrower run, had found it."""
    consulting = replace(OCTOBER, business_units=("CONSULTING",))
    everywhere, there = OCTOBER.place_of(FOUND), consulting.place_of(FOUND)
    assert Scope.from_json(consulting.to_json()) == consulting
    assert "business_units" not in OCTOBER.to_json(), "as older runs wrote it"
    for run, place, covered in (
        (consulting, there, True),
        (OCTOBER, there, True),
        (replace(OCTOBER, business_units=("MANAGED",)), there, False),
        (consulting, everywhere, False),
    ):
        assert is_fixed(replace(KNOWN, place=place), run) is covered


def test_a_date_says_where_a_break_lies() -> None:
    """With a date of its own a run over that day is enough; without one, what all runs that found it share."""
    dated = OCTOBER.place_of(replace(FOUND, on="2026-10-15"))
    assert replace(OCTOBER, since="2026-10-15", until="2026-10-16").covers(dated)
    assert not replace(OCTOBER, since="2026-10-16").covers(dated)
    late = replace(OCTOBER, since="2026-10-20", until="2026-12-01")
    shared = late.place_of(FOUND, OCTOBER.place_of(FOUND))
    assert (shared.since, shared.until) == ("2026-10-20", "2026-11-01")
    apart = replace(OCTOBER, since="2026-12-01", until="2027-01-01").place_of(FOUND, OCTOBER)
    assert (apart.since, apart.until) == ("2026-12-01", "2027-01-01"), "it moved"


def test_a_part_of_a_subject_is_looked_at_by_itself() -> None:
    """A match that did not look for missing charges can't say that they are there now."""
    whole = Scope(subject="intercompany:2026-10")
    booked = Scope(subject="intercompany:2026-10:booked")
    charge, leg = (whole.place_of(replace(FOUND, aspect=name)) for name in ("uncharged", "booked"))
    assert (whole.covers(charge), whole.covers(leg)) == (True, True)
    assert (booked.covers(charge), booked.covers(leg)) == (False, True)
    assert booked.place_of(replace(FOUND, aspect="booked")) == leg
    old = Scope(subject="dual-run", kinds=("invoice",), legal_entities=("UK01",), unstated=True)
    assert OCTOBER.covers(old), "an older release did not say what it looked at"
    assert not booked.covers(old)


scopes = st.builds(
    Scope,
    subject=st.sampled_from(["", "a", "a:b"]),
    kinds=st.sampled_from([(), ("x",), ("x", "y")]),
    legal_entities=st.sampled_from([(), ("U",), ("U", "V")]),
    since=st.sampled_from(["", "2026-01-01", "2026-02-01"]),
    until=st.sampled_from(["", "2026-03-01", "2026-04-01"]),
)


@settings(deadline=None)
@given(scopes, scopes, scopes)
def test_covering_is_an_order(one: Scope, two: Scope, three: Scope) -> None:
    """Every scope covers itself, and what it covers covers; the same scope again finds a place it found."""
    assert one.covers(one)
    if one.covers(two) and two.covers(three):
        assert one.covers(three)
    assert Scope.from_json(orjson.loads(orjson.dumps(one.to_json()))) == one
    assert one.covers(one.place_of(replace(FOUND, kind="x", legal_entity="U")))


def test_words_for_change_and_age() -> None:
    """Grown is farther from zero, whichever side; age is whole days."""
    assert [moved(-1, 2), moved(-3, 2), moved(2, -2), moved(None, 1)] == [
        "grown",
        "shrunk",
        "recurring",
        "grown",
    ]
    assert age_days(FIRST, AT) == 19


FILE = """
acceptances:
  - identity: 00000000000000aa
    owner: ann
    approved_by: bob
    reason: agreed with the auditor
    expires: 2026-12-31
    max_amount: "0.05"
  - {cause: tax, code: tax-per-line, legal_entity: UK01, owner: ann, approved_by: bob, reason: r,
     expires: 2026-12-31, max_amount: "0.05", currency: GBP}
"""


def test_acceptances_are_read(tmp_path: Path) -> None:
    """A file of one break and one cluster; its currency is the break's own where none is stated."""
    path = tmp_path / "accepted.yaml"
    path.write_text(FILE, encoding="utf-8")
    found = read_acceptances(path)
    assert [one.acceptance_id for one in found.about(FOUND.identity, "tax", "tax-per-line", "UK01", "")] == [
        "#1",
        "#2",
    ]
    assert standing_of(FOUND, None, found, at=AT).acceptance == found.rows[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("approved_by: bob\n", "approved_by: ' Ann '\n", "four-eyes"),
        ("  - identity: ", "  - cause: x\n    identity: ", "cause"),
        ("identity: 00000000000000aa", "identity: xyz", "acceptances.0.identity"),
        ('max_amount: "0.05"\n', "max_amount: 0.05\n", "acceptances.0.max_amount"),
        ("currency: GBP", "code: z", "stands twice"),
        (", currency: GBP", "", "needs its currency"),
        ("currency: GBP", "currency: QQQ", "QQQ"),
        ("reason: r", "reason: ''", "acceptances.1.reason"),
        ("    owner: ann\n", "    owner: ann\n    until: 2026-12-31\n", "until"),
        (
            "  - {cause: tax, code: tax-per-line, legal_entity: UK01,",
            "  - {identity: 00000000000000aa,",
            "twice",
        ),
    ],
)
def test_a_wrong_acceptance_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    """One person twice, no amount in quotes, both ways to name it: file and line."""
    assert old in FILE
    text = FILE.replace(old, new, 1)
    with pytest.raises(BadConfig, match=said) as caught:
        as_acceptances(loads(text, name="accepted.yaml"))
    assert "accepted.yaml:" in caught.value.message


@pytest.mark.parametrize(
    ("owner", "approver"),
    [
        ("Jos\u00e9 Diaz", "Jose\u0301 diaz"), ("ann", "\uff21nn"), ("ann", "an\u200bn"), ("ann", "ann\u00a0"),
    ],
)  # fmt: skip
def test_one_person_in_other_letters_is_one(owner: str, approver: str) -> None:
    """Composed or not, full width, with a letter nobody sees, a trailing blank; also where a policy ignores money."""
    with pytest.raises(FourEyes):
        refuse_one_person(owner, approver)
    with pytest.raises(BadInput):
        refuse_one_person(owner, "\u200b")
    for second, fits in ((approver, False), ("bob", True)):
        ignored = {
            "type": "money", "ignore": True, "reason": "r", "owner": owner, "approved_by": second,
            "expires": date(2027, 1, 31),
        }  # fmt: skip
        with nullcontext() if fits else pytest.raises(ValueError, match="second person"):
            Column.model_validate(ignored)


def test_a_cluster_covers_neither_two_currencies_nor_what_nobody_explains() -> None:
    """Two currencies have no amount to limit; breaks without a cause have nothing in common."""
    cluster = replace(
        TAKEN, identity="", cause="tax", code="tax-per-line", legal_entity="UK01", max_amount=""
    )
    text = replace(FOUND, what="status", currency="", delta_minor=None)
    assert standing_of(text, None, accepting(cluster), at=AT).state == "accepted"
    two = replace(text, what="currency")
    assert standing_of(two, None, accepting(cluster), at=AT).state == "new"
    assert standing_of(two, None, accepting(replace(TAKEN, currency="")), at=AT).state == "accepted"
    row = {
        "cause": "unexplained", "code": "unexplained", "owner": "ann", "approved_by": "bob", "reason": "r",
        "expires": "2026-12-31",
    }  # fmt: skip
    with pytest.raises(ValueError, match="one by one"):
        AcceptanceRow.model_validate(row)


def test_an_acceptance_of_another_cause_was_not_withdrawn() -> None:
    """A break whose cause is another now is open again, and its note says why."""
    cluster = replace(TAKEN, identity="", cause="tax", code="tax-per-line", legal_entity="UK01")
    known = replace(KNOWN, state="accepted", acceptance="7")
    found = replace(FOUND, cause="unexplained", code="unexplained")
    standing = standing_of(found, known, accepting(cluster), at=AT)
    assert standing.state == "recurring"
    assert standing.note == "acceptance 7 does not cover the cause it has now: unexplained unexplained"


def test_two_people_are_two() -> None:
    """Case and blanks make no second person."""
    refuse_one_person("ann", "bob")
    with pytest.raises(FourEyes):
        refuse_one_person("Ann Lee", " ann  lee")
    with pytest.raises(BadInput, match="approved_by"):
        refuse_one_person("ann", " ")


def broken(name: str, minor: int = 1, **more: Any) -> Break:
    fields: dict[str, Any] = {"key": {"id": name}, "what": "amount", "column": "total", "currency": "GBP"}
    return Break(**fields | {"delta_minor": minor, "legal_entity": "UK01"} | more)


def written(
    folder: Path, day: int, names: Mapping[str, int], previous: Path | None, **more: Any
) -> dict[str, Any]:
    """One diff: its breaks with their states, written as `coexist diff` writes them."""
    life = lifecycle_of(previous, as_of=date(2026, 11, day), **more)
    folder.mkdir()
    found = [life(broken(name, minor)) for name, minor in names.items()]
    (folder / "breaks.jsonl").write_bytes(b"".join(orjson.dumps(one.to_json()) + b"\n" for one in found))
    earlier = list(life.earlier())
    (folder / "earlier.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in earlier))
    states = {one.key["id"]: one.state for one in found} | {row["key"]["id"]: row["state"] for row in earlier}
    return {"states": states, "found": found, "earlier": earlier, "counts": life.counts}


def test_three_diffs_in_a_row(tmp_path: Path) -> None:
    """New, then recurring and fixed, then reopened with its first sighting; run again, the same."""
    first = written(tmp_path / "1", 1, {"a": 1, "b": 2}, None)
    assert first["states"] == {"a": "new", "b": "new"}
    second = written(tmp_path / "2", 2, {"b": 2, "c": 3}, tmp_path / "1")
    assert second["states"] == {"a": "fixed", "b": "recurring", "c": "new"}
    assert second["counts"] == {"new": 1, "recurring": 1, "reopened": 0, "accepted": 0, "fixed": 1}
    third = written(tmp_path / "3", 3, {"a": 1}, tmp_path / "2" / "breaks.jsonl")
    assert third["states"] == {"a": "reopened", "b": "fixed", "c": "fixed"}
    assert third["found"][0].first_seen == "2026-11-01T00:00:00.000000Z"
    assert third["found"][0].facts["note"] == "was fixed at 2026-11-02T00:00:00.000000Z"
    again = written(tmp_path / "4", 3, {"a": 1}, tmp_path / "2")
    assert (again["found"], again["earlier"]) == (third["found"], third["earlier"])


def test_what_the_extracts_do_not_hold_is_not_fixed(tmp_path: Path) -> None:
    """An extract of another entity says nothing of it, and the run after still knows it."""
    written(tmp_path / "1", 1, {"a": 1}, None)
    second = written(tmp_path / "2", 2, {}, tmp_path / "1", scope=Scope(legal_entities=("US01",)))
    assert (second["states"], second["counts"]["fixed"]) == ({"a": "new"}, 0)
    assert second["earlier"][0]["not_looked_at"] is True
    third = written(tmp_path / "3", 3, {}, tmp_path / "2", scope=Scope(legal_entities=("UK01",)))
    assert (third["states"], third["counts"]["fixed"]) == ({"a": "fixed"}, 1)
    assert "not_looked_at" not in third["earlier"][0]


def test_accepted_breaks_of_a_diff_say_who(tmp_path: Path) -> None:
    """Who accepted, until when and up to what; unused and expired ones are told, money is counted."""
    taken = replace(TAKEN, identity=broken("a").identity, acceptance_id="#1")
    idle = replace(TAKEN, identity="00000000000000bb", acceptance_id="#2", expires="2026-11-01")
    life = lifecycle_of(None, accepting(taken, idle), as_of=date(2026, 11, 20))
    one, other = life(broken("a", 5)), life(broken("b", 5))
    assert (one.state, one.facts["accepted_by"], other.state) == ("accepted", "ann", "new")
    first, second = life.acceptances()
    assert (first["breaks"], first["money"], first["unused"], first["expired"]) == (
        1,
        {"GBP": "0.05"},
        False,
        False,
    )
    assert (second["breaks"], second["unused"], second["expired"]) == (0, True, True)
    written(tmp_path / "1", 20, {"a": 5}, None, acceptances=accepting(taken))
    grown = lifecycle_of(tmp_path / "1", accepting(taken), as_of=date(2026, 11, 21))(broken("a", 600))
    assert (grown.state, grown.facts["note"].split(":")[0]) == ("reopened", "grew from 0.05 to 6.00")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sets(st.integers(0, 12)), min_size=1, max_size=6))
def test_a_chain_of_diffs_forgets_nothing(
    tmp_path_factory: pytest.TempPathFactory, runs: list[set[int]]
) -> None:
    """Whatever comes and goes: everything ever found is found, or fixed, and first seen when it was."""
    place, previous = tmp_path_factory.mktemp("chain"), None
    first: dict[str, str] = {}
    for day, names in enumerate(runs, 1):
        told = written(place / str(day), day, {str(name): name + 1 for name in sorted(names)}, previous)
        at = f"2026-11-{day:02}T00:00:00.000000Z"
        for one in told["found"]:
            back = one.key["id"] in first
            assert one.first_seen == first.setdefault(one.key["id"], at)
            assert (one.state == "new") is not back
        assert told["states"].keys() == first.keys()
        gone = {row["key"]["id"] for row in told["earlier"]}
        assert gone == first.keys() - {str(name) for name in names}
        previous = place / str(day)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"not json\n", "breaks.jsonl:1: is no JSON"),
        (b"[1]\n", "breaks.jsonl:1: has no identity"),
        (b'{"identity": "xyz"}\n', "no identity"),
        (b'{"identity": "00000000000000aa", "state": "odd"}\n', "state"),
        (b'{"identity": "00000000000000aa", "state": "new", "delta_minor": 1.5}\n', "delta"),
        (
            b'{"identity": "00000000000000aa", "state": "new", "delta_minor": 1.5, "delta": "1e99999999"}\n',
            "delta",
        ),
        (b'{"identity": "00000000000000aa", "state": "new", "first_seen": 7}\n', "first_seen"),
    ],
)
def test_a_wrong_previous_file_is_told(tmp_path: Path, line: bytes, said: str) -> None:
    """File and line; nothing is taken for what it is not."""
    (tmp_path / "breaks.jsonl").write_bytes(line)
    with pytest.raises(BadInput, match=said):
        lifecycle_of(tmp_path, as_of=date(2026, 11, 20))
    with pytest.raises(BadInput, match="can't be read"):
        lifecycle_of(tmp_path / "nowhere", as_of=date(2026, 11, 20))


def test_an_amount_beyond_64_bits_is_carried_exactly(tmp_path: Path) -> None:
    """Its text is read where the number no longer fits."""
    row = broken("a").to_json() | {"delta_minor": None, "delta": "-200000000000000000000.01"}
    text = orjson.dumps(row).replace(b'"delta_minor":null', b'"delta_minor":-20000000000000000000001')
    (tmp_path / "breaks.jsonl").write_bytes(text + b"\n")
    taken = replace(TAKEN, identity=broken("a").identity, max_amount="200000000000000000000.01")
    life = lifecycle_of(tmp_path, accepting(taken), as_of=date(2026, 11, 20))
    assert life(broken("a", -(20000000000000000000001))).state == "accepted"
    assert life(broken("a", 20000000000000000000002)).state == "recurring"
