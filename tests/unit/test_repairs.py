"""Repair proposals: rules and their order, which ERP is corrected, money that adds up, plans nobody can bend."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.examples import example
from router.canonical.kinds import parse
from router.configfile import loads
from router.connectors.port import Record
from router.dualrun.breaks import UNEXPLAINED, Break
from router.dualrun.engine.comparison import TableComparison
from router.dualrun.explain import explained
from router.dualrun.policy import Policy, Side
from router.dualrun.repairs import extracts
from router.dualrun.repairs.documents import CannotCorrect, Firm, made, opposite
from router.dualrun.repairs.drafts import Draft, drafts
from router.dualrun.repairs.files import read_breaks, read_plan, write_plan
from router.dualrun.repairs.findings import judged
from router.dualrun.repairs.plan import Header, Plan, as_plan_of, corrected, sealed
from router.dualrun.repairs.reading import break_of
from router.dualrun.repairs.rules import RepairRules, as_repair_rules, chosen
from router.dualrun.repairs.setting_off import Correction, set_off
from router.dualrun.repairs.standing import Sent, Standing, state_of_rows
from router.dualrun.results import DocumentView
from router.dualrun.workbench import Workbench
from router.errors import BadConfig, BadInput
from router.landscape import default_file
from router.model import SystemId

HEADER = Header(run_id="R1", source="breaks.jsonl", rules_hash="r", as_of="2026-11-02T08:00:00Z")


def broken(document: str = "INV-1", /, **given: Any) -> Break:
    facts: dict[str, Any] = {"what": "amount", "column": "net", "currency": "GBP", "delta_minor": 40}
    return Break(key={"document_id": document}, legal_entity="UK01", **(facts | given))


def default_rules() -> RepairRules:
    return as_repair_rules(default_file("policies/repairs.yaml"))


def read(text: str) -> RepairRules:
    return as_repair_rules(loads(text, name="rules.yaml"))


# Rules


def test_an_override_beats_the_first_rule_that_fits_and_that_beats_the_default() -> None:
    """Precedence is override > first rule > default, whatever stands behind."""
    found, other = broken(), broken("INV-2", what="text", delta_minor=None)
    rules = read(
        f"""
overrides: {{{found.identity}: {{action: person, why: ann looks at it}}}}
rules:
  - {{id: first, when: {{class: [amount]}}, action: none, why: so be it}}
  - {{id: second, when: {{class: [amount]}}, action: person, why: never reached}}
