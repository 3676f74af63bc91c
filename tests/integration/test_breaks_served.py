"""Breaks over HTTP: their lives, acceptances by two people, runs, and the exceptions that follow them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from router.dualrun.breaks import Break
from router.dualrun.lifecycle import Scope
from router.journal.break_states import BreakRun
from tests.integration.router_stand import PROBLEM, Stand, on_stand

SCOPE = Scope.dual_run(
    "sap_ecc", "netsuite", kinds=["invoice"], entities=["UK01"], since="2026-10-01", until="2026-11-01"
)
SAID = {"owner": "ann", "reason": "agreed", "expires": "2026-12-31", "approved_by": "bob"}
DAY = 86_400


def broken(name: str, minor: int = -1, **more: Any) -> Break:
    """A break of an invoice that nothing explains."""
    fields: dict[str, Any] = {
        "key": {"document_id": name}, "what": "amount", "column": "total", "kind": "invoice", "currency": "GBP",
        "legal_entity": "UK01", "delta_minor": minor,
    }  # fmt: skip
    return Break(**fields | more)


async def ran(stand: Stand, name: str, *rows: Break) -> None:
    """A comparison."""
    await stand.router.journal.store_run(BreakRun(run_id=name, scope=SCOPE, consistency="quiescent"), rows)


async def exceptions(stand: Stand) -> list[str]:
    """The documents of the exceptions of the dual run."""
    found = await stand.get("/v1/exceptions?type=dual-run-break")
    return sorted(row["about"] for row in found["exceptions"])


def test_a_break_through_its_life(tmp_path: Path) -> None:
    """Listed with age and totals, accepted, grown, fixed: its exception comes and goes with it."""

    async def test(stand: Stand) -> None:
        await ran(
            stand, "r1", broken("A"), broken("B", -900), broken("C", 5, cause="tax", code="tax-per-line")
        )
        assert await exceptions(stand) == ["A", "B"]
        await asyncio.sleep(3 * DAY)
        found = await stand.get("/v1/breaks?limit=2")
        assert [(row["key"]["document_id"], row["age_days"]) for row in found["breaks"]] == [
            ("B", 3),
            ("C", 3),
        ]
        assert (found["total"], found["truncated"]) == (3, True)
        assert found["totals"]["by_cause"]["unexplained"]["delta"] == {"GBP": "-9.01"}
        rest = await stand.get(f"/v1/breaks?limit=2&after={found['next']}")
        assert ([row["key"]["document_id"] for row in rest["breaks"]], rest["next"]) == (["A"], None)
        name = broken("A").identity
        answer = await stand.post(SAID, f"/v1/breaks/{name}/accept")
        assert (answer.status_code, answer.json()["max_amount"]) == (200, "0.01")
        assert await exceptions(stand) == ["B"], "who accepted it has said what there is to say"
        after = await stand.get("/v1/breaks")
        assert after["totals"]["accepted"] == {"delta": {"GBP": "-0.01"}, "absolute": {"GBP": "0.01"}}
        assert after["totals"]["money"]["delta"] == {"GBP": "-8.96"}, "accepted money is not silenced"
        await ran(stand, "r2", broken("A", -400))
        assert await exceptions(stand) == ["A"], "B was not found again"
        shown = await stand.get(f"/v1/breaks/{name}")
        assert (shown["state"], shown["note"].split(":")[0]) == ("reopened", "grew from 0.01 to 4.00")
        assert [row["run_id"] for row in shown["history"]] == ["r1", "r2"]
        assert shown["acceptances"][0]["owner"] == "ann"
        assert (await stand.get(shown["links"]["exception"]))["about"] == "A"
        assert (await stand.get(shown["links"]["last_run"]))["total"] == 1
        await ran(stand, "r3")
        assert await exceptions(stand) == []
        assert (await stand.get("/v1/breaks"))["total"] == 0
        assert (await stand.get("/v1/breaks?state=fixed"))["total"] == 3

    on_stand(tmp_path, test)


def test_runs_are_listed_and_compared(tmp_path: Path) -> None:
    """Newest first, with a cursor; two runs side by side, counted and in money; ids may hold slashes."""

    async def test(stand: Stand) -> None:
        await ran(stand, "plan/1", broken("A", 1), broken("B", 2))
        await asyncio.sleep(60)
        await ran(stand, "plan/2", broken("A", 5), broken("C", 7))
        found = await stand.get("/v1/break-runs?limit=1")
        (run,) = found["runs"]
        assert (run["run_id"], run["consistency"], found["truncated"]) == ("plan/2", "quiescent", True)
        assert run["counts"]["states"] == {"new": 1, "recurring": 1, "reopened": 0, "accepted": 0, "fixed": 1}
        assert run["counts"]["money"] == {"new": {"GBP": "0.07"}, "recurring": {"GBP": "0.05"}}
        rest = await stand.get(f"/v1/break-runs?limit=1&after={found['next']}")
        assert ([row["run_id"] for row in rest["runs"]], rest["next"]) == (["plan/1"], None)
        told = await stand.get("/v1/break-runs/plan/1/compare/plan/2")
        counts = {
            name: (part["count"], part["money"]) for name, part in told.items() if isinstance(part, dict)
        }
        assert counts == {
            "new": (1, {"GBP": "0.07"}), "fixed": (1, {"GBP": "-0.02"}), "recurring": (0, {}),
            "grown": (1, {"GBP": "0.04"}), "shrunk": (0, {}), "not_looked_at": (0, {}),
        }  # fmt: skip
        grown = told["grown"]["breaks"][0]
        assert (grown["before"], grown["after"], grown["change"]) == ("0.01", "0.05", "0.04")

    on_stand(tmp_path, test)


def test_a_cluster_is_accepted_and_taken_back(tmp_path: Path) -> None:
    """All of a cause at once, also what comes later; withdrawn, everything is open again."""

    async def test(stand: Stand) -> None:
        rows = [broken(name, cause="tax", code="tax-per-line") for name in "AB"]
        await ran(stand, "r1", *rows)
        body = {
            **SAID,
            "cause": "tax",
            "code": "tax-per-line",
            "legal_entity": "UK01",
            "max_amount": "0.05",
            "currency": "GBP",
        }
        answer = await stand.post(body, "/v1/acceptances")
        assert (answer.status_code, answer.json()["covers"]) == (200, 2)
        await ran(stand, "r2", *rows, broken("C", 4, cause="tax", code="tax-per-line"))
        assert (await stand.get("/v1/breaks?state=accepted"))["total"] == 3
        (one,) = (await stand.get("/v1/acceptances"))["acceptances"]
        assert (one["covers"], one["money"], one["unused"]) == (3, {"GBP": "0.02"}, False)
        done = await stand.post({"why": "mended"}, f"/v1/acceptances/{one['acceptance_id']}/withdraw")
        assert done.json()["open_again"] == 3
        assert (await stand.get("/v1/breaks?state=open"))["total"] == 3
        again = await stand.post({"why": "mended"}, f"/v1/breaks/{rows[0].identity}/withdraw")
        assert (again.status_code, again.headers["content-type"]) == (422, PROBLEM)

    on_stand(tmp_path, test)


WRONG_BODIES: dict[str, tuple[dict[str, Any], int, str]] = {
    "one person": ({**SAID, "approved_by": " ANN"}, 422, "four-eyes"),
    "nobody": ({**SAID, "owner": " "}, 422, "owner"),
    "no approver": ({name: SAID[name] for name in ("owner", "reason", "expires")}, 422, "approved_by"),
    "no day": ({**SAID, "expires": "soon"}, 422, "expires"),
    "past": ({**SAID, "expires": "2026-01-01"}, 422, "expires"),
    "a number": ({**SAID, "max_amount": 0.05}, 422, "max_amount"),
    "too little": ({**SAID, "max_amount": "0.00"}, 422, "max_amount"),
    "other money": ({**SAID, "max_amount": "1.00", "currency": "USD"}, 422, "currency"),
    "no currency": ({**SAID, "max_amount": "1.00", "currency": "QQQ"}, 422, "QQQ"),
    "a stranger": ({**SAID, "force": True}, 422, "force"),
}


def test_bad_input_is_told(tmp_path: Path) -> None:
    """Every wrong field by its name, as problem+json, and nothing is accepted by it."""

    async def test(stand: Stand) -> None:
        await ran(stand, "r1", broken("A"))
        name = broken("A").identity
        for label, (body, status, said) in WRONG_BODIES.items():
            answer = await stand.post(body, f"/v1/breaks/{name}/accept")
            assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), label
            assert said in answer.json()["type"] + answer.json()["detail"], (label, answer.text)
        both = await stand.post({**SAID, "cause": "tax"}, "/v1/acceptances")
        assert (both.status_code, "cause and the code" in both.json()["detail"]) == (422, True)
        for path, status, said in (
            ("/v1/breaks?state=odd", 422, "state"), ("/v1/breaks?min_amount=1", 422, "currency"),
            ("/v1/breaks?min_amount=x&currency=GBP", 422, "min_amount"), ("/v1/breaks?sort=x", 422, "sort"),
            ("/v1/breaks?limit=0", 422, "limit"), ("/v1/breaks?limit=9999", 422, "limit"),
            ("/v1/breaks?after=x", 422, "after"), ("/v1/breaks?run=r1&after=x~1~GBP", 422, "after"),
            ("/v1/breaks?run=nobody", 404, "nobody"), ("/v1/breaks/ffff", 404, "ffff"),
            ("/v1/break-runs?after=x", 422, "after"), ("/v1/break-runs/r1/compare/r9", 404, "r9"),
        ):  # fmt: skip
            refused = await stand.http.get(path)
            assert (refused.status_code, refused.headers["content-type"]) == (status, PROBLEM), path
            assert said in refused.json()["detail"], path
        gone = await stand.post(SAID, "/v1/breaks/ffffffffffffffff/accept")
        assert gone.status_code == 404
        assert (await stand.get("/v1/acceptances"))["acceptances"] == []
        assert (await stand.get("/v1/breaks"))["breaks"][0]["state"] == "new"

    on_stand(tmp_path, test)


@pytest.mark.parametrize("state", ["new", "recurring", "reopened", "accepted", "fixed", "open", "all"])
def test_every_state_can_be_asked_for(tmp_path: Path, state: str) -> None:
    """One of each: a filter gives exactly its own, and a page says the total of what was meant."""

    async def test(stand: Stand) -> None:
        taken, fixed, back, again = (broken(name) for name in ("taken", "fixed", "back", "again"))
        await ran(stand, "r1", taken, fixed, back, again)
        await stand.post(SAID, f"/v1/breaks/{taken.identity}/accept")
        await ran(stand, "r2", taken, again)
        await ran(stand, "r3", taken, back, again, broken("fresh"))
        found = await stand.get(f"/v1/breaks?state={state}")
        names = {row["key"]["document_id"]: row["state"] for row in found["breaks"]}
        every = {
            "taken": "accepted",
            "fixed": "fixed",
            "back": "reopened",
            "again": "recurring",
            "fresh": "new",
        }
        wanted = {
            name for name, one in every.items()
            if state in ("all", one) or (state == "open" and one not in ("accepted", "fixed"))
        }  # fmt: skip
        assert names == {name: every[name] for name in wanted}
        assert found["total"] == len(wanted)

    on_stand(tmp_path, test)
