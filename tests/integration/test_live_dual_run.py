"""The live dual run against both simulated ERPs: what is pending, what gets its grace, what an ERP does wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from router.connectors.port import Connector, Record
from router.dualrun.breaks import Break
from router.dualrun.comparison import Comparison
from router.dualrun.policy import as_dual_run_policy
from router.dualrun.service import DualRun
from router.errors import VendorUnknown
from router.finance.calendar import Calendars
from router.landscape import default_file
from router.model import SystemId
from tests.integration.router_stand import Stand, event, on_stand

LEGACY, CLOUD = SystemId("sap_ecc"), SystemId("netsuite")
ROUTES = "version: 1\ndefault: {authority: sap_ecc, shadow: netsuite}\n"
MASTERS = ("resource", "rate_card", "customer", "contract", "project")
Twist = Callable[[Sequence[Record]], Sequence[Record]]
NO_RECORDS = {"name": "no writing", "kind": "refuse", "path": "^.*/record/"}
NO_QUERIES = {"name": "no reading", "kind": "refuse", "path": "^.*suiteql"}


class Twisted:
    """A connector whose read-backs come out as a test likes them, or not at all."""

    def __init__(
        self, inner: Connector, twists: Mapping[str, Twist], before: Callable[[], None] = lambda: None
    ) -> None:
        self.system, self.capabilities = inner.system, inner.capabilities
        self._inner, self._before, self._twists = inner, before, twists

    async def read_back(self, kind: str, **span: Any) -> Sequence[Record]:
        """What the ERP holds, twisted."""
        self._before()
        rows = await self._inner.read_back(kind, **span)
        return self._twists[kind](rows) if kind in self._twists else rows


def dual_run(
    stand: Stand, twists: Mapping[str, Twist] = MappingProxyType({}), *, minutes: int = 15
) -> DualRun:
    """A dual run of the stand's router; `twists` change what the cloud ERP says, by kind."""
    router = stand.router
    connectors = {**router.connectors, CLOUD: Twisted(router.connectors[CLOUD], twists)}
    return made(stand, connectors, minutes=minutes)


def made(
    stand: Stand, connectors: Mapping[SystemId, Any], *, minutes: int = 15, journal: Any = None
) -> DualRun:
    """A dual run over some connectors."""
    landscape = stand.router.landscape
    policy = as_dual_run_policy(default_file("policies/default.yaml"))
    # Enough kinds to go wrong with; each costs a reading of both ERPs.
    kinds = {name: policy.kinds[name] for name in ("project", "time_entry")}
    return DualRun(
        journal=journal or stand.router.journal,
        connectors=connectors,
        policy=policy.model_copy(update={"grace_minutes": minutes, "kinds": kinds}),
        calendars=Calendars(landscape.legal_entities, landscape.calendars),
        tax_rates={code: row.basis_points for code, row in landscape.tax_codes.items()},
        clock=stand.router.close._clock,
    )


async def compare(found: DualRun, run_id: str = "r") -> Comparison:
    """Compare UK01."""
    return await found.compare(
        run_id=run_id, legacy=LEGACY, cloud=CLOUD, entities=("UK01",), since="2000-01-01", until="9999-12-31"
    )


def told(found: Comparison) -> list[tuple[str, str, str]]:
    """(key, class, column) of every break."""
    return [(row.key["document_id"], row.what, row.column) for row in found.breaks]


async def worked(stand: Stand) -> None:
    """An hour of work, which is worth the same in both ERPs."""
    answer = await stand.post(event("time_entry", minutes=60))
    assert answer.status_code == 202, answer.text
    await stand.settled()


async def at_work(stand: Stand) -> None:
    """A project with its masters and an hour of work, in both ERPs, an hour ago."""
    await stand.posted(*MASTERS)
    await worked(stand)
    await asyncio.sleep(3600)