"""
    )
    assert chosen(rules, found).rule == "override"
    assert chosen(rules, broken("INV-3")).rule == "first"
    assert (chosen(rules, other).rule, chosen(rules, other).choice.action) == ("default", "person")


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ("{most: {GBP: '0.40'}}", True),
        ("{most: {GBP: '0.39'}}", False),
        ("{most: {EUR: '9.00'}}", False),
        ("{entity: [UK01], column: [net], kind: ['']}", True),
        ("{entity: [US01]}", False),
        ("{cause: [tax]}", False),
        ("{code: [unexplained]}", True),
    ],
)
def test_a_rule_is_for_what_all_of_its_selectors_say(when: str, fits: bool) -> None:
    """Selectors are joined by and; a limit holds per currency, and a currency without one does not match."""
    rules = read(f"rules: [{{id: it, when: {when}, action: none, why: w}}]")
    assert (chosen(rules, broken()).rule == "it") is fits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{id: a, when: {class: [text]}, action: resend, why: w}]", "can't put text right"),
        ("rules: [{id: a, when: {}, action: resend, why: w}]", "every class of break"),
        ("rules: [{id: a, when: {class: [amount]}, action: adjust, why: w}]", "when.most"),
        ("rules: [{id: a, when: {clas: [amount]}, action: none, why: w}]", "clas"),
        ("rules: [{id: a, when: {cause: [bad_luck]}, action: none, why: w}]", "cause"),
        ("rules: [{id: a, when: {}, action: update, why: w}]", "action"),
        ("rules: [{id: a, when: {most: {GBP: '0.001'}}, action: none, why: w}]", "decimal places of GBP"),
        ("rules: [{id: default, when: {}, action: none, why: w}]", "name that is taken"),
        (
            "rules: [{id: a, when: {}, action: none, why: w}, {id: a, when: {}, action: none, why: w}]",
            "twice",
        ),
    ],
)
def test_rules_that_cannot_work_are_refused_when_they_are_read(text: str, said: str) -> None:
    """A rule that could never put its breaks right is told by file and line, not found out in the night."""
    with pytest.raises(BadConfig, match=said) as error:
        read(text)
    assert "rules.yaml:1" in error.value.message


def test_the_owner_of_a_document_is_never_corrected_to_match_the_other_erp_unless_a_rule_says_so() -> None:
    """The other ERP is corrected; where the owner would be, a person decides, unless the rule names the owner."""
    by_rule = "rules: [{id: a, when: {class: [missing_in_legacy]}, action: resend, why: w%s}]"
    found = broken(what="missing_in_legacy", column="")
    (draft,) = drafts([found], read(by_rule % ""), lambda _kind, _key: "legacy")
    assert (draft.action, draft.side) == ("person", None)
    assert "legacy ERP owns it" in draft.why
    (draft,) = drafts([found], read(by_rule % ", correct: authority"), lambda _kind, _key: "legacy")
    assert (draft.action, draft.side) == ("resend", "legacy")
    (draft,) = drafts([found], read(by_rule % ""), lambda _kind, _key: "cloud")
    assert (draft.action, draft.side) == ("resend", "legacy")


@pytest.mark.parametrize("owner", ["legacy", "cloud"])
def test_an_amount_is_corrected_in_the_erp_that_does_not_own_it(owner: Side) -> None:
    """Delta is cloud minus legacy: the cloud takes it off, the legacy ERP adds it."""
    rules = read("rules: [{id: a, when: {class: [amount]}, action: reverse_and_repost, why: w}]")
    rules = rules.model_copy(update={"authority": owner})
    (one,) = extracts.propose([broken()], rules, HEADER).proposals
    assert (one.side, one.effect[0].amount) == (
        ("cloud", "-0.40") if owner == "legacy" else ("legacy", "0.40")
    )


def test_breaks_of_one_document_become_one_correction_and_its_money_counts_once() -> None:
    """Net, tax and total of one invoice: one proposal, three effects, the total alone in the sums."""
    rules = read("rules: [{id: a, when: {class: [amount]}, action: credit_and_rebill, why: w}]")
    found = [
        broken(column="net", delta_minor=100, counted=False),
        broken(column="tax", delta_minor=20, counted=False),
        broken(column="total", delta_minor=120),
    ]
    plan = extracts.propose(found, rules, HEADER)
    assert [len(one.breaks) for one in plan.proposals] == [3]
    assert plan.totals.by_rule["a"].effect == {"GBP": "-1.20"}
    assert corrected(plan) == {("net", "GBP"): -100, ("tax", "GBP"): -20, ("total", "GBP"): -120}


def test_every_class_and_cause_gets_a_proposal_by_the_default_rules() -> None:
    """Nothing falls through: what no rule is for is a person's, with its money as what stays different."""
    plan = extracts.propose([broken(cause="noise"), broken("X", what="currency")], default_rules(), HEADER)
    assert [(one.action, one.left[0].amount) for one in plan.proposals] == [
        ("none", "0.40"),
        ("person", "0.40"),
    ]


# The walk

POLICY = Policy.model_validate(
    {
        "key": ["document_id"],
        "columns": {
            "legal_entity": {"type": "dimension"},
            "net": {"type": "money"},
            "total": {"type": "money"},
            "status": {"type": "status"},
        },
        "control_totals": [["legal_entity"]],
    }
)
COLUMNS = ("document_id", "currency", "legal_entity", "net", "total", "status")
ALL = """
rules:
  - {id: miss, when: {class: [missing_in_cloud, missing_in_legacy]}, action: resend, correct: authority, why: w}
  - {id: twice, when: {class: [duplicate_in_cloud, duplicate_in_legacy]}, action: reverse_duplicate, correct: authority, why: w}
  - {id: amounts, when: {class: [amount]}, action: reverse_and_repost, why: w}
"""
_minor = st.integers(-500_000, 500_000)
_side = st.lists(st.tuples(st.integers(1, 15), _minor, _minor), max_size=24)


