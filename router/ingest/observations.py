"""What CRM and PSA show, made canonical: a document, or one sentence of what is missing.

The change feeds use it at first sight, a replay uses it again when what was missing has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.errors import BadInput, Refused
from router.ingest.decisions import check
from router.landscape import Landscape
from router.workflows.directory import Directory
from router.workflows.enrich import Problem, enrich


class Observations:
    """Completes observed rows from the directory and checks them against the landscape."""

    def __init__(self, *, directory: Directory, landscape: Landscape) -> None:
        self._directory = directory
        self._landscape = landscape

    async def read(self, kind: str, data: Mapping[str, Any]) -> Document | Problem:
        """A document of an observed row; a Problem says what to mend, nothing is guessed."""
        if kind == "opportunity":
            found = self._opportunity(data)
        else:
            found = enrich(kind, data, await self._directory.masters_of(data))
        if isinstance(found, Problem):
            return found
        try:
            check(found, self._landscape)
        except Refused as error:
            return Problem(error.one_line(), error.code)
        return found

    def check(self, document: Document) -> None:
        """Check a document that was not observed but sent; raises Refused."""
        check(document, self._landscape)

    def _opportunity(self, data: Mapping[str, Any]) -> Document | Problem:
        complete = dict(data) | {"kind": "opportunity"}
        entity = self._landscape.legal_entities.get(str(complete.get("legal_entity")))
        if entity is not None:
            complete.setdefault("region", entity.region)
        complete.setdefault("accounting_date", complete.get("close_date"))
        try:
            return parse(complete)
        except BadInput as error:
            return Problem(error.message)
