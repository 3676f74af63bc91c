"""Hand-made results of a comparison: hostile texts, several currencies, a summary as the command makes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from cutover.diff.summary import Facts, Input, summarise
from cutover.diff.tally import Tally
from router.dualrun.breaks import Break, Part
from router.dualrun.clusters import Clusters
from router.dualrun.policy import Column, Policy
from router.dualrun.results import Cell, ControlTotal, Counts, Difference, DocumentView, Hidden, Pair, Row

HOSTILE = '=cmd|"/c calc"!A1 <script>alert(1)</script> & \x00\x07\x1b\u202e ]]> _x0041_'
POLICY = Policy(
    key=("document_id", "line"),
    document=("document_id",),
    columns={
        "legal_entity": Column(type="dimension"),
        "net": Column(type="money"),
        "tax": Column(type="money", tolerance_minor=1),
        "hours": Column(type="decimal"),
        "status": Column(type="status", map={"P": "posted"}),
        "posting_date": Column(type="date"),
        "memo": Column(
            type="text", ignore=True, reason="free text", owner="finance-ops", expires=date(2026, 9, 30)
        ),
    },
)


def a_break(number: int, **facts: Any) -> Break:
    """A break in net of 0.01 GBP, or what is told instead."""
    given: dict[str, Any] = {
        "key": {"document_id": f"INV-{number:04}", "line": "1"}, "what": "amount", "column": "net", "legacy": "100.00",
        "cloud": "100.01", "currency": "GBP", "delta_minor": 1, "legal_entity": "UK01", "cause": "rounding",
        "code": "half-up-half-even", "evidence": "7.25 h × 133.33 = 966.6425", "legacy_rows": (number,),
        "cloud_rows": (number + 1,), "paired_by": "key",
    }  # fmt: skip
    return Break(**(given | facts))


def breaks() -> list[Break]:
    """Breaks of many classes, causes and currencies, one of them with parts, one hostile throughout."""
    return [
        a_break(1),
        a_break(2, delta_minor=-1, cloud="99.99"),
        a_break(3, currency="JPY", legacy="1000", cloud="1500", delta_minor=500, legal_entity="JP01", cause="unexplained",
                code="unexplained", evidence=""),
        a_break(4, currency="BHD", legacy="1.000", cloud="1.001", delta_minor=1, legal_entity="BH01", cause="fx",
                code="fx-rate"),
        a_break(5, what="missing_in_cloud", column="", legacy="250.00", cloud=None, delta_minor=-25000, cause="missing",
                code="not-in-cloud", cloud_rows=()),
        a_break(6, what="status", column="status", legacy="posted", cloud="open", delta_minor=None, cause="timing",
                code="status-lag", currency=""),
        a_break(7, legacy="12345678901234567.89", cloud="12345678901234567.90", delta_minor=1),
        a_break(8, delta_minor=3, cloud="100.03", parts=(
            Part(cause="rounding", code="half-up-half-even", delta_minor=1),
            Part(cause="tax", code="tax-per-line", delta_minor=2))),
        a_break(9, what="text", column="memo", legacy=HOSTILE, cloud="-1+1", delta_minor=None, currency="",
                legal_entity=HOSTILE, cause="formatting", code="look-alike", evidence=HOSTILE,
                key={"document_id": HOSTILE, "line": "@SUM(1)"}),
        a_break(10, column="tax", counted=False, legacy="20.00", cloud="20.02", delta_minor=2),
    ]  # fmt: skip


def totals() -> tuple[ControlTotal, ...]:
    """Totals of three currencies; the first differs by a missing row and a cent."""
    return (
        ControlTotal(by={"legal_entity": "UK01"}, column="net", currency="GBP", legacy_rows=9, cloud_rows=8,
                     legacy_minor=123456789000, cloud_minor=123456764002, missing_in_cloud_minor=25000,
                     amounts_minor=2),
        ControlTotal(by={"legal_entity": "JP01"}, column="net", currency="JPY", legacy_rows=1, cloud_rows=1,
                     legacy_minor=1000, cloud_minor=1500, amounts_minor=500),
        ControlTotal(by={"legal_entity": "BH01"}, column="net", currency="BHD", legacy_rows=1, cloud_rows=1,
                     legacy_minor=12345678901234567890, cloud_minor=12345678901234567890),
        ControlTotal(by={"legal_entity": HOSTILE}, column="net", currency="USD", legacy_rows=1, cloud_rows=1,
                     legacy_minor=5, cloud_minor=5),
    )  # fmt: skip


def facts_of(found: Iterable[Break], **given: Any) -> Facts:
    """The facts around some breaks."""
    tally, clusters = Tally(), Clusters(POLICY.document)
    for one in found:
        tally.add(one)
        clusters.add(one)
    known: dict[str, Any] = {
        "policy": POLICY, "policy_name": "policy.yaml", "as_of": date(2026, 10, 31),
        "inputs": {
            "legacy": Input(name="legacy.csv", sha256="a" * 64, rows=12, columns=("document_id", "net")),
            "cloud": Input(name="cloud<b>.parquet", sha256="b" * 64, rows=11, columns=("document_id", "net")),
        },
        "counts": Counts(legacy_rows=12, cloud_rows=11, by_key=9, by_crosswalk=2, differing=8),
        "totals": totals(),
        "hidden": (
            Hidden(column="tax", why="tolerance", pairs=3, money={"GBP": 3, "BHD": 12}),
            Hidden(column="memo", why="ignore", pairs=2, reason="free text", owner="finance-ops", expires="2026-09-30",
                   expired=True),
            Hidden(column="status", why="map", pairs=0),
        ),
        "not_compared": {"legacy": ("user<b>",), "cloud": ()},
        "tally": tally, "clusters": clusters.ranked(),
        "command": "coexist diff legacy.csv cloud.parquet --policy policy.yaml",
    }  # fmt: skip
    return Facts(**(known | given))


def lines_of(found: Iterable[Break]) -> list[dict[str, Any]]:
    """Breaks as they come back from breaks.jsonl."""
    return [orjson.loads(orjson.dumps(one.to_json())) for one in found]


def a_summary(found: Iterable[Break] | None = None, **given: Any) -> dict[str, Any]:
    """The summary of the sample breaks."""
    return summarise(facts_of(breaks() if found is None else found, **given))


def a_pair() -> Pair:
    """Two rows that differ in four ways."""
    legacy: dict[str, Cell] = {
        "document_id": "INV-1", "line": "1", "legal_entity": "UK01", "currency": "GBP", "net": 10000, "tax": 2000,
        "hours": Decimal("7.25"), "status": "posted", "posting_date": date(2026, 10, 31), "memo": "old",
    }  # fmt: skip
    cloud = legacy | {"net": 10001, "tax": 2001, "posting_date": date(2026, 11, 1)}
    return Pair(
        key={"document_id": "INV-1", "line": "1"},
        legacy=(Row(number=3, cells=legacy, raw={"posting_date": "20261031", "status": "P", "memo": "old"}),),
        cloud=(
            Row(
                number=9, cells=cloud, raw={"posting_date": "2026-11-01", "status": "posted ", "memo": "old"}
            ),
        ),
        paired_by="key",
        differences=(
            Difference(
                what="amount", column="net", legacy="100.00", cloud="100.01", currency="GBP", delta_minor=1
            ),
            Difference(what="date", column="posting_date", legacy="2026-10-31", cloud="2026-11-01"),
        ),
    )


def a_document() -> DocumentView:
    """The document of `a_pair` with two more lines, one of them only in the cloud."""
    pair = a_pair()
    same = Row(number=4, cells={**pair.legacy[0].cells, "line": "2"})
    extra = Row(number=11, cells={**pair.cloud[0].cells, "line": "3"})
    return DocumentView(
        document={"document_id": "INV-1"},
        pairs=(pair,),
        legacy=(*pair.legacy, same),
        cloud=(*pair.cloud, same, extra),
    )