class _Silent:
    def explain(self, view: DocumentView) -> list[list[Any]]:
        return [[UNEXPLAINED for _ in pair.differences] for pair in view.pairs]


@settings(deadline=None, max_examples=25)
@given(_side, _side)
def test_a_plan_applied_whole_closes_the_walk_from_the_legacy_to_the_cloud_total(
    legacy: list[tuple[int, int, int]], cloud: list[tuple[int, int, int]]
) -> None:
    """The effects of all that is set to apply are the opposite of what their breaks add to the walk."""
    with Workbench(memory="200MB", threads=1) as bench:
        left = bench.source("legacy", "legacy", COLUMNS, [_cells(one) for one in legacy])
        right = bench.source("cloud", "cloud", COLUMNS, [_cells(one) for one in cloud])
        comparison = TableComparison(bench, POLICY, left, right, today=date(2026, 11, 1))
        comparison.run()
        found = list(explained(comparison.documents(), _Silent(), POLICY))
        walk: dict[tuple[str, str], int] = {}
        pairs: dict[tuple[str, str], int] = {}
        for total in comparison.totals:
            name = (total.column, total.currency)
            walk[name] = walk.get(name, 0) + total.cloud_minor - total.legacy_minor
            pairs[name] = pairs.get(name, 0) + total.amounts_minor
    plan = extracts.propose(found, read(ALL), HEADER)
    plan = sealed(
        HEADER, [one.model_copy(update={"decision": "apply"}) for one in plan.proposals if one.posts]
    )
    assert len([one for one in plan.proposals for _ in one.breaks]) == len(found)
    by_column = corrected(plan, decided="apply")
    # A missing or doubled row has one delta, of the column that counts: the total.
    rows = {currency: minor for (column, currency), minor in by_column.items() if column == ""}
    for (column, currency), minor in walk.items():
        assert pairs[column, currency] + by_column.get((column, currency), 0) == 0
        if column == "total":
            closed = minor + by_column.get((column, currency), 0) + rows.get(currency, 0)
            assert closed == 0, (column, currency, minor, by_column)


def _cells(row: tuple[int, int, int]) -> tuple[str, ...]:
    number, net, total = row
    currency = ("EUR", "GBP", "JPY")[number % 3]  # a document keeps its currency
    places = 0 if currency == "JPY" else 2
    return (
        f"D-{number}",
        currency,
        "UK01",
        str(Decimal(net).scaleb(-places)),
        str(Decimal(total).scaleb(-places)),
        "posted",
    )


# Plans


def test_a_plan_comes_back_from_yaml_and_json_as_it_was(tmp_path: Path) -> None:
    """A plan is the same whether people or machines read it."""
    plan = extracts.propose(
        [broken(), broken("Ünï-2", what="text", delta_minor=None)], default_rules(), HEADER
    )
    for name in ("plan.yaml", "plan.json"):
        write_plan(tmp_path / name, plan)
        assert read_plan(tmp_path / name) == plan
    with pytest.raises(BadInput, match="YAML or JSON"):
        write_plan(tmp_path / "plan.txt", plan)


