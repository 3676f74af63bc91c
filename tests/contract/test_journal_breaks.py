"""The life of breaks in the journal, on both databases: every run is kept, and what it may say of a break."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
import sqlalchemy
from alembic import command

from router.dualrun.acceptances import AcceptanceRow
from router.dualrun.breaks import Break
from router.dualrun.lifecycle import Scope
from router.errors import BadInput, NotFound, Refused
from router.journal.break_reading import BreakFilter
from router.journal.break_states import BreakRun, RunOutcome
from router.journal.engine import connect
from router.journal.journal import Journal
from router.journal.migrate import config
from tests.contract.journal_kit import Hands

Test = Callable[[Journal, Hands], Awaitable[None]]
DAY = 86_400
OCTOBER = Scope.dual_run(
    "sap_ecc", "netsuite", kinds=["invoice", "time_entry"], entities=["UK01", "US01"], since="2026-10-01",
    until="2026-11-01",
)  # fmt: skip


def on_journal(url: str, test: Test) -> None:
    """Run a test on an empty journal."""

    async def main() -> None:
        hands = Hands()
        journal = Journal.open(url, clock=hands)
        try:
            await test(journal, hands)
        finally:
            journal.close()

    asyncio.run(main())


def broken(name: str, minor: int = -1, **more: Any) -> Break:
    """An invoice whose total differs."""
    fields: dict[str, Any] = {
        "key": {"document_id": name}, "what": "amount", "column": "total", "kind": "invoice", "currency": "GBP",
        "legal_entity": "UK01", "cause": "tax", "code": "tax-per-line", "delta_minor": minor,
    }  # fmt: skip
    return Break(**fields | more)


async def ran(
    journal: Journal, name: str, *rows: Break, scope: Scope | None = OCTOBER, **more: Any
) -> RunOutcome:
    """Store a comparison."""
    return await journal.store_run(BreakRun(run_id=name, scope=scope, **more), rows)


async def states(journal: Journal, **wanted: Any) -> dict[str, str]:
    """Document to state of what is meant; all, unless something else is said."""
    found = await journal.break_page(BreakFilter(**{"state": "all"} | wanted), limit=1_000)
    return {row["key"]["document_id"]: row["state"] for row in found["breaks"]}


async def row_of(journal: Journal, name: str) -> dict[str, Any]:
    """A break as it stands."""
    found: dict[str, Any] = (await journal.break_history(broken(name).identity))["break"]
    return found


def taking(**more: Any) -> AcceptanceRow:
    """An acceptance by ann and bob."""
    return AcceptanceRow.model_validate(
        {"owner": "ann", "approved_by": "bob", "reason": "agreed", "expires": "2026-11-30"} | more
    )


def test_a_break_through_four_runs(journal_url: str) -> None:
    """New, recurring, fixed, reopened; counted in the run, with its first sighting and its whole history."""

    async def test(journal: Journal, hands: Hands) -> None:
        first = await ran(journal, "r1", broken("A"), broken("B", -7))
        assert first.counts == {"new": 2, "recurring": 0, "reopened": 0, "accepted": 0, "fixed": 0}
        seen = first.standings[broken("A").identity].first_seen
        hands.turn(DAY)
        second = await ran(journal, "r2", broken("A", -3), policy_hash="abc", consistency="quiescent at 7")
        assert (second.counts["recurring"], second.counts["fixed"]) == (1, 1)
        assert [row["key"]["document_id"] for row in second.fixed] == ["B"]
        assert await states(journal) == {"A": "recurring", "B": "fixed"}
        assert await states(journal, state=None) == {"A": "recurring"}
        hands.turn(DAY)
        await ran(journal, "r3")
        hands.turn(DAY)
        await ran(journal, "r4", broken("A", 5))
        found = await journal.break_history(broken("A").identity)
        assert (found["break"]["state"], found["break"]["first_seen"], found["break"]["runs"]) == (
            "reopened",
            seen,
            3,
        )
        assert found["break"]["opened_at"] > seen
        assert [(one["run_id"], one["found"], one.get("delta")) for one in found["history"]] == [
            ("r1", True, "-0.01"), ("r2", True, "-0.03"), ("r3", False, None), ("r4", True, "0.05"),
        ]  # fmt: skip
        runs = await journal.break_runs(limit=10)
        assert [row["run_id"] for row in runs] == ["r4", "r3", "r2", "r1"]
        assert (runs[2]["policy_hash"], runs[2]["consistency"]) == ("abc", "quiescent at 7")
        assert runs[2]["counts"]["money_minor"] == {"recurring": {"GBP": -3}}
        assert [row["run_id"] for row in await journal.break_runs(limit=2, after=(runs[1]["at"], "r3"))] == [
            "r2",
            "r1",
        ]
        assert len(await journal.breaks()) == 4, "every run keeps what it found"

    on_journal(journal_url, test)


def test_what_is_still_on_its_way_is_not_fixed(journal_url: str) -> None:
    """A run that could not judge a break leaves it as it was; the next that can says it."""

    async def test(journal: Journal, hands: Hands) -> None:
        await ran(journal, "r1", broken("A"), broken("B"))
        hands.turn(DAY)
        await ran(journal, "r2", undecided=frozenset([broken("A").identity]))
        assert await states(journal) == {"A": "new", "B": "fixed"}
        hands.turn(DAY)
        await ran(journal, "r3")
        assert await states(journal) == {"A": "fixed", "B": "fixed"}

    on_journal(journal_url, test)


def test_nothing_of_a_document_on_its_way_is_fixed(journal_url: str) -> None:
    """Missing now and pending, its amount of before is not settled; neither list nor history says it is."""

    async def test(journal: Journal, hands: Hands) -> None:
        await ran(journal, "r1", broken("A"), broken("B"))
        hands.turn(DAY)
        outcome = await ran(journal, "r2", pending=frozenset([("invoice", "A")]))
        assert outcome.undecided == (broken("A").identity,)
        assert await states(journal) == {"A": "new", "B": "fixed"}
        found = await journal.compare_break_runs("r1", "r2")
        assert [len(found[name]) for name in ("fixed", "not_looked_at")] == [1, 1]
        history = (await journal.break_history(broken("A").identity))["history"]
        assert [(one["run_id"], one["found"]) for one in history] == [("r1", True)]

    on_journal(journal_url, test)


def test_a_run_speaks_for_its_subject_and_its_parts_only(journal_url: str) -> None:
    """Its own breaks and those of its parts are fixed; what only begins with the same letters stays."""

    async def test(journal: Journal, hands: Hands) -> None:
        for name, subject in (
            ("D", "match"), ("A", "match:2026-1"), ("B", "match:2026-1:booked"), ("C", "match:2026-10"), ("E", "other"),
        ):  # fmt: skip
            await ran(journal, f"r{name}", broken(name), scope=Scope(subject=subject))
        hands.turn(DAY)
        await ran(journal, "r2", scope=Scope(subject="match:2026-1"))
        assert await states(journal) == {"A": "fixed", "B": "fixed", "C": "new", "D": "new", "E": "new"}
        await ran(journal, "r3", scope=Scope())
        assert set((await states(journal)).values()) == {"fixed"}

    on_journal(journal_url, test)


def test_what_is_compared_no_longer_is_not_fixed(journal_url: str) -> None:
    """A column, or the lines, that the policy names no more: nobody looked, so nothing is said of it."""

    async def test(journal: Journal, hands: Hands) -> None:
        line = broken("L", level="line", key={"document_id": "L", "line": "Work"})
        await ran(journal, "r1", broken("A"), broken("B", column="net"), line)
        hands.turn(DAY)
        await ran(journal, "r2", columns={("invoice", "document"): frozenset(["net"])})
        assert await states(journal) == {"A": "new", "B": "fixed", "L": "new"}

    on_journal(journal_url, test)


def test_a_run_over_another_scope_changes_nothing_outside(journal_url: str) -> None:
    """Another entity, kind, month or pair of ERPs, or no word of what it looked at: the break stays open."""

    async def test(journal: Journal, hands: Hands) -> None:
        await ran(journal, "r1", broken("A"))
        others: Sequence[Scope | None] = [
            Scope(**{**_fields(OCTOBER), **change})
            for change in (
                {"legal_entities": ("US01",)}, {"kinds": ("time_entry",)}, {"since": "2026-10-02"},
                {"subject": "dual-run:sap_ecc:other"},
            )
        ]  # fmt: skip
        for n, scope in enumerate([*others, None]):
            hands.turn(DAY)
            await ran(journal, f"other-{n}", scope=scope)
            assert await states(journal) == {"A": "new"}, scope
        whole = Scope(**{**_fields(OCTOBER), "since": "2026-09-01"})
        await ran(journal, "whole", scope=whole)
        assert await states(journal) == {"A": "fixed"}

    on_journal(journal_url, test)


def _fields(scope: Scope) -> dict[str, Any]:
    return {name: getattr(scope, name) for name in Scope.__slots__}


def test_a_run_made_again_replaces_what_it_said(journal_url: str) -> None:
    """The same run again gives the same states; what it takes back was never there, or is as it was before."""

    async def test(journal: Journal, hands: Hands) -> None:
        await ran(journal, "r1", broken("A"), broken("B"), broken("C", -9))
        hands.turn(DAY)
        said = (broken("A", -2), broken("C", -9), broken("D"))
        await ran(journal, "r2", *said)
        once = (await states(journal), await journal.breaks("r2"), await row_of(journal, "D"))
        assert once[0] == {"A": "recurring", "B": "fixed", "C": "recurring", "D": "new"}
        hands.turn(60)
        again = await ran(journal, "r2", *said)
        assert again.counts == {"new": 1, "recurring": 2, "reopened": 0, "accepted": 0, "fixed": 1}
        assert (await states(journal), await journal.breaks("r2")) == once[:2]
        assert (await row_of(journal, "D"))["first_seen"] == once[2]["first_seen"]
        assert (await row_of(journal, "A"))["runs"] == 2
        await ran(
            journal, "r2", broken("B"), scope=Scope(**{**_fields(OCTOBER), "legal_entities": ("US01",)})
        )
        assert await states(journal) == {"A": "new", "B": "recurring", "C": "new"}, (
            "D was never found by another"
        )
        assert (await row_of(journal, "A"))["delta"] == "-0.01", "as it was found by the run before"
        with pytest.raises(NotFound):
            await journal.break_history(broken("D").identity)
        assert len(await journal.break_runs(limit=10)) == 2

    on_journal(journal_url, test)


def test_a_crash_in_the_commit_leaves_the_run_before(tmp_path: Path) -> None:
    """Killed before or after its only commit and made again: the same states either way."""

    def told(when: str) -> dict[str, str]:
        hands, url = Hands(), f"sqlite:///{tmp_path}/{when}.sqlite"

        class Crash(Exception):
            pass

        def crash(at: str, _count: int) -> None:
            if at == when:
                raise Crash

        async def main() -> dict[str, str]:
            journal = Journal.open(url, clock=hands)
            await ran(journal, "r1", broken("A"), broken("B"))
            journal.close()
            if when:
                journal = Journal.open(url, clock=hands, on_commit=crash)
                with pytest.raises(Crash):
                    await ran(journal, "r2", broken("B"), broken("C"))
                journal.close()
            journal = Journal.open(url, clock=hands)
            await ran(journal, "r2", broken("B"), broken("C"))
            found = await states(journal)
            journal.close()
            return found

        return asyncio.run(main())

    assert told("") == told("before") == told("after") == {"A": "fixed", "B": "recurring", "C": "new"}


def test_acceptances_cover_up_to_what_was_seen(journal_url: str) -> None:
    """Accepted at once and in later runs, in totals all the while; grown beyond, it is reopened and says so."""

    async def test(journal: Journal, hands: Hands) -> None:
        await ran(journal, "r1", broken("A"), broken("B", -900))
        given = await journal.accept_break(taking(identity=broken("A").identity), by="ann")
        assert (given["max_amount"], given["currency"], given["covers"]) == ("0.01", "GBP", 1)
        assert await states(journal) == {"A": "accepted", "B": "new"}
        totals = (await journal.break_page(BreakFilter(), limit=1))["totals"]
        assert {row["state"]: row["delta_minor"] for row in totals} == {"accepted": -1, "new": -900}
        with pytest.raises(Refused, match="accepted until"):
            await journal.accept_break(taking(identity=broken("A").identity), by="ann")
        with pytest.raises(BadInput, match="max_amount"):
            await journal.accept_break(taking(identity=broken("B").identity, max_amount="8.99"), by="ann")
        with pytest.raises(BadInput, match="past"):
            await journal.accept_break(taking(identity=broken("B").identity, expires="2026-10-01"), by="ann")
        with pytest.raises(NotFound):
            await journal.accept_break(taking(identity="0" * 16), by="ann")
        hands.turn(DAY)
        await ran(journal, "r2", broken("A", 1), broken("B", -900))
        assert await states(journal) == {"A": "accepted", "B": "recurring"}
        hands.turn(DAY)
        await ran(journal, "r3", broken("A", -400), broken("B", -900))
        row = await row_of(journal, "A")
        assert (row["state"], row["note"].split(":")[0]) == ("reopened", "grew from 0.01 to 4.00")
        (only,) = await journal.acceptances()
        assert (only["unused"], only["expired"], only["covers"]) == (True, False, 0)

    on_journal(journal_url, test)


def test_an_acceptance_ends_by_itself_and_by_hand(journal_url: str) -> None:
    """The day after its last the break is open without a run; withdrawn it is open at once. Both say why."""

    async def test(journal: Journal, hands: Hands) -> None:
        rows = (broken("A"), broken("B"), broken("C", legal_entity="US01"))
        await ran(journal, "r1", *rows)
        given = await journal.accept_break(
            taking(cause="tax", code="tax-per-line", legal_entity="UK01", max_amount="0.05", currency="GBP"),
            by="ann",
        )
        assert (given["covers"], await states(journal, state="accepted")) == (
            2,
            {"A": "accepted", "B": "accepted"},
        )
        hands.turn(32 * DAY)
        assert set((await states(journal)).values()) == {"recurring", "new"}, "30 November has passed"
        assert (await states(journal, state="open")).keys() == {"A", "B", "C"}
        await ran(journal, "r2", *rows)
        assert (await row_of(journal, "A"))["note"] == "acceptance 1 of ann expired on 2026-11-30"
        assert (await journal.acceptances())[0]["expired"] is True
        await journal.accept_break(taking(identity=broken("A").identity, expires="2026-12-31"), by="ann")
        done = await journal.withdraw_break(broken("A").identity, by="cat", why="we mend it after all")
        assert done["open_again"] == 1
        row = await row_of(journal, "A")
        assert (row["state"], row["note"]) == ("recurring", "acceptance 2 was withdrawn by cat")
        with pytest.raises(Refused, match="not accepted"):
            await journal.withdraw_break(broken("A").identity, by="cat", why="again")
        with pytest.raises(Refused, match="was withdrawn"):
            await journal.withdraw_acceptance("2", by="cat", why="again")
        with pytest.raises(NotFound):
            await journal.withdraw_acceptance("x", by="cat", why="again")
        said = [row["what"] async for row in journal.history()]
        assert said == ["break accepted", "break accepted", "acceptance withdrawn"]

    on_journal(journal_url, test)


def test_lists_page_and_filter_and_never_cut_silently(journal_url: str) -> None:
    """The largest money of each currency first, through a cursor; totals are of all that is meant."""

    async def test(journal: Journal, _: Hands) -> None:
        rows = [broken(f"G{n}", n) for n in range(1, 8)]
        rows += [broken(f"J{n}", -n, currency="JPY", cause="fx", code="fx-source") for n in range(1, 4)]
        rows.append(
            broken(
                "S", what="status", column="status", currency="", delta_minor=None, cause="timing", code="lag"
            )
        )
        rows.append(broken("G7", 5, column="net", counted=False))
        await ran(journal, "r1", *rows)
        for run in (None, "r1"):
            got: list[str] = []
            after = None
            while True:
                found = await journal.break_page(BreakFilter(run=run), limit=5, after=after)
                got += [row["key"]["document_id"] for row in found["breaks"]]
                after = found["next"]
                if after is None:
                    break
            assert got[:5] == ["G7", "G6", *sorted(["G5", "G7"], key=got[2:4].index), "G4"]
            assert (got[8:11], got[11:]) == (["J3", "J2", "J1"], ["S"])
            money = {
                row["currency"]: (row["breaks"], row["delta_minor"], row["absolute_minor"])
                for row in found["totals"]
            }
            assert money == {"GBP": (8, 28, 28), "JPY": (3, -6, 6), "": (1, 0, 0)}, (
                "a net inside a total counts once"
            )
            small = BreakFilter(
                run=run, currency="GBP", min_minor=6, column="total", entity="UK01", kind="invoice"
            )
            assert (await journal.break_page(small, limit=9))["totals"][0]["breaks"] == 2
            assert (
                await journal.break_page(
                    BreakFilter(run=run, what="status", cause="timing", code="lag"), limit=9
                )
            )["totals"][0]["breaks"] == 1
        with pytest.raises(NotFound, match="no run"):
            await journal.break_page(BreakFilter(run="nobody"), limit=5)

    on_journal(journal_url, test)


def test_two_runs_are_compared_in_money(journal_url: str) -> None:
    """New, fixed, recurring, grown, shrunk; what the second did not look at is not called fixed."""

    async def test(journal: Journal, hands: Hands) -> None:
        other = broken("X", legal_entity="DE01", currency="EUR")
        wide = Scope(**{**_fields(OCTOBER), "legal_entities": ()})
        await ran(
            journal, "r1", broken("A", 1), broken("B", 2), broken("C", 3), broken("D", 4), other, scope=wide
        )
        hands.turn(DAY)
        await ran(journal, "r2", broken("A", 1), broken("B", -9), broken("C", 2), broken("E", 7))
        found = await journal.compare_break_runs("r1", "r2")
        assert {name: [row["identity"] for row in rows] for name, rows in found.items()} == {
            "new": [broken("E").identity], "fixed": [broken("D").identity], "recurring": [broken("A").identity],
            "grown": [broken("B").identity], "shrunk": [broken("C").identity], "not_looked_at": [other.identity],
        }  # fmt: skip
        assert (found["grown"][0]["before_minor"], found["grown"][0]["money_minor"]) == (2, -11)
        with pytest.raises(NotFound):
            await journal.compare_break_runs("r1", "r9")

    on_journal(journal_url, test)


def test_a_check_made_again_and_again_keeps_the_age(journal_url: str) -> None:
    """A series: each time is a run; one with nothing to say leaves no row; a mismatch keeps its first day."""

    async def test(journal: Journal, hands: Hands) -> None:
        run = BreakRun(
            run_id="intercompany:2026-10", scope=Scope(subject="intercompany:2026-10"), series=True
        )
        wrong = broken("IC-1", what="intercompany", column="due", kind="journal_entry")
        await journal.store_run(run, [])
        assert await journal.break_runs(limit=5) == []
        first = (await journal.store_run(run, [wrong])).standings[wrong.identity]
        hands.turn(DAY)
        second = (await journal.store_run(run, [wrong])).standings[wrong.identity]
        assert (second.state, second.first_seen) == ("recurring", first.first_seen)
        (waiting,) = await journal.unexplained(most=5)
        assert (waiting["at"], waiting["since"]) == (first.first_seen, first.first_seen)
        hands.turn(DAY)
        assert len((await journal.store_run(run, [])).fixed) == 1
        assert await journal.unexplained(most=5) == []
        hands.turn(DAY)
        await journal.store_run(run, [])
        assert len(await journal.break_runs(limit=9)) == 3

    on_journal(journal_url, test)


def test_what_nobody_explains_waits_until_it_is_fixed_or_accepted(journal_url: str) -> None:
    """The facts behind exceptions follow the state: also for breaks of an earlier run."""

    async def test(journal: Journal, hands: Hands) -> None:
        rows = [broken(name, cause="unexplained", code="unexplained") for name in "ABC"]
        await ran(journal, "r1", *rows, broken("D"))
        assert len(await journal.unexplained(most=9)) == 3
        hands.turn(DAY)
        await ran(journal, "r2", *rows[1:])
        await journal.accept_break(taking(identity=rows[1].identity), by="ann")
        assert [row["key"] for row in await journal.unexplained(most=9)] == [{"document_id": "C"}]
        hands.turn(40 * DAY)
        assert len(await journal.unexplained(most=9)) == 2, "the acceptance has ended"
        since = {row["key"]["document_id"]: row["since"] for row in await journal.unexplained(most=9)}
        assert since["B"] == "2026-11-30T23:59:59Z"

    on_journal(journal_url, test)


def test_two_processes_store_one_after_the_other(journal_url: str) -> None:
    """Two routers store runs at once: none of it is lost, and every break is new once."""

    async def main() -> None:
        journals = [Journal.open(journal_url, clock=Hands()) for _ in range(2)]
        try:
            rows = [broken(f"A{n}") for n in range(50)]
            done = await asyncio.gather(*(ran(journals[n % 2], f"r{n}", *rows) for n in range(6)))
            assert sorted(one.counts["new"] for one in done) == [0, 0, 0, 0, 0, 50]
            assert (await row_of(journals[0], "A1"))["runs"] == 6
        finally:
            for journal in journals:
                journal.close()

    asyncio.run(main())


OLD: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    ("run-1", "2026-10-01T00:00:00.000000Z", {"key": {"document_id": "A"}, "kind": "invoice", "class": "amount",
     "column": "total", "legal_entity": "UK01", "currency": "GBP", "delta_minor": -1, "cause": "tax", "evidence": ""}),
    ("run-1", "2026-10-01T00:00:00.000000Z", {"key": {"document_id": "B"}, "kind": "invoice", "class": "amount",
     "column": "net", "legal_entity": "UK01", "currency": "GBP", "delta_minor": -4, "cause": "unexplained"}),
    ("run-2", "2026-10-02T00:00:00.000000Z", {"key": {"document_id": "A"}, "kind": "invoice", "class": "amount",
     "column": "total", "legal_entity": "UK01", "currency": "GBP", "delta_minor": -2, "cause": "tax", "evidence": ""}),
    ("intercompany:2026-09", "2026-10-02T00:00:00.000000Z", {"key": {"document_id": 'I"C'}, "kind": "journal_entry",
     "class": "intercompany", "column": "due", "legal_entity": "US01", "currency": "USD", "delta_minor": 9,
     "cause": "edited", "code": "intercompany-mismatch"}),
    ("odd", "2026-10-03T00:00:00.000000Z", {}),
)  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_older_journal_is_brought_up_with_its_breaks(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A journal of 0002 with breaks: they get identities, age and money, and the next runs may fix them."""
    url = f"sqlite:///{tmp_path}/old.sqlite"
    if kind == "postgresql":
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as session:
            session.execute("DROP DATABASE IF EXISTS older")
            session.execute("CREATE DATABASE older")
        url = sqlalchemy.make_url(server).set(database="older").render_as_string(hide_password=False)
    engine, dialect = connect(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(dialect.begin)
        alembic = config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0002")
        connection.execute(
            sqlalchemy.text("INSERT INTO breaks (run_id, at, data) VALUES (:run, :at, :data)"),
            [{"run": run, "at": at, "data": orjson.dumps(data).decode()} for run, at, data in OLD],
        )
        connection.exec_driver_sql("COMMIT")
    engine.dispose()

    async def test(journal: Journal, _: Hands) -> None:
        found = await journal.break_page(BreakFilter(), limit=9)
        shown = {
            (row.get("key") or {}).get("document_id"): (row["state"], row["run_id"], row["runs"])
            for row in found["breaks"]
        }
        assert shown == {
            "A": ("recurring", "run-2", 2), "B": ("new", "run-1", 1), 'I"C': ("new", "intercompany:2026-09", 1),
            None: ("new", "odd", 1),
        }  # fmt: skip
        money = {(row["cause"], row["currency"]): row["delta_minor"] for row in found["totals"]}
        assert money == {("tax", "GBP"): -2, ("unexplained", "GBP"): 0, ("edited", "USD"): 9, ("", ""): 0}
        assert (await journal.break_history(broken("A").identity))["break"]["first_seen"] == OLD[0][1]
        assert len(await journal.break_runs(limit=9)) == 4
        await ran(journal, "now", broken("A"))
        assert await states(journal, kind="invoice") == {"A": "recurring", "B": "fixed"}
        assert await states(journal, kind="journal_entry") == {'I"C': "new"}, "no dual run looks at that"
        await ran(journal, "match", scope=Scope(subject="intercompany:2026-09", kinds=("journal_entry",)))
        assert await states(journal, kind="journal_entry") == {'I"C': "fixed"}

    on_journal(url, test)
