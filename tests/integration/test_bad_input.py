"""Bad input through the gateway and the command line: a clear error each, nothing lost, nothing half-accepted."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from cutover.cli import app
from router.canonical import events
from router.canonical.examples import example
from router.errors import BadConfig, BadInput, Broken, CoexistError
from tests.integration.router_stand import PROBLEM, Stand, event, on_stand

PAYMENT = orjson.dumps(event("payment"))
LANDSCAPE = Path(__file__).parents[2] / "fixtures/landscapes/default.yaml"


def amount(text: bytes) -> bytes:
    """The payment with something else as its amount."""
    assert b'"1320.00"' in PAYMENT
    return PAYMENT.replace(b'"1320.00"', text)


BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not JSON"),
    "no JSON": (b"{", "not JSON"),
    "XML": (b"<payment/>", "not JSON"),
    "form": (b"id=1&amount=2", "not JSON"),
    "a list": (b"[]", "not a JSON object"),
    "a text": (b'"x"', "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "not UTF-8": (PAYMENT.replace(b"PAY-100", b"PAY-\xff"), "not JSON"),
    "UTF-16": (PAYMENT.decode().encode("utf-16"), "not JSON"),
    "half a surrogate": (PAYMENT.replace(b"PAY-100", b"\\ud800"), "not JSON"),
    "NaN": (amount(b"NaN"), "not JSON"),
    "NaN as text": (amount(b'"NaN"'), "amount"),
    "Infinity": (amount(b"-Infinity"), "not JSON"),
    "1e400": (amount(b"1e400"), "not JSON"),
    "1e400 as text": (amount(b'"1e400"'), "amount"),
    "400 digits": (amount(b"9" * 400), "not JSON"),
    "400 digits as text": (amount(b'"' + b"9" * 400 + b'"'), "amount"),
    "an amount as number": (amount(b"1320.5"), "amount"),
    "an amount of true": (amount(b"true"), "amount"),
    "too many places": (amount(b'"1.001"'), "decimal places of GBP"),
    "an amount deep in lists": (amount(b"[" * 900 + b"]" * 900), "amount"),
    "deep lists": (b"[" * 500_000, "not JSON"),
    "deep objects": (b'{"a":' * 150_000, "not JSON"),
    "unknown kind": (PAYMENT.replace(b"coexist.payment.", b"coexist.cheque."), "unknown kind"),
    "unknown verb": (PAYMENT.replace(b".received.", b".lost."), "has no verb"),
    "unknown version": (PAYMENT.replace(b".received.v1", b".received.v9"), "version"),
    "no type": (PAYMENT.replace(b'"type"', b'"typ"'), "type"),
    "another specversion": (PAYMENT.replace(b'"1.0"', b'"0.3"'), "specversion"),
}
FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"amont": "1.00"}, "amont"),
    "missing currency": ({"currency": None}, "currency"),
    "no such currency": ({"currency": "XXQ"}, "ISO 4217"),
    "unknown entity": ({"legal_entity": "ZZ99"}, "there is no 'ZZ99'"),
    "wrong region": ({"region": "APAC"}, "region"),
    "unknown unit": ({"business_unit": "NONE"}, "business_unit"),
    "year 1": ({"accounting_date": "0001-01-01"}, "years 1990"),
    "year 9999": ({"accounting_date": "9999-12-31"}, "years 1990"),
    "no day": ({"accounting_date": "2026-02-30"}, "calendar"),
    "a day with time": ({"accounting_date": "2026-10-30T00:00:00Z"}, "date such as"),
    "a huge id": ({"document_id": "P" * 900_000}, "document_id"),
    "an id with a newline": ({"document_id": "PAY\n1"}, "document_id"),
    "another kind": ({"kind": "invoice"}, "kind"),
    "a list for a text": ({"customer_id": ["C-1"]}, "customer_id"),
}


async def refused(stand: Stand, body: Any, said: str) -> None:
    """One 422 with a problem that names what is wrong and repeats little of what was sent."""
    answer = await stand.post(body)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), (said, answer.text[:200])
    assert told["type"] in ("urn:coexist:problem:invalid-document", "urn:coexist:problem:period-closed")
    assert said in told["detail"], told["detail"][:300]
    assert len(answer.content) < 2_000


def test_bad_transactions_are_refused_in_words(tmp_path: Path) -> None:
    """Whatever is wrong with a transaction: 422, what and where, and the journal stays as it was."""

    async def test(stand: Stand) -> None:
        for body, said in BODIES.values():
            await refused(stand, body, said)
        for fields, said in FIELDS.values():
            await refused(stand, event("payment", **fields), said)
        for name in ("id", "source"):
            for bad in ("", "x" * 256, "a\x00b", "a\nb", 5, None):
                await refused(stand, event("payment") | {name: bad}, f"{name}: should be a text")
        packed = await stand.post(b"\x1f\x8b", Content_Encoding="gzip")
        assert (packed.status_code, packed.json()["type"]) == (415, "urn:coexist:problem:wrong-coding")
        batch = b"\n".join(body.replace(b"\n", b" ") for body, _ in BODIES.values() if body.strip())
        told = (await stand.post(batch + b"\n" + PAYMENT, "/v1/transactions:batch")).json()
        assert (told["accepted"], told["refused"]) == (1, len(told["results"]) - 1)
        assert await stand.count() == 1

    on_stand(tmp_path, test, work=False)


def test_a_huge_body_is_refused_early_and_not_kept(tmp_path: Path) -> None:
    """50 MB: refused at its declared length unread, or streamed, after the limit; memory stays bounded."""
    asked: list[int] = []

    async def parts() -> AsyncIterator[bytes]:
        for at in range(800):
            asked.append(at)
            yield b" " * 65_536

    async def test(stand: Stand) -> None:
        tracemalloc.start()
        try:
            for path, most in (("/v1/transactions", 20), ("/v1/transactions:batch", 520)):
                asked.clear()
                answer = await stand.http.post(path, content=parts())
                assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
                assert len(asked) < most, "it stops reading at the limit"
                asked.clear()
                said = {"content-length": str(50 * 2**20)}
                answer = await stand.http.post(path, content=parts(), headers=said)
                assert (answer.status_code, len(asked)) == (413, 0), "its length was enough to say no"
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 45_000_000, "no more than the batch limit of 32 MB and some"
        assert await stand.count() == 0

    on_stand(tmp_path, test, work=False)


def test_a_caller_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    """A connection cut in the middle of a body: nothing is accepted, nothing breaks."""

    async def test(stand: Stand) -> None:
        sent: list[Any] = []
        said = iter([
            {"type": "http.request", "body": PAYMENT[:40], "more_body": True}, {"type": "http.disconnect"},
        ])  # fmt: skip

        async def receive() -> Any:
            return next(said)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/v1/transactions", "raw_path": b"/v1/transactions",
            "query_string": b"", "headers": [], "http_version": "1.1", "scheme": "http", "root_path": "",
            "client": ("127.0.0.1", 1), "server": ("gateway", 80),
        }  # fmt: skip
        await stand.router.api(scope, receive, send)
        assert sent[0]["status"] == 422
        assert await stand.count() == 0
        assert (await stand.post(PAYMENT)).status_code == 202

    on_stand(tmp_path, test, work=False)


def test_odd_but_valid_documents_get_through(tmp_path: Path) -> None:
    """Names with control characters, emoji and markup reach the ERP and never stop the lane behind them."""

    async def test(stand: Stand) -> None:
        names = ("a\x00b", "x\ny\t<&>\x07", "\U0001f600 日本 \ufffe", "x" * 255)
        for at, name in enumerate(names):
            answer = await stand.post(event("customer", f"odd-{at}", document_id=f"C-{at}", name=name))
            assert answer.status_code == 202
        await stand.settled()
        assert (await stand.get("/v1/exceptions"))["exceptions"] == []

    on_stand(tmp_path, test)


def said_by(*words: str) -> CoexistError:
    """What a command refuses its input with; `main` prints it on one line and exits 2."""
    told = CliRunner().invoke(app, list(words))
    assert isinstance(told.exception, CoexistError), (told.exit_code, told.output[:300], told.exception)
    assert told.output == ""
    assert len(told.exception.one_line().splitlines()) == 1
    return told.exception


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + last] * 10)}]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)
TABLES: dict[str, tuple[str | bytes, str]] = {
    "broken YAML": ("version: 1\ndefault: {authority: sap_ecc\nrules: []\n", "table.yaml:3:6: is not YAML"),
    "unknown field": (
        "version: 1\ndefault: {authority: sap_ecc}\nrules:\n  - {id: a, wen: x}\n",
        "table.yaml:4:",
    ),
    "unknown word": (
        'version: 1\ndefault: {authority: sap_ecc}\nrules:\n  - {id: a, when: "legal_entiti == 1", hold: true}\n',
        "did you mean 'legal_entity'",
    ),
    "unknown ERP": ("version: 1\ndefault: {authority: oracle}\nrules: []\n", "table.yaml:2:"),
    "twice the same key": ("version: 1\nversion: 2\n", "table.yaml:2:1: 'version' stands twice"),
    "empty": ("", "is empty"),
    "not UTF-8": (b"\xff\xfe", "is not UTF-8"),
    "a list": ("- 1\n", "mapping"),
    "anchors in anchors": (BOMB, "more than 500000 values"),
    "an anchor that holds itself": ("a: &a\n  b: *a\n", "nested too deeply"),
    "deep": ("a: " + "[" * 5_000, "nested too deeply"),
    "code": ('a: !!python/object/apply:os.system ["id"]\n', "is not YAML"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_route_table_names_file_and_place(tmp_path: Path, name: str) -> None:
    """Every mistake in a route table is one line with file, place and, where it can be told, the mend."""
    text, said = TABLES[name]
    file = tmp_path / "table.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = said_by("route", "check", "--routes", str(file))
    assert isinstance(error, BadConfig)
    assert said in error.one_line()
    assert str(file) in error.one_line()


def test_an_entity_without_currency_is_named_with_its_line(tmp_path: Path) -> None:
    """A landscape in which an entity has no currency is refused by every command that reads one."""
    file = tmp_path / "landscape.yaml"
    file.write_text(LANDSCAPE.read_text().replace(", currency: GBP", ""))
    line = 1 + file.read_text().splitlines().index(
        next(row for row in file.read_text().splitlines() if row.strip().startswith("UK01"))
    )
    for words in (["simulate"], ["serve"], ["worker"], ["rehearse", "--size", "small"]):
        error = said_by(*words, "--landscape", str(file))
        assert f"{file}:{line}:" in error.one_line()
        assert "legal_entities.UK01.currency" in error.one_line()
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert "should be a mapping" in said_by("rehearse", "--landscape", str(tmp_path / "list.yaml")).one_line()


@pytest.mark.parametrize(
    ("old", "new"),
    [('"1320.00"', '"1e400"'), ('"1320.00"', "NaN"), ('"payment"', '"cheque"'), ("{", "\udcff{")],
)
def test_a_bad_file_of_transactions_is_refused_with_its_line(tmp_path: Path, old: str, new: str) -> None:
    """`route explain` names the file and the line of the first transaction it can't read."""
    good = orjson.dumps(example("customer").model_dump(mode="json", exclude_none=True))
    made = events.wrap(example("payment"), source="/test", event_id="1")["data"]
    bad = orjson.dumps(made).decode().replace(old, new, 1).encode(errors="surrogateescape")
    file, routes = tmp_path / "some.ndjson", tmp_path / "routes.yaml"
    file.write_bytes(good + b"\n" + bad + b"\n")
    routes.write_text("version: 1\ndefault: {authority: sap_ecc}\nrules: []\n")
    told = CliRunner().invoke(app, ["route", "explain", "--routes", str(routes), str(file)])
    assert isinstance(told.exception, BadInput)
    assert f"{file}:2" in told.exception.one_line()