def _changed(path: str, value: Any) -> dict[str, Any]:
    rules = read("rules: [{id: a, when: {class: [amount]}, action: reverse_and_repost, why: w}]")
    data = deepcopy(extracts.propose([broken(), broken("INV-2")], rules, HEADER).to_json())
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    at: Any = data
    for step in way:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("proposals.0.effect.0.amount", "-40.00"),
        ("proposals.0.breaks.0.delta", "0.04"),
        ("proposals.0.side", "legacy"),
        ("proposals.0.action", "adjust"),
        ("proposals.0.key", {"document_id": "INV-9"}),
        ("proposals.0.state", {}),
        ("proposals.0.hash", "0" * 64),
        ("proposals.0.colour", "red"),
        ("proposals.0.decision", "maybe"),
        ("proposals.1", None),
        ("totals.by_rule.a.effect.GBP", "0.00"),
        ("run_id", "R2"),
        ("rules_hash", "x"),
    ],
)
def test_nothing_of_a_plan_but_decision_and_note_may_be_changed(path: str, value: Any) -> None:
    """Money, side, key, state, the run it came from: an edit of any is refused, and so is an unknown key."""
    with pytest.raises(BadInput):
        as_plan_of(_changed(path, value), "plan.json")


def test_a_person_decides_and_notes() -> None:
    """Decision and note are free, but what posts nothing can't be applied."""
    data = _changed("proposals.0.decision", "apply")
    data["proposals"][1]["note"] = "asked Kim"
    assert as_plan_of(data, "plan").proposals[0].decision == "apply"
    nothing = extracts.propose([broken(cause="noise")], default_rules(), HEADER).to_json()
    nothing["proposals"][0]["decision"] = "apply"
    with pytest.raises(BadInput, match="posts nothing"):
        as_plan_of(nothing, "plan")


# Extracts


def test_newer_extracts_tell_ready_moved_and_right_already() -> None:
    """The same breaks: ready. Another value, or a further column that differs: moved. None: right already."""
    rules = read("rules: [{id: a, when: {class: [amount]}, action: reverse_and_repost, why: w}]")
    found = [broken(name, legacy="1.00", cloud="1.40") for name in ("A", "B", "C", "D")]
    plan = extracts.propose(found, rules, HEADER)
    now = [
        found[0],
        broken("B", legacy="1.00", cloud="1.50", delta_minor=50),
        found[2],
        broken("C", what="status", column="status", legacy="posted", cloud="paid", delta_minor=None),
        broken("E"),
    ]
    verdicts = extracts.check(plan, now)
    assert [one.verdict for one in verdicts] == ["ready", "moved", "moved", "already_right"]
    assert any("is 1.40 before, is 1.50 now" in line for line in verdicts[1].moved)


def test_more_breaks_than_a_person_decides_are_refused_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan is never silently the first part of one."""
    monkeypatch.setattr(extracts, "MOST", 2)
    with pytest.raises(BadInput, match="more than 2 breaks"):
        extracts.propose([broken(str(n)) for n in range(3)], default_rules(), HEADER)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"key": {}}, "key"),
        ({"key": {"a": 1}}, "key"),
        ({"class": "worse"}, "class"),
        ({"cause": ["tax"]}, "cause"),
        ({"level": "page"}, "level"),
        ({"delta_minor": 1.5}, "delta_minor"),
        ({"delta_minor": True}, "delta_minor"),
        ({"currency": "GBX"}, "currency"),
        ({"column": 7}, "column"),
        ({"counted": "no"}, "counted"),
    ],
)
def test_a_line_that_is_no_break_is_told_by_file_and_line(
    changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """Breaks come from anywhere: what is not one is refused with its place, never guessed at."""
    row = broken().to_json() | changed
    file = tmp_path / "breaks.jsonl"
    file.write_bytes(orjson.dumps(broken("ok").to_json()) + b"\n" + orjson.dumps(row) + b"\n")
    with pytest.raises(BadInput, match=rf"breaks\.jsonl:2: .*{said}"):
        list(read_breaks(file))


def test_a_break_is_read_back_as_it_was_written() -> None:
    """Identity, money and cause survive the file."""
    one = broken(cause="tax", code="tax-per-line", legacy="1.00", cloud="1.40")
    again = break_of(one.to_json(), "here")
    assert (again, again.identity) == (one, one.identity)


# Live: documents, verdicts, setting off


def row(**given: Any) -> Record:
    facts: dict[str, Any] = {
        "system": SystemId("netsuite"), "kind": "time_entry", "external_id": "TE-1", "vendor_id": "7",
        "number": "7", "status": "posted", "legal_entity": "UK01", "accounting_date": "2026-10-30",
        "currency": "GBP", "net_minor": 120_000, "minutes": 480,
    }  # fmt: skip
    return Record(**(facts | given))


def firm() -> Firm:
    return Firm(
        rounding_account="FX_DIFFERENCE",
        taxes={},
        date_of=lambda document: document.accounting_date,
        paid_minor=lambda _: 0,
    )


def test_an_opposite_takes_back_what_the_erp_holds_not_what_it_should_hold() -> None:
    """Nine hours stand there: nine are taken back, though eight were sent; what can't be said exactly is not."""
    sent = parse(example("time_entry").model_dump(mode="json") | {"minutes": 480, "bill_rate": "150.00"})
    taken = opposite(sent, row(minutes=540, net_minor=135_000), "TE-1", "0badcafe")
    assert (taken.model_dump()["minutes"], taken.model_dump()["adjusts"]) == (-540, "TE-1")
    with pytest.raises(CannotCorrect, match="not its hours"):
        opposite(sent, row(minutes=540, net_minor=1), "TE-1", "0badcafe")


