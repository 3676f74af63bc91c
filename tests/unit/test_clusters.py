"""Clusters: one sentence a cause, most money first, and the money of the documents counted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.dualrun import clusters as module
from router.dualrun.breaks import Break, Explanation, Part
from router.dualrun.clusters import Clusters
from router.dualrun.explain import explained
from router.dualrun.policy import Policy
from router.dualrun.results import Difference, DocumentView, Pair, Row

POLICY = Policy.model_validate(
    {
        "key": ["document", "line"],
        "document": ["document"],
        "columns": {
            "net": {"type": "money"},
            "tax": {"type": "money"},
            "total": {"type": "money"},
            "base_amount": {"type": "money", "currency": "GBP"},
            "cost_center": {"type": "dimension"},
            "legal_entity": {"type": "dimension"},
            "period": {"type": "dimension"},
        },
    }
)


def broken(**facts: Any) -> Break:
    given = {
        "key": {"document": "4711", "line": "1"},
        "what": "amount",
        "column": "tax",
        "currency": "GBP",
        "delta_minor": 1,
        "legal_entity": "UK01",
        "cause": "tax",
        "code": "tax-per-line",
    }
    return Break(**{**given, **facts})


def view(document: str, differences: Sequence[Sequence[Difference]]) -> DocumentView:
    pairs = tuple(
        Pair(
            key={"document": document, "line": str(at)},
            legacy=(Row(number=at, cells={"legal_entity": "UK01", "period": "2026-10"}),),
            cloud=(Row(number=at, cells={"legal_entity": "UK01"}),),
            paired_by="key",
            differences=tuple(found),
        )
        for at, found in enumerate(differences, start=1)
    )
    return DocumentView(document={"document": document}, pairs=pairs, legacy=(), cloud=())


class Told:
    """A judge that says what it was told, and halves a total between tax and rounding."""

    def explain(self, view: DocumentView) -> list[list[Explanation]]:
        return [[self._one(row) for row in pair.differences] for pair in view.pairs]

    def _one(self, row: Difference) -> Explanation:
        if row.column == "total" and row.delta_minor:
            half = row.delta_minor // 2
            parts = (
                Part(cause="rounding", code="half-up-half-even", delta_minor=half),
                Part(cause="tax", code="tax-per-line", delta_minor=row.delta_minor - half),
            )
            return Explanation(cause="tax", code="tax-per-line", evidence="both", parts=parts)
        return Explanation(cause="rounding", code="half-up-half-even", evidence="")


def amount(column: str, delta: int, currency: str = "GBP") -> Difference:
    return Difference(
        what="amount", column=column, legacy="0", cloud="1", currency=currency, delta_minor=delta
    )


def test_a_cluster_says_what_finance_asks_first() -> None:
    """How many, how much, one cause, where."""
    clusters = Clusters(document=("document",))
    for line, delta in (("1", 4100), ("2", 7)):
        clusters.add(broken(key={"document": "4711", "line": line}, delta_minor=delta))
    (found,) = clusters.ranked()
    assert found.sentence == "2 breaks, 41.07 GBP, one cause: tax rounded per line for UK01"
    assert (found.breaks, found.documents, found.net_minor) == (2, 1, 4107)
    assert found.to_json()["net"] == "41.07"
    clusters.add(broken(key={"document": "4712", "line": "1"}, delta_minor=-7))
    (found,) = clusters.ranked()
    assert found.sentence == "3 breaks, 41.14 GBP (net 41.00), one cause: tax rounded per line for UK01"
    assert found.documents == 2


def test_the_most_money_comes_first_and_currencies_are_never_added() -> None:
    """Currencies in the order of their breaks, as no rate says what a yen is worth; in each most money first."""
    clusters = Clusters()
    clusters.add(broken(currency="GBP", delta_minor=-100))
    clusters.add(broken(currency="GBP", delta_minor=-1234567, code="sign-flip"))
    clusters.add(broken(currency="JPY", delta_minor=10))
    clusters.add(broken(currency="", delta_minor=None, column="cost_center", cause="mapping", code="x-y"))
    assert [(row.currency, row.net_minor) for row in clusters.ranked()] == [
        ("GBP", -1234567),
        ("GBP", -100),
        ("JPY", 10),
        ("", 0),
    ]
    assert "12,345.67 GBP" in clusters.ranked()[0].sentence
    assert clusters.money() == {"GBP": -1234667, "JPY": 10}
    assert clusters.ranked()[3].sentence == "1 break, one cause: x y (cost_center) for UK01"


def test_what_sets_a_mapping_apart_is_its_words() -> None:
    """Two pairs of words are two causes; the same pair is one, whatever the document."""
    clusters = Clusters()
    for at, (old, new) in enumerate([("A", "X"), ("A", "X"), ("B", "Y")]):
        clusters.add(
            broken(
                key={"document": str(at)}, what="dimension", column="cost_center", legacy=old, cloud=new,
                currency="", delta_minor=None, cause="mapping", code="dimension-mapping",
            )
        )  # fmt: skip
    assert [(row.facet, row.breaks) for row in clusters.ranked()] == [
        ("cost_center: A -> X", 2),
        ("cost_center: B -> Y", 1),
    ]


def test_an_invoice_is_not_counted_thrice() -> None:
    """Net, tax and total of one pair differ: the total is its money, all three are breaks."""
    differences = [amount("net", 10), amount("tax", 2), amount("total", 12), amount("base_amount", 11)]
    breaks = list(explained([view("4711", [differences])], Told(), POLICY))
    assert [row.column for row in breaks if row.counted] == ["total"]
    clusters = Clusters(document=POLICY.document)
    for row in breaks:
        clusters.add(row)
    assert clusters.money() == {"GBP": 12}
    assert {(row.code, row.breaks, row.net_minor) for row in clusters.ranked()} == {
        ("tax-per-line", 0, 6),
        ("half-up-half-even", 4, 6),
    }
    assert [row.level for row in breaks] == ["line"] * 4
    assert {row.period for row in breaks} == {"2026-10"}


def test_money_counted_elsewhere_is_not_counted_here() -> None:
    """Lines beside compared headers are breaks without money of their own."""
    breaks = list(explained([view("1", [[amount("total", 5)]])], Told(), POLICY, counts=False))
    assert [row.counted for row in breaks] == [False]


def test_hostile_extracts_do_not_fill_the_memory(monkeypatch: Any) -> None:
    """Beyond the bound clusters are put together, and nothing is left out."""
    monkeypatch.setattr(module, "CLUSTERS_MAX", 3)
    clusters = Clusters()
    for at in range(20):
        clusters.add(broken(key={"document": str(at)}, legal_entity=f"E{at}", delta_minor=1))
    found = clusters.ranked()
    assert len(found) == 4
    assert sum(row.breaks for row in found) == 20
    assert clusters.money() == {"GBP": 20}


COLUMNS = st.sampled_from(["net", "tax", "total"])
PAIRS = st.lists(
    st.one_of(
        st.dictionaries(COLUMNS, st.integers(-500, 500).filter(bool), min_size=1),
        st.integers(-10_000, 10_000),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(PAIRS, st.sampled_from(["GBP", "JPY", "BHD"]))
def test_the_money_of_all_clusters_is_what_the_documents_differ(
    rows: list[dict[str, int] | int], currency: str
) -> None:
    """Whatever differs in a pair, and whatever a total is made of: its money counts once, to the minor unit."""
    expected, found = 0, []
    for row in rows:
        if isinstance(row, int):
            found.append([Difference(what="missing_in_cloud", currency=currency, delta_minor=row)])
            expected += row
        else:
            found.append([amount(name, delta, currency) for name, delta in row.items()])
            expected += row.get("total", row.get("net", row.get("tax", 0)))
    clusters = Clusters(document=POLICY.document)
    breaks = list(explained([view("4711", found)], Told(), POLICY))
    for one in breaks:
        clusters.add(one)
    assert clusters.money() == {currency: expected}
    assert sum(row.breaks for row in clusters.ranked()) == len(breaks)
