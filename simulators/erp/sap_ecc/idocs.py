"""The IDoc database: every inbound IDoc with its number and status (tables EDIDC and EDIDS)."""

from __future__ import annotations

from collections.abc import Iterable

from simulators.erp.sap_ecc.idoc import Idoc
from simulators.erp.sap_ecc.numbers import EccNumbering


class IdocStore:
    """IDocs by number, and by the sender's archive key; a key that came twice has two IDocs."""

    def __init__(self, numbering: EccNumbering) -> None:
        self._numbering = numbering
        self._idocs: dict[str, Idoc] = {}
        self._by_arckey: dict[str, list[Idoc]] = {}

    def add(self, idoc: Idoc) -> None:
        """Number an IDoc and keep it."""
        idoc.docnum = self._numbering.draw("idoc")
        self.keep(idoc)

    def keep(self, idoc: Idoc) -> None:
        """Keep an IDoc that has its number."""
        self._idocs[idoc.docnum] = idoc
        self._by_arckey.setdefault(idoc.arckey, []).append(idoc)

    def of(self, docnum: str) -> Idoc:
        """The IDoc with a number; raises KeyError."""
        return self._idocs[docnum]

    def by_arckey(self, arckey: str) -> list[Idoc]:
        """IDocs with a sender's key, oldest first."""
        return self._by_arckey.get(arckey, [])

    def every(self) -> Iterable[Idoc]:
        """All, oldest first."""
        return self._idocs.values()

    def clear(self) -> None:
        """Forget all."""
        self._idocs, self._by_arckey = {}, {}