def test_an_adjusting_entry_balances_and_moves_the_effect() -> None:
    """A rounding difference goes from work in progress to the rounding account, to the minor unit."""
    found = broken("TE-1", kind="time_entry", delta_minor=40, cause="rounding")
    draft = Draft(rule="r", action="adjust", side="cloud", why="w", owner="legacy", breaks=(found,))
    standing = Standing(
        kind="time_entry", document_id="TE-1", rows={"cloud": (row(),)}, document=example("time_entry")
    )
    ((role, entry),) = made(draft, standing, firm(), tag="0badcafe")
    lines = {line["account"]: line["amount"] for line in entry.model_dump(mode="json")["lines"]}
    assert (role, lines) == ("adds", {"WORK_IN_PROGRESS": "-0.40", "FX_DIFFERENCE": "0.40"})


def test_a_reclassification_moves_the_value_and_nothing_else() -> None:
    """Out of the wrong cost centre, into the right one, on one account: the ledger's sum stays as it is."""
    sides: Mapping[Side, tuple[Record, ...]] = {
        "legacy": (row(dimensions={"cost_center": "CC-1", "department": "DELIVERY"}),),
        "cloud": (row(dimensions={"cost_center": "CC-2", "department": "DELIVERY"}),),
    }
    found = broken("TE-1", kind="time_entry", what="dimension", column="cost_center", delta_minor=None)
    draft = Draft(rule="r", action="reclassify", side="cloud", why="w", owner="legacy", breaks=(found,))
    document = example("time_entry")
    ((_, entry),) = made(
        draft,
        Standing(kind="time_entry", document_id="TE-1", rows=sides, document=document),
        firm(),
        tag="0badcafe",
    )
    lines = entry.model_dump(mode="json")["lines"]
    assert [(line["account"], line["amount"], line["cost_center"]) for line in lines] == [
        ("WORK_IN_PROGRESS", "-1200.00", "CC-2"),
        ("WORK_IN_PROGRESS", "1200.00", "CC-1"),
    ]


