"""RFC_READ_TABLE: WHERE lines out and in, offsets, and answers that make no sense."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.connectors.sap_ecc.answers import Fault, Reply
from router.connectors.sap_ecc.tables import among, equal, from_until, rows_of
from router.connectors.sap_ecc.wire import envelope, read_envelope
from router.errors import VendorUnknown
from simulators.erp.sap_ecc import soap
from simulators.erp.sap_ecc.dictionary import FUNCTIONS
from simulators.erp.sap_ecc.errors import Fault as SapFault
from simulators.erp.sap_ecc.read_table import Where, read_table
from simulators.erp.sap_ecc.table import Table, columns

ROWS = [
    {"ID": f"K{n}", "DAY": f"202610{n + 10}", "AMOUNT": f"{n}.50" + "-" * (n % 2), "TEXT": f"a|b'{n}"}
    for n in range(6)
]


def table() -> Table:
    def get(name: str) -> Any:
        return lambda row: row[name]

    text = "ID C10, DAY D8, AMOUNT P16.2, TEXT C20"
    return Table(columns(text, {name: get(name) for name in ("ID", "DAY", "AMOUNT", "TEXT")}), lambda _: ROWS)


def ask(options: list[str], fields: tuple[str, ...] = ("ID",), **values: Any) -> dict[str, Any]:
    """A call as it comes over the wire, and its answer as the connector reads it."""
    sent = envelope(
        "RFC_READ_TABLE",
        {
            "QUERY_TABLE": "T",
            "DELIMITER": "|",
            "OPTIONS": [{"TEXT": line} for line in options],
            "FIELDS": [{"FIELDNAME": name} for name in fields],
            **values,
        },
    )
    call = soap.read(sent.encode())
    reply = read_envelope(soap.answer(call.function, read_table(call, {"T": table()})), "RFC_READ_TABLE")
    assert isinstance(reply, Reply)
    return {"rows": rows_of(reply, fields), "reply": reply}


def ids(options: list[str]) -> list[str]:
    return [row["ID"] for row in ask(options)["rows"]]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], "012345"),
        (["ID EQ 'K2'"], "2"),
        (["ID = 'K2'", "OR ID = 'K4'"], "24"),
        (["ID IN ('K1','K9','K3')"], "13"),
        (["NOT ID IN ('K1', 'K2')"], "0345"),
        (["ID NOT IN ('K1', 'K2')"], "0345"),
        (["DAY GE '20261012'", "AND DAY LT '20261014'"], "23"),
        (["DAY BETWEEN '20261012' AND '20261013'"], "23"),
        (["( ID = 'K1' OR ID = 'K2' ) AND ( DAY = '20261012' )"], "2"),
        (["ID = 'K1' OR ID = 'K2' AND DAY = '20261019'"], "1"),
        (["TEXT LIKE '%''3'"], "3"),
        (["ID LIKE 'K_' AND ID <> 'K5'"], "01234"),
        (["AMOUNT < '0.00'"], "135"),
    ],
)
def test_where_selects(options: list[str], found: str) -> None:
    """AND before OR, parentheses, NOT, lists, ranges, patterns, quoted quotes, numbers by value."""
    assert ids(options) == [f"K{n}" for n in found]


@pytest.mark.parametrize(
    "options",
    [
        ["ID"], ["ID = "], ["ID = K1"], ["ID = 'K1"], ["NOPE = 'x'"], ["ID IN 'K1'"], ["ID = 'K1' )"], ["( ID = 'K1'"],
        ["ID = 'K1' ID = 'K2'"], ["ID = 'K1'; DROP TABLE"], ["( " * 40 + "ID = 'K1'" + " )" * 40], ["ID == 'K1'"], ["AMOUNT > 'x'"],
    ],
)  # fmt: skip
def test_a_where_that_is_none_is_an_exception(options: list[str]) -> None:
    """OPTION_NOT_VALID, never a crash and never all rows."""
    if len(options[0]) > 72:
        options = [options[0][at : at + 72] for at in range(0, len(options[0]), 72)]
    with pytest.raises(SapFault) as caught:
        ids(options)
    assert caught.value.exception == "OPTION_NOT_VALID"


def test_a_line_is_72_characters() -> None:
    """A longer one does not fit the parameter; the connector never writes one, whatever the literals."""
    with pytest.raises(SapFault, match="longer than 72"):
        ids(["ID = 'K1'".ljust(73, "x")])
    where = among("ZZEXTID", ["x" * 70, "y'" * 20, "z"]) & from_until("BUDAT", "2026-10-01", "2026-11-01")
    lines = where.lines()
    assert max(map(len, lines)) <= 72
    assert lines[1] == f"'{'x' * 70}'"
    assert lines[-1].endswith("BUDAT GE '20261001' AND BUDAT LT '20261101'")


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=34), max_size=20))
def test_any_value_survives_the_where(values: list[str]) -> None:
    """Quotes and blanks inside literals come out of the simulator's parser as they went into the connector's lines."""
    wanted = ["K1", *values]
    found = Where(table())
    found.compile((among("ID", wanted) & equal("DAY", "20261011")).lines())
    assert found.hints["ID"] == list(dict.fromkeys(value.rstrip() for value in wanted))
    assert found.hints["DAY"] == ["20261011"]


def test_a_choice_pins_nothing() -> None:
    """Only conditions every row must meet may be used as an index."""
    for lines, hints in (
        (["ID = 'K1' OR DAY = '20261011'"], {}),
        (["( ID = 'K1' OR ID = 'K2' ) AND DAY = '20261011'"], {"DAY": ["20261011"]}),
        (["NOT ID = 'K1'"], {}),
        (["ID NE 'K1'"], {}),
    ):
        where = Where(table())
        where.compile(lines)
        assert where.hints == hints


def test_values_are_cut_by_offset_and_pages_by_count() -> None:
    """Text may contain the delimiter; negative numbers trail their sign; ROWSKIPS and ROWCOUNT page."""
    answer = ask([], ("TEXT", "AMOUNT", "ID"), ROWSKIPS="1", ROWCOUNT="2")
    assert answer["rows"] == [
        {"TEXT": "a|b'1", "AMOUNT": "1.50-", "ID": "K1"},
        {"TEXT": "a|b'2", "AMOUNT": "2.50", "ID": "K2"},
    ]
    assert answer["reply"].table("DATA")[0]["WA"] == "a|b'1               |           1.50-|K1"
    assert ask([], NO_DATA="X")["rows"] == []


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [{"FIELDNAME": "ID"}],
        [{"FIELDNAME": "ID", "OFFSET": "x", "LENGTH": "3"}],
        [{"FIELDNAME": "OTHER", "OFFSET": "0", "LENGTH": "3"}],
    ],
)
def test_an_answer_without_the_fields_asked_for_is_unknown(fields: list[dict[str, str]]) -> None:
    """Rows that can't be cut are not guessed at."""
    with pytest.raises(VendorUnknown):
        rows_of(Reply({"FIELDS": fields, "DATA": [{"WA": "K1"}]}), ["ID"])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"{}", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<Envelope/>",
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>',
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><x/></e:Body></e:Envelope>',
        soap.answer(FUNCTIONS["RFC_PING"], {}),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    """Another document, an entity, an answer to another function."""
    with pytest.raises(ValueError, match=r"."):
        read_envelope(body, "RFC_READ_TABLE")


def test_faults_are_told_by_name() -> None:
    """Both ABAP exceptions and plain faults; a fault of the client is ours to mend, and not tried again."""
    found = read_envelope(
        soap.fault(SapFault("Server", "no such table", exception="TABLE_NOT_AVAILABLE")), "X"
    )
    assert found == Fault("TABLE_NOT_AVAILABLE", "no such table")
    assert read_envelope(soap.fault(SapFault("Client", "what?")), "X") == Fault("what?", "what?", ours=True)