def stored(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """What a run stored, without the instants."""
    return sorted((row["identity"], row["class"], row["legacy"], row["cloud"], row["cause"]) for row in rows)


def test_two_erps_that_hold_the_same_agree_on_all_four_levels(tmp_path: Path) -> None:
    """Nothing differs, every walk ties, and the comparison says at which point it was made, and stores its run."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        found = await compare(stand.router.dual_run)
        assert told(found) == []
        assert found.compared >= 3
        assert (found.pending, found.untied, found.read_again) == (0, 0, 0)
        assert found.consistency["state"] == "quiescent"
        assert [side["system"] for side in found.consistency["read"]] == [LEGACY, CLOUD]
        assert all(row["ties"] for row in found.walks)
        assert {row["kind"] for row in found.levels} == {"customer", "project", "time_entry"}
        (time,) = [row for row in found.levels if row["kind"] == "time_entry"]
        assert time["count"] == {"legacy": 1, "cloud": 1}
        assert time["period"] == "2026-10"
        assert found.to_json()["policy_hash"] == found.policy_hash != ""

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_shadow_delivery_under_way_is_pending_and_no_break(tmp_path: Path) -> None:
    """Once it is settled the same comparison compares it."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        faults = stand.simulators["netsuite"].faults
        faults.set([NO_RECORDS])
        answer = await stand.post(event("time_entry", "TE-late", document_id="TE-late", minutes=60))
        assert answer.status_code == 202, answer.text
        await asyncio.sleep(30)
        found = await compare(dual_run(stand))
        assert told(found) == []
        assert (found.pending, found.held_back) == (1, 1)
        assert found.consistency["state"] == "unfenced"
        assert "deliveries on their way: 1" in found.consistency["sentence"]
        faults.set([])
        await stand.settled()
        after = await compare(dual_run(stand))
        assert told(after) == []
        assert (after.pending, after.held_back, after.compared) == (0, 0, found.compared + 1)

    on_stand(tmp_path, test, routes=ROUTES)


def test_what_was_touched_just_now_is_read_again_before_it_is_a_break(tmp_path: Path) -> None:
    """It has settled when its grace has passed: no break, and told. What still differs then is one."""

    async def test(stand: Stand) -> None:
        await stand.posted(*MASTERS)
        await worked(stand)
        clock = stand.router.close._clock
        came = clock.now()

        def late(rows: Sequence[Record]) -> Sequence[Record]:
            return [
                replace(row, minutes=1) if (clock.now() - came).total_seconds() < 600 else row for row in rows
            ]

        found = await compare(dual_run(stand, {"time_entry": late}))
        assert told(found) == []
        assert (found.read_again, found.settled_in_grace) == (1, 1)
        assert 600 < (clock.now() - came).total_seconds() < 1200
        assert [side["records"] for side in found.consistency["read_again"]] == [1, 1]

        def never(rows: Sequence[Record]) -> Sequence[Record]:
            return [replace(row, minutes=1) for row in rows]

        began = clock.now()
        found = await compare(dual_run(stand, {"time_entry": never}))
        (time_entry,) = found.breaks
        assert (time_entry.column, time_entry.cause) == ("minutes", "unexplained")
        assert found.read_again == 0, "its grace had passed already"
        assert (clock.now() - began).total_seconds() < 120

    on_stand(tmp_path, test, routes=ROUTES)


def test_what_was_on_its_way_when_it_was_read_is_no_break_when_it_has_come_since(tmp_path: Path) -> None:
    """Another document has its grace; the one that was pending is read again with it, never judged as it was."""

    async def test(stand: Stand) -> None:
        await stand.posted(*MASTERS)
        await worked(stand)
        faults = stand.simulators["netsuite"].faults
        faults.set([NO_RECORDS])
        answer = await stand.post(event("time_entry", "TE-late", document_id="TE-late", minutes=60))
        assert answer.status_code == 202, answer.text
        await asyncio.sleep(30)

        async def mended() -> None:
            await asyncio.sleep(300)
            faults.set([])

        def off(rows: Sequence[Record]) -> Sequence[Record]:
            return [row if row.external_id == "TE-late" else replace(row, minutes=1) for row in rows]

        mending = asyncio.create_task(mended())
        found = await compare(dual_run(stand, {"time_entry": off}, minutes=120))
        await mending
        assert [(what, column) for _, what, column in told(found)] == [("amount", "minutes")]
        assert (found.read_again, found.settled_in_grace, found.held_back, found.pending) == (2, 1, 0, 0)

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_grace_of_nothing_waits_for_nothing(tmp_path: Path) -> None:
    """Then the first reading counts."""

    async def test(stand: Stand) -> None:
        await stand.posted(*MASTERS)
        await worked(stand)

        def off(rows: Sequence[Record]) -> Sequence[Record]:
            return [replace(row, minutes=1) for row in rows]

        found = await compare(dual_run(stand, {"time_entry": off}, minutes=0))
        assert told(found) == [(found.breaks[0].key["document_id"], "amount", "minutes")]
        assert found.read_again == 0

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_shadow_that_refused_is_a_break_with_that_cause(tmp_path: Path) -> None:
    """What the cloud ERP will never take is missing there, and the comparison says what it said."""

    async def test(stand: Stand) -> None:
        await stand.posted(*MASTERS)
        stand.simulators["netsuite"].faults.set([{**NO_RECORDS, "params": {"status": 400}}])
        answer = await stand.post(event("time_entry"))
        assert answer.status_code == 202, answer.text
        await stand.settled()
        await asyncio.sleep(3600)
        found = await compare(dual_run(stand))
        (missing,) = found.breaks
        assert (missing.what, missing.kind) == ("missing_in_cloud", "time_entry")
        assert missing.cause == "refused"
        assert found.missing == 1

    on_stand(tmp_path, test, routes=ROUTES)


TWISTS: dict[str, tuple[Twist, list[tuple[str, str]]]] = {
    "a page that came twice": (lambda rows: [*rows, *rows], []),
    "a document posted twice": (
        lambda rows: [*rows, *(replace(row, vendor_id="again") for row in rows)],
        [("duplicate_in_cloud", "")],
    ),
    "another entity's document": (
        lambda rows: [replace(row, legal_entity="DE01") for row in rows],
        [("dimension", "legal_entity")],
    ),
    "a document in another currency": (
        lambda rows: [replace(row, currency="USD") for row in rows],
        [("currency", "currency")],
    ),
    "a document without our id": (
        lambda rows: [replace(row, external_id="") for row in rows],
        [("missing_in_cloud", ""), ("missing_in_legacy", "")],
    ),
    "nothing at all": (lambda _: [], [("missing_in_cloud", "")]),
}


def test_what_an_erp_says_wrong_becomes_a_break(tmp_path: Path) -> None:
    """Nothing is lost, paired by chance or taken for agreement; every walk still ties."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        for name, (twist, expected) in TWISTS.items():
            found = await compare(dual_run(stand, {"time_entry": twist}), name)
            assert sorted((row.what, row.column) for row in found.breaks) == expected, name
            assert found.untied_walks == (), name
            assert found.consistency["read"][1]["repeated"] == (name == "a page that came twice")
            assert len(await stand.router.journal.breaks(name)) == len(expected), name

    on_stand(tmp_path, test, routes=ROUTES)


UNREADABLE: tuple[tuple[str, Twist], ...] = (
    ("'GPB', which is no currency", lambda rows: [replace(row, currency="GPB") for row in rows]),
    ("was asked for time_entry and gave charge", lambda rows: [replace(row, kind="charge") for row in rows]),
)


def test_what_can_not_be_compared_is_an_error_that_names_the_document(tmp_path: Path) -> None:
    """And nothing is stored of a comparison that was none."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        for said, twist in UNREADABLE:
            with pytest.raises(VendorUnknown, match=said):
                await compare(dual_run(stand, {"time_entry": twist}))
            assert await stand.router.journal.breaks("r") == []

    on_stand(tmp_path, test, routes=ROUTES)


def test_an_erp_that_stumbles_while_it_is_read_is_asked_again(tmp_path: Path) -> None:
    """In the middle of a reading, for minutes; then the comparison is as if nothing had been."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        faults = stand.simulators["netsuite"].faults
        for kind in ("refuse", "throttle", "malformed"):
            faults.set([{"name": kind, "kind": kind, "path": "^.*suiteql", "skip": 1, "first": 3}])
            found = await compare(dual_run(stand))
            assert faults.fired[kind] == 3
            assert told(found) == []
            assert found.compared == 2

    on_stand(tmp_path, test, routes=ROUTES)


def test_an_erp_that_stays_away_fails_the_comparison_within_the_hour(tmp_path: Path) -> None:
    """Nothing is stored, and what an earlier run found still stands."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        off = dual_run(stand, {"time_entry": lambda rows: [replace(row, minutes=1) for row in rows]})
        before = await compare(off)
        assert len(before.breaks) == 1
        stand.simulators["netsuite"].faults.set([NO_QUERIES])
        async with asyncio.timeout(3600):
            with pytest.raises(VendorUnknown):
                await compare(off)
        assert len(await stand.router.journal.breaks("r")) == 1

    on_stand(tmp_path, test, routes=ROUTES)


class Fuse:
    """A journal that dies at the n-th call, before or after it did what it was asked."""

    def __init__(self, inner: Any, at: int, *, after: bool) -> None:
        self._inner, self._left, self._after = inner, at, after

    def burn(self) -> None:
        """One call nearer to the end."""
        self._left -= 1
        if self._left == 0:
            raise asyncio.CancelledError

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._inner, name)

        async def call(*args: Any, **named: Any) -> Any:
            if not self._after:
                self.burn()
            answer = await asked(*args, **named)
            if self._after:
                self.burn()
            return answer

        return call


