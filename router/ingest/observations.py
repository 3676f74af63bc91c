"""What CRM, PSA and HCM show, made canonical: a document, or one sentence of what is missing.

The change feeds use it at first sight, a replay uses it again when what was missing has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.canonical.masters import Resource
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
        elif kind == "resource":
            found = await self._resource(data)
        else:
            masters = await self._directory.masters_of(data)
            found = enrich(kind, data, masters, self._landscape.expense_limits)
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

    async def _resource(self, data: Mapping[str, Any]) -> Document | Problem:
        """A person as HR knows them; an HCM has no business units, so they keep the one they have, or the first."""
        entity = self._landscape.legal_entities.get(str(data.get("legal_entity")))
        if entity is None:
            return Problem(
                f"legal_entity: there is no {data.get('legal_entity')!r}; mend the worker's legal entity in the HCM,"
                " or map its code under codes.entities of the HCM's mapping, then replay"
            )
        known = await self._directory.find(Resource, str(data.get("document_id")))
        unit = known.business_unit if known is not None else self._landscape.business_units[0]
        complete = {"business_unit": unit, **data, "kind": "resource", "region": entity.region}
        try:
            return parse(complete)
        except BadInput as error:
            return Problem(
                f"{error.message}; mend worker {data.get('document_id')} in the HCM, then replay it"
            )
