"""Exceptions, pure: the catalogue covers every code there is; severity, deadlines, filters and pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import errors
from router.exceptions.catalogue import (
    CATALOGUE,
    type_of_break,
    type_of_job,
    type_of_parked,
    type_of_refusal,
)
from router.exceptions.decisions import (
    SLA_HOURS,
    Case,
    Filter,
    Judged,
    Raised,
    facts_of,
    judge,
    page_of,
    tallies,
)
from router.exceptions.guidance import QUEUES, REPLAYS, SEVERITIES
from simulators.core.bookkeeping import BooksError
from simulators.erp.netsuite.state import _told
from simulators.erp.sap_ecc.errors import MESSAGES

ROOT = Path(__file__).resolve().parents[2]
KEBAB = re.compile(r"[a-z]+(-[a-z]+)+\Z")
NO_CODES = {
    "initiate-project": "a process",
    "not-accrued": "a blocker of a close: told in its answer",
    "on-its-way": "what a close leaves to be delivered: told in its answer",
    "in-doubt": "the code of a delivery that was given up, compared with: its type is outcome-unknown",
}
NOT_PARKED = {"router/finance/matching.py": "causes of one type, intercompany-mismatch"}
"""Words with a hyphen in the rooms that park which are no codes of problems."""
ANSWERED_AT_ONCE = {
    "invalid-configuration", "key-reused", "open-items", "not-found", "wrong-method", "wrong-coding", "too-large",
    "in-progress", "overloaded", "period-open", "four-eyes",
}  # fmt: skip
"""Refusals of a request, which parks nothing: the caller gets the problem and its mend."""
SAID_YES = {"RW605", "RW609", "V1311", "VF311", "VK023", "CJ040", "CJ042", "PG001", "LR005"}
"""Messages of success, and the announcement that the detail follows."""
NOW = datetime(2026, 10, 30, 12, tzinfo=UTC)


def trees(*places: str) -> Iterator[tuple[str, ast.Module]]:
    """The parsed files of some folders."""
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py") if path.is_dir() else [path]):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def text_of(node: ast.expr) -> str | None:
    """A constant text, or an f-string with every value written as 7."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "7" for part in node.values)
    return None


def called(tree: ast.Module, *names: str) -> Iterator[ast.Call]:
    """Calls of functions by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in names:
            yield node


def test_every_problem_that_parks_has_guidance() -> None:
    """Each kebab-case code in the rooms that park is a type of the catalogue: none is without guidance."""
    found: dict[str, str] = {}
    rooms = ("router/workflows", "router/finance", "router/ingest/observations.py", "router/ingest/feeds.py",
             "router/ingest/replays.py", "router/ingest/intake.py", "router/journal/prepared.py")  # fmt: skip
    for path, tree in trees(*rooms):
        if path in NOT_PARKED:
            continue
        docs = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
        }  # docstrings are prose
        for call in called(tree, "get", "post", "header", "headers"):
            docs |= {id(part) for part in ast.walk(call)}
        for node in ast.walk(tree):
            text = text_of(node) if isinstance(node, ast.Constant) and id(node) not in docs else None
            if text is not None and KEBAB.match(text) and text not in NO_CODES:
                found[text] = path
    assert len(found) > 10
    missing = {code: path for code, path in found.items() if code not in CATALOGUE}
    assert missing == {}


def test_every_refusal_of_a_rule_has_guidance() -> None:
    """Where nobody waits for an answer a refusal becomes an exception: its code is a type."""

    def below(cls: type[errors.Refused]) -> Iterator[type[errors.Refused]]:
        yield cls
        for one in cls.__subclasses__():
            yield from below(one)

    codes = {one.code for one in below(errors.Refused)} - ANSWERED_AT_ONCE - {"unmapped"}
    assert {"period-closed", "stale-version", "not-owner"} <= codes
    assert codes - set(CATALOGUE) == set()
    assert type_of_refusal("unmapped", "") == "erp-unmapped"


def test_every_refusal_of_a_connector_has_a_family() -> None:
    """Each code a connector or the delivery gives a refusal is told apart; none is just `refused`."""
    found: dict[str, str] = {}
    for path, tree in trees("router/connectors", "router/delivery"):
        for call in called(tree, "SaidNo", "refused", "dead", "Unfit"):
            values = [word.value for word in call.keywords if word.arg == "code"] + call.args[1:2]
            for value in values:
                code = text_of(value)
                if code is not None:
                    found[code] = path
    assert {"NO_TAX_CODE", "prerequisite-missing", "exhausted", "UNKNOWN_TEMPLATE"} <= set(found)
    dead = {"exhausted", "in-doubt", "follow-up"}
    loose = {code: path for code, path in found.items() if type_of_refusal(code, "") == "erp-refused"}
    assert set(loose) - dead == set()
    told = {type_of_job("dead", code, "", role="authority", operation="create") for code in dead}
    assert told == {"attempts-exhausted", "outcome-unknown", "follow-up-failed"}


def test_every_message_of_the_legacy_erp_has_a_family() -> None:
    """ECC's messages of type E are told apart by class and number."""
    told = {code: type_of_refusal(code, text) for code, text in MESSAGES.items() if code not in SAID_YES}
    assert {code for code, name in told.items() if name == "erp-refused"} == set()
    assert (told["F5201"], told["CJ031"], told["VK034"]) == (
        "erp-period-closed",
        "erp-inactive",
        "erp-currency",
    )