def test_every_command_shows_an_example() -> None:
    """`--help` of every command ends 0 and shows one; `coexist` alone helps."""
    alone = CliRunner().invoke(app, [])
    assert (alone.exit_code, "rehearse" in alone.output) == (0, True)
    names = [["rehearse"], ["example"], ["schema"], ["route", "explain"], ["route", "check"], ["simulate"], ["serve"],
             ["worker"], ["trace"], ["verify"], ["replay"], ["export"], ["events"], ["exceptions", "list"],
             ["exceptions", "show"], ["exceptions", "replay"]]  # fmt: skip
    for words in names:
        told = CliRunner().invoke(app, [*words, "--help"])
        assert told.exit_code == 0
        assert "Example" in told.output, words


NO_JOURNALS = {
    "no URL": "journal.sqlite",
    "another database": "mysql://host/journal",
    "memory": "sqlite://",
    "not there": "sqlite:///{folder}/none.sqlite",
    "a folder": "sqlite:///{folder}",
    "a text": "sqlite:///{folder}/text.sqlite",
    "no server": "postgresql://nobody@127.0.0.1:1/journal",
}
ASK = (["verify"], ["export", "--out", "{folder}/out"], ["events"], ["trace", "X"], ["exceptions", "list"])


@pytest.mark.parametrize("name", NO_JOURNALS)
def test_what_is_no_journal_is_refused_by_every_command_that_reads_one(tmp_path: Path, name: str) -> None:
    """One line that says what is wrong with it, exit 2: no traceback, and no invariant was violated."""
    (tmp_path / "text.sqlite").write_text("this is no database " * 100)
    for words in ASK:
        database = NO_JOURNALS[name].format(folder=tmp_path)
        error = said_by(*(word.format(folder=tmp_path) for word in words), "--database", database)
        assert not isinstance(error, Broken), words
    assert not (tmp_path / "none.sqlite").exists()


def test_a_database_without_a_journal_is_not_verified(tmp_path: Path) -> None:
    """An empty file holds no invariant."""
    (tmp_path / "empty.sqlite").touch()
    error = said_by("verify", "--database", f"sqlite:///{tmp_path}/empty.sqlite")
    assert "can't be read as a journal" in error.one_line()


def test_a_duplicate_within_one_request_is_told(tmp_path: Path) -> None:
    """Two different documents of one id in one batch: the first is taken, the second is refused and names it."""

    async def test(stand: Stand) -> None:
        rows = [event("payment", "1"), event("payment", "2", amount="1.00"), event("payment", "3")]
        answer: httpx.Response = await stand.post(
            b"\n".join(map(orjson.dumps, rows)), "/v1/transactions:batch"
        )
        first, other, same = answer.json()["results"]
        assert [first["status"], other["status"], same["status"]] == [202, 422, 200]
        assert first["transaction_id"] in other["problem"]["detail"]
        assert await stand.count() == 1
        await asyncio.sleep(0)

    on_stand(tmp_path, test, work=False)