@pytest.mark.parametrize("after", [False, True])
def test_a_comparison_killed_at_any_call_and_made_again_gives_the_same_breaks(
    tmp_path: Path, *, after: bool
) -> None:
    """Whatever was asked of journal and ERPs last; before or after it was done; nothing is stored by halves."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        twists: dict[str, Twist] = {
            "time_entry": lambda rows: [replace(row, minutes=1) for row in rows],
            "project": lambda rows: [replace(row, status="closed") for row in rows],
        }
        journal = stand.router.journal
        whole = await compare(dual_run(stand, twists))
        expected = stored(await journal.breaks("r"))
        assert len(expected) == len(whole.breaks) == 2
        died = 0
        for at in range(1, 60):
            fuse = Fuse(journal, at, after=after)
            connectors: dict[SystemId, Any] = {
                name: Twisted(one, twists if name == CLOUD else {}, fuse.burn)
                for name, one in stand.router.connectors.items()
            }
            run_id = f"killed-{at}"
            try:
                await compare(made(stand, connectors, journal=fuse), run_id)
            except asyncio.CancelledError:
                died += 1
                assert len(await journal.breaks(run_id)) in (0, len(expected))
                await compare(dual_run(stand, twists), run_id)
            else:
                break
            assert stored(await journal.breaks(run_id)) == expected
        assert died > 9
        assert stored(await journal.breaks(run_id)) == expected

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_break_of_lines_shows_where_it_is_and_counts_no_money() -> None:
    """What its document differs is counted there, once."""
    line = Break(
        key={"document_id": "B", "line": "Work"}, what="amount", level="line", delta_minor=1, counted=False
    )
    found = Comparison(
        run_id="r", legacy=LEGACY, cloud=CLOUD, entities=(), consistency={}, compared=1, pending=0,
        breaks=(line, replace(line, level="document", counted=True, currency="GBP", key={"document_id": "B"})),
    )  # fmt: skip
    assert [row["delta"] for row in found.by_cause()] == ["0.01", None]
    assert found.unexplained == 2