def test_every_refusal_of_the_books_has_a_family_in_the_cloud_erp() -> None:
    """NetSuite says nearly everything with one code, USER_ERROR: its words tell the families apart."""
    loose: set[str] = set()
    seen = 0
    for path, tree in trees("simulators/core", "simulators/erp/netsuite"):
        for call in called(tree, "BooksError"):
            code = text_of(call.args[0]) if call.args else None
            message = text_of(call.args[1]) if len(call.args) > 1 else None
            if code is None or message is None or code == "DUPLICATE":
                continue
            seen += 1
            said = message.replace("is 7", "is closed") if code == "INACTIVE" else message
            problem = _told(BooksError(code, said))  # type: ignore[arg-type]  # one of its codes
            if type_of_refusal(problem.code, problem.detail) == "erp-refused":
                loose.add(problem.detail)
        # What the readers of bodies refuse; the rest is about the protocol, which a connector never breaks.
        for call in called(tree, "user_error", "invalid") if "reads_" in path else ():
            message = text_of(call.args[0]) if call.args else None
            if message is not None:
                seen += 1
                if type_of_refusal("USER_ERROR", message) == "erp-refused":
                    loose.add(message)
    assert seen > 30
    assert loose == set()


@pytest.mark.parametrize("code", CATALOGUE)
def test_guidance_can_be_acted_on(code: str) -> None:
    """Each type says what is wrong, where to mend it, an example, whose it is and whether a replay will do."""
    entry = CATALOGUE[code]
    assert entry.queue in QUEUES
    assert entry.at_least in SEVERITIES
    assert entry.replay in REPLAYS
    filled = entry.filled(
        facts_of(raised(type=code, target="sap_ecc", code="F5201", why="period {9} closed"))
    )
    for name in ("title", "what_is_wrong", "system", "field", "mend", "example", "replay_in_words"):
        assert filled[name].strip(), name
        assert "{target}" not in filled[name], name
    assert len(filled["mend"]) > 20
    if "{why}" in entry.wrong:
        assert "period {9} closed" in filled["what_is_wrong"], "others' words are shown, never interpreted"


def raised(**changed: object) -> Raised:
    """A parked time entry of 1,200.00 GBP."""
    facts: dict[str, object] = {
        "exception_id": "T000000000001", "type": "project-unknown", "transaction_id": "T000000000001",
        "kind": "time_entry", "document_id": "TE-1", "legal_entity": "UK01", "state": "parked", "currency": "GBP",
        "amount_minor": 120_000, "accounting_date": "2026-10-29", "accepted_at": "2026-10-29T12:00:00.000000Z",
        "since": "2026-10-29T12:00:00.000000Z",
    }  # fmt: skip
    return Raised(**(facts | changed))  # type: ignore[arg-type]  # a row of the fields above


def judged(one: Raised, case: Case | None = None, *, major: int | None = 0) -> Judged:
    """As judged at noon the day after."""
    return judge(one, case, now=NOW, group_minor=None, major_units=major)


@pytest.mark.parametrize(
    ("kind", "type_", "major", "severity"),
    [
        ("time_entry", "project-unknown", 999, "low"),
        ("time_entry", "project-unknown", 1_000, "medium"),
        ("time_entry", "project-unknown", -10_000, "high"),
        ("time_entry", "project-unknown", 100_000, "critical"),
        ("time_entry", "unroutable", 1, "high"),
        ("project", "project-unknown", 0, "high"),
        ("payment", "erp-refused", None, "medium"),
    ],
)
def test_severity_is_the_heaviest_of_money_kind_and_type(
    kind: str, type_: str, major: int | None, severity: str
) -> None:
    """Little money never hides a document that holds up others, nor a doubt."""
    assert judged(raised(kind=kind, type=type_), major=major).severity == severity


