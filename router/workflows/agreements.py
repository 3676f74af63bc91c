"""What contracts agree, version by version: the contract document and the change orders accepted for it."""

from __future__ import annotations

from router.canonical.masters import Contract, Project
from router.canonical.work import ChangeOrder
from router.finance.terms import Terms, history
from router.journal.journal import Journal
from router.model import State
from router.workflows.directory import Directory

_NOT_AGREED = (State.REFUSED, State.DEAD)


class Agreements:
    """Contracts with their history, as the rules of billing need them."""

    def __init__(self, *, journal: Journal, directory: Directory) -> None:
        self._journal = journal
        self._directory = directory

    async def contract_of(self, project_id: str) -> Contract | None:
        """The contract of a project; None where either is not known yet."""
        project = await self._directory.find(Project, project_id)
        return None if project is None else await self._directory.find(Contract, project.contract_id)

    async def terms(self, contract: Contract) -> tuple[Terms, ...]:
        """Every version of a contract; a change order its ERP refused was never agreed."""
        kept = await self._journal.kept(["change_order"], contract_id=contract.document_id)
        changes = [
            one.document
            for one in kept
            if isinstance(one.document, ChangeOrder) and one.state not in _NOT_AGREED
        ]
        return history(contract, changes)
