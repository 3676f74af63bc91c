"""RFC_READ_TABLE as the connector uses it: WHERE lines of at most 72 characters, rows cut by offset, paged.

Values are cut at the offsets the answer states, never at the delimiter, which text may contain. A selection is kept below
the 512 characters a row may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.connectors.http import NotSent, Trace
from router.connectors.sap_ecc.answers import Fault, NoLogon, Outcome, Reply
from router.connectors.sap_ecc.decisions import CREDENTIALS
from router.connectors.sap_ecc.names import Section
from router.connectors.sap_ecc.wire import Wire
from router.errors import VendorRefused, VendorUnknown

LINE = 72
PAGE = 5_000
"""Rows of one answer."""
PAGES_MAX = 200
IN_LIST = 200
"""Values of one IN list: long lists end in a statement too long for the database."""


@dataclass(frozen=True, slots=True)
class Where:
    """A condition as tokens that must not be broken over a line's end."""

    tokens: tuple[str, ...] = ()

    def __and__(self, other: Where) -> Where:
        if not self.tokens or not other.tokens:
            return Where(self.tokens or other.tokens)
        return Where((*self.tokens, "AND", *other.tokens))

    def lines(self) -> list[str]:
        """The lines of OPTIONS; raises ValueError for a token that fits no line."""
        found: list[str] = []
        for token in self.tokens:
            if len(token) > LINE:
                msg = f"{token[:20]}… does not fit a line of {LINE}"
                raise ValueError(msg)
            if found and len(found[-1]) + 1 + len(token) <= LINE:
                found[-1] += " " + token
            else:
                found.append(token)
        return found


def equal(field: str, value: str) -> Where:
    """`FIELD EQ 'value'`."""
    return Where((field, "EQ", quoted(value)))


def among(field: str, values: Sequence[str]) -> Where:
    """`FIELD IN ( 'a' , 'b' )`."""
    tokens: list[str] = [field, "IN", "("]
    for n, value in enumerate(values):
        tokens += [",", quoted(value)] if n else [quoted(value)]
    return Where((*tokens, ")"))


def from_until(field: str, since: str, until: str) -> Where:
    """`since` inclusive, `until` exclusive, both `YYYY-MM-DD`."""
    low, high = since.replace("-", ""), until.replace("-", "")
    return Where((field, "GE", quoted(low), "AND", field, "LT", quoted(high)))


def quoted(value: str) -> str:
    """A literal; quotes in it are doubled."""
    return "'" + value.replace("'", "''") + "'"


class TableReader:
    """Reads tables; raises VendorUnknown when there is no usable answer, VendorRefused for bad credentials."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def read(
        self, table: str, fields: Sequence[str], where: Where, trace: Trace
    ) -> list[dict[str, str]]:
        """All rows; a page is only asked for when the one before it was full."""
        found: list[dict[str, str]] = []
        for page in range(PAGES_MAX):
            outcome = await self._wire.call(
                "RFC_READ_TABLE",
                {
                    "QUERY_TABLE": table,
                    "DELIMITER": "|",
                    "ROWSKIPS": str(page * PAGE),
                    "ROWCOUNT": str(PAGE),
                    "OPTIONS": [{"TEXT": line} for line in where.lines()],
                    "FIELDS": [{"FIELDNAME": name} for name in fields],
                },
                trace,
            )
            rows = rows_of(_usable(outcome, table), fields)
            found += rows
            if len(rows) < PAGE:
                return found
        raise VendorUnknown(f"SAP ECC: {table} has more than {PAGES_MAX * PAGE} rows for one question")

    async def select(
        self, table: str, names: Section, attributes: Sequence[str], where: Where, trace: Trace
    ) -> list[dict[str, str]]:
        """As `read`, with columns named by the mapping: rows by attribute; raises Unmapped."""
        columns = [names[attribute] for attribute in attributes]
        rows = await self.read(table, columns, where, trace)
        return [dict(zip(attributes, row.values(), strict=True)) for row in rows]

    async def select_each(
        self,
        table: str,
        names: Section,
        attributes: Sequence[str],
        attribute: str,
        values: Sequence[str],
        rest: Where,
        trace: Trace,
    ) -> list[dict[str, str]]:
        """As `select`, rows whose `attribute` is one of many values, asked for in lists of 200."""
        found: list[dict[str, str]] = []
        for at in range(0, len(values), IN_LIST):
            where = among(names[attribute], values[at : at + IN_LIST]) & rest
            found += await self.select(table, names, attributes, where, trace)
        return found

    async def read_each(
        self, table: str, fields: Sequence[str], field: str, values: Sequence[str], rest: Where, trace: Trace
    ) -> list[dict[str, str]]:
        """Rows whose `field` is one of many values, asked for in lists of 200."""
        found: list[dict[str, str]] = []
        for at in range(0, len(values), IN_LIST):
            found += await self.read(table, fields, among(field, values[at : at + IN_LIST]) & rest, trace)
        return found


def _usable(outcome: Outcome, table: str) -> Reply:
    if isinstance(outcome, Reply):
        return outcome
    if isinstance(outcome, NotSent):
        raise VendorUnknown(
            f"SAP ECC: {outcome.reason}", retry_after_s=outcome.after_s, throttled=outcome.throttled
        )
    if isinstance(outcome, NoLogon):
        raise VendorRefused(outcome.reason, mend=CREDENTIALS)
    reason = f"{outcome.name}: {outcome.text}" if isinstance(outcome, Fault) else outcome.reason
    raise VendorUnknown(f"SAP ECC: reading {table}: {reason}"[:500])


def rows_of(reply: Reply, wanted: Sequence[str]) -> list[dict[str, str]]:
    """The rows by field; raises VendorUnknown when the answer does not describe the fields asked for."""
    places: list[tuple[str, int, int]] = []
    try:
        for row in reply.table("FIELDS"):
            at, length = int(row["OFFSET"]), int(row["LENGTH"])
            places.append((row["FIELDNAME"], at, at + length))
    except (KeyError, ValueError) as error:
        raise VendorUnknown("SAP ECC: RFC_READ_TABLE without offsets") from error
    if [name for name, _, _ in places] != list(wanted):
        raise VendorUnknown("SAP ECC: RFC_READ_TABLE answers with other fields")
    return [
        {name: wa[at:end].strip() for name, at, end in places}
        for wa in (row.get("WA", "") for row in reply.table("DATA"))
    ]