def test_an_exception_ages_and_passes_its_deadline() -> None:
    """Due is when it was raised plus the hours of its severity; the deadline itself is still in time."""
    one = judged(raised(), major=1_000)
    assert (one.severity, one.age_hours, one.over_sla) == ("medium", 24, False)
    assert one.due_at == NOW
    late = judge(raised(), None, now=NOW + timedelta(seconds=1), group_minor=None, major_units=1_000)
    assert late.over_sla
    assert [SLA_HOURS[name] for name in SEVERITIES] == sorted(SLA_HOURS.values(), reverse=True)


def test_what_was_resolved_comes_back_when_it_is_raised_again() -> None:
    """A case holds for what it was said of: a refusal after the resolution is open again; an owner stays."""
    early, late = "2026-10-29T11:00:00.000000Z", "2026-10-29T13:00:00.000000Z"
    done = Case(state="resolved", owner="ann", note="known", by="ann", at=late)
    assert judged(raised(), done).case_state == "resolved"
    assert (
        judged(raised(), Case(state="resolved", owner="ann", note="", by="ann", at=early)).case_state
        == "open"
    )
    assert (
        judged(raised(), Case(state="assigned", owner="ann", note="", by="bob", at=early)).case_state
        == "assigned"
    )


def test_filters_narrow_the_list() -> None:
    """Each filter keeps what fits and only that; by default nothing that is resolved is shown."""
    done = Case(state="resolved", owner="", note="", by="ann", at="2026-10-30T11:00:00.000000Z")
    rows = [
        judged(raised(exception_id="T1")),
        judged(raised(exception_id="T2", type="unroutable", legal_entity="DE01", state="parked")),
        judged(raised(exception_id="T3", type="erp-tax", state="refused"), done),
    ]

    def kept(**wanted: str) -> list[str]:
        return [one.raised.exception_id for one in rows if Filter(**wanted).fits(one)]  # type: ignore[arg-type]

    assert kept() == ["T1", "T2"]
    assert kept(state="all") == ["T1", "T2", "T3"]
    assert kept(state="resolved") == ["T3"]
    assert kept(state="refused") == []
    assert kept(queue="integration-support") == ["T2"]
    assert kept(nature="business") == ["T1"]
    assert kept(entity="DE01", severity="high") == ["T2"]
    assert Filter(ids=frozenset({"T3"})).fits(rows[2])


def test_totals_tell_each_queue() -> None:
    """Count, money by currency, the oldest and the overdue, also of a queue that holds nothing."""
    old = raised(exception_id="T2", since="2026-10-01T00:00:00.000000Z", currency="JPY", amount_minor=5)
    found = tallies([judged(raised()), judged(old)])
    assert (found["pmo"].count, found["pmo"].over_sla) == (2, 1)
    assert found["pmo"].money == {"GBP": 120_000, "JPY": 5}
    assert found["pmo"].oldest == "2026-10-01T00:00:00.000000Z"
    assert (found["finance-operations"].count, found["finance-operations"].oldest) == (0, None)


@settings(deadline=None, max_examples=60)
@given(times=st.lists(st.integers(0, 5), max_size=30), limit=st.integers(1, 7))
def test_pages_show_everything_once(times: list[int], limit: int) -> None:
    """Read page by page, the list is whole and nothing comes twice, also where many came at one instant."""
    rows = sorted(
        (
            judged(raised(exception_id=f"T{n}", accepted_at=f"2026-10-0{at + 1}T00:00:00.000000Z"))
            for n, at in enumerate(times)
        ),
        key=lambda one: one.sort_key,
    )
    seen: list[str] = []
    after, more = None, True
    while more:
        page, more = page_of(rows, after=after, limit=limit)
        assert len(page) <= limit
        seen += [one.raised.exception_id for one in page]
        after = page[-1].sort_key if page else None
    assert seen == [one.raised.exception_id for one in rows]


def test_types_of_what_is_no_refusal_of_an_authority() -> None:
    """Shadows and feedback have types of their own; what no rule covers is unroutable, else unreadable."""
    assert type_of_job("refused", "F5201", "", role="shadow", operation="create") == "shadow-refused"
    assert (
        type_of_job("dead", "exhausted", "", role="feedback", operation="feedback") == "feedback-undelivered"
    )
    assert type_of_job("refused", "X", "", role="feedback", operation="create") == "project-setup-refused"
    assert type_of_parked("", canonical=True) == "unroutable"
    assert type_of_parked("", canonical=False) == "unreadable"
    assert type_of_parked("rate-missing", canonical=False) == "rate-missing"
    assert type_of_parked("rate-missing", canonical=True) == "unroutable", "it was completed since"
    assert type_of_break("intercompany-mismatch") == "intercompany-mismatch"
    assert type_of_break("amount") == "dual-run-break"