@pytest.mark.parametrize(("paid", "written_off"), [(100_000, "0.40"), (0, ""), (99_900, "")])
def test_a_rest_is_given_up_only_as_far_as_the_totals_differ(paid: int, written_off: str) -> None:
    """A payment that left the cents between two totals open: they are written off; anything more is a person's."""
    document = example("invoice")
    bill = {
        "kind": "invoice",
        "external_id": document.document_id,
        "currency": document.model_dump()["currency"],
    }
    sides: Mapping[Side, tuple[Record, ...]] = {
        "legacy": (row(**bill, total_minor=100_000, status="paid"),),
        "cloud": (row(**bill, total_minor=100_040, status="posted"),),
    }
    found = broken(document.document_id, kind="invoice", what="status", column="status", delta_minor=None)
    draft = Draft(rule="r", action="settle_status", side="cloud", why="w", owner="legacy", breaks=(found,))
    standing = Standing(
        kind="invoice", document_id=document.document_id, rows=sides, document=document, owner="legacy"
    )
    asked = Firm(
        rounding_account="FX_DIFFERENCE", taxes={}, date_of=firm().date_of, paid_minor=lambda _: paid
    )
    if not written_off:
        with pytest.raises(CannotCorrect, match="payment itself is missing"):
            made(draft, standing, asked, tag="0badcafe")
        return
    ((role, given_up),) = made(draft, standing, asked, tag="0badcafe")
    assert (role, given_up.kind, str(given_up.money)) == ("adds", "write_off", written_off)


def _judged(state_rows: tuple[Record, ...], now: Standing, made_before: list[tuple[str, str]]) -> str:
    rules = read("rules: [{id: a, when: {class: [amount]}, action: reverse_and_repost, why: w}]")
    (draft,) = drafts([broken("TE-1", kind="time_entry")], rules, lambda _kind, _key: "legacy")
    from router.dualrun.repairs.drafts import proposal  # noqa: PLC0415 - the one use of it here

    state = state_of_rows({"legacy": (row(),), "cloud": state_rows})
    plan: Plan = sealed(HEADER, [proposal(draft, state=state)])
    return judged(plan.proposals[0], now, made_before).verdict


def test_a_verdict_follows_what_stands_now() -> None:
    """Ready only when the rows are as they were, nothing is on its way and nothing was made of it before."""
    off = (row(net_minor=120_040),)

    def now(cloud: Record, state: str = "posted") -> Standing:
        rows: Mapping[Side, tuple[Record, ...]] = {"legacy": (row(),), "cloud": (cloud,)}
        return Standing(kind="time_entry", document_id="TE-1", rows=rows, sent={"cloud": Sent(state=state)})

    assert _judged(off, now(off[0]), []) == "ready"
    assert _judged(off, now(row(net_minor=120_050)), []) == "moved"
    assert _judged(off, now(row(net_minor=120_040, status="cancelled")), []) == "moved"
    assert _judged(off, now(row()), []) == "already_right"
    assert _judged(off, now(off[0], "in_doubt"), []) == "blocked"
    assert _judged(off, now(off[0], "queued"), []) == "blocked"
    assert _judged(off, now(off[0]), [("TE-1.fix", "posted")]) == "applied"
    assert _judged(off, now(off[0]), [("TE-1.fix", "refused")]) == "blocked"
    assert _judged(off, now(off[0]), [("TE-1.fix", "queued")]) == "blocked"


def test_setting_off_takes_out_a_row_with_its_exact_opposite_and_nothing_else() -> None:
    """A reversal that is not the exact opposite stays a break; what stands for a row has its id."""
    back = Correction(
        system="netsuite", kind="time_entry", document_id="TE-1.r", role="takes_back", of_kind="time_entry", of_id="TE-1"
    )  # fmt: skip
    anew = Correction(
        system="netsuite", kind="time_entry", document_id="TE-1.v", role="stands_for", of_kind="time_entry", of_id="TE-1"
    )  # fmt: skip
    wrong, taken = row(), row(external_id="TE-1.r", vendor_id="8", net_minor=-120_000, minutes=-480)
    right = row(external_id="TE-1.v", vendor_id="9", net_minor=60_000, minutes=240)
    shown = set_off("time_entry", [wrong, taken, right], [back, anew])
    assert [(one.external_id, one.minutes) for one in shown] == [("TE-1", 240)]
    short = row(external_id="TE-1.r", vendor_id="8", net_minor=-119_999, minutes=-480)
    kept = set_off("time_entry", [wrong, short, right], [back, anew])
    assert [one.external_id for one in kept] == ["TE-1", "TE-1.r", "TE-1.v"]
