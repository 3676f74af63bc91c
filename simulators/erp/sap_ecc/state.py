"""One ECC system: books, IDocs, sessions, tables, and what ECC's error messages make of the books' refusals."""

from __future__ import annotations

import random
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from simulators.core.bookkeeping import BooksError
from simulators.core.books import Books
from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData, personality
from simulators.core.snapshot import unpacked
from simulators.erp.sap_ecc.config import EccConfig, read_config
from simulators.erp.sap_ecc.errors import Refusal
from simulators.erp.sap_ecc.idoc import Idoc
from simulators.erp.sap_ecc.idocs import IdocStore
from simulators.erp.sap_ecc.luw import Sessions
from simulators.erp.sap_ecc.numbers import EccNumbering
from simulators.erp.sap_ecc.tables import tables

_MESSAGE_OF: Mapping[str, str] = {
    "PERIOD_CLOSED": "F5201",
    "UNKNOWN_CUSTOMER": "F2153",
    "UNKNOWN_CONTRACT": "V1045",
    "UNKNOWN_PROJECT": "CJ021",
    "UNKNOWN_INVOICE": "F5302",
    "NOTHING_TO_BILL": "VF016",
    "INACTIVE": "CJ031",
    "CURRENCY": "VK034",
    "AMOUNT": "RW033",
    "UNKNOWN_ACCOUNT": "F5506",
}


@dataclass(slots=True)
class _Saved:
    """A snapshot beside the books': IDocs and files that wait."""

    books: str
    """base64"""
    idocs: list[Idoc] = field(default_factory=list)
    waiting: list[tuple[str, list[str]]] = field(default_factory=list)


_SAVED: TypeAdapter[_Saved] = TypeAdapter(_Saved)


class Ecc:
    """The state the BAPIs, tables and IDoc processing share."""

    def __init__(
        self, name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
    ) -> None:
        self.name = name
        self.config: EccConfig = read_config(config, firm)
        self.clock = clock
        self.firm = firm
        self.numbering = EccNumbering()
        self.books = Books(firm, personality(config), clock, self.numbering)
        self.idocs = IdocStore(self.numbering)
        self.sessions = Sessions(clock, rng, self.config.session_timeout_s)
        self.waiting: list[tuple[str, list[str]]] = []
        """Files read but not processed to the end: name and IDoc numbers."""
        self.generation = 0
        """Counts resets and restores: background work of an older one is void."""
        self.tables = tables(self)
        self._entity_of = self.config.entity_of
        self._tax_code_of = self.config.tax_code_of

    def bukrs(self, entity: str) -> str:
        """Company code of a legal entity."""
        return self.config.companies.get(entity, entity)

    def entity(self, bukrs: str) -> str:
        """Legal entity of a company code; raises Refusal."""
        found = self._entity_of.get(bukrs.strip())
        if found is None:
            raise Refusal("00058", "T001", bukrs, parameter="COMP_CODE", field="BUKRS")
        return found

    def mwskz(self, tax_code: str) -> str:
        """ECC's two letters for a tax code."""
        return self.config.tax_codes.get(tax_code, "")

    def tax_code(self, mwskz: str) -> str:
        """The firm's tax code; raises Refusal."""
        found = self._tax_code_of.get(mwskz.strip())
        if found is None:
            raise Refusal("00058", "T007A", mwskz, parameter="TAX_CODE", field="MWSKZ")
        return found

    # Snapshots

    def snapshot(self) -> bytes:
        """Everything committed; sessions are not part of it, as they would not survive a restart either."""
        saved = _Saved(b64encode(self.books.snapshot()).decode(), list(self.idocs.every()), self.waiting)
        return zlib.compress(_SAVED.dump_json(saved), level=1)

    def restore(self, data: bytes) -> None:
        """Become what a snapshot was; raises ValueError when it is none."""
        try:
            saved = _SAVED.validate_json(unpacked(data))
        except ValidationError as error:
            msg = f"not a snapshot of an ECC: {str(error)[:300]}"
            raise ValueError(msg) from error
        self.books.restore(b64decode(saved.books))
        self.generation += 1
        self.sessions.clear()
        self.idocs.clear()
        for idoc in saved.idocs:
            self.idocs.keep(idoc)
        self.waiting = list(saved.waiting)

    def reset(self) -> None:
        """Forget everything."""
        self.generation += 1
        self.books.reset()
        self.idocs.clear()
        self.sessions.clear()
        self.waiting = []


def refusal_of(problem: BooksError) -> Refusal:
    """What ECC says where the books refuse."""
    message = _MESSAGE_OF.get(problem.code)
    if message is None:
        return Refusal(
            "B1501", problem.field or problem.code, problem.message[:50], field=problem.field or ""
        )
    if message == "F5201":
        period, _, company = problem.message.removeprefix("period ").partition(" of ")
        year, _, month = period.partition("-")
        return Refusal(message, f"{int(month):03d}/{year}", company.split(" ")[0], field="BUDAT")
    quoted = problem.message.split("'")
    variable = quoted[1] if len(quoted) > 2 else problem.message[:50]
    return Refusal(message, variable, field=problem.field or "")
